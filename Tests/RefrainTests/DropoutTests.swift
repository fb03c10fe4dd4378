import RefrainTestSupport
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

  @Test("one mask a sequence is the same at every step, and another for every sequence")
  func locked() {
    let mask = output(of: Dropout(0.25, mask: .sequence), .ones([50, 4, 80]))
    for row in 0..<50 {
      let steps = (0..<4).map { mask.at(row, axis: 0).at($0, axis: 0).values }
      #expect(Set(steps).count == 1)
    }
    #expect(Set((0..<50).map { mask.at($0, axis: 0).at(0, axis: 0).values }).count == 50)
    #expect(Set(mask.values) == [0, 1 / 0.75])
    expectShare(mask.at(0, axis: 1).values.count { $0 == 0 }, of: 4000, 0.25)
    let x = ramp([3, 4, 5])
    expectSameBits(output(of: Dropout(0.25, mask: .sequence), x, training: false), x)
    #expect(throws: LayerError.self) { try Dropout(0.25, mask: .sequence).outputShape(for: [nil, 3]) }
  }

  @Test("between levels one mask a sequence drops the same features at every step")
  func lockedPile() {
    // Linear levels, so that the gradient by the level's input is a matrix times the mask.
    var stack = Stacked<RNN>(inputSize: 3, hiddenSizes: [40, 2], dropout: 0.5, returning: .everyStep).masked(
      by: .sequence)
    stack.levels[1].cell.weightHidden = .zeros([2, 2])
    let x = Tensor.ones([2, 1, 3]).expanded(to: [2, 5, 3])
    stack.levels[0].cell.weightHidden = .zeros([40, 40])
    let outputs = output(of: stack, x)
    for step in 1..<5 { #expect(outputs.at(step, axis: 1) == outputs.at(0, axis: 1)) }
    #expect(outputs.at(0, axis: 0) != outputs.at(1, axis: 0))
    let unlocked = output(of: stack.masked(by: .value), x)
    #expect(unlocked.at(1, axis: 1) != unlocked.at(0, axis: 1))
  }

  @Test("an embedding drops whole words of a batch, and its gradient stays sparse")
  func words() throws {
    var generator = RandomGenerator(seed: 5)
    let plain = Embedding(vocabulary: 1000, size: 3, using: &generator)
    var layer = Embedding(1000, 3, dropout: 0.25)
    layer.weight = plain.weight
    let indices = (0..<4000).map { ($0 * 7) % 800 }
    let tokens = Tensor(indices, shape: [40, 100])
    var dropped: [Int: Set<[Float]>] = [:]
    var result = Tensor(0)
    let gradient = valueAndGradient(at: [layer], using: &generator) { layers in
      result = layers[0](tokens)
      return result.sum()
    }.gradient[0].weight
    let ratios = (result.detached / plain(tokens)).reshaped([4000, 3]).values
    for (place, word) in indices.enumerated() {
      dropped[word, default: []].insert(ratios[place * 3..<place * 3 + 3].map { $0 == 0 ? 0 : 1 })
      #expect(ratios[place * 3] == 0 || (ratios[place * 3] - 1 / 0.75).magnitude < 1e-5)
    }
    #expect(dropped.count == 800 && dropped.values.allSatisfy { $0 == [[0, 0, 0]] || $0 == [[1, 1, 1]] })
    expectShare(dropped.values.count { $0 == [[0, 0, 0]] }, of: 800, 0.25)
    let rows = try #require(gradient.sparseRows)
    #expect(rows.indices == Array(0..<800))
    for (row, word) in rows.indices.enumerated() {
      let wanted: Float = dropped[word] == [[0, 0, 0]] ? 0 : 5 / 0.75
      #expect((rows.values[row, 0] - wanted).magnitude < 1e-4)
    }
    expectSameBits(layer(tokens), plain(tokens))
    #expect(throws: LayerError.self) { try Embedding(9, 2, dropout: 1).outputShape(for: [nil, nil]) }
  }

  @Test("between the levels of a stack it acts only in training, and not after the last")
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
