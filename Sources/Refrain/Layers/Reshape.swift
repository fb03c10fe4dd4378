/// All axes but the batch joined into one: `[B, …]` → `[B, product]`.
public struct Flatten: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// There is nothing to say.
    public init() {}
  }

  public static let kind = "flatten"
  public let configuration: Configuration

  public init(_ configuration: Configuration = Configuration()) { self.configuration = configuration }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    var size = 1
    for part in inputShape.dropFirst() {
      guard let part else {
        throw LayerError("Flatten: the input of shape \(shapeText(inputShape)) has an unknown size")
      }
      size *= part
    }
    return [nil, size]
  }

  public func callAsFunction(_ input: Tensor, lengths: [Int]?) -> Tensor {
    input.reshaped([input.shape[0], input.shape.dropFirst().reduce(1, *)])
  }
}

/// The axes but the batch arranged anew: `[B, …]` → `[B] + shape`.
public struct Reshape: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The sizes of the axes but the batch.
    public var shape: [Int]
  }

  public static let kind = "reshape"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer that gives its input the shape `[B] + shape`.
  public init(_ shape: [Int]) { self.init(Configuration(shape: shape)) }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    let known = inputShape.dropFirst().compactMap { $0 }
    let target = configuration.shape
    guard target.allSatisfy({ $0 > 0 }), known.count < inputShape.count - 1 || known.product == target.product else {
      throw LayerError("Reshape: the input of shape \(shapeText(inputShape)) cannot take the shape \(target)")
    }
    return [nil] + target.map(Optional.init)
  }

  public func callAsFunction(_ input: Tensor, lengths: [Int]?) -> Tensor {
    input.reshaped([input.shape[0]] + configuration.shape)
  }
}
