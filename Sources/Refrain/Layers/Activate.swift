/// A function applied to its input, as a layer of its own: `[…]` → `[…]`. Where it follows a ``Dense``, that layer's
/// own `activation` is faster.
public struct Activate: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The function.
    public var activation: Activation
  }

  public static let kind = "activate"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer that applies `activation`.
  public init(_ activation: Activation) { self.init(Configuration(activation: activation)) }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] { inputShape }

  public func callAsFunction(_ input: StepValues) -> StepValues { input.map { configuration.activation($0) } }

  public func outputActivation(after previous: Activation?) -> Activation? {
    configuration.activation == .identity ? previous : configuration.activation
  }
}
