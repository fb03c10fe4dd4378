import Refrain

/// Whether all values agree within `tolerance` of the largest expected one.
func agree(_ actual: [Float], _ expected: [Float], within tolerance: Float = 1e-5) -> Bool {
  guard actual.count == expected.count else { return false }
  let scale = expected.reduce(0) { max($0, abs($1)) }
  return zip(actual, expected).allSatisfy { abs($0 - $1) <= tolerance * scale }
}

func agree(_ actual: Tensor, _ expected: Tensor, within tolerance: Float = 1e-5) -> Bool {
  actual.shape == expected.shape && agree(actual.values, expected.values, within: tolerance)
}

/// Two parameters, such as those of the fixtures.
struct Pair: Module {
  var a: Tensor
  var b: Tensor

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("a", &a)
    try body("b", &b)
  }
}

/// Ten sequences of four steps of two numbers, and the mean of the first number as target.
func series(_ count: Int = 10, seed: UInt64 = 1) -> (x: Tensor, y: Tensor) {
  var generator = RandomGenerator(seed: seed)
  let x = Tensor.uniform([count, 4, 2], in: -1..<1, using: &generator)
  return (x, x.slice(0..<1, axis: 2).mean(axes: [1]))
}

/// A small compiled model of such sequences.
func makeModel(dropout: Float = 0, seed: UInt64 = 7) -> Sequential {
  var model = Sequential(inputSize: 2, seed: seed) {
    LSTM(6)
    if dropout > 0 { Dropout(dropout) }
    Dense(1)
  }
  model.compile(optimizer: Adam(learningRate: 0.02), loss: .meanSquaredError, metrics: [.meanAbsoluteError])
  return model
}

/// x → w x + b.
struct Line: Module {
  var weight = Tensor(0 as Float)
  var bias = Tensor(0 as Float)

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight", &weight)
    try body("bias", &bias)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { x * weight + bias }
}
