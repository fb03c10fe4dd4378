/// The course of a training.
public struct History: Codable, Sendable, Equatable {
  /// One time through the examples.
  public struct Epoch: Codable, Sendable, Equatable {
    /// From 1.
    public var number: Int
    /// The mean loss over the epoch's batches, each taken before the model learned from it.
    public var loss: Float
    /// The loss on the validation examples at the end of the epoch.
    public var validationLoss: Float?
    /// The metrics over the epoch's batches, by name.
    public var metrics: [String: Float]
    /// The metrics on the validation examples, by name.
    public var validationMetrics: [String: Float]
    /// The learning rate of the last step.
    public var learningRate: Float
    /// How long the epoch took, with its validation.
    public var seconds: Double

    /// What decides which epoch is best: the validation loss, or the loss where there is none.
    public var monitoredLoss: Float { validationLoss ?? loss }
  }

  /// Why training ended.
  public enum StopReason: String, Codable, Sendable {
    /// All epochs were done.
    case completed
    /// The loss no longer improved.
    case earlyStopping
    /// `shouldStop` said so.
    case cancelled
    /// `onEpoch` or an observer said so.
    case requested
  }

  /// The epochs that were finished.
  public var epochs: [Epoch] = []
  /// The number of the epoch with the lowest monitored loss, from 1; nil when none was finished.
  public var bestEpoch: Int?
  /// How long training took.
  public var seconds = 0.0
  /// Why it ended.
  public var stopReason = StopReason.completed

  /// The loss of each epoch.
  public var losses: [Float] { epochs.map(\.loss) }
  /// The validation loss of each epoch; empty without validation.
  public var validationLosses: [Float] { epochs.compactMap(\.validationLoss) }
  /// A metric of each epoch, by its name.
  public func metric(_ name: String) -> [Float] { epochs.compactMap { $0.metrics[name] } }
  /// A metric on the validation examples of each epoch, by its name.
  public func validationMetric(_ name: String) -> [Float] { epochs.compactMap { $0.validationMetrics[name] } }
}

/// A loss and metrics on some examples.
public struct Evaluation: Sendable, Equatable {
  /// The mean loss; not a number when nothing counted.
  public var loss: Float
  /// The metrics by name.
  public var metrics: [String: Float]
}
