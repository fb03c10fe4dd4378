import Foundation
import Refrain
import RefrainData
import RefrainTasks

/// Trains a ``ZeroShotNetwork`` on series that are made up as it goes, and says how well it forecasts others.
struct PretrainedForecaster {
  var hiddenSize = 128
  var layers = 2
  var batchSize = 32
  var learningRate: Float = 2e-3
  /// How many seconds of the processor to train in all, with earlier runs that it goes on from; they decide how the
  /// rate falls.
  var seconds = 3600.0
  var folder = "."
  var seed: UInt64 = 1
  /// After how many seconds of the processor to measure and to write what was learned.
  var secondsBetweenCheckpoints = 60.0

  var modelPath: String { folder + "/zero-shot.safetensors" }
  private var curvePath: String { folder + "/curve.csv" }

  /// The patches of a batch, all cut alike.
  struct Examples {
    /// `[B, T, I]`, `[B, T, patch]` and how much each target counts, of the same shape.
    let input: Tensor, target: Tensor, weight: Tensor
  }

  static func examples(_ size: Int, using generator: inout RandomGenerator) -> Examples {
    let patch = ZeroShotNetwork.patch
    let time = generator.uniform() < 0.1 ? 32 + generator.integer(below: 33) : 4 + generator.integer(below: 29)
    var (input, target, weight): ([Float], [Float], [Float]) = ([], [], [])
    for _ in 0..<size {
      let length = (time + 1) * patch
      var made = SyntheticSeries(count: length, using: &generator)
      var start = 0
      // A short series stands at the end of its patches.
      if generator.uniform() < 0.4 {
        start = generator.integer(below: length * 3 / 4)
        for index in 0..<start { made.values[index] = .nan }
      }
      let truth = made.values
      // Some patches are not known yet: what comes after them is several patches ahead.
      var place = 2 + generator.integer(below: time)
      while place < time {
        let run = 1 + generator.integer(below: ZeroShotNetwork.ahead)
        for index in place * patch..<min((place + run) * patch, time * patch) { made.values[index] = .nan }
        place += run + 1 + generator.integer(below: time)
      }
      // The unit is found from what is before some patch, as it is where nothing after it is known.
      let first = min(time, start / patch + 1)
      let known = first + generator.integer(below: time - first + 1)
      let patches = ZeroShotPatches(Array(made.values.prefix(time * patch)), season: made.season, known: known * patch)
      input += patches.input
      var seen = 0
      for index in 0..<time * patch {
        let value = truth[index + patch]
        if index % patch == 0 { seen += made.values[index..<index + patch].count(where: \.isFinite) }
        let error = (value - patches.levels[index / patch]) / patches.scale
        let counts = value.isFinite && seen >= 3 && abs(error) < 1e4
        target.append(counts ? Float(error) : 0)
        // Far ones count less: the loss of a series should not outweigh all others. So do those that the unit knows of.
        let share: Float = index / patch + 1 < known ? 0.25 : 1
        weight.append(counts ? share / max(1, Float(abs(error)) / 8) : 0)
      }
    }
    let shape = [size, time, patch]
    return Examples(
      input: Tensor(input, shape: [size, time, ZeroShotPatches.width]), target: Tensor(target, shape: shape),
      weight: Tensor(weight, shape: shape))
  }

  /// The weighted mean of the quantile losses (Koenker and Bassett 1978).
  static func loss(_ network: ZeroShotNetwork, _ examples: Examples) -> Tensor {
    let width = ZeroShotNetwork.quantiles.count
    let shape = examples.target.shape
    let levels = Tensor(ZeroShotNetwork.quantiles, shape: [1, 1, 1, width])
    let missing = examples.target.reshaped(shape + [1]) - network(examples.input)
    let losses = maximum(missing * levels, missing * (levels - 1)) * examples.weight.reshaped(shape + [1])
    return losses.sum() / max(examples.weight.sum().item * Float(width), 1)
  }

  /// Trains until the time is over.
  func run() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var progress = ZeroShotNetwork.Progress(hiddenSize: hiddenSize, layers: layers)
    var generator = RandomGenerator(seed: seed)
    var network = ZeroShotNetwork(hiddenSize: hiddenSize, layers: layers, using: &generator)
    if FileManager.default.fileExists(atPath: modelPath) {
      (network, progress) = try ZeroShotNetwork.read(modelPath)
      generator = RandomGenerator(seed: seed &+ UInt64(progress.step))
      print("going on from step \(progress.step)")
    }
    var average = network
    var optimizer = AdamW(learningRate: learningRate, weightDecay: 0.01)
    let began = Date()
    let earlier = progress.seconds
    let earlierWork = progress.processorSeconds - Self.processorSeconds
    var (losses, count) = (0.0, 0)
    var nextCheckpoint = progress.processorSeconds + min(secondsBetweenCheckpoints, 60)
    let firstStep = progress.step
    while progress.processorSeconds < seconds {
      let rise = min(1, Float(progress.step - firstStep + 1) / 100)
      let fall = 0.5 * (1 + cos(Float.pi * Float(min(1, progress.processorSeconds / seconds))))
      optimizer.learningRate = learningRate * rise * (0.03 + 0.97 * fall)
      let examples = Self.examples(batchSize, using: &generator)
      var (value, gradient) = valueAndGradient(at: network) { Self.loss($0, examples) }
      _ = gradient.clip(globalNorm: 1)
      guard value.isFinite else { continue }
      optimizer.update(&network, along: gradient)
      let keep: Float = min(0.995, Float(progress.step + 1) / Float(progress.step + 10))
      average = average.blended(with: network, keeping: keep)
      losses += Double(value)
      count += 1
      progress.step += 1
      progress.seconds = earlier + Date().timeIntervalSince(began)
      progress.processorSeconds = earlierWork + Self.processorSeconds
      if progress.processorSeconds >= nextCheckpoint || progress.processorSeconds >= seconds {
        let measured = Self.measure(average)
        let line =
          "\(Int(progress.seconds)),\(Int(progress.processorSeconds)),\(progress.step),\(losses / Double(max(count, 1))),\(measured.mase),\(measured.coverage)"
        print(line)
        try append(line)
        try average.write(progress, to: modelPath)
        try average.write(progress, to: folder + "/checkpoint-\(Int(progress.processorSeconds)).safetensors")
        (losses, count) = (0, 0)
        nextCheckpoint = progress.processorSeconds + secondsBetweenCheckpoints
      }
    }
  }

  /// What the process has used of the processor.
  private static var processorSeconds: Double { Double(clock()) / 1e6 }

  private func append(_ line: String) throws {
    let head = "seconds,processorSeconds,steps,loss,relativeMASE,coverage\n"
    let before = (try? String(contentsOfFile: curvePath, encoding: .utf8)) ?? head
    try (before + line + "\n").write(toFile: curvePath, atomically: true, encoding: .utf8)
  }

  /// On 300 made-up series that are always the same: the geometric mean of the errors relative to repeating the last
  /// season, and the share of truths between the 10 % and 90 % quantiles.
  static func measure(_ network: ZeroShotNetwork) -> (mase: Double, coverage: Double) {
    var generator = RandomGenerator(seed: 987_654)
    var (logs, count, inside, all) = (0.0, 0, 0, 0)
    for _ in 0..<300 {
      let length = 40 + generator.integer(below: 300)
      let series = SyntheticSeries(count: length, using: &generator)
      let horizon = min(max(series.season, 6), length / 4, 24)
      let past = Array(series.values.dropLast(horizon))
      let truth = series.values.suffix(horizon)
      let forecast = network.forecast(continuing: past, season: series.season, horizon: horizon)
      var (own, naive) = (0.0, 0.0)
      let last = past.last(where: \.isFinite) ?? 0
      for (step, value) in truth.enumerated() where value.isFinite {
        own += abs(value - forecast[step][3])
        var base = last
        if series.season > 1 {
          var back = past.count + step - series.season
          while back >= past.count { back -= series.season }
          while back >= 0, past[back].isNaN { back -= series.season }
          if back >= 0 { base = past[back] }
        }
        naive += abs(value - base)
        inside += forecast[step][1] <= value && value <= forecast[step][5] ? 1 : 0
        all += 1
      }
      guard own > 0, naive > 0 else { continue }
      logs += log(own / naive)
      count += 1
    }
    return (exp(logs / Double(max(count, 1))), Double(inside) / Double(max(all, 1)))
  }

  /// A Swift file that holds the weights of a network.
  static func source(of network: ZeroShotNetwork) -> String {
    """
    // Written by Examples/PretrainedForecaster, whose network learned from made-up series alone.

    extension ZeroShotWeights {
      // swift-format-ignore
      static let text = "\(ZeroShotWeights.text(of: network))"
    }

    """
  }
}

extension TensorGroup {
  /// The weighted mean of two groups, tensor by tensor.
  fileprivate func blended(with other: Self, keeping share: Float) -> Self {
    var others = other.namedTensors.map(\.tensor)[...]
    return mapTensors { $0 * share + others.removeFirst() * (1 - share) }
  }
}
