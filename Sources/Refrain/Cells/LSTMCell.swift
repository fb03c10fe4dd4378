/// The long short-term memory cell with a forget gate (Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and
/// Cummins 2000).
///
///     i = σ(W_i x + R_i h + b_i)        input gate
///     f = σ(W_f x + R_f h + b_f)        forget gate
///     c̃ = tanh(W_c x + R_c h + b_c)     candidate
///     o = σ(W_o x + R_o h + b_o)        output gate
///     c' = f ⊙ c + i ⊙ c̃                cell state
///     h' = o ⊙ tanh(c')                 hidden state
///
/// Weights start by Glorot's rule, recurrent weights orthogonal, biases at 0 but the forget gate's at 1.
public struct LSTMCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights and biases, which is PyTorch's and Keras's.
  public enum Gate: Int, CaseIterable, Sendable {
    /// i: how much of the candidate comes in.
    case input
    /// f: how much of the cell state stays.
    case forget
    /// c̃: the values to come in.
    case candidate
    /// o: how much of the cell state is shown.
    case output
  }

  /// The cell state c and the hidden state h, each `[B, H]`.
  public struct State: RecurrentState {
    /// The hidden state h, `[B, H]`.
    public var hidden: Tensor
    /// The cell state c, `[B, H]`.
    public var cell: Tensor

    /// A state from h and c, each `[B, H]`.
    public init(hidden: Tensor, cell: Tensor) {
      self.hidden = hidden
      self.cell = cell
    }

    public var output: Tensor { hidden }

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("hidden", &hidden)
      try body("cell", &cell)
    }
  }

  public static let name = "lstm"
  public static let source = "Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000"
  public static let purpose = "long sequences of any kind; the one to begin with"

  /// W, `[4H, I]`
  public var weightInput: Tensor
  /// R, `[4H, H]`
  public var weightHidden: Tensor
  /// b, `[4H]`
  public var bias: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, recurrent weights orthogonal, biases 0
  /// but the forget gate's, which is 1 (Jozefowicz et al. 2015: remember at first).
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    bias = Initializer.biases(gates, hiddenSize, open: Gate.forget.rawValue)
  }

  /// A cell with ready weights: W `[4H, I]`, R `[4H, H]` and b `[4H]`. Shapes that do not belong together stop the
  /// program.
  public init(weightInput: Tensor, weightHidden: Tensor, bias: Tensor) {
    self.weightInput = weightInput
    self.weightHidden = weightHidden
    self.bias = bias
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
  }

  public func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let sums = projected + state.hidden.matrixProduct(weightHidden, transposingOther: true)
    func gate(_ gate: Gate) -> Tensor { sums.block(gate.rawValue, of: hiddenSize) }
    let cell = sigmoid(gate(.forget)) * state.cell + sigmoid(gate(.input)) * tanh(gate(.candidate))
    return State(hidden: sigmoid(gate(.output)) * tanh(cell), cell: cell)
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    shownGates(projected + state.hidden.matrixProduct(weightHidden, transposingOther: true), of: hiddenSize)
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}

extension LSTMCell: ForgettingCell {
  public static var biasBlocks: Int { Gate.allCases.count }
  public static var forgetBlock: Int { Gate.forget.rawValue }
  public static var inputBlock: Int? { Gate.input.rawValue }
}

extension RecurrentCell where State == LSTMCell.State {
  public func initialState(batch: Int) -> State {
    State(hidden: .zeros([batch, hiddenSize]), cell: .zeros([batch, hiddenSize]))
  }
}
