/// While a model trains, adds normal noise to each value; otherwise passes its input on.
public struct GaussianNoise: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The standard deviation of the noise.
    public var deviation: Float
  }

  public static let kind = "gaussian-noise"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer of noise with a standard deviation of at least 0.
  public init(_ deviation: Float) {
    require(deviation >= 0, "GaussianNoise: the deviation is \(deviation), and must be at least 0")
    self.init(Configuration(deviation: deviation))
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard configuration.deviation >= 0 else {
      throw LayerError("\(Self.kind): the deviation is \(configuration.deviation), and must be at least 0")
    }
    return inputShape
  }

  public func outputActivation(after previous: Activation?) -> Activation? { previous }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    guard configuration.deviation > 0, let tape = Tape.training else { return input }
    let rows = DrawnRows.examples(axis: input.steps.layout == .timeFirst && input.values.rank > 1 ? 1 : 0)
    return input.map { values in
      values
        + tape.drawn(values.shape, for: rows) { shape, generator in
          .normal(shape, deviation: configuration.deviation, using: &generator)
        }
    }
  }
}

extension GaussianNoise: SteppingLayer {}
