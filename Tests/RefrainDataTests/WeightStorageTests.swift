import Foundation
import RefrainTestSupport
import Testing

@testable import Refrain
@testable import RefrainData

@Suite struct `Weights in a file` {
  private var model: Sequential {
    Sequential(inputSize: 40, seed: 3) {
      LSTM(64, returning: .everyStep)
      LSTM(32)
      Dense(5)
    }
  }

  private func output(_ model: Sequential) -> Tensor { model(ramp([2, 6, 40], 0.4)) }

  @Test(arguments: WeightStorage.allCases)
  func `of every type are read again, and say what the model says`(storage: WeightStorage) throws {
    let original = try model.fileContents()
    let stored = try original.storingWeights(as: storage)
    let read = try Sequential(SafeTensorsFile(bytes: stored.bytes()))
    let (bound, size): (Float, Double) =
      switch storage {
      case .float32: (1e-7, 1)
      case .bfloat16: (2e-2, 1.9)
      case .float16: (2e-3, 1.9)
      case .int8: (3e-2, 3.4)
      }
    expectClose(output(read), output(model), within: Tolerance(relative: bound, absolute: bound))
    #expect(try Double(original.bytes().count) >= size * Double(stored.bytes().count))
  }

  @Test func `of bytes stay bytes when the model is saved again`() throws {
    let stored = try model.fileContents().storingWeights(as: .int8)
    let read = try Sequential(SafeTensorsFile(bytes: stored.bytes()))
    #expect(read.tensors.filter { $0.quantizedRows != nil }.count == 5)
    #expect(try read.fileContents() == stored)
    #expect(try stored.storingWeights(as: .int8) == stored)
    #expect(try model.quantized().fileContents() == stored)
    // Expanded they are the same values.
    let expanded = try Sequential(SafeTensorsFile(bytes: stored.storingWeights(as: .float32).bytes()))
    for (one, other) in zip(expanded.tensors, read.tensors) { expectSameBits(one, other) }
  }

  @Test func `of bfloat16 stay such when the model is saved again`() throws {
    let stored = try model.fileContents().storingWeights(as: .bfloat16)
    let read = try Sequential(SafeTensorsFile(bytes: stored.bytes()))
    #expect(read.tensors.filter(\.isBFloat16).count == 5)
    #expect(try read.fileContents() == stored)
    #expect(try model.roundedToBFloat16().fileContents() == stored)
    // Expanded they are the same values.
    let expanded = try Sequential(SafeTensorsFile(bytes: stored.storingWeights(as: .float32).bytes()))
    #expect(expanded.tensors.allSatisfy { !$0.isBFloat16 })
    for (one, other) in zip(expanded.tensors, read.tensors) { expectSameBits(one, other) }
  }

  @Test func `leave behind what a training needs`() throws {
    var file = try model.fileContents()
    file.tensors.append(NamedArray(name: "optimizer.0.weight", shape: [40, 40], values: ramp([40, 40], 0).values))
    file.tensors.append(NamedArray(name: "checkpoint.0.weight", shape: [40, 40], values: ramp([40, 40], 0).values))
    file.metadata["training"] = "{}"
    #expect(try file.storingWeights(as: .int8) == model.fileContents().storingWeights(as: .int8))
  }

  @Test func `that float16 has not are refused`() throws {
    var large = model
    large.forEachTensor { name, tensor in if name == "0.cell.weight_hh" || tensor.rank == 2 { tensor[0, 0] = 70_000 } }
    let error = dataError { () throws(DataError) in try large.fileContents().storingWeights(as: .float16) }
    #expect(error?.code == .inexactConversion)
    #expect(try large.fileContents().storingWeights(as: .bfloat16).tensors.count == model.tensors.count)
  }

  @Test(arguments: [
    "missing", "short", "negative", "nan", "infinite", "tiny", "number", "rank", "integers", "left over",
  ])
  func `that are forged are refused by name`(fault: String) throws {
    var file = try model.fileContents().storingWeights(as: .int8)
    let place = try #require(file.tensors.firstIndex { $0.name.hasSuffix(".scale") })
    let scales = file.tensors[place]
    func replaceScales(_ values: [Float], shape: [Int]? = nil) {
      file.tensors[place] = NamedArray(name: scales.name, shape: shape ?? [values.count], values: values)
    }
    var values = scales.values
    switch fault {
    case "missing": file.tensors.remove(at: place)
    case "short": replaceScales(Array(values.dropLast()))
    case "rank": replaceScales(values, shape: [values.count, 1])
    case "integers":
      file.tensors[place].array = NumericArray(
        type: .int8, shape: scales.shape, values: .integers(values.map { _ in 1 }))
    case "number":
      let array = file.tensors[place - 1].array
      guard case .integers(var numbers) = array.values else { return }
      numbers[7] = -128
      file.tensors[place - 1].array = NumericArray(type: .int8, shape: array.shape, values: .integers(numbers))
    case "left over": file.tensors.append(NamedArray(name: "0.bias.scale", shape: [1], values: [1]))
    default:
      values[3] = ["negative": -1, "nan": .nan, "infinite": .infinity, "tiny": Float(bitPattern: 71_362)][fault] ?? 0
      replaceScales(values)
    }
    let bytes = try file.bytes()
    let error = dataError { () throws(DataError) in try Sequential(SafeTensorsFile(bytes: bytes), path: "m") }
    #expect(error?.code == .damagedModel)
    #expect(error?.description.contains("m") == true)
  }
}
