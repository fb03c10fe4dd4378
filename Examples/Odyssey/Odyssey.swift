import RealModule
import Refrain

/// The variants of the LSTM of Greff, Srivastava, Koutník, Steunebrink and Schmidhuber (2015), the first of which the
/// others are compared with.
let variants: [any RecurrentCell.Type] = [
  PeepholeLSTMCell.self, NoInputGateLSTMCell.self, NoForgetGateLSTMCell.self, NoOutputGateLSTMCell.self,
  NoInputActivationLSTMCell.self, NoOutputActivationLSTMCell.self, CoupledGatesLSTMCell.self, LSTMCell.self,
  FullGateRecurrenceLSTMCell.self,
]

/// How each network is trained.
struct Budget {
  var hiddenSize = 64
  var epochs = 60
  var batchSize = 16
  var learningRate: Float = 0.003
  var patience = 6
  var seeds = 10
}

/// Trains a network of one variant to predict the next step, and gives its negative log likelihood a step, in nats, on
/// the test pieces, with the weights that were best on the validation pieces.
func testLoss<Cell: RecurrentCell>(
  of cell: Cell.Type, seed: UInt64, budget: Budget, training: Chorales, validation: Chorales, test: Chorales
) throws -> Double {
  let (x, y, lengths) = training.examples
  let held = validation.examples
  var model = Sequential(inputSize: Chorales.keys, seed: seed) {
    Recurrent<Cell>(budget.hiddenSize, returning: .everyStep)
    Dense(Chorales.keys)
  }
  model.compile(optimizer: Adam(learningRate: budget.learningRate), loss: .binaryCrossEntropy)
  try model.fit(
    x, y, lengths: lengths, epochs: budget.epochs, batchSize: budget.batchSize,
    validation: .data(held.input, held.target, lengths: held.lengths), seed: seed, clipping: .globalNorm(1),
    earlyStopping: EarlyStopping(patience: budget.patience))
  let unseen = test.examples
  let mean = model.evaluate(unseen.input, unseen.target, lengths: unseen.lengths).loss
  return Double(mean) * Double(Chorales.keys)
}

/// The mean and the standard deviation of some results.
struct Results {
  let values: [Double]
  var mean: Double { values.reduce(0, +) / Double(values.count) }
  var variance: Double {
    values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(max(values.count - 1, 1))
  }

  /// Welch's t for the difference to others, and its degrees of freedom.
  func welch(_ other: Results) -> (t: Double, freedom: Double) {
    let (a, b) = (variance / Double(values.count), other.variance / Double(other.values.count))
    let spread = a * a / Double(values.count - 1) + b * b / Double(other.values.count - 1)
    return ((mean - other.mean) / .sqrt(a + b), (a + b) * (a + b) / spread)
  }

  /// Whether the means differ at the level of 5 %, by Welch's test, as the paper judges.
  func differs(from other: Results) -> Bool {
    guard values.count > 1, other.values.count > 1 else { return false }
    let (t, freedom) = welch(other)
    // The 97.5 % quantile of Student's t by Cornish and Fisher's expansion, to 1e-3 from 5 degrees on.
    let z = 1.959964
    let (z3, z5) = (z * z * z, z * z * z * z * z)
    let bound =
      z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom)
    return abs(t) > bound
  }
}
