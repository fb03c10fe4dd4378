import Refrain
import RefrainTestSupport
import Testing

@Suite("Losses") struct LossTests {
  private let fixture = try! Fixture("losses")

  /// Value and gradient of `loss` on a case of the fixtures against PyTorch's.
  private func check(
    _ name: String, _ loss: Loss, target: String, weights: Tensor? = nil, lengths: [Int]? = nil,
    value expectedValue: Tensor? = nil, gradient expectedGradient: Tensor? = nil
  ) throws {
    let target = try fixture("\(name).\(target)")
    let (value, gradient) = try valueAndGradient(at: fixture("\(name).prediction")) {
      loss($0, target, weights: weights, lengths: lengths)
    }
    let expected = try expectedValue ?? fixture("\(name).value")
    #expect(agree([value], expected.values), "\(name): \(value) instead of \(expected.values)")
    #expect(try agree(gradient, expectedGradient ?? fixture("\(name).grad.prediction")), "gradient of \(name)")
  }

  @Test("losses of values and their gradients equal PyTorch's")
  func values() throws {
    try check("mse", .meanSquaredError, target: "target")
    try check("l1", .meanAbsoluteError, target: "target")
    try check("huber_1", .huber(), target: "target")
    try check("huber_half", .huber(delta: 0.5), target: "target")
    try check("mse_weighted", .meanSquaredError, target: "target", weights: fixture("mse_weighted.weights"))
    try check("quantile", .quantile([0.1, 0.5, 0.9]), target: "target")
  }

  @Test("binary cross entropy equals PyTorch's, also for large logits")
  func binaryCrossEntropy() throws {
    try check("bce", .binaryCrossEntropy, target: "targets")
    try check(
      "bce_weighted_over_weights", .binaryCrossEntropy, target: "targets",
      weights: fixture("bce_weighted_over_weights.weights"))
  }

  @Test("the gradient of binary cross entropy at a logit of 0 is σ(0) − t")
  func binaryCrossEntropyAtZero() {
    let gradient = valueAndGradient(at: Tensor([0, 0])) { Loss.binaryCrossEntropy($0, Tensor([1, 0])) }.gradient
    #expect(gradient.values == [-0.25, 0.25])
  }

  @Test("cross entropy equals PyTorch's for indices, one-hot rows, probabilities and smoothing")
  func crossEntropy() throws {
    try check("cross_entropy", .crossEntropy, target: "classes")
    try check("cross_entropy_one_hot", .crossEntropy, target: "targets")
    try check("cross_entropy_probabilities", .crossEntropy, target: "targets")
    try check("cross_entropy_smoothed", .crossEntropy(smoothing: 0.1), target: "classes")
    try check("cross_entropy_probabilities_smoothed", .crossEntropy(smoothing: 0.1), target: "targets")
    try check(
      "cross_entropy_weighted", .crossEntropy, target: "classes", weights: fixture("cross_entropy_weighted.weights"))
  }

  @Test("the gradient of cross entropy takes no logits from anybody who holds them")
  func heldLogits() {
    let (x, classes) = (Tensor([[1, -2, 0.5], [0, 3, -1]]), Tensor([2, 1]))
    let before = (x * 2).values
    var held: Tensor?
    let alone = valueAndGradient(at: x) { Loss.crossEntropy($0 * 2, classes) }
    let twice = valueAndGradient(at: x) { x -> Tensor in
      let logits = x * 2
      held = logits
      return Loss.crossEntropy(logits, classes) + Loss.crossEntropy(logits, classes)
    }
    #expect(held?.values == before)
    #expect(twice.gradient == alone.gradient * 2)
  }

  @Test("rows of weight 0 are left out as PyTorch leaves out ignored classes, whatever they hold")
  func ignoredRows() throws {
    for (name, smoothing) in [("cross_entropy_ignoring", Float(0)), ("cross_entropy_ignoring_smoothed", 0.1)] {
      // The class of an ignored row, −100, would stop the program if it were read.
      let weights = try fixture("\(name).classes").values.map { $0 < 0 ? 0 : 1 as Float }
      try check(name, .crossEntropy(smoothing: smoothing), target: "classes", weights: Tensor(weights))
    }
  }

  @Test("with lengths the mean is over the valid steps, as PyTorch's masked mean")
  func lengths() throws {
    let lengths = [3, 5, 1]
    try check("masked_mse", .meanSquaredError, target: "target", lengths: lengths)
    try check("masked_l1", .meanAbsoluteError, target: "target", lengths: lengths)
    try check("masked_huber", .huber(), target: "target", lengths: lengths)
    try check("masked_bce", .binaryCrossEntropy, target: "targets", lengths: lengths)
    try check("masked_cross_entropy", .crossEntropy, target: "classes", lengths: lengths)
  }

  @Test("a mask as weights a step is the same as lengths")
  func stepWeights() throws {
    try check("masked_mse", .meanSquaredError, target: "target", weights: fixture("masked_mse.mask"))
    try check("masked_cross_entropy", .crossEntropy, target: "classes", weights: fixture("masked_cross_entropy.mask"))
  }

  @Test("padding has no influence on value or gradient, even if it is not a number")
  func padding() throws {
    let lengths = [3, 5, 1]
    func spoiled(_ tensor: Tensor) -> Tensor {
      var tensor = tensor
      let size = tensor.count / 15
      tensor.withUnsafeMutableValues { values in
        for (row, length) in lengths.enumerated() {
          for index in (row * 5 + length) * size..<(row + 1) * 5 * size { values[index] = .nan }
        }
      }
      return tensor
    }
    let prediction = try fixture("masked_mse.prediction")
    let classes = try fixture("masked_cross_entropy.classes")
    let oneHot = Tensor(
      classes.values.flatMap { label in (0..<4).map { Float($0) == label ? 1 : 0 } }, shape: [3, 5, 4])
    let cases: [(Loss, Tensor)] = try [
      (.meanSquaredError, fixture("masked_mse.target")), (.meanAbsoluteError, fixture("masked_mse.target")),
      (.huber(), fixture("masked_mse.target")), (.binaryCrossEntropy, fixture("masked_bce.targets")),
      (.crossEntropy, classes), (.crossEntropy(smoothing: 0.1), oneHot),
      (.quantile([0.1, 0.3, 0.5, 0.9]), classes), (.categoricalCrossEntropy, classes),
      (.categoricalCrossEntropy, oneHot),
    ]
    let weights = Tensor([0.5, 2, 1])
    for (loss, target) in cases {
      let clean = valueAndGradient(at: prediction) { loss($0, target, weights: weights, lengths: lengths) }
      let dirty = valueAndGradient(at: spoiled(prediction)) {
        loss($0, spoiled(target), weights: weights, lengths: lengths)
      }
      #expect(dirty.value == clean.value && clean.value.isFinite, "\(loss.name)")
      #expect(dirty.gradient == clean.gradient, "\(loss.name)")
      let outside = (0..<3).allSatisfy { row in
        (lengths[row]..<5).allSatisfy { step in (0..<4).allSatisfy { dirty.gradient[row, step, $0] == 0 } }
      }
      #expect(outside, "\(loss.name)")
    }
  }

  @Test("weights of one size change nothing, and a weight of 2 counts as the example twice")
  func weights() throws {
    let (prediction, target) = try (fixture("mse.prediction"), fixture("mse.target"))
    let loss = Loss.huber()
    let plain = loss(prediction, target).item
    #expect(agree([loss(prediction, target, weights: Tensor([3, 3, 3, 3])).item], [plain]))
    let twice = loss(prediction.gatheringRows([0, 1, 1, 2, 3]), target.gatheringRows([0, 1, 1, 2, 3])).item
    #expect(agree([loss(prediction, target, weights: Tensor([1, 2, 1, 1])).item], [twice]))
    #expect(loss(prediction, target, weights: .zeros([4])).item == 0)
  }

  @Test("weights of examples and lengths together weigh each valid step")
  func weightsAndLengths() throws {
    let prediction = try fixture("masked_mse.prediction")
    let target = try fixture("masked_mse.target")
    let steps = Tensor([0.5, 0.5, 0.5, 0, 0, 2, 2, 2, 2, 2, 3, 0, 0, 0, 0], shape: [3, 5])
    let bySteps = Loss.meanSquaredError(prediction, target, weights: steps).item
    let byExamples = Loss.meanSquaredError(prediction, target, weights: Tensor([0.5, 2, 3]), lengths: [3, 5, 1]).item
    #expect(agree([byExamples], [bySteps]))
  }

  @Test("categorical cross entropy on a softmax equals cross entropy on logits, with its gradient")
  func categoricalCrossEntropy() throws {
    let logits = try fixture("cross_entropy.prediction").slice(0..<3, axis: 0)
    let classes = try fixture("cross_entropy.classes").slice(0..<3, axis: 0)
    let oneHot = try fixture("cross_entropy_one_hot.targets").slice(0..<3, axis: 0)
    let expected = valueAndGradient(at: logits) { Loss.crossEntropy($0, classes) }
    for target in [classes, oneHot] {
      let actual = valueAndGradient(at: logits) { Loss.categoricalCrossEntropy($0.softmax(), target) }
      #expect(agree([actual.value], [expected.value]))
      #expect(agree(actual.gradient, expected.gradient))
    }
    let certain = Loss.categoricalCrossEntropy(Tensor([[0, 1]]), Tensor([0]))
    #expect(agree([certain.item], [16.118095]), "p is brought to at least 1e-7")
  }

  @Test("targets with a last axis of 1 mean the same as without it")
  func trailingOnes() throws {
    let logits = try fixture("cross_entropy.prediction")
    let classes = try fixture("cross_entropy.classes")
    #expect(Loss.crossEntropy(logits, classes.reshaped([5, 1])) == Loss.crossEntropy(logits, classes))
    let column = try fixture("mse.prediction").slice(0..<1, axis: 1)
    let target = try fixture("mse.target").slice(0..<1, axis: 1)
    let expected = Loss.meanSquaredError(column, target)
    #expect(Loss.meanSquaredError(column, target.reshaped([4])) == expected)
    #expect(Loss.meanSquaredError(column.reshaped([4]), target) == expected)
  }

  @Test("a loss of one's own is one closure over rows")
  func ownLoss() {
    let logCosh = Loss("log cosh") { log((exp($0 - $1) + exp($1 - $0)) * 0.5) }
    let value = logCosh(Tensor([[1, 7], [3, 7]]), Tensor([[0, 7], [0, 7]]), weights: Tensor([1, 0])).item
    #expect(agree([value], [0.4337808 / 2]))
  }

  @Test("a class that does not exist stops the program")
  func wrongClass() async {
    await #expect(processExitsWith: .failure) { _ = Loss.crossEntropy(Tensor([[0, 1]]), Tensor([2])) }
    await #expect(processExitsWith: .failure) { _ = Loss.meanSquaredError(Tensor([[0, 1]]), Tensor([0])) }
  }
}
