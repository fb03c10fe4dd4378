import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Losses of whole sequences") struct SequenceLossTests {
  private let logits = ramp([3, 4, 2])
  private let classes = Tensor([[0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 1, 1]])
  private let lengths = [4, 2, 3]

  /// −log p of each sequence, from the losses of its steps alone.
  private func expected(_ row: Int) -> Float {
    (0..<lengths[row]).reduce(0) { sum, step in
      sum
        + Loss.crossEntropy(logits.at(row, axis: 0).slice(step..<step + 1, axis: 0), Tensor([classes[row, step]])).item
    }
  }

  @Test("weigh every sequence once, whatever its length, and pass no gradient to padding")
  func sums() {
    let loss = Loss.crossEntropy.summedOverSteps
    let mean = (0..<3).map(expected).reduce(0, +) / 3
    #expect(abs(loss(logits, classes, lengths: lengths).item - mean) < 1e-5)
    let weighted = loss(logits, classes, weights: Tensor([1, 0, 3]), lengths: lengths).item
    #expect(abs(weighted - (expected(0) + 3 * expected(2)) / 4) < 1e-5)
    var spoiled = logits
    spoiled[1, 3, 0] = .nan
    let (value, gradient) = valueAndGradient(at: spoiled) { loss($0, classes, lengths: lengths) }
    #expect(abs(value - mean) < 1e-5 && gradient.isFinite)
    #expect(gradient[1, 2, 0] == 0 && gradient[1, 1, 0] != 0)
    expectGradient(of: { loss($0, classes, lengths: lengths) }, at: logits)
    // A loss of values has the mean over a step's values.
    let values = Loss.meanSquaredError.summedOverSteps(logits, .zeros([3, 4, 2]), lengths: [1, 1, 1]).item
    let firsts = logits.slice(0..<1, axis: 1).squared.mean().item
    #expect(abs(values - firsts) < 1e-6)
  }

  /// Compares a gradient with differences.
  private func expectGradient(of loss: (Tensor) -> Tensor, at x: Tensor) {
    let gradient = valueAndGradient(at: x, of: loss).gradient.values
    for index in gradient.indices {
      func moved(_ by: Float) -> Float {
        var values = x.values
        values[index] += by
        return loss(Tensor(values, shape: x.shape)).item
      }
      #expect(abs((moved(0.01) - moved(-0.01)) / 0.02 - gradient[index]) < 2e-3)
    }
  }

  @Test("of one's own see predictions, lengths and targets of other lengths; a sequence without steps does not count")
  func ownLoss() {
    let loss = Loss("ends", prediction: .logits) { batch in
      #expect(batch.count == 2 && batch.lengths == [4, 3] && batch.targetLengths == [1, 0])
      #expect(batch.target == Tensor([[5, 6], [9, 9]]))
      return stack((0..<2).map { batch.clearedPrediction.at($0, axis: 0).sum() }, axis: 0)
    }
    let value = loss(
      logits, Tensor([[5, 6], [7, 8], [9, 9]]), lengths: [4, 0, 3], targetLengths: [1, 2, 0])
    let cleared = logits.masked(Steps(lengths: [4, 0, 3]))
    #expect(abs(value.item - cleared.sum().item / 2) < 1e-5)
  }

  @Test("are 0 where no sequence is left") func nothingLeft() {
    for weights in [nil, Tensor([0, 0, 0])] {
      let batch = SequenceBatch(
        logits, classes, weights: weights, lengths: weights == nil ? [0, 0, 0] : nil, targetLengths: nil, name: "none")
      #expect(batch.count == 0 && batch.mean(.zeros([0]), name: "none").item == 0)
    }
  }

  @Test("train a model, with lengths of targets from the batch")
  func training() throws {
    var generator = RandomGenerator(seed: 1)
    let x = Tensor.uniform([12, 5, 2], using: &generator)
    let targets = Tensor((0..<24).map { $0 % 3 }, shape: [12, 2])
    let ends = Loss("ends") { batch in
      let wanted = batch.target.at(0, axis: 1) * Tensor((batch.targetLengths ?? []).map(Float.init))
      return (batch.clearedPrediction.sum(axes: [1, 2]) - wanted).squared
    }
    var model = Sequential(inputSize: 2, seed: 1) {
      LSTM(4, returning: .everyStep)
      Dense(1)
    }
    model.compile(optimizer: Adam(learningRate: 0.02), loss: ends)
    let batch = Batch(x, targets, lengths: (0..<12).map { $0 % 5 + 1 }, targetLengths: (0..<12).map { $0 % 3 })
    let history = try model.fit(batches: Batches(batch, size: 5), trainer: Trainer(epochs: 30))
    #expect(history.losses[29] < history.losses[0] * 0.7)
  }
}
