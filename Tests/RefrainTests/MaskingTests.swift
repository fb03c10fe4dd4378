import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Masking")
struct MaskingTests {
  /// Five sequences of six steps: whole, with gaps, padded behind, empty, padded in front.
  static let present = StepsTests.flags(["111111", "101101", "111000", "000000", "000011"])

  /// Ramps that are `value` at the steps that are not there.
  static func sequences(_ value: Float) -> Tensor {
    let whole = ramp([5, 6, 3], 1.3) + 2
    return select(Steps(present: present).mask(batch: 5, time: 6).reshaped([5, 6, 1]), whole, Tensor(value))
  }

  @Test("makes the layers after it skip the steps that hold one value alone", arguments: [Float(0), -1.5])
  func values(value: Float) {
    let input = Self.sequences(value)
    func layers() -> [any Layer] {
      [
        Bidirectional<GRUCell>(4, returning: .everyStep), Activate(.tanh), LayerNorm(),
        Stacked<LSTM>([3, 2], returning: .everyStep), Dense(2),
      ]
    }
    let masked = Sequential(inputSize: 3, seed: 1) { [Masking(value)] + layers() }
    let plain = Sequential(inputSize: 3, seed: 1) { layers() }
    let expected = plain(input, steps: Steps(present: Self.present))
    expectSameBits(masked(input), expected)
    // Lengths narrow what is found.
    let lengths = [5, 3, 6, 2, 6]
    expectSameBits(
      masked(input, lengths: lengths), plain(input, steps: Steps(lengths: lengths, present: Self.present)))
  }

  @Test("gives zeros at the steps that are not there, and no gradient to them")
  func zeros() {
    let input = Self.sequences(-1.5)
    let (_, gradient) = valueAndGradient(at: input) { Masking(-1.5)($0).sum() }
    expectSameBits(
      gradient, Steps(present: Self.present).mask(batch: 5, time: 6).reshaped([5, 6, 1]).expanded(to: [5, 6, 3]))
    #expect(Masking(-1.5)(input).values.allSatisfy { $0 != -1.5 })
  }

  @Test("keeps a step of which one value alone is the masked one")
  func oneValue() {
    var steps = Steps()
    _ = Masking()(Tensor([0, 1, 0, 0, 2, 0], shape: [1, 3, 2]), passing: &steps)
    #expect(steps == Steps(lengths: [3], present: [[true, false, true]]))
    steps = Steps()
    _ = Masking()(Tensor([0, 1, 1, 0, 0, 0], shape: [1, 3, 2]), passing: &steps)
    #expect(steps == Steps(lengths: [2]))
    steps = Steps()
    _ = Masking()(Tensor([0, 1, 1, 0, 2, 2], shape: [1, 3, 2]), passing: &steps)
    #expect(steps == Steps())
  }

  @Test("ends where a layer returns its last step")
  func lastStep() {
    let model = Sequential(inputSize: 3, seed: 1) {
      Masking()
      LSTM(4)
      Flatten()
      Reshape([2, 2])
      GRU(2, returning: .everyStep)
    }
    var steps = Steps()
    let output = model(Self.sequences(0), passing: &steps)
    #expect(output.shape == [5, 2, 2] && steps == Steps())
  }

  @Test("of index 0 works as masking does, with the time first too")
  func embedding() {
    let tokens = Tensor([[3, 0, 1, 2], [1, 2, 0, 0], [0, 0, 0, 0]])
    func model(_ maskZero: Bool) -> Sequential {
      Sequential(seed: 2) {
        Embedding(4, 3, maskZero: maskZero)
        LSTM(5, returning: .everyStep)
      }
    }
    let present = [[true, false, true, true], [true, true, false, false], [false, false, false, false]]
    let expected = model(false)(tokens, steps: Steps(present: present))
    expectSameBits(model(true)(tokens), expected)
    let timeFirst = model(true)(tokens.transposed([1, 0]), steps: Steps(layout: .timeFirst))
    expectSameBits(timeFirst, expected.transposed([1, 0, 2]))
  }

  @Test("leaves the steps out of the loss and of metrics")
  func loss() {
    let input = Self.sequences(0)
    let target = ramp([5, 6, 2], 0.7)
    func model(_ masks: Bool) -> Sequential {
      var model = Sequential(inputSize: 3, seed: 1) {
        if masks { Masking() }
        LSTM(4, returning: .everyStep)
        Dense(2)
      }
      model.compile(optimizer: SGD(learningRate: 0.1), loss: .meanSquaredError, metrics: [.meanAbsoluteError])
      return model
    }
    let batch = Batch(input, target, steps: Steps(present: Self.present))
    let expected = model(false).evaluate(batches: [batch])
    let found = model(true).evaluate(batches: [Batch(input, target)])
    #expect(found.loss == expected.loss && found.metrics == expected.metrics)
  }

  @Test("is refused in streams, and where there are no steps")
  func refused() {
    let masking = Sequential(inputSize: 3) { [Masking(), LSTM(2)] as [any Layer] }
    #expect(throws: LayerError.self) { try Streams(masking) }
    let embedding = Sequential { [Embedding(4, 3, maskZero: true), LSTM(2)] as [any Layer] }
    #expect(throws: LayerError.self) { try Streams(embedding) }
    #expect(throws: LayerError.self) { try Masking().outputShape(for: [nil, 3]) }
    #expect(throws: LayerError.self) { try Embedding(4, 3, maskZero: true).outputShape(for: [nil, nil, 2]) }
  }
}
