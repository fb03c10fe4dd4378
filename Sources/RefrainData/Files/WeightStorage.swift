import Refrain

/// How a file holds the weights of a model.
public enum WeightStorage: String, CaseIterable, Sendable {
  /// As numbers of 32 bits.
  case float32
  /// As the upper halves of these: seven bits of the fraction (`Tensor.roundedToBFloat16()`).
  case bfloat16
  /// As IEEE 754 numbers of 16 bits: ten bits of the fraction, up to 65,504.
  case float16
  /// As whole numbers of 8 bits times a scale for each row (`Tensor.quantized()`).
  case int8
}

extension SafeTensorsFile {
  /// A model's file with its weights stored in another way. A bias, a matrix of one row and whatever else is no matrix
  /// of weights stays as it is; what is there to train on with, an optimizer's moments or a checkpoint, is left out.
  ///
  /// - Throws: `inexactConversion` for a weight that float16 has not; `damagedModel` for whole numbers whose scales are
  ///   missing or cannot be.
  public func storingWeights(as storage: WeightStorage) throws(DataError) -> SafeTensorsFile {
    let scales = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let used = Set(tensors.filter { $0.array.type == .int8 }.map(\.scaleName))
    var arrays: [NamedArray] = []
    for array in tensors where !used.contains(array.name) && !ModelFile.isOfTraining(array.name) {
      let isQuantized = array.array.type == .int8
      guard isQuantized || array.array.type.isFloat && array.shape.count >= 2 && array.shape[0] >= 2 else {
        arrays.append(array)
        continue
      }
      let tensor = try array.tensor(scales: isQuantized ? scales[array.scaleName] : nil)
      switch storage {
      case .int8: arrays += NamedArray.arrays(of: tensor.quantized(), named: array.name)
      case .float32: arrays.append(NamedArray(name: array.name, shape: tensor.shape, values: tensor.values))
      case .bfloat16: arrays += NamedArray.arrays(of: tensor.roundedToBFloat16(), named: array.name)
      case .float16: arrays.append(try array.storingHalves(tensor))
      }
    }
    return SafeTensorsFile(
      tensors: arrays, metadata: metadata.filter { ModelFile.metadataNames.contains($0.key) })
  }
}

extension NamedArray {
  /// The name of the scales that belong to whole numbers.
  var scaleName: String { name + ".scale" }

  /// What holds a tensor: a quantized matrix is whole numbers and the scales of its rows, one of bfloat16 these.
  static func arrays(of tensor: Tensor, named name: String) -> [NamedArray] {
    if tensor.isBFloat16 {
      let array = NumericArray(type: .bfloat16, shape: tensor.shape, values: .floats(tensor.values))
      return [NamedArray(name: name, array: array)]
    }
    guard let (numbers, scales) = tensor.quantizedRows else {
      return [NamedArray(name: name, shape: tensor.shape, values: tensor.values)]
    }
    let array = NamedArray(
      name: name, array: NumericArray(type: .int8, shape: tensor.shape, values: .integers(numbers.map { Int($0) })))
    return [array, NamedArray(name: array.scaleName, shape: [scales.count], values: scales)]
  }

  /// The tensor that it holds, of whole numbers together with their scales.
  ///
  /// - Throws: `damagedModel` when these are missing or cannot be.
  func tensor(scales: NamedArray?) throws(DataError) -> Tensor {
    if array.type == .bfloat16 { return Tensor(values, shape: shape).roundedToBFloat16() }
    guard array.type == .int8 else { return Tensor(values, shape: shape) }
    func damaged(_ problem: String) -> DataError {
      DataError(.damagedModel, "the tensor \(name.quoted) \(problem)", remedy: "convert the model again")
    }
    guard let scales else { throw damaged("is of whole numbers, and their scales are missing") }
    guard shape.count >= 2, scales.shape == [shape[0]], scales.array.type.isFloat else {
      throw damaged("has shape \(shape), and its scales \(scales.shape)")
    }
    guard case .integers(let numbers) = array.values, numbers.allSatisfy({ -127...127 ~= $0 }) else {
      throw damaged("holds a number that is not from -127 to 127")
    }
    if let scale = scales.values.first(where: { !Tensor.isRowScale($0) }) {
      throw damaged("has a scale of \(scale), which cannot be")
    }
    return Tensor(quantized: numbers.map { Int8($0) }, scales: scales.values, shape: shape)
  }

  /// An array of this name with numbers of float16.
  fileprivate func storingHalves(_ tensor: Tensor) throws(DataError) -> NamedArray {
    if let value = tensor.values.first(where: { $0.isFinite && abs($0) >= 65_520 }) {
      throw DataError(
        .inexactConversion, "the tensor \(name.quoted) holds \(value), and float16 ends at 65504",
        remedy: "store the weights as bfloat16")
    }
    return NamedArray(
      name: name, array: NumericArray(type: .float16, shape: tensor.shape, values: .floats(tensor.values)))
  }
}
