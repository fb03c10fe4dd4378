// A class for a whole sequence: an LSTM of 128 units looks at a noisy wave, and a dense layer with softmax says whether
// it is a sine, a square or a sawtooth.
import RealModule
import Refrain
import RefrainData

/// Waves of 40 steps `[B, T, 1]` of any phase, with noise, and their kinds, 0 to 2, `[B]`.
func makeWaves(_ count: Int, seed: UInt64) -> (x: Tensor, y: Tensor) {
  var generator = RandomGenerator(seed: seed)
  var x = Tensor.zeros([count, 40, 1])
  let kinds = (0..<count).map { _ in generator.integer(below: 3) }
  for row in 0..<count {
    let phase = generator.uniform()
    for step in 0..<40 {
      let turns = Float(step) / 16 + phase
      let wave: Float =
        switch kinds[row] {
        case 0: .sin(2 * .pi * turns)
        case 1: turns.truncatingRemainder(dividingBy: 1) < 0.5 ? 1 : -1
        default: 2 * turns.truncatingRemainder(dividingBy: 1) - 1
        }
      x[row, step, 0] = wave + 0.1 * generator.normal()
    }
  }
  return (x, Tensor(kinds))
}

func sequenceClassifier() throws -> (history: History, test: Evaluation) {
  let (x, y) = makeWaves(600, seed: 1)

  var model = Sequential(inputSize: 1, seed: 1) {
    LSTM(128)
    Dense(3, activation: .softmax)
  }
  model.compile(optimizer: Adam(learningRate: 0.002), loss: .categoricalCrossEntropy, metrics: [.accuracy])

  let history = try model.fit(
    x, y, epochs: 12, batchSize: 32, validation: .fraction(0.2), observers: [ProgressReporter()])

  let (newX, newY) = makeWaves(200, seed: 2)
  return (history, model.evaluate(newX, newY))
}

let test = try sequenceClassifier().test
print("On new waves: loss \(test.loss), accuracy \(test.metrics["accuracy"] ?? 0)")
