import Testing

@testable import Refrain

@Suite("Dropout")
struct DropoutTests {
  private let ones = Tensor.ones([100, 200])

  /// What `layer` makes of `x` on a tape.
  private func output(
    of layer: some Layer, _ x: Tensor, training: Bool = true, seed: UInt64 = 1
  ) -> Tensor {
    nonisolated(unsafe) var output = Tensor(0)
    var generator = RandomGenerator(seed: seed)
    _ = valueAndGradient(at: x, training: training, using: &generator) { x in
      output = layer(x)
      return output.sum()
    }
    return output.detached
  }

  @Test("acts neither without a tape nor on a tape that does not train")
  func inactive() {
    let layer = Dropout(0.5)
    #expect(layer(ones) == ones)
    #expect(output(of: layer, ones, training: false) == ones)
    #expect(output(of: Dropout(0), ones) == ones)
  }

  @Test("drops about the given part and enlarges the rest, so that the mean stays", arguments: [0.1, 0.25, 0.5, 0.9])
  func statistics(rate: Float) {
    let values = output(of: Dropout(rate), ones).values
    let kept = values.filter { $0 != 0 }
    #expect(kept.allSatisfy { ($0 - 1 / (1 - rate)).magnitude < 1e-5 })
    let dropped = 1 - Float(kept.count) / Float(values.count)
    // Four standard deviations of the mean of 20,000 draws.
    #expect((dropped - rate).magnitude < 4 * (rate * (1 - rate) / 20_000).squareRoot())
  }

  @Test("draws each value alone, and anew each time")
  func independence() {
    let mask = output(of: Dropout(0.5), ones)
    let rows = (0..<100).map { mask.at($0, axis: 0).values }
    #expect(Set(rows).count == 100)
    nonisolated(unsafe) var (first, second) = (Tensor(0), Tensor(0))
    var generator = RandomGenerator(seed: 1)
    func draw() {
      _ = valueAndGradient(at: ones, using: &generator) { x in
        first = dropout(x, rate: 0.5)
        second = dropout(x, rate: 0.5)
        return (first + second).sum()
      }
    }
    draw()
    let earlier = first
    #expect(first != second)
    draw()
    #expect(first != earlier)
    #expect(output(of: Dropout(0.5), ones, seed: 4) == output(of: Dropout(0.5), ones, seed: 4))
    #expect(output(of: Dropout(0.5), ones, seed: 4) != output(of: Dropout(0.5), ones, seed: 5))
  }

  @Test("the gradient passes where the value did")
  func gradient() {
    nonisolated(unsafe) var output = Tensor(0)
    let x = ramp([30, 20]) + 2
    let gradient = valueAndGradient(at: x) { x in
      output = dropout(x, rate: 0.4)
      return (output * 3).sum()
    }.gradient
    #expect(zip(gradient.values, output.values).allSatisfy { ($0 == 0) == ($1 == 0) })
    #expect(gradient.values.allSatisfy { $0 == 0 || ($0 - 5).magnitude < 1e-5 })
  }

  @Test("between the levels of a pile it acts only in training, and not after the last")
  func stacked() {
    var generator = RandomGenerator(seed: 2)
    let plain = Stacked<LSTM>(inputSize: 3, hiddenSizes: [6, 5], returning: .everyStep, using: &generator)
    var dropping = Stacked<LSTM>([6, 5], dropout: 0.5, returning: .everyStep)
    dropping.levels = plain.levels
    let x = ramp([4, 5, 3])
    expectSameBits(dropping(x), plain(x))
    expectSameBits(output(of: dropping, x, training: false), plain(x))
    let trained = output(of: dropping, x)
    #expect(trained != plain(x))
    #expect(trained.values.allSatisfy { $0 != 0 })

    var single = Stacked<LSTM>([6], dropout: 0.5, returning: .everyStep)
    single.levels = [plain.levels[0]]
    expectSameBits(output(of: single, x), plain.levels[0].scan(x).outputs)
  }
}
