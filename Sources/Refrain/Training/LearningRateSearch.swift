import RealModule

/// The loss over learning rates that rise from step to step (Smith 2017): it falls while the rate is right, and grows
/// where it is too large.
///
///     let search = try trainer.searchLearningRate(for: model, optimizer: optimizer) {
///       trainer, model, optimizer throws(TrainingError) in
///       try trainer.fit(&model, optimizer: &optimizer, batches: batches, loss: loss)
///     }
///     optimizer.learningRate = search.suggestion ?? optimizer.learningRate
public struct LearningRateSearch: Sendable, Equatable {
  /// What one rate did.
  public struct Trial: Sendable, Equatable {
    /// The learning rate of the step.
    public var rate: Float
    /// The loss before the update, smoothed over the updates until then.
    public var loss: Float
  }

  /// The rates in rising order, until the loss had grown to four times its least since the tenth.
  public let trials: [Trial]

  /// The rate at which the loss falls fastest, over the logarithm of the rate, on its last way down to the least; nil
  /// where it never falls. At rates too small to learn by, the loss rises and falls with the batches alone.
  public var suggestion: Float? {
    // The first steps are all noise, the last ones past the least loss.
    let first = min(trials.count / 10, 10)
    guard let least = trials.indices.dropFirst(first).min(by: { trials[$0].loss < trials[$1].loss }) else { return nil }
    let usual = trials[first..<max(first + 1, least)].map(\.loss).sorted()[max(0, least - first) / 2]
    let start = (first..<max(first, least)).last { trials[$0].loss >= usual } ?? first
    let reach = max(1, trials.count / 25)
    let slopes = (start..<max(start, least)).map { index -> (index: Int, slope: Float) in
      let (low, high) = (max(index - reach, 0), min(index + reach, trials.count - 1))
      return (index, (trials[high].loss - trials[low].loss) / Float(high - low))
    }
    guard let steepest = slopes.min(by: { $0.slope < $1.slope }), steepest.slope < 0 else { return nil }
    return trials[steepest.index].rate
  }
}

extension Trainer {
  /// Tries learning rates on copies: neither the model nor the optimizer is touched.
  ///
  /// - Parameters:
  ///   - model: where to begin.
  ///   - optimizer: what moves it; its own rate does not matter.
  ///   - rates: the least and the greatest rate.
  ///   - steps: how many rates are tried, evenly over their logarithm, one an update.
  ///   - fit: trains by the trainer it is given, in which schedule, observers and number of epochs are the search's.
  /// - Throws: ``TrainingError`` where the very first step fails, or when there is no batch.
  public func searchLearningRate<M: Module, O: Optimizer>(
    for model: M, optimizer: O, in rates: ClosedRange<Float> = 1e-6...1, steps: Int = 120,
    fit: (_ trainer: Trainer, _ model: inout M, _ optimizer: inout O) throws(TrainingError) -> History
  ) throws(TrainingError) -> LearningRateSearch {
    require(rates.lowerBound > 0 && steps > 1, "rates from \(rates.lowerBound) in \(steps) steps cannot be tried")
    var (model, optimizer) = (model, optimizer)
    let watch = RateWatch(steps: steps)
    var trainer = self
    trainer.epochs = steps
    let ratio = Double(rates.upperBound) / Double(rates.lowerBound)
    trainer.schedule =
      LearningRateSchedule { index, _ in
        rates.lowerBound * Float(Double.pow(ratio, Double(min(index, steps - 1)) / Double(steps - 1)))
      }.countingSteps
    trainer.observers = [watch]
    (trainer.earlyStopping, trainer.averaging) = (nil, nil)
    trainer.onEpoch = { _ in true }
    do throws(TrainingError) {
      _ = try fit(trainer, &model, &optimizer)
    } catch {
      // Past the right rates numbers may go astray: that is what is looked for.
      guard error.code == .notFinite, watch.trials.count > 1 else { throw error }
    }
    return LearningRateSearch(trials: watch.trials)
  }
}

/// Takes down the loss of each update, and ends the search.
private final class RateWatch: TrainingObserver {
  private let steps: Int
  private var mean = 0.0
  private var least = Double.infinity
  private(set) var trials: [LearningRateSearch.Trial] = []
  /// The losses of the batches since the last update, and their rate.
  private var (losses, rate): ([Double], Float) = ([], 0)
  private var updates = 0
  /// How much of the mean each new loss is not.
  private let smoothing = 0.9

  init(steps: Int) { self.steps = steps }

  func observe(_ event: TrainingEvent) -> TrainingDecision {
    switch event.kind {
    case .began, .ended: return .proceed
    case .step(let step):
      losses.append(Double(step.loss))
      rate = step.learningRate
      // Gradients may be accumulated over several batches.
      guard step.step > updates else { return .proceed }
    case .epoch:
      // What was left of its batches made an update too.
      guard !losses.isEmpty else { return .proceed }
    }
    updates += 1
    mean = smoothing * mean + (1 - smoothing) * losses.reduce(0, +) / Double(losses.count)
    losses = []
    let loss = mean / (1 - Double.pow(smoothing, trials.count + 1))
    trials.append(LearningRateSearch.Trial(rate: rate, loss: Float(loss)))
    // The mean of a few losses is small where the first batch is an easy one: growth is measured from the tenth on.
    guard trials.count >= 10 else { return trials.count >= steps ? .stop() : .proceed }
    least = min(least, loss)
    // A loss may be negative, as a log-likelihood is: then growth is measured from the least.
    let limit = least > 0 ? 4 * least : least + 4 * abs(least) + 1
    return trials.count >= steps || loss > limit ? .stop() : .proceed
  }
}
