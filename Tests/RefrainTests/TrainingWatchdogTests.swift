import Refrain
import Testing

@Suite("The watchdog") struct TrainingWatchdogTests {
  private func failure(_ model: inout Sequential, _ x: Tensor, _ y: Tensor) -> TrainingError? {
    do throws(TrainingError) {
      try model.fit(x, y, epochs: 3, batchSize: 5, shuffle: false)
      return nil
    } catch {
      return error
    }
  }

  @Test("names the weight, the layer or the batch in which numbers first go astray, and the step")
  func places() throws {
    let (x, y) = series()
    var spoiled = makeModel()
    var tensors = spoiled.tensors
    tensors[1].withUnsafeMutableValues { $0[5] = .nan }
    spoiled = spoiled.replacingTensors(tensors)
    let inWeight = try #require(failure(&spoiled, x, y))
    #expect(inWeight.code == .notFinite && inWeight.epoch == 1 && inWeight.step == 1)
    #expect(inWeight.place == "the weight 0.weight_hh_l0")
    #expect(
      inWeight.description
        == "epoch 1, step 1: the loss is not finite; first in the weight 0.weight_hh_l0; lower the learning rate or clip gradients"
    )

    var badInput = x
    badInput[7, 2, 0] = .infinity * 0
    var healthy = makeModel()
    let inInput = try #require(failure(&healthy, badInput, y))
    #expect(inInput.step == 2 && inInput.place == "the input of the batch")
    var badTarget = y
    badTarget[7, 0] = .infinity
    healthy = makeModel()
    #expect(failure(&healthy, x, badTarget)?.place == "the target of the batch")

    // Large finite weights overflow in the product.
    var overflowing = makeModel()
    overflowing = overflowing.mapTensors { $0.shape == [1, 6] ? .init(repeating: 3e38, shape: [1, 6]) : $0 }
    overflowing.layers[0] = overflowing.layers[0].saturated
    #expect(failure(&overflowing, x, y)?.place == "the output of layer 1 (dense)")
  }

  @Test("names the gradient when the loss is still finite, and the weights stay what they were")
  func gradients() throws {
    let x = Tensor([[0], [1]])
    var (line, optimizer) = (Line(), SGD(learningRate: 0.1))
    let error = #expect(throws: TrainingError.self) {
      try Trainer(epochs: 2).fit(&line, optimizer: &optimizer, examples: Batch(x, x)) {
        model, batch in
        sqrt(model.weight.squared) + model.bias
      }
    }
    #expect(error?.place == "the gradient of weight")
    #expect(error?.description.hasPrefix("epoch 1, step 1: the gradient is not finite; first in") == true)
    #expect(line.weight.item == 0 && line.bias.item == 0)
  }

  @Test("after a divergence the model has its best weights")
  func divergence() throws {
    let x = Tensor((0..<8).map { Float($0) * 10 }, shape: [8, 1])
    var losses: [Float] = []
    func train(epochs: Int) -> (line: Line, error: TrainingError?) {
      var (line, optimizer) = (Line(), SGD(learningRate: 1))
      losses = []
      let trainer = Trainer(epochs: epochs) {
        losses.append($0.loss)
        return true
      }
      do throws(TrainingError) {
        try trainer.fit(&line, optimizer: &optimizer, examples: Batch(x, x)) {
          Loss.meanSquaredError($0($1.input), $1.target)
        }
        return (line, nil)
      } catch {
        return (line, error)
      }
    }
    let (line, error) = train(epochs: 100)
    #expect(error?.code == .notFinite && (error?.epoch ?? 0) > 2)
    let best = try #require(losses.firstIndex(of: losses.min() ?? 0)) + 1
    let expected = train(epochs: best)
    #expect(expected.error == nil && line.tensors == expected.line.tensors)
  }

  @Test("padding that is not a number is no reason to bark")
  func padding() throws {
    var (x, y) = series()
    x[2, 3, 0] = .nan
    var model = makeModel()
    var lengths = [Int](repeating: 4, count: 10)
    lengths[2] = 3
    let history = try model.fit(x, y, lengths: lengths, epochs: 2)
    #expect(history.losses.allSatisfy { $0.isFinite } && model.tensors.allSatisfy { $0.isFinite })
  }
}

extension Layer {
  /// The layer with weights at which all its outputs are near 1.
  fileprivate var saturated: any Layer { mapTensors { .init(repeating: 50, shape: $0.shape) } }
}
