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

extension ModelPort {
  /// Its type and extents as text; an extent that may change is `?`.
  public var shapeText: String {
    type.rawValue + Self.text(shape) + (isOptional ? " (optional)" : "")
  }

  /// Extents as text; one that may change is `?`.
  package static func text(_ shape: [Int?]) -> String {
    "[" + shape.map { $0.map(String.init) ?? "?" }.joined(separator: ", ") + "]"
  }
}

extension RunnableModel {
  /// Throws `wrongInput` when a needed input is missing, or one is given that the model does not have.
  package func checkNames(_ given: [String: NumericArray]) throws(DataError) {
    let expected = inputs.map { "\($0.name) \($0.shapeText)" }.joined(separator: ", ")
    if let missing = inputs.first(where: { !$0.isOptional && given[$0.name] == nil }) {
      throw DataError(.wrongInput, "the input \(missing.name.quoted) is missing; the model expects \(expected)")
    }
    let names = Set(inputs.map(\.name))
    if let unknown = given.keys.sorted().first(where: { !names.contains($0) }) {
      throw DataError(.wrongInput, "the model has no input \(unknown.quoted); it expects \(expected)")
    }
  }
}
