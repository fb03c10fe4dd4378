import Refrain

/// What goes on around a training. A task hands it to ``train(_:stage:_:optimizer:task:fit:)`` with each of its
/// trainings, and need not look into it but for ``progress`` and ``shouldStop``.
public struct TrainingContext: Sendable {
  /// Told now and then the share of the work done, from 0 to 1, and what is going on.
  public var progress: (@Sendable (_ fraction: Double, _ message: String) -> Void)?
  /// Asked at every step; when it says true, training ends with the best result so far.
  public var shouldStop: @Sendable () -> Bool
  /// After how many seconds training ends with the best result so far; nil for no limit.
  public var timeLimit: Double?
  /// Told what does not end training and should be known all the same, a sentence each.
  public var warn: (@Sendable (_ message: String) -> Void)?
  /// Where training is saved now and then, and goes on from; nil saves nothing.
  public var checkpoints: CheckpointFolder?
  /// Makes what sees the events of a stage of training, and its gradients where it is a `GradientExchange` too.
  public var observers: @Sendable (_ stage: String) -> [any TrainingObserver] = { _ in [] }
  /// Told of a stage that had ended in the training that this one goes on with, which no observer sees.
  public var resumed: (@Sendable (_ stage: String, _ history: History) -> Void)?
  /// How weights are held back and gradients are treated, besides what the task does itself.
  public var regularization = RegularizationOptions()
  /// The learning rate in place of the task's own.
  public var learningRate: Float?
  /// What mean of the weights along the way is the result, in place of the task's own choice.
  public var averaging: WeightAveraging?
  /// The processes that train together; nil trains alone.
  public var group: (any TrainingGroup)?
  /// Where given, learning rates are tried in place of the first training, which then ends with an error.
  public var rateSearch: RateSearch?

  /// Without arguments: training goes on to its end, and says nothing.
  public init(
    progress: (@Sendable (_ fraction: Double, _ message: String) -> Void)? = nil,
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) {
    self.progress = progress
    self.shouldStop = shouldStop
  }
}
