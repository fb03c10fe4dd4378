import Refrain
import RefrainData

/// The training of a detector's networks: on parts of the rows, in random order, to foretell the row after each, or to
/// say the part again. Missing values are asked for from neither.
struct DetectionTraining {
  let plan: DetectorPlan
  /// What networks read, row by row: the memory of `[count, inputSize]`.
  let inputs: [Float]
  let count: Int
  let context: TrainingContext

  private enum Aim: UInt64 {
    case prediction, reconstruction

    /// The word for the training.
    var stage: String { self == .prediction ? "prediction" : "reconstruction" }
    /// How many rows after those that are read the ones lie that are to be said.
    var ahead: Int { self == .prediction ? 1 : 0 }
  }

  /// - Parameters:
  ///   - detector: What there would be with the networks that are learned so far, for checkpoints.
  ///   - progress: Told the share of the work that is done, and what is going on.
  /// - Returns: Whether it went to its end.
  /// - Throws: ``TaskError`` when the numbers went astray.
  func run(
    _ network: inout DetectionNetwork, detector: @escaping (DetectionNetwork) -> Detector,
    progress: (_ fraction: Double, _ message: String) -> Void
  ) throws(TaskError) -> Bool {
    let parts = [network.predictor != nil, network.autoencoder != nil].lazy.filter(\.self).count
    var finished = 0
    if var predictor = network.predictor {
      // The autoencoder is learned after it: until then it has nothing to say.
      var alone = network
      alone.autoencoder = nil
      let done = try fit(&predictor, .prediction) { [alone] model in
        var network = alone
        network.predictor = model
        return detector(network)
      } progress: {
        progress($0 / Double(parts), $1)
      }
      guard done else { return false }
      network.predictor = predictor
      finished += 1
    }
    if var autoencoder = network.autoencoder {
      let done = try fit(&autoencoder, .reconstruction) { [before = network] model in
        var network = before
        network.autoencoder = model
        return detector(network)
      } progress: {
        progress((Double(finished) + $0) / Double(parts), $1)
      }
      guard done else { return false }
      network.autoencoder = autoencoder
    }
    return true
  }

  private func fit(
    _ model: inout Sequential, _ aim: Aim, detector: @escaping (Sequential) -> Detector,
    progress: (_ fraction: Double, _ message: String) -> Void
  ) throws(TaskError) -> Bool {
    var optimizer = Adam(learningRate: 5e-3)
    let channels = plan.channels.count
    let changes = try context.regularization.augmentations(for: Detector.self)
    let verb = aim == .prediction ? "learning to foretell rows" : "learning to say rows again"
    do throws(TrainingError) {
      let history = try withoutActuallyEscaping(progress) { progress throws(TrainingError) in
        let trainer = Trainer(
          epochs: plan.epochs, seed: plan.seed, schedule: .oneCycle(), clipping: .globalNorm(1),
          onEpoch: { epoch in
            progress(
              Double(epoch.number) / Double(plan.epochs), "\(verb), epoch \(epoch.number) of \(plan.epochs)")
            return true
          },
          shouldStop: context.shouldStop)
        return try context.train(trainer, stage: aim.stage, &model, optimizer: &optimizer, task: detector) {
          trainer, model, optimizer, state throws(TrainingError) in
          try trainer.fit(
            &model, optimizer: &optimizer, batches: PartBatches(self, aim), resuming: state
          ) { model, batch in
            let batch = changes.whileTraining(batch) {
              $0.changed(rows: $1, channels: channels, ahead: aim.ahead, using: &$2)
            }
            let target = batch.target.slice(0..<channels, axis: 2)
            let isThere = batch.target.slice(channels..<2 * channels, axis: 2)
            // Huber's loss: an outlier in what is learned from must not be learned.
            let distance = abs(model(batch.input) - target)
            let inner = minimum(distance, Tensor(0.5))
            return (inner * (distance - inner * 0.5) * isThere).sum() / (isThere.sum() + 1e-6)
          }
        }
      }
      return history.stopReason == .completed
    } catch {
      throw TaskError(
        "the training did not converge: \(error.description)", remedy: TaskError.divergenceRemedy)
    }
  }

  /// The parts of one epoch, in another random order each time.
  private final class PartBatches: Sequence {
    private let training: DetectionTraining
    private let aim: Aim
    private let starts: [Int]
    private let length: Int
    private var generator: RandomGenerator
    private let batchSize = 16

    init(_ training: DetectionTraining, _ aim: Aim) {
      self.training = training
      self.aim = aim
      length = aim == .prediction ? training.plan.context : training.plan.window
      starts = Array(0..<Swift.max(1, training.count - length - aim.ahead + 1))
      generator = RandomGenerator(seed: training.plan.seed &+ aim.rawValue)
    }

    /// So many that each row is in about two parts.
    private var batchCount: Int { Swift.max(4, 2 * training.count / (length * batchSize)) }

    var underestimatedCount: Int { batchCount }

    func makeIterator() -> AnyIterator<Batch> {
      let chosen = (0..<batchCount * batchSize).map { _ in starts[generator.integer(below: starts.count)] }
      var number = 0
      return AnyIterator { [self] in
        guard number < batchCount else { return nil }
        defer { number += 1 }
        return batch(chosen[number * batchSize..<(number + 1) * batchSize])
      }
    }

    private func batch(_ starts: ArraySlice<Int>) -> Batch {
      let (size, channels) = (training.plan.inputSize, training.plan.channels.count)
      let ahead = aim.ahead
      var (input, target): ([Float], [Float]) = ([], [])
      // What the mean loss divides by: how many values of each step are there.
      var weights: [Float] = []
      for start in starts {
        input += training.inputs[start * size..<(start + length) * size]
        for row in start + ahead..<start + ahead + length {
          let values = training.inputs[row * size..<row * size + 2 * channels]
          target += values.prefix(channels)
          target += values.suffix(channels)
          weights.append(values.suffix(channels).reduce(0, +))
        }
      }
      return Batch(
        Tensor(input, shape: [starts.count, length, size]),
        Tensor(target, shape: [starts.count, length, 2 * channels]),
        weights: Tensor(weights, shape: [starts.count, length]))
    }
  }
}

extension Augmentations {
  /// Rows `[B, T, I]`, of which the first values are those of channels, and the rows to be said `[B, T, 2 · channels]`,
  /// which lie so many further on, in other forms: both times the same factors, and noise on what is read alone.
  fileprivate func changed(
    rows batch: Batch, channels: Int, ahead: Int, using generator: inout RandomGenerator
  ) -> Batch {
    var batch = batch
    let (time, width) = (batch.input.shape[1], batch.input.shape[2])
    var (input, target) = (batch.input.values, batch.target.values)
    for row in 0..<batch.count {
      for channel in 0..<channels {
        let read = row * time * width + channel
        if let factors = factors(steps: time + ahead, using: &generator) {
          let said = row * time * 2 * channels + channel
          for step in 0..<time {
            input[read + step * width] *= factors[step]
            target[said + step * 2 * channels] *= factors[step + ahead]
          }
        }
        guard let deviation = self[.noise] else { continue }
        for step in 0..<time {
          let (place, noise) = (read + step * width, deviation * generator.normal())
          // Beside the values stands whether they are there.
          if input[place + channels] > 0 { input[place] += noise }
        }
      }
    }
    batch.input = Tensor(input, shape: batch.input.shape)
    batch.target = Tensor(target, shape: batch.target.shape)
    return batch
  }
}
