import Refrain

// Cells of ONNX with any activations and bounded sums, step by step. They live for one run of a node, and take their
// weights from it.

extension Tensor {
  /// The sums before an activation, brought within ±clip.
  fileprivate func clipped(_ clip: Float?) -> Tensor { clip.map { clamped(-$0...$0) } ?? self }

  /// The `index`-th block of `size` along an axis.
  fileprivate func block(_ index: Int, of size: Int, axis: Int = -1) -> Tensor {
    slice(index * size..<(index + 1) * size, axis: axis)
  }
}

/// The LSTM of ONNX: f, g and h are its activations.
///
///     i = f(W_i x + R_i h + p_i ⊙ c + b_i)
///     f = f(W_f x + R_f h + p_f ⊙ c + b_f)      1 − i where the gates are coupled
///     c' = f ⊙ c + i ⊙ g(W_c x + R_c h + b_c)
///     o = f(W_o x + R_o h + p_o ⊙ c' + b_o)
///     h' = o ⊙ h(c')
struct ONNXLSTMCell: RecurrentCell {
  typealias State = LSTMCell.State

  static let name = "onnx-lstm"
  static let source = "the ONNX operator LSTM"

  /// `[4H, I]`, `[4H, H]`, `[4H]`: blocks i f c o.
  var weightInput, weightHidden, bias: Tensor
  /// `[H]` for i, f and o.
  var peepholes: [Tensor]
  var activations: [ONNXActivation]
  var clip: Float?
  var isCoupled: Bool

  var inputSize: Int { weightInput.shape[1] }
  var hiddenSize: Int { weightHidden.shape[1] }

  func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  func step(_ projected: Tensor, _ state: State) -> State {
    let sums = projected + state.hidden.matrixProduct(weightHidden, transposingOther: true)
    func sum(_ index: Int) -> Tensor { sums.block(index, of: hiddenSize) }
    let (f, g, h) = (activations[0], activations[1], activations[2])
    let input = f((sum(0) + state.cell * peepholes[0]).clipped(clip))
    let forget = isCoupled ? 1 - input : f((sum(1) + state.cell * peepholes[1]).clipped(clip))
    let cell = forget * state.cell + input * g(sum(2).clipped(clip))
    let output = f((sum(3) + cell * peepholes[2]).clipped(clip))
    return State(hidden: output * h(cell), cell: cell)
  }
}

/// The GRU of ONNX: f and g are its activations.
///
///     r = f(W_r x + R_r h + b_r)
///     z = f(W_z x + R_z h + b_z)
///     n = g(W_n x + R_n (r ⊙ h) + b_n + b_hn), or g(W_n x + b_n + r ⊙ (R_n h + b_hn))
///     h' = (1 − z) ⊙ n + z ⊙ h
struct ONNXGRUCell: RecurrentCell {
  typealias State = HiddenState

  static let name = "onnx-gru"
  static let source = "the ONNX operator GRU"

  /// `[3H, I]`, `[3H, H]`, `[3H]`, `[H]`: blocks r z n.
  var weightInput, weightHidden, bias, biasHidden: Tensor
  var activations: [ONNXActivation]
  var clip: Float?
  var resetsAfter: Bool

  var inputSize: Int { weightInput.shape[1] }
  var hiddenSize: Int { weightHidden.shape[1] }

  func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    func recurrent(_ index: Int, _ operand: Tensor) -> Tensor {
      operand.matrixProduct(weightHidden.block(index, of: hiddenSize, axis: 0), transposingOther: true)
    }
    func gate(_ index: Int) -> Tensor {
      activations[0]((projected.block(index, of: hiddenSize) + recurrent(index, state.hidden)).clipped(clip))
    }
    let (reset, update) = (gate(0), gate(1))
    let inner =
      resetsAfter
      ? reset * (recurrent(2, state.hidden) + biasHidden) : recurrent(2, reset * state.hidden) + biasHidden
    let candidate = activations[1]((projected.block(2, of: hiddenSize) + inner).clipped(clip))
    return HiddenState(hidden: (1 - update) * candidate + update * state.hidden)
  }
}

/// The RNN of ONNX: h' = f(W x + R h + b).
struct ONNXRNNCell: RecurrentCell {
  typealias State = HiddenState

  static let name = "onnx-rnn"
  static let source = "the ONNX operator RNN"

  /// `[H, I]`, `[H, H]`, `[H]`
  var weightInput, weightHidden, bias: Tensor
  var activation: ONNXActivation
  var clip: Float?

  var inputSize: Int { weightInput.shape[1] }
  var hiddenSize: Int { weightHidden.shape[1] }

  func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    let sums = projected + state.hidden.matrixProduct(weightHidden, transposingOther: true)
    return HiddenState(hidden: activation(sums.clipped(clip)))
  }
}

// What a cell needs besides: to be made from its sizes, and to be walked.

extension ONNXLSTMCell {
  init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    self.init(
      weightInput: .zeros([4 * hiddenSize, inputSize]), weightHidden: .zeros([4 * hiddenSize, hiddenSize]),
      bias: .zeros([4 * hiddenSize]), peepholes: Array(repeating: .zeros([hiddenSize]), count: 3),
      activations: [ONNXActivation(.sigmoid), ONNXActivation(.tanh), ONNXActivation(.tanh)], isCoupled: false)
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    try peepholes.forEachTensor(under: "peepholes", body)
  }
}

extension ONNXGRUCell {
  init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    self.init(
      weightInput: .zeros([3 * hiddenSize, inputSize]), weightHidden: .zeros([3 * hiddenSize, hiddenSize]),
      bias: .zeros([3 * hiddenSize]), biasHidden: .zeros([hiddenSize]),
      activations: [ONNXActivation(.sigmoid), ONNXActivation(.tanh)], resetsAfter: false)
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    try body("bias_hn", &biasHidden)
  }
}

extension ONNXRNNCell {
  init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    self.init(
      weightInput: .zeros([hiddenSize, inputSize]), weightHidden: .zeros([hiddenSize, hiddenSize]),
      bias: .zeros([hiddenSize]), activation: ONNXActivation(.tanh))
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
  }
}
