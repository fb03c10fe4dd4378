import Refrain
import RefrainTestSupport

/// A cell outside of ``Cells/all``: a leaky sum with a counter, which shows something else than its first state, and
/// begins with something else than zeros.
struct CountingCell: RecurrentCell {
  struct State: RecurrentState {
    /// How many steps there were, `[B, 1]`.
    var count: Tensor
    /// `[B, 2, H]`
    var sums: Tensor

    var output: Tensor { tanh(sums.at(0, axis: 1)) + count * 0.1 }

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("count", &count)
      try body("sums", &sums)
    }
  }

  static let name = "counting"
  static let source = "these tests"

  /// `[2H, I]`
  var weight: Tensor
  /// `[2, H]`
  var decay: Tensor

  init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    weight = .normal([2 * hiddenSize, inputSize], using: &generator)
    decay = .normal([2, hiddenSize], using: &generator)
  }

  var inputSize: Int { weight.shape[1] }
  var hiddenSize: Int { decay.shape[1] }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight", &weight)
    try body("decay", &decay)
  }

  func initialState(batch: Int) -> State {
    State(count: .zeros([batch, 1]), sums: Tensor(repeating: 0.5, shape: [batch, 2, hiddenSize]))
  }

  func project(_ input: Tensor) -> Tensor { input.matrixProduct(weight, transposingOther: true) }

  func step(_ projected: Tensor, _ state: State) -> State {
    // A row for each half of a sequence's values.
    let halves = softplus(projected.reshaped([-1, hiddenSize])).clamped(0.1...0.9)
    let sums = state.sums.reshaped([-1, hiddenSize])
    let order = sums.softmax().cumulativeSum().reshaped(state.sums.shape).transposed([0, 2, 1])
    let chosen = select(greater(sums, halves), sums.fraction, halves.logSoftmax()).reshaped(state.sums.shape)
    // The halves first, and the same decay for each sequence.
    let turned = (state.sums.transposed([1, 0, 2]) * projected.reshaped(state.sums.shape).transposed([1, 0, 2]))
    let kept = sigmoid(decay).expanded(to: state.sums.shape)
    let next = kept * chosen + sqrt(abs(order)).transposed([0, 2, 1]) - 0.1 * turned.transposed([1, 0, 2])
    let grown = (silu(halves) * gelu(sums) - halves.squared).reshaped(state.sums.shape)
    let peak = state.sums.flipped(axis: 2).maximum(axis: 1, keepingAxis: true)
    return State(count: state.count + 1, sums: minimum(next + grown - peak * 0.1, Tensor(3)))
  }
}

/// A cell with an operation that has a gradient and no name in ONNX.
struct MappingCell: OneWeightCell {
  static let name = "mapping"

  var weight: Tensor

  func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    HiddenState(hidden: tanh(projected + state.hidden.map(derivative: { _ in 1 }) { $0 + 1 }))
  }
}

/// A cell whose operations depend on the values it is given, so that it is no list of operations.
struct ChoosingCell: OneWeightCell {
  static let name = "choosing"

  var weight: Tensor

  func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    HiddenState(hidden: tanh(projected + state.hidden * (projected.values.max() ?? 0)))
  }
}
