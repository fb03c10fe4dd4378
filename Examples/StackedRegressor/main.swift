// A number from a sequence: two LSTMs one on another, the lower returning its output at every step, and a dense layer.
// To be learned is the moving average in which each value counts a little less than the one after it.
import Refrain
import RefrainData

/// Sequences of 20 values `[B, T, 1]` and their exponentially weighted averages `[B, 1]`.
func makeSequences(_ count: Int, seed: UInt64) -> (x: Tensor, y: Tensor) {
  var generator = RandomGenerator(seed: seed)
  let x = Tensor.uniform([count, 20, 1], in: -1..<1, using: &generator)
  let averages = (0..<count).map { row in
    (0..<20).reduce(Float(0)) { average, step in 0.8 * average + 0.2 * x[row, step, 0] }
  }
  return (x, Tensor(averages, shape: [count, 1]))
}

func stackedRegressor() throws -> (history: History, predictions: Tensor, truth: Tensor) {
  let (x, y) = makeSequences(800, seed: 1)

  var model = Sequential(inputSize: 1, seed: 1) {
    LSTM(64, returning: .everyStep)
    LSTM(32)
    Dense(1)
  }
  model.compile(optimizer: Adam(), loss: .meanSquaredError)

  let history = try model.fit(x, y, epochs: 10, batchSize: 32, observers: [ProgressReporter()])

  let (newX, newY) = makeSequences(100, seed: 2)
  return (history, model.predict(newX), newY)
}

let (_, predictions, truth) = try stackedRegressor()
for row in 0..<5 { print("predicted \(predictions[row, 0]), true \(truth[row, 0])") }
print("mean squared error \(Loss.meanSquaredError(predictions, truth).item)")
