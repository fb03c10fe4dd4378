import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

/// The blocks of Guides/Training.md and Guides/Explain.md.
@Suite("What the guides say of watching and explaining is true") struct InsideGuideTests {
  private func makeModel() -> Sequential {
    Sequential(inputSize: 2, seed: 1) {
      LSTM(6)
      Dense(1)
    }
  }

  @Test("a training is watched, and its learning rate found") func training() throws {
    try withTemporaryFolder { folder in
      var (model, optimizer) = (makeModel(), Adam())
      var generator = RandomGenerator(seed: 1)
      let x = Tensor.normal([64, 5, 2], using: &generator)
      let examples = Batch(x, x.mean(axes: [1]).slice(0..<1, axis: 1))
      var warnings: [String] = []

      let advice = TrainingAdvice { warnings.append($0.description) }
      let board = TensorBoard(folder + "/runs")
      let trainer = Trainer(
        epochs: 4, averaging: .exponential(decay: 0.99), exchanges: [advice, board], observers: [advice, board])

      let before = model.tensors
      let search = try trainer.searchLearningRate(for: model, optimizer: optimizer) {
        trainer, model, optimizer throws(TrainingError) in
        try trainer.fit(&model, optimizer: &optimizer, examples: examples) { model, batch in
          Loss.meanSquaredError(model(batch.input), batch.target)
        }
      }
      optimizer.learningRate = search.suggestion ?? optimizer.learningRate

      #expect(model.tensors == before && search.suggestion != nil)
      let history = try trainer.fit(&model, optimizer: &optimizer, examples: examples) { model, batch in
        Loss.meanSquaredError(model(batch.input), batch.target)
      }
      #expect(history.losses[3] < history.losses[0] && warnings.isEmpty)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/runs").count >= 1)
    }
  }

  @Test("a score is divided among the steps") func attribution() {
    let model = makeModel()
    var generator = RandomGenerator(seed: 2)
    let x = Tensor.normal([5, 2], using: &generator)

    let score = { (inputs: Tensor) in model(inputs).at(0, axis: 1) }
    let parts = Attribution.integratedGradients(of: score, at: x, from: .zeros(x.shape))
    print(parts.steps, parts.features, parts.gap)

    #expect(parts.steps.count == 5 && abs(parts.gap) < 1e-5)
  }
}
