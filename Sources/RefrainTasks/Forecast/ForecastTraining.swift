import Refrain
import RefrainData

/// One training of a forecaster's network: windows of all series in random order, the loss of the quantiles, a rate
/// that rises and falls.
struct ForecastTraining {
  /// The series, and within how many of their first rows the windows lie.
  let places: [(windows: ForecastWindows, limit: Int)]
  let epochs: Int
  let plan: ForecastPlan
  /// The word for this training among those of the forecaster.
  var stage = "backtest"
  var context = TrainingContext()

  /// - Parameters:
  ///   - forecaster: What there would be with a network of these weights.
  ///   - progress: Told the number of each epoch that is finished, and its loss.
  /// - Returns: Its course; stopped before its end, the network is the best of the finished epochs.
  /// - Throws: ``ForecastError`` when the numbers went astray.
  func run(
    _ network: inout ForecastNetwork, forecaster: @escaping (ForecastNetwork) -> Forecaster? = { _ in nil },
    progress: (_ epoch: Int, _ loss: Float) -> Void
  ) throws(ForecastError) -> History {
    var optimizer = Adam(learningRate: 3e-3)
    let changes = try context.regularization.augmentations(for: Forecaster.self)
    let loss = Loss.quantile(ForecastNetwork.quantiles)
    do throws(TrainingError) {
      return try withoutActuallyEscaping(progress) { progress throws(TrainingError) in
        let trainer = Trainer(
          epochs: epochs, seed: plan.seed, schedule: .oneCycle(), clipping: .globalNorm(1),
          onEpoch: { epoch in
            progress(epoch.number, epoch.loss)
            return true
          },
          shouldStop: context.shouldStop)
        return try context.train(trainer, stage: stage, &network, optimizer: &optimizer, task: forecaster) {
          trainer, network, optimizer, state throws(TrainingError) in
          try trainer.fit(&network, optimizer: &optimizer, batches: WindowBatches(self), resuming: state) {
            network, batch in
            let seen = changes.whileTraining(batch) { $0.changed(windows: $1, using: &$2) }
            return loss(network(seen.input), seen.target, weights: seen.weights)
          }
        }
      }
    } catch {
      // The numbers of a series are finite: it is never the data that is at fault.
      guard error.code == .notFinite else { throw ForecastError(error.description) }
      throw ForecastError(
        "the training did not converge: a value grew beyond all bounds in epoch \(error.epoch ?? 1)",
        remedy: TaskError.divergenceRemedy)
    }
  }
}

extension Augmentations {
  /// Contexts `[B, T, I]`, whose first value is the series, and what follows them `[B, horizon]`, in other forms: both
  /// times the same factors, and noise on the context alone.
  fileprivate func changed(windows batch: Batch, using generator: inout RandomGenerator) -> Batch {
    var batch = batch
    let (context, width, horizon) = (batch.input.shape[1], batch.input.shape[2], batch.target.shape[1])
    var (input, target) = (batch.input.values, batch.target.values)
    for row in 0..<batch.count {
      let start = row * context * width
      if let factors = factors(steps: context + horizon, using: &generator) {
        for step in 0..<context { input[start + step * width] *= factors[step] }
        for step in 0..<horizon { target[row * horizon + step] *= factors[context + step] }
      }
      guard let deviation = self[.noise] else { continue }
      for step in 0..<context { input[start + step * width] += deviation * generator.normal() }
    }
    batch.input = Tensor(input, shape: batch.input.shape)
    batch.target = Tensor(target, shape: batch.target.shape)
    return batch
  }
}

/// The windows of one epoch, in another random order each time they are gone through.
private final class WindowBatches: Sequence {
  private let training: ForecastTraining
  /// The number of a series, and the row before which a horizon begins.
  private let ends: [(place: Int, end: Int)]
  /// Whether some values are missing, and do not count.
  private let hasGaps: Bool
  private var generator: RandomGenerator

  init(_ training: ForecastTraining) {
    self.training = training
    ends = training.places.enumerated().flatMap { number, place in
      let horizon = training.plan.horizon
      return place.windows.ends(within: place.limit).filter { end in
        !place.windows.hasGaps || (end..<end + horizon).contains { place.windows.isObserved($0) }
      }.map { (number, $0) }
    }
    hasGaps = training.places.contains { $0.windows.hasGaps }
    generator = RandomGenerator(seed: training.plan.seed)
  }

  /// Before the rolling origins there are fewer windows than the plan counts with.
  var underestimatedCount: Int {
    let plan = training.plan
    return Swift.max(1, Swift.min(plan.batchesPerEpoch, ends.count / plan.batchSize))
  }

  func makeIterator() -> AnyIterator<Batch> {
    let plan = training.plan
    let order = generator.permutation(ends.count)
    var number = 0
    return AnyIterator { [self] in
      guard number < underestimatedCount else { return nil }
      let first = number * plan.batchSize
      number += 1
      let chosen = order[first..<Swift.min(first + plan.batchSize, order.count)].map { ends[$0] }
      var (inputs, targets): ([Float], [Float]) = ([], [])
      for (place, end) in chosen {
        let windows = training.places[place].windows
        let level = windows.appendContext(endingAt: end, to: &inputs)
        windows.appendTarget(after: end, level: level, to: &targets)
      }
      let features = training.places[0].windows.featureCount
      let input = Tensor(inputs, shape: [chosen.count, plan.context, features])
      let shape = [chosen.count, plan.horizon]
      guard hasGaps else { return Batch(input, Tensor(targets, shape: shape)) }
      return Batch(
        input, Tensor(targets.map { $0.isNaN ? 0 : $0 }, shape: shape),
        weights: Tensor(targets.map { $0.isNaN ? 0 : 1 }, shape: shape))
    }
  }
}
