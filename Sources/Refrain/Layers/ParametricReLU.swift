/// The rectifier with a learned slope below 0 (He et al. 2015): `[…]` → the same shape.
///
///     y = x where it is positive, else α ⊙ x
///
/// α has an axis for each of the input's but the batch; along axes of size 1 it is shared.
public struct ParametricReLU: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The axes, counted from 1 without the batch, along which the slope is the same.
    public var sharedAxes: [Int]
  }

  public static let kind = "parametric-relu"
  public let configuration: Configuration
  /// α, 0.25 at first.
  public var weight: Tensor

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    weight = .undrawn(rank: 1)
  }

  /// A layer whose slope is the same along these axes, counted from 1 without the batch; the time must be one of them
  /// where it is not known.
  public init(sharedAxes: [Int] = []) { self.init(Configuration(sharedAxes: sharedAxes)) }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard inputShape.count > 1 else { throw LayerError("\(Self.kind): the input has no axis but the batch") }
    for (axis, size) in inputShape.enumerated().dropFirst()
    where size == nil && !configuration.sharedAxes.contains(axis) {
      throw LayerError("\(Self.kind): the axis \(axis) of \(shapeText(inputShape)) has no known size; share it")
    }
    return inputShape
  }

  /// The shape of α for an input.
  package func slopeShape(for inputShape: [Int?]) -> [Int] {
    inputShape.enumerated().dropFirst().map { configuration.sharedAxes.contains($0) ? 1 : $1 ?? 1 }
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    weight = Tensor(repeating: 0.25, shape: slopeShape(for: inputShape))
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("weight", &weight) }

  public var isBuilt: Bool { weight.isDrawn }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    requireBuilt()
    return input.map { relu($0) - relu(-$0) * weight }
  }
}
