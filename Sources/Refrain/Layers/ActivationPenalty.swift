/// Draws a recurrent layer's outputs to zero and holds them from changing fast (Merity, McCann and Socher 2017). Passes
/// its input on, and while a model trains adds to the loss
///
///     α · mean(h_t²) + β · mean((h_t+1 − h_t)²)
///
/// over the valid steps; step t + 1 is the next one that is there, and belongs to the same episode. It counts in the
/// loss of training, not where a model is evaluated. The paper has the α part after dropout and the β part before it:
///
///     LSTM(64, returning: .everyStep)
///     ActivationPenalty(temporal: 1)
///     Dropout(0.4, mask: .sequence)
///     ActivationPenalty(activation: 2)
public struct ActivationPenalty: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The weight α of the squared outputs.
    public var activation: Float
    /// The weight β of the squared differences between steps.
    public var temporal: Float
  }

  public static let kind = "activation-penalty"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A penalty of the weights α (`activation`) and β (`temporal`), which must not be negative.
  public init(activation: Float = 0, temporal: Float = 0) {
    require(
      activation >= 0 && temporal >= 0,
      "ActivationPenalty: the weights are \(activation) and \(temporal), and must not be negative")
    self.init(Configuration(activation: activation, temporal: temporal))
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard configuration.activation >= 0, configuration.temporal >= 0 else {
      throw LayerError(
        "ActivationPenalty: the weights are \(configuration.activation) and \(configuration.temporal), and must not be "
          + "negative")
    }
    guard inputShape.count >= 3 else {
      throw LayerError("ActivationPenalty: the input has shape \(shapeText(inputShape)), expected [B, T, …]")
    }
    return inputShape
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    if let tape = Tape.training {
      let (values, steps) = (input.values, input.steps)
      let (activation, temporal) = (configuration.activation, configuration.temporal)
      if activation > 0 { tape.penalties.append(activation * activationPenalty(values, steps: steps)) }
      if temporal > 0 { tape.penalties.append(temporal * temporalActivationPenalty(values, steps: steps)) }
    }
    return input
  }

  public func outputActivation(after previous: Activation?) -> Activation? { previous }
}

/// Activation regularization: the mean of h² over the valid steps (Merity, McCann and Socher 2017), a scalar; 0 without
/// steps.
///
/// - Parameters:
///   - outputs: `[B, T, …]`.
///   - lengths: the valid steps of each sequence; nil means all.
public func activationPenalty(_ outputs: Tensor, lengths: [Int]? = nil) -> Tensor {
  activationPenalty(outputs, steps: Steps(lengths: lengths))
}

/// The same over the steps that are there, of `[B, T, …]`, or `[T, B, …]` where `steps` say so.
public func activationPenalty(_ outputs: Tensor, steps: Steps) -> Tensor { outputs.validSteps(steps).meanSquare }

/// Temporal activation regularization: the mean of (h_t+1 − h_t)² over neighbors that are both valid (Merity, McCann
/// and Socher 2017), a scalar; 0 without any.
///
/// - Parameters:
///   - outputs: `[B, T, …]`.
///   - lengths: the valid steps of each sequence; nil means all.
public func temporalActivationPenalty(_ outputs: Tensor, lengths: [Int]? = nil) -> Tensor {
  temporalActivationPenalty(outputs, steps: Steps(lengths: lengths))
}

/// The same of `[B, T, …]`, or `[T, B, …]` where `steps` say so. Neighbors are steps of one episode with nothing but
/// gaps between them.
public func temporalActivationPenalty(_ outputs: Tensor, steps: Steps) -> Tensor {
  require(outputs.rank >= 3, "outputs of shape \(outputs.shape) have no steps [B, T, …]")
  let (batch, time) = steps.extent(of: outputs.shape)
  guard steps != Steps(layout: steps.layout) else {
    guard time > 1 else { return Tensor(0) }
    let axis = steps.layout == .batchFirst ? 1 : 0
    return (outputs.slice(1..<time, axis: axis) - outputs.slice(0..<time - 1, axis: axis)).meanSquare
  }
  let episodes = steps.episodes(batch: batch, time: time)
  let rows = outputs.reshaped([batch * time] + outputs.shape.dropFirst(2))
  return
    (rows.gatheringRows(episodes.flatMap { $0.dropFirst() })
    - rows.gatheringRows(episodes.flatMap { $0.dropLast() })).meanSquare
}

extension Tensor {
  /// The mean of the squares; 0 of no values.
  fileprivate var meanSquare: Tensor { count == 0 ? Tensor(0) : squared.mean() }
}
