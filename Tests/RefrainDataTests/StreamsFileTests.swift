import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@Suite("Files of streams") struct StreamsFileTests {
  private func model(_ hiddenSize: Int = 5) -> Sequential {
    Sequential(inputSize: 3, seed: 7) {
      Stacked<LSTM>([hiddenSize, 4], returning: .everyStep)
      GRU(6)
      Dense(2)
    }
  }

  private func step(_ number: Int, count: Int = 3) -> Tensor {
    Tensor(noise(count * 3, seed: UInt64(number)).map(Float.init), shape: [count, 3])
  }

  @Test("Streams that were saved go on where they stood, to the bit")
  func roundTrip() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/streams.safetensors"
      var streams = try Streams(model(), count: 3)
      for number in 1...4 { _ = streams.push(step(number)) }
      try streams.save(to: path)
      var loaded = try Streams(model(), contentsOf: path)
      #expect(loaded.count == 3)
      for number in 5...7 { #expect(loaded.push(step(number)) == streams.push(step(number))) }

      // One that was given what is no number is restored with the others.
      var file = try SafeTensorsFile(contentsOf: path)
      let first = file.tensors[0]
      file.tensors[0] = NamedArray(
        name: first.name, shape: first.shape, values: [.nan] + Array(first.values.dropFirst()))
      try file.write(to: path)
      loaded = try Streams(model(), contentsOf: path)
      #expect(loaded.memory.tensors.contains { !$0.isFinite })

      var single = try Streams(LSTM(inputSize: 3, hiddenSize: 4))
      _ = single.push(step(1, count: 1))
      try single.save(to: path)
      #expect(try Streams(single.model, contentsOf: path).memory.tensors == single.memory.tensors)
    }
  }

  @Test("A file of another model, a damaged one and a model that does not go step by step are refused in one line")
  func refused() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/streams.safetensors"
      let streams = try Streams(model(), count: 3)
      try streams.save(to: path)
      let good = try SafeTensorsFile(contentsOf: path)
      func refusal<Model: SteppingLayer>(_ model: Model, _ code: DataError.Code) {
        let error = #expect(throws: DataError.self) { try Streams(model, contentsOf: path) }
        #expect(error?.code == code)
        #expect(error?.description.contains("\n") == false)
      }
      refusal(model(8), .damagedModel)
      refusal(LSTM(inputSize: 3, hiddenSize: 5), .damagedModel)
      refusal(Sequential(inputSize: 3) { Bidirectional<LSTMCell>(5) }, .damagedModel)
      for count in [-1, 4, 1_000_000_000_000] {
        var file = good
        file.metadata["description"] = "{\"count\":\(count),\"model\":\"sequential\"}"
        try file.write(to: path)
        refusal(model(), .damagedModel)
      }
      var file = good
      file.tensors.removeLast()
      try file.write(to: path)
      refusal(model(), .damagedModel)
      try model().save(to: path)
      refusal(model(), .notAModel)
    }
  }
}
