import RefrainData

/// What a file says of a module, without its code: a whole pickled model, or a TorchScript program.
public struct TorchModule: Hashable, Sendable {
  /// The name, such as `encoder.lstm`; empty for the model itself.
  public var name: String
  /// The class without its package, such as `LSTM`.
  public var kind: String
  /// The attributes that are numbers, truth values or texts, and lists of numbers, as text.
  public var attributes: [String: String]
  /// Whether it is one of a `Sequential`, whose modules are applied in their order.
  public var isInSequence: Bool
  /// Whether there are tensors in it, or modules.
  public var isEmpty: Bool

  /// A number among the attributes.
  func number(_ name: String) -> Double? { attributes[name].flatMap(Double.init) }

  /// A truth value among the attributes.
  func flag(_ name: String) -> Bool? { attributes[name].flatMap(Bool.init) }

  /// The numbers of a list among the attributes, or a number alone.
  func numbers(_ name: String) -> [Double]? {
    attributes[name].map { $0.split(separator: ",").compactMap { Double($0.filter { !" ()[]".contains($0) }) } }
  }
}
