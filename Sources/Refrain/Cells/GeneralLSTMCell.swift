/// The LSTM with any functions, and as wanted with peepholes, coupled gates and bounded sums: what Keras' and ONNX'
/// LSTMs can be told. Where the functions are the usual ones ``LSTMCell`` is the same, and faster.
///
///     i = f(W_i x + R_i h + p_i ⊙ c + b_i)      input gate
///     f = f(W_f x + R_f h + p_f ⊙ c + b_f)      forget gate; 1 − i where the gates are coupled
///     c̃ = g(W_c x + R_c h + b_c)                candidate
///     c' = f ⊙ c + i ⊙ c̃                        cell state
///     o = f(W_o x + R_o h + p_o ⊙ c' + b_o)     output gate
///     h' = o ⊙ k(c')                            hidden state
public struct GeneralLSTMCell: RecurrentCell {
  /// What the cell is told.
  public struct Options: CellOptions {
    /// f, the function of the gates.
    public var gates = ActivationFunction(.sigmoid)
    /// g, that of the candidate.
    public var candidate = ActivationFunction(.tanh)
    /// k, that of the cell state on its way out.
    public var output = ActivationFunction(.tanh)
    /// Whether the gates see the cell state.
    public var hasPeepholes = false
    /// Whether the cell forgets as much as it takes in; the forget gate's weights are then of no account.
    public var isCoupled = false
    /// What the sums before a function are brought within, ±; nil leaves them. With a bound the step is not compiled.
    public var clip: Float?

    public init() {}

    /// The functions; everything else as usual.
    public init(gates: ActivationFunction, candidate: ActivationFunction, output: ActivationFunction) {
      (self.gates, self.candidate, self.output) = (gates, candidate, output)
    }
  }

  /// The order of the blocks of **H** rows in weights and biases.
  public typealias Gate = LSTMCell.Gate
  public typealias State = LSTMCell.State

  public static let name = "general-lstm"
  public static let source = "Hochreiter and Schmidhuber 1997; the operators of Keras and ONNX"
  public static let purpose = "models of other programs with other functions, such as relu or hard sigmoid"

  /// W, `[4H, I]`
  public var weightInput: Tensor
  /// R, `[4H, H]`
  public var weightHidden: Tensor
  /// b, `[4H]`
  public var bias: Tensor
  /// p, `[H]` for i, f and o, where there are any.
  public var peepholes: [Tensor]
  /// What the cell was told.
  public var options: Options

  /// A cell with weights drawn from `generator`, as an ``LSTMCell`` starts; peepholes start at 0.
  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    let start = LSTMCell(inputSize: inputSize, hiddenSize: hiddenSize, using: &generator)
    self.init(
      weightInput: start.weightInput, weightHidden: start.weightHidden, bias: start.bias,
      peepholes: options.hasPeepholes ? Array(repeating: .zeros([hiddenSize]), count: 3) : [], options: options)
  }

  /// A cell with the weights that are given, of the shapes of its properties.
  package init(
    weightInput: Tensor, weightHidden: Tensor, bias: Tensor, peepholes: [Tensor] = [], options: Options
  ) {
    (self.weightInput, self.weightHidden, self.bias) = (weightInput, weightHidden, bias)
    (self.peepholes, self.options) = (peepholes, options)
  }

  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightHidden.extent(1) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    for (index, gate) in ["i", "f", "o"].enumerated() where index < peepholes.count {
      try body("weight_c\(gate)", &peepholes[index])
    }
  }

  public func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let (_, _, _, output, cell) = activations(projected, state)
    return State(hidden: output * options.output(cell), cell: cell)
  }

  /// The gates and the candidate of a step, and c', `[B, H]` each.
  private func activations(
    _ projected: Tensor, _ state: State
  ) -> (input: Tensor, forget: Tensor, candidate: Tensor, output: Tensor, cell: Tensor) {
    let sums = projected + state.hidden.matrixProduct(weightHidden, transposingOther: true)
    func sum(_ gate: Gate, _ peephole: Int? = nil, _ cell: Tensor? = nil) -> Tensor {
      let sum = sums.block(gate.rawValue, of: hiddenSize)
      guard options.hasPeepholes, let peephole, let cell else { return sum.within(options.clip) }
      return (sum + cell * peepholes[peephole]).within(options.clip)
    }
    let input = options.gates(sum(.input, 0, state.cell))
    let forget = options.isCoupled ? 1 - input : options.gates(sum(.forget, 1, state.cell))
    let candidate = options.candidate(sum(.candidate))
    let cell = forget * state.cell + input * candidate
    return (input, forget, candidate, options.gates(sum(.output, 2, cell)), cell)
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    let (input, forget, candidate, output, _) = activations(projected, state)
    return [("input", input), ("forget", forget), ("candidate", candidate), ("output", output)]
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}

extension Tensor {
  /// The values within ±`bound`, where there is one.
  func within(_ bound: Float?) -> Tensor { bound.map { clamped(-$0...$0) } ?? self }
}
