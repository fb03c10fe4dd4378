// A label for every step of a sequence: an LSTM of 128 units reads symbols, and at each step a dense layer says which
// symbol stood two steps before. Only the memory of the cell can know.
import Refrain
import RefrainData

/// Sequences of 12 symbols out of 4, one-hot `[B, T, I]`, and for each step the symbol two steps before `[B, T]`.
func makeSequences(_ count: Int, seed: UInt64) -> (x: Tensor, y: Tensor) {
  let (steps, symbols) = (12, 4)
  var generator = RandomGenerator(seed: seed)
  var x = Tensor.zeros([count, steps, symbols])
  var y = Tensor.zeros([count, steps])
  for row in 0..<count {
    let sequence = (0..<steps).map { _ in generator.integer(below: symbols) }
    for step in 0..<steps {
      x[row, step, sequence[step]] = 1
      y[row, step] = step < 2 ? 0 : Float(sequence[step - 2])
    }
  }
  return (x, y)
}

func everyStepClassifier() throws -> (history: History, test: Evaluation) {
  let (x, y) = makeSequences(512, seed: 1)

  var model = Sequential(inputSize: 4, seed: 1) {
    LSTM(128, returning: .everyStep)
    Dense(4, activation: .softmax)
  }
  model.compile(
    optimizer: Adam(learningRate: 0.005), loss: .categoricalCrossEntropy, metrics: [.accuracy])
  print(model.summary)

  let history = try model.fit(x, y, epochs: 10, batchSize: 32, observers: [ProgressReporter()])

  let (newX, newY) = makeSequences(128, seed: 2)
  return (history, model.evaluate(newX, newY))
}

let test = try everyStepClassifier().test
print("On new sequences: loss \(test.loss), accuracy \(test.metrics["accuracy"] ?? 0)")
