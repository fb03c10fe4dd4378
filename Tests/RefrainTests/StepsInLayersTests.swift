import RefrainTestSupport
import Testing

@testable import Refrain

/// Layers that are no recurrent ones, told of gaps, resets and the layout.
@Suite("Steps in pooling, penalties and layers that end them")
struct StepsInLayersTests {
  private let x = ramp([5, 6, 3])

  private func spoiled(_ x: Tensor, _ steps: Steps) -> Tensor {
    select(steps.mask(batch: 5, time: 6).reshaped([5, 6] + Array(repeating: 1, count: x.rank - 2)), x, Tensor(.nan))
  }

  private func timeFirst(_ steps: Steps) -> Steps {
    var turned = steps
    turned.layout = .timeFirst
    return turned
  }

  /// The sequences without their gaps, padded behind.
  private func withoutGaps(_ x: Tensor, _ steps: Steps) -> (x: Tensor, steps: Steps) {
    let kept = (0..<5).map { sequence in (0..<6).filter { steps.isValid(sequence, $0, time: 6) } }
    let sequences = kept.enumerated().map { sequence, steps in
      concatenate(
        [x.at(sequence, axis: 0).gatheringRows(steps), .zeros([6 - steps.count] + x.shape.dropFirst(2))], axis: 0)
    }
    return (stack(sequences), Steps(lengths: kept.map(\.count)))
  }

  @Test("penalties are means over the steps that are there, and over neighbors within an episode")
  func penalties() {
    for (what, steps) in StepsTests.cases {
      // The sums as the text says them.
      var (squares, changes, count, pairs) = (0.0, 0.0, 0, 0)
      for sequence in 0..<5 {
        var before: Int?
        for step in 0..<(steps.lengths?[sequence] ?? 6) {
          if steps.resets?[sequence][step] ?? false { before = nil }
          guard steps.present?[sequence][step] ?? true else { continue }
          for unit in 0..<3 {
            let value = Double(x[sequence, step, unit])
            squares += value * value
            count += 1
            guard let before else { continue }
            let change = value - Double(x[sequence, before, unit])
            changes += change * change
            pairs += 1
          }
          before = step
        }
      }
      let expected = [squares / Double(count), pairs == 0 ? 0 : changes / Double(pairs)]
      func penalties(_ x: Tensor, _ steps: Steps) -> [Tensor] {
        [activationPenalty(x, steps: steps), temporalActivationPenalty(x, steps: steps)]
      }
      let found = penalties(spoiled(x, steps), steps)
      for (found, expected) in zip(found, expected) { #expect(abs(Double(found.item) - expected) < 1e-5, "\(what)") }
      for (one, other) in zip(penalties(spoiled(x, steps).transposed([1, 0, 2]), timeFirst(steps)), found) {
        expectClose(one, other, "\(what), the time first")
      }
      expectGradientMatchesDifferences(at: x, what) { penalties($0, steps) }
      let gradient = valueAndGradient(at: spoiled(x, steps)) { penalties($0, steps).reduce(Tensor(0), +) }.gradient
      expectSameBits(gradient, valueAndGradient(at: x) { penalties($0, steps).reduce(Tensor(0), +) }.gradient, what)
    }
    let whole = [activationPenalty(x), temporalActivationPenalty(x)]
    let turned = x.transposed([1, 0, 2])
    expectClose(activationPenalty(turned, steps: timeFirst(Steps())), whole[0])
    expectClose(temporalActivationPenalty(turned, steps: timeFirst(Steps())), whole[1])
    expectClose(
      temporalActivationPenalty(x, steps: Steps(resets: StepsTests.flags(Array(repeating: "000000", count: 5)))),
      whole[1])
    #expect(temporalActivationPenalty(x, steps: Steps(lengths: [0, 0, 0, 0, 0])).item == 0)
  }

  private var pooled: Sequential {
    Sequential(inputSize: 3, seed: 1) {
      LSTM(4, returning: .everyStep)
      ActivationPenalty(activation: 2, temporal: 3)
      Dropout(0)
      AttentionPooling()
      Dense(3, activation: .tanh)
      Flatten()
      Dense(2)
    }.filledWithRamps(scale: 0.7)
  }

  @Test("a model with a penalty and a pooling is that of the sequences without the gaps, in output, loss and gradient")
  func pooling() {
    let model = pooled
    func trained(_ x: Tensor, _ steps: Steps) -> (value: Float, gradient: Sequential) {
      valueAndGradient(at: model) { ($0(x, steps: steps) * ramp([5, 2], 2)).sum() }
    }
    for (what, steps) in StepsTests.cases where steps.resets == nil {
      let shorter = withoutGaps(x, steps)
      expectClose(model(x, steps: steps), model(shorter.x, steps: shorter.steps), what)
      let (found, expected) = (trained(x, steps), trained(shorter.x, shorter.steps))
      #expect(abs(found.value - expected.value) < 1e-5)
      expectClose(found.gradient, expected.gradient, "\(what): the gradient by")
    }
    for (what, steps) in StepsTests.cases {
      let expected = trained(x, steps)
      let turned = trained(spoiled(x, steps).transposed([1, 0, 2]), timeFirst(steps))
      for (kind, found) in [("spoiled", trained(spoiled(x, steps), steps)), ("the time first", turned)] {
        #expect(abs(found.value - expected.value) < 1e-5, "\(what), \(kind)")
        expectClose(found.gradient, expected.gradient, "\(what), \(kind): the gradient by")
      }
      expectSameBits(trained(spoiled(x, steps), steps).gradient, expected.gradient, what)
    }
  }

  @Test("a training of such a model does not see what is not there, and ends its steps at the pooling")
  func training() throws {
    let steps = StepsTests.cases[3].steps
    func trained(_ x: Tensor) throws -> (Sequential, [Float]) {
      var model = pooled
      model.compile(optimizer: SGD(learningRate: 0.05), loss: .meanSquaredError)
      let history = try model.fit(x, ramp([5, 2], 3), steps: steps, epochs: 3, batchSize: 2)
      return (model, history.losses)
    }
    let (clean, dirty) = (try trained(x), try trained(spoiled(x, steps)))
    expectSameBits(dirty.0, clean.0)
    #expect(dirty.1 == clean.1 && clean.1[2] < clean.1[0])
    var left = steps
    _ = AttentionPooling().built(for: [nil, nil, 3])(x, passing: &left)
    #expect(left == Steps())
  }

  @Test("flattened sequences have zeros where there is no step, and no steps any more")
  func flattening() {
    for (what, steps) in StepsTests.cases {
      var left = steps
      let expected = x.masked(steps).reshaped([5, 18])
      expectSameBits(Flatten()(spoiled(x, steps), passing: &left), expected, what)
      #expect(left == Steps())
      let turned = Flatten()(spoiled(x, steps).transposed([1, 0, 2]), steps: timeFirst(steps))
      expectSameBits(turned, expected, "\(what), the time first")

      left = steps
      expectSameBits(Reshape([2, 9])(spoiled(x, steps), passing: &left), expected.reshaped([5, 2, 9]), what)
      #expect(left == Steps())
      left = timeFirst(steps)
      let arranged = Reshape([6, 3, 1])(spoiled(x, steps).transposed([1, 0, 2]), passing: &left)
      #expect(left == timeFirst(steps))
      expectSameBits(arranged, spoiled(x, steps).transposed([1, 0, 2]).reshaped([6, 5, 3, 1]), what)
    }
    // Lengths may be of sequences that are only made.
    let model = Sequential(exampleShape: [18], seed: 1) {
      Flatten()
      Reshape([6, 3])
      LSTM(4)
    }
    let lengths = [6, 2, 0, 4, 1]
    expectSameBits(model(x.reshaped([5, 18]), lengths: lengths), model.layers[2](x, lengths: lengths))
  }

  @Test("one dropout mask a sequence is the same at every step with the time first, too")
  func dropout() {
    var generator = RandomGenerator(seed: 3)
    let layer = Dropout(0.5, mask: .sequence)
    let gradient = valueAndGradient(at: Tensor.ones([6, 5, 3]), using: &generator) {
      layer($0, steps: Steps(layout: .timeFirst)).sum()
    }.gradient
    #expect(Set((0..<6).map { gradient.at($0, axis: 0).values }).count == 1)
    #expect(Set((0..<5).map { gradient.at($0, axis: 1).values }).count > 1)
  }

  @Test("a model with a penalty goes in windows, and in streams")
  func windows() throws {
    func model(_ penalty: ActivationPenalty?) -> Sequential {
      var model = Sequential(inputSize: 3, seed: 1) {
        LSTM(4, returning: .everyStep)
        if let penalty { penalty }
        Dense(2)
      }
      model.compile(optimizer: SGD(learningRate: 0), loss: .meanSquaredError)
      return model
    }
    let y = ramp([5, 6, 2], 2)
    func loss(_ penalty: ActivationPenalty?) throws -> Float {
      var model = model(penalty)
      return try model.fit(x, y, shuffle: false, truncation: 3).losses[0]
    }
    let outputs = model(nil).layers[0](x)
    let expected = try loss(nil) + 2 * activationPenalty(outputs).item
    #expect(abs(try loss(ActivationPenalty(activation: 2)) - expected) < 1e-5)
    var streams = try Streams(model(ActivationPenalty(activation: 2)), count: 5)
    expectSameBits(streams.push(x.at(0, axis: 1)), model(nil)(x).at(0, axis: 1))
  }
}

extension Layer {
  /// The layer built with weights from a seed.
  fileprivate func built(for shape: [Int?]) -> Self {
    var generator = RandomGenerator(seed: 1)
    return built(for: shape, using: &generator)
  }
}
