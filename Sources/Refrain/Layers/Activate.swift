/// A function applied to its input, as a layer of its own: `[…]` → `[…]`. Where it follows a ``Dense``, that layer's
/// own `activation` is faster.
public struct Activate: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The function.
    public var activation: Activation
    /// Its first number; nil is the usual one.
    public var alpha: Float?
    /// Its second number; nil is the usual one.
    public var beta: Float?
  }

  public static let kind = "activate"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer that applies `activation`, with the usual numbers unless others are given.
  public init(_ activation: Activation, alpha: Float? = nil, beta: Float? = nil) {
    self.init(Configuration(activation: activation, alpha: alpha, beta: beta))
  }

  /// A layer that applies `function`.
  public init(_ function: ActivationFunction) {
    let numbers = function.activation.numbers
    self.init(
      function.activation, alpha: function.alpha == numbers.alpha ?? 0 ? nil : function.alpha,
      beta: function.beta == numbers.beta ?? 0 ? nil : function.beta)
  }

  /// The function with its numbers.
  public var function: ActivationFunction {
    ActivationFunction(configuration.activation, alpha: configuration.alpha, beta: configuration.beta)
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] { inputShape }

  public func callAsFunction(_ input: StepValues) -> StepValues { input.map { function($0) } }

  public func outputActivation(after previous: Activation?) -> Activation? {
    configuration.activation == .identity ? previous : configuration.activation
  }
}
