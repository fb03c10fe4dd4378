// A model as a struct and a loop of one's own: an LSTM from 10 values a step to 64 units, and a linear layer that makes
// one number of the last step. To be learned is the mean of the first value over all steps.
import Refrain

struct Regressor: Module {
  var lstm = LSTM(inputSize: 10, hiddenSize: 64)
  var linear = Dense(inputSize: 64, outputSize: 1)

  /// `[B, T, 10]` → `[B, 1]`
  func callAsFunction(_ x: Tensor) -> Tensor {
    linear(lstm(x))
  }

  /// Names the parts, for the optimizer, saved files and the count of parameters.
  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try lstm.forEachTensor(under: "lstm", body)
    try linear.forEachTensor(under: "linear", body)
  }
}

func explicitLoop() -> (losses: [Float], model: Regressor) {
  setRandomSeed(1)
  var generator = RandomGenerator(seed: 1)
  let x = Tensor.normal([256, 15, 10], using: &generator)
  let y = x.slice(0..<1, axis: 2).mean(axes: [1])

  var model = Regressor()
  var optimizer = Adam(learningRate: 0.001)
  var losses: [Float] = []
  for epoch in 1...20 {
    var sum: Float = 0
    let batches = Batches(Batch(x, y), size: 32)
    for batch in batches {
      let (loss, gradient) = valueAndGradient(at: model) { model in
        Loss.meanSquaredError(model(batch.input), batch.target)
      }
      optimizer.update(&model, along: gradient)
      sum += loss
    }
    losses.append(sum / Float(batches.count))
    if epoch % 5 == 0 { print("epoch \(epoch)  loss \(losses[epoch - 1])") }
  }
  return (losses, model)
}

_ = explicitLoop()
