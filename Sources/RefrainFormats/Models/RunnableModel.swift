import RefrainData

/// What goes into a model or comes out of it.
public struct ModelPort: Hashable, Sendable {
  /// Its name, such as `input`.
  public var name: String
  /// The type of its numbers.
  public var type: ElementType
  /// Its extents; nil is one that may change from call to call, such as the batch.
  public var shape: [Int?]
  /// Whether the model runs without it.
  public var isOptional: Bool

  /// Makes a description.
  public init(name: String, type: ElementType, shape: [Int?], isOptional: Bool = false) {
    self.name = name
    self.type = type
    self.shape = shape
    self.isOptional = isOptional
  }
}

/// A model from whatever format that runs on named arrays.
public protocol RunnableModel: Sendable {
  /// What it is given.
  var inputs: [ModelPort] { get }
  /// What it gives.
  var outputs: [ModelPort] { get }

  /// The outputs for some inputs.
  ///
  /// - Throws: `wrongInput` when an input is missing, unknown, or does not fit.
  func run(_ inputs: [String: NumericArray]) throws(DataError) -> [String: NumericArray]
}
