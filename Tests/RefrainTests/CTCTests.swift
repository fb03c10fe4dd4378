import Foundation
import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("CTC") struct CTCTests {
  @Test(
    "has PyTorch's losses and gradients, and does not look past lengths",
    arguments: ["plain", "ragged", "last_blank", "sharp", "long"])
  func parity(_ name: String) throws {
    let fixture = try Fixture("ctc").under(name)
    let blank = name == "last_blank" ? 5 : 0
    let (lengths, targetLengths) = (try fixture.integers("lengths"), try fixture.integers("target_lengths"))
    var logits = try fixture("logits")
    let (time, symbols) = (logits.shape[1], logits.shape[2])
    for (row, length) in lengths.enumerated() {
      for step in length..<max(length, time) { for symbol in 0..<symbols { logits[row, step, symbol] = .nan } }
    }
    let labels = try fixture("labels")
    let wanted = try fixture("losses").values
    for (row, value) in wanted.enumerated() {
      let loss = Loss.ctc(blank: blank)(
        logits.slice(row..<row + 1, axis: 0), labels.slice(row..<row + 1, axis: 0), lengths: [lengths[row]],
        targetLengths: [targetLengths[row]])
      #expect(abs(loss.item - value) <= 2e-6 * value + 1e-6, "\(name), row \(row): \(loss.item), not \(value)")
    }
    let count = Float(lengths.count)
    let (value, gradient) = valueAndGradient(at: logits) {
      Loss.ctc(blank: blank)($0, labels, lengths: lengths, targetLengths: targetLengths)
    }
    let mean = wanted.reduce(0, +) / count
    #expect(abs(value - mean) <= 2e-6 * mean)
    expectClose(
      gradient * Tensor(count), try fixture("grad.logits"), "the gradient of \(name)",
      within: Tolerance(relative: 1e-5, absolute: 2e-6))
  }

  // The cases of TensorFlow's and of warp-ctc's own tests.
  private let activations: [[[Float]]] = [
    [
      [0.633766, 0.221185, 0.0917319, 0.0129757, 0.0142857, 0.0260553],
      [0.111121, 0.588392, 0.278779, 0.0055756, 0.00569609, 0.010436],
      [0.0357786, 0.633813, 0.321418, 0.00249248, 0.00272882, 0.0037688],
      [0.0663296, 0.643849, 0.280111, 0.00283995, 0.0035545, 0.00331533],
      [0.458235, 0.396634, 0.123377, 0.00648837, 0.00903441, 0.00623107],
    ],
    [
      [0.30176, 0.28562, 0.0831517, 0.0862751, 0.0816851, 0.161508],
      [0.24082, 0.397533, 0.0557226, 0.0546814, 0.0557528, 0.19549],
      [0.230246, 0.450868, 0.0389607, 0.038309, 0.0391602, 0.202456],
      [0.280884, 0.429522, 0.0326593, 0.0339046, 0.0326856, 0.190345],
      [0.423286, 0.315517, 0.0338439, 0.0393744, 0.0339315, 0.154046],
    ],
  ]
  private let slopes: [[[Float]]] = [
    [
      [-0.366234, 0.221185, 0.0917319, 0.0129757, 0.0142857, 0.0260553],
      [0.111121, -0.411608, 0.278779, 0.0055756, 0.00569609, 0.010436],
      [0.0357786, 0.633813, -0.678582, 0.00249248, 0.00272882, 0.0037688],
      [0.0663296, -0.356151, 0.280111, 0.00283995, 0.0035545, 0.00331533],
      [-0.541765, 0.396634, 0.123377, 0.00648837, 0.00903441, 0.00623107],
    ],
    [
      [-0.69824, 0.28562, 0.0831517, 0.0862751, 0.0816851, 0.161508],
      [0.24082, -0.602467, 0.0557226, 0.0546814, 0.0557528, 0.19549],
      [0.230246, 0.450868, 0.0389607, 0.038309, 0.0391602, -0.797544],
      [0.280884, -0.570478, 0.0326593, 0.0339046, 0.0326856, 0.190345],
      [-0.576714, 0.315517, 0.0338439, 0.0393744, 0.0339315, 0.154046],
    ],
  ]

  @Test("has the losses and gradients that TensorFlow and warp-ctc publish")
  func published() {
    let logits = log(Tensor(activations.joined().joined().map(\.self), shape: [2, 5, 6]))
    let labels = Tensor([[0, 1, 2, 1, 0], [0, 1, 1, 0, 0]])
    let (value, gradient) = valueAndGradient(at: logits) {
      Loss.ctc(blank: 5)($0, labels, targetLengths: [5, 4])
    }
    #expect(abs(value - (3.34211 + 5.42262) / 2) < 1e-5)
    expectClose(
      gradient * 2, Tensor(slopes.joined().joined().map(\.self), shape: [2, 5, 6]), within: Tolerance(absolute: 1e-5))
    // warp-ctc's first test: with as many steps as labels there is one path.
    let few = Tensor([[0.1, 0.6, 0.1, 0.1, 0.1], [0.1, 0.1, 0.6, 0.1, 0.1]]).reshaped([1, 2, 5])
    let path = few.softmax()
    let loss = Loss.ctc()(few, Tensor([[1, 2]]), targetLengths: [2]).item
    #expect(abs(exp(-loss) - path[0, 0, 1] * path[0, 1, 2]) < 1e-6)
  }

  @Test("is infinite where labels have no path, or 0 where it is told so, and gives no gradient there")
  func noPath() {
    let logits = ramp([3, 3, 4])
    // Two equal labels need a blank between them: three steps say 1 1, and do not say 1 1 2.
    let labels = Tensor([[1, 1, 2], [1, 1, 0], [1, 2, 3]])
    #expect(Loss.ctcStepsNeeded([1, 1, 2]) == 4 && Loss.ctcStepsNeeded([1, 1]) == 3 && Loss.ctcStepsNeeded([]) == 0)
    func losses(_ row: Int, zero: Bool) -> Float {
      Loss.ctc(zeroInfinity: zero)(
        logits.slice(row..<row + 1, axis: 0), labels.slice(row..<row + 1, axis: 0), targetLengths: [[3, 2, 3][row]]
      ).item
    }
    #expect(losses(0, zero: false) == .infinity && losses(0, zero: true) == 0)
    #expect(losses(1, zero: false).isFinite && losses(2, zero: false).isFinite)
    let (value, gradient) = valueAndGradient(at: logits) {
      Loss.ctc(zeroInfinity: true)($0, labels, targetLengths: [3, 2, 3])
    }
    #expect(abs(value - (losses(1, zero: true) + losses(2, zero: true)) / 3) < 1e-5)
    #expect(gradient.isFinite && gradient[0, 0, 0] == 0 && gradient[0, 2, 1] == 0 && gradient[1, 0, 0] != 0)
    // A symbol that cannot be, as in warp-ctc's test of infinite costs.
    var impossible = ramp([1, 20, 5])
    for step in 0..<20 { impossible[0, step, 2] = -1e30 }
    let cost = valueAndGradient(at: impossible) { Loss.ctc()($0, Tensor([[2, 3, 1]]), targetLengths: [3]) }
    #expect(cost.value == .infinity && cost.gradient.isFinite)
    impossible[0, 3, 1] = .nan
    #expect(Loss.ctc()(impossible, Tensor([[2, 3, 1]]), targetLengths: [3]).item.isNaN)
  }

  @Test("weighs sequences, divides by labels where it is told so, and gives the same bits on any number of threads")
  func weighing() throws {
    let fixture = try Fixture("ctc").under("ragged")
    let (logits, labels) = (try fixture("logits"), try fixture("labels"))
    let (lengths, targetLengths) = (try fixture.integers("lengths"), try fixture.integers("target_lengths"))
    let losses = try fixture("losses").values
    let weights: [Float] = [1, 0, 2, 0.5, 3]
    let weighted = Loss.ctc()(
      logits, labels, weights: Tensor(weights), lengths: lengths, targetLengths: targetLengths
    ).item
    #expect(abs(weighted - zip(weights, losses).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)) < 1e-4)
    let perLabel = Loss.ctc(perLabel: true)(logits, labels, lengths: lengths, targetLengths: targetLengths).item
    #expect(abs(perLabel - zip(losses, targetLengths).reduce(0) { $0 + $1.0 / Float(max(1, $1.1)) } / 5) < 1e-5)
    func gradient() -> Tensor {
      valueAndGradient(at: logits) {
        Loss.ctc()($0, labels, lengths: lengths, targetLengths: targetLengths)
      }.gradient
    }
    let threads = Parallelism.threads
    defer { Parallelism.threads = threads }
    Parallelism.threads = 1
    let alone = gradient()
    Parallelism.threads = 3
    expectSameBits(gradient(), alone)
  }

  @Test("teaches a layer to say labels whose places nobody told it")
  func learning() throws {
    // Each sequence shows its labels in order, one or two steps each, blanks between.
    let (shown, labels): ([[Int]], [[Float]]) = (
      [[1, 1, 0, 2, 0, 3], [3, 0, 2, 2, 0, 1], [2, 0, 2, 0, 1, 1]], [[1, 2, 3], [3, 2, 1], [2, 2, 1]]
    )
    let input = Tensor(
      shown.flatMap { $0.flatMap { symbol in (0..<4).map { $0 == (symbol + 1) % 4 ? Float(1) : 0 } } },
      shape: [3, 6, 4])
    var generator = RandomGenerator(seed: 3)
    var dense = Dense(inputSize: 4, outputSize: 4, using: &generator)
    var optimizer = Adam(learningRate: 0.1)
    let history = try Trainer(epochs: 60).fit(
      &dense, optimizer: &optimizer,
      batches: [Batch(input, Tensor(labels), targetLengths: [3, 3, 3])]
    ) { dense, batch in
      Loss.ctc()(dense(batch.input), batch.target, targetLengths: batch.targetLengths)
    }
    #expect(history.losses[59] < 0.2)
    let logits = dense(input).logSoftmax()
    #expect((0..<3).map { CTCPrefixSearch.greedy(logits.at($0, axis: 0)).map { Float($0) } } == labels)
  }
}
