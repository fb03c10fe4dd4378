/// While a model trains, sets values to zero with probability `rate` and enlarges the others by 1 / (1 − rate)
/// (Srivastava et al. 2014); otherwise passes its input on.
public struct Dropout: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The probability of being set to zero.
    public var rate: Float
  }

  public static let kind = "dropout"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer of the given rate, at least 0 and below 1.
  public init(_ rate: Float) {
    require((0..<1).contains(rate), "Dropout: the rate is \(rate), and must be at least 0 and below 1")
    self.init(Configuration(rate: rate))
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard (0..<1).contains(configuration.rate) else {
      throw LayerError("Dropout: the rate is \(configuration.rate), and must be at least 0 and below 1")
    }
    return inputShape
  }

  public func callAsFunction(_ input: Tensor, lengths: [Int]?) -> Tensor { dropout(input, rate: configuration.rate) }
}

/// `x` with dropout at the given rate, when the running tape belongs to training; else `x`.
public func dropout(_ x: Tensor, rate: Float) -> Tensor {
  guard rate > 0, let tape = Tape.current, tape.isTraining else { return x }
  let kept = 1 / (1 - rate)
  let mask = Tensor(x.shape) { target in
    for index in 0..<x.count { target[index] = tape.generator.uniform() < rate ? 0 : kept }
  }
  return x * mask
}
