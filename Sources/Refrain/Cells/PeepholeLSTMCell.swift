/// The long short-term memory whose gates see the cell state through diagonal peepholes (Gers and Schmidhuber 2000;
/// ONNX's `P`). The input and forget gates see it before the step, the output gate after.
///
///     i = σ(W_i x + R_i h + p_i ⊙ c + b_i)      input gate
///     f = σ(W_f x + R_f h + p_f ⊙ c + b_f)      forget gate
///     c̃ = tanh(W_c x + R_c h + b_c)             candidate
///     c' = f ⊙ c + i ⊙ c̃                        cell state
///     o = σ(W_o x + R_o h + p_o ⊙ c' + b_o)     output gate
///     h' = o ⊙ tanh(c')                         hidden state
public struct PeepholeLSTMCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights and biases.
  public typealias Gate = LSTMCell.Gate

  public typealias State = LSTMCell.State

  public static let name = "peephole-lstm"
  public static let source = "Gers and Schmidhuber 2000"
  public static let purpose = "exact timing: gates that see their own memory"

  /// W, `[4H, I]`
  public var weightInput: Tensor
  /// R, `[4H, H]`
  public var weightHidden: Tensor
  /// b, `[4H]`
  public var bias: Tensor
  /// p_i, `[H]`
  public var peepholeInput: Tensor
  /// p_f, `[H]`
  public var peepholeForget: Tensor
  /// p_o, `[H]`
  public var peepholeOutput: Tensor

  /// A cell with weights drawn from `generator`, which starts as an ``LSTMCell`` does: the peepholes are 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    bias = Initializer.biases(gates, hiddenSize, open: Gate.forget.rawValue)
    peepholeInput = .zeros([hiddenSize])
    peepholeForget = .zeros([hiddenSize])
    peepholeOutput = .zeros([hiddenSize])
  }

  /// A cell with ready weights: W `[4H, I]`, R `[4H, H]`, b `[4H]` and the peepholes,
  /// each `[H]`. Shapes that do not belong together stop the program.
  public init(
    weightInput: Tensor, weightHidden: Tensor, bias: Tensor, peepholeInput: Tensor, peepholeForget: Tensor,
    peepholeOutput: Tensor
  ) {
    self.weightInput = weightInput
    self.weightHidden = weightHidden
    self.bias = bias
    self.peepholeInput = peepholeInput
    self.peepholeForget = peepholeForget
    self.peepholeOutput = peepholeOutput
    checkWeights()
  }

  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightHidden.extent(1) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    try body("weight_ci", &peepholeInput)
    try body("weight_cf", &peepholeForget)
    try body("weight_co", &peepholeOutput)
  }

  public func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let (_, _, _, output, cell) = activations(projected, state)
    return State(hidden: output * tanh(cell), cell: cell)
  }

  /// The gates and the candidate of a step, and c', `[B, H]` each.
  private func activations(
    _ projected: Tensor, _ state: State
  ) -> (input: Tensor, forget: Tensor, candidate: Tensor, output: Tensor, cell: Tensor) {
    let sums = projected + state.hidden.matrixProduct(weightHidden, transposingOther: true)
    func sum(_ gate: Gate) -> Tensor { sums.block(gate.rawValue, of: hiddenSize) }
    let input = sigmoid(sum(.input) + state.cell * peepholeInput)
    let forget = sigmoid(sum(.forget) + state.cell * peepholeForget)
    let candidate = tanh(sum(.candidate))
    let cell = forget * state.cell + input * candidate
    return (input, forget, candidate, sigmoid(sum(.output) + cell * peepholeOutput), cell)
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    let (input, forget, candidate, output, _) = activations(projected, state)
    return [("input", input), ("forget", forget), ("candidate", candidate), ("output", output)]
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}
