import Refrain

/// Arrays under names, which all kinds of files are read by: a `SafeTensorsFile`, and of `RefrainFormats` an `.npz`
/// archive and a state dictionary.
///
///     let file = try SafeTensorsFile(contentsOf: "arrays.safetensors")
///     let x = try file.tensor("x")
public protocol NamedArrays {
  /// The names in the order of the file.
  var names: [String] { get }

  /// The array of a name.
  ///
  /// - Throws: what the file throws where there is no such array, or where it cannot be read.
  func array(_ name: String) throws(DataError) -> NumericArray
}

extension NamedArrays {
  /// The array of a name as a tensor.
  ///
  /// - Throws: what ``array(_:)`` throws.
  public func tensor(_ name: String) throws(DataError) -> Tensor { Tensor(try array(name)) }

  /// The error of a name that there is not.
  package func missing(_ name: String, in file: String? = nil) -> DataError {
    let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
    return DataError(
      .wrongInput, file: file, "there is no array called \(name.quoted)",
      remedy: names.isEmpty ? "there are none" : "it has \(shown)")
  }
}

extension SafeTensorsFile: NamedArrays {
  /// The names in the order of the file.
  public var names: [String] { tensors.map(\.name) }

  /// The array of a name.
  ///
  /// - Throws: `wrongInput` where there is none.
  public func array(_ name: String) throws(DataError) -> NumericArray {
    guard let found = self[name] else { throw missing(name) }
    return found.array
  }
}

extension Tensor {
  /// The numbers of an array, each as the nearest Float; true is 1. Whole numbers are kept as they are beside that, as
  /// ``Tensor/integers``.
  public init(_ array: NumericArray) {
    if case .integers(let values) = array.values {
      self.init(values, shape: array.shape)
    } else {
      self.init(array.values.floats, shape: array.shape)
    }
  }

  /// The numbers of a named array, each as the nearest Float; true is 1.
  public init(_ array: NamedArray) { self.init(array.array) }
}

extension NumericArray {
  /// The values of a tensor, as 32-bit floats.
  public init(_ tensor: Tensor) { self.init(tensor.values, shape: tensor.shape) }
}
