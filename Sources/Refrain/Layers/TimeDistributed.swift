/// A layer applied to each step as if it stood alone: `[B, T, …]` → `[B, T, …]`. Layers that read each value or row
/// alone, such as ``Dense``, do so anyway; this is for those that take a step's own axes, such as a ``Conv1D`` over the
/// parts of a step. (Keras' layer of this name.)
public struct TimeDistributed: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The layer that is applied, without weights.
    public var layer: LayerDescription
  }

  public static let kind = "time-distributed"
  /// The layer that is applied to each step.
  public var layer: any Layer

  public var configuration: Configuration { Configuration(layer: LayerDescription(layer)) }

  public init(_ configuration: Configuration) { layer = configuration.layer.layer }

  /// A layer around another one.
  public init(_ layer: any Layer) { self.layer = layer }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard inputShape.count >= 3 else {
      throw LayerError("\(Self.kind): the input has shape \(shapeText(inputShape)), expected [B, T, …]")
    }
    do throws(LayerError) {
      let inner = try layer.outputShape(for: [nil] + inputShape.dropFirst(2))
      return Array(inputShape.prefix(2)) + inner.dropFirst()
    } catch {
      throw LayerError("\(Self.kind): at each step \(error.description)")
    }
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    layer.build(for: [nil] + inputShape.dropFirst(2), using: &generator)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try layer.forEachTensor(under: "layer", body) }

  public func outputActivation(after previous: Activation?) -> Activation? { layer.outputActivation(after: previous) }

  public var isBuilt: Bool { layer.isBuilt }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    let steps = Steps(lengths: input.lengthsAlone(for: Self.kind))
    return input.map { values in
      require(values.rank >= 3, "\(Self.kind): the input has shape \(values.shape), expected [B, T, …]")
      let leading = Array(values.shape.prefix(2))
      let output = layer(values.masked(steps).reshaped([leading[0] * leading[1]] + values.shape.dropFirst(2)))
      return output.reshaped(leading + output.shape.dropFirst()).masked(steps)
    }
  }
}
