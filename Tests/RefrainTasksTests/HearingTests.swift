import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

/// Recordings that are heard part by part.
@Suite("Recordings as they come") struct HearingTests {
  @Test(
    "Steps that are pooled one after another are the whole sequence's vector", arguments: NetworkPlan.Pooling.allCases)
  func pooling(_ pooling: NetworkPlan.Pooling) throws {
    var plan = NetworkPlan()
    (plan.hiddenSize, plan.layers, plan.isBidirectional, plan.pooling) = (5, 2, false, pooling)
    var generator = RandomGenerator(seed: 3)
    // Steps that differ in how much they count.
    let part = SequencePart(plan, inputSize: 3, using: &generator).mapTensors { $0 * 3 }
    let input = random([1, 17, 3], seed: 4)
    let whole = part(StepValues(input))
    let chain = Sequential(inputShape: [nil, nil, 3], builtLayers: [part.recurrent])
    var first: [Float]?
    for sizes in [[17], [4, 0, 9, 4], Array(repeating: 1, count: 17)] {
      var (memory, pooled, start) = (chain.initialMemory(batch: 1), PooledSteps(), 0)
      #expect(part.features(of: pooled) == nil)
      for size in sizes {
        let outputs = (start..<start + size).flatMap { step in
          chain.advance(&memory, with: input.at(step, axis: 1)).values
        }
        part.add(outputs, to: &pooled)
        start += size
        pooled = try #require(PooledSteps(pooled.numbers, like: part))
      }
      let features = try #require(part.features(of: pooled))
      expectClose(features, whole, "\(pooling), \(sizes)")
      if let first { #expect(features.values == first) }
      first = features.values
      // What no steps give.
      let numbers = pooled.numbers
      #expect(PooledSteps(Array(numbers.dropLast()), like: part) == nil && PooledSteps(numbers, like: nil) == nil)
      #expect(PooledSteps(numbers.dropLast() + [.nan], like: part) == nil)
      for weights: Float in [0, -1, 0.5] {
        var forged = numbers
        forged[forged.count - 2] = weights
        #expect((PooledSteps(forged, like: part) == nil) == (pooling == .attention), "\(pooling), \(weights)")
      }
    }
  }

  @Test(
    "What a recogniser reads is normalized by all that has come, however it is cut, and after it was in a file",
    arguments: Transcriber.Features.allCases)
  func normalization(features: Transcriber.Features) throws {
    var configuration = Transcriber.Configuration()
    (configuration.hiddenSize, configuration.layers, configuration.epochs) = (4, 1, 1)
    (configuration.batchSize, configuration.isLive, configuration.features) = (4, true, features)
    var trained: Transcriber?
    try withTemporaryFolder { folder in
      try MadeSpeech.write(24, seed: 1, to: folder, table: "train.csv")
      trained = try Transcriber.train(
        on: Transcriber.examples(from: DataSource(paths: [folder + "/train.csv"]), configuration), configuration,
        TrainingContext())
    }
    let listener = try RecordingListener(try #require(trained))
    let (width, samples) = (listener.encoding.width, MadeSpeech.recording("AEIO UAE IO AE", seed: 9).mono)
    #expect(width == (features == .mfcc ? 39 : 40))
    var intake = SoundIntake(listener.encoding)
    let rows = intake.add(samples)
    let size = listener.stacking * width
    var expected: [Float] = []
    for end in stride(from: size, through: rows.count, by: size) {
      let moments = (0..<width).map { column in
        let values = stride(from: column, to: end, by: width).map { Double(rows[$0]) }
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, max((squares / Double(values.count)).squareRoot(), 1e-5))
      }
      for place in end - size..<end {
        let (mean, deviation) = moments[place % width]
        expected.append(Float((Double(rows[place]) - mean) / deviation))
      }
    }
    #expect(expected.count > 20 * size)
    for part in [samples.count, 700, 61] {
      var (heard, steps) = (listener.begin(), [Float]())
      for start in stride(from: 0, to: samples.count, by: part) {
        steps += listener.hear(Array(samples[start..<min(start + part, samples.count)]), &heard)
        if part == 700 { heard = try listener.heard(in: listener.file(of: heard)) }
      }
      try #require(steps.count == expected.count, "\(part)")
      let furthest = zip(steps, expected).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
      #expect(furthest < 1e-3, "\(part): \(furthest)")
    }
  }
}
