/// The peephole LSTM whose gates see all gates of the step before (Greff et al. 2015, FGR; as in Hochreiter and
/// Schmidhuber 1997).
///
///     i' = σ(W_i x + R_i h + R_ii i + R_if f + R_io o + p_i ⊙ c + b_i)       input gate
///     f' = σ(W_f x + R_f h + R_fi i + R_ff f + R_fo o + p_f ⊙ c + b_f)       forget gate
///     c̃ = tanh(W_c x + R_c h + b_c)                                         candidate
///     c' = f' ⊙ c + i' ⊙ c̃                                                  cell state
///     o' = σ(W_o x + R_o h + R_oi i + R_of f + R_oo o + p_o ⊙ c' + b_o)      output gate
///     h' = o' ⊙ tanh(c')                                                    hidden state
public struct FullGateRecurrenceLSTMCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights and biases.
  public typealias Gate = LSTMCell.Gate

  /// The hidden state h and the cell state c, each `[B, H]`, and the gates i, f, o, `[B, 3H]`.
  public struct State: RecurrentState {
    /// The hidden state h, `[B, H]`.
    public var hidden: Tensor
    /// The cell state c, `[B, H]`.
    public var cell: Tensor
    /// The gates i, f and o side by side, `[B, 3H]`.
    public var gates: Tensor

    /// A state from h and c, each `[B, H]`, and the gates, `[B, 3H]`.
    public init(hidden: Tensor, cell: Tensor, gates: Tensor) {
      self.hidden = hidden
      self.cell = cell
      self.gates = gates
    }

    public var output: Tensor { hidden }

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("hidden", &hidden)
      try body("cell", &cell)
      try body("gates", &gates)
    }
  }

  public static let name = "lstm-full-gate-recurrence"
  public static let source = "Greff et al. 2015"
  public static let purpose = "studies: gates that see the gates of the step before"

  /// W, `[4H, I]`
  public var weightInput: Tensor
  /// R, `[4H, H]`
  public var weightHidden: Tensor
  /// b, `[4H]`
  public var bias: Tensor
  /// The nine matrices between gates, `[3H, 3H]`: a block of rows for each gate i, f, o that sees, of columns for each
  /// that is seen.
  public var weightGates: Tensor
  /// p_i, `[H]`
  public var peepholeInput: Tensor
  /// p_f, `[H]`
  public var peepholeForget: Tensor
  /// p_o, `[H]`
  public var peepholeOutput: Tensor

  /// A cell with weights drawn from `generator`, as a ``PeepholeLSTMCell`` starts; those between gates by Glorot's
  /// rule.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    bias = Initializer.biases(gates, hiddenSize, open: Gate.forget.rawValue)
    weightGates = Initializer.glorotUniform(3 * hiddenSize, 3 * hiddenSize, using: &generator)
    peepholeInput = .zeros([hiddenSize])
    peepholeForget = .zeros([hiddenSize])
    peepholeOutput = .zeros([hiddenSize])
  }

  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightHidden.extent(1) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    try body("weight_gg", &weightGates)
    try body("weight_ci", &peepholeInput)
    try body("weight_cf", &peepholeForget)
    try body("weight_co", &peepholeOutput)
  }

  public func initialState(batch: Int) -> State {
    State(
      hidden: .zeros([batch, hiddenSize]), cell: .zeros([batch, hiddenSize]), gates: .zeros([batch, 3 * hiddenSize]))
  }

  public func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  public func step(_ projected: Tensor, _ state: State) -> State { stepAndCandidate(projected, state).state }

  private func stepAndCandidate(_ projected: Tensor, _ state: State) -> (state: State, candidate: Tensor) {
    let size = hiddenSize
    let sums = projected + state.hidden.matrixProduct(weightHidden, transposingOther: true)
    func sum(_ gate: Gate) -> Tensor { sums.block(gate.rawValue, of: size) }
    let seen = state.gates.matrixProduct(weightGates, transposingOther: true)
    let input = sigmoid(sum(.input) + seen.block(0, of: size) + state.cell * peepholeInput)
    let forget = sigmoid(sum(.forget) + seen.block(1, of: size) + state.cell * peepholeForget)
    let candidate = tanh(sum(.candidate))
    let cell = forget * state.cell + input * candidate
    let output = sigmoid(sum(.output) + seen.block(2, of: size) + cell * peepholeOutput)
    let gates = concatenate([input, forget, output], axis: 1)
    return (State(hidden: output * tanh(cell), cell: cell, gates: gates), candidate)
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    let (next, candidate) = stepAndCandidate(projected, state)
    func gate(_ index: Int) -> Tensor { next.gates.block(index, of: hiddenSize) }
    return [("input", gate(0)), ("forget", gate(1)), ("candidate", candidate), ("output", gate(2))]
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}
