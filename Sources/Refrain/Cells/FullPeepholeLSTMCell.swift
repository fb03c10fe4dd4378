/// The long short-term memory whose gates see the whole cell state before the step through full matrices, as it is
/// often written since Graves (2013); his own matrices are diagonal, which is ``PeepholeLSTMCell``.
///
///     i = σ(W_i x + R_i h + W_ci c + b_i)     input gate
///     f = σ(W_f x + R_f h + W_cf c + b_f)     forget gate
///     c̃ = tanh(W_c x + R_c h + b_c)           candidate
///     o = σ(W_o x + R_o h + W_co c + b_o)     output gate
///     c' = f ⊙ c + i ⊙ c̃                      cell state
///     h' = o ⊙ tanh(c')                       hidden state
public struct FullPeepholeLSTMCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights and biases.
  public typealias Gate = LSTMCell.Gate

  public typealias State = LSTMCell.State

  public static let name = "full-peephole-lstm"
  public static let source = "Gers and Schmidhuber 2000; Graves 2013"
  public static let purpose = "exact timing: gates that see every unit's memory"

  /// W, `[4H, I]`
  public var weightInput: Tensor
  /// R, `[4H, H]`
  public var weightHidden: Tensor
  /// b, `[4H]`
  public var bias: Tensor
  /// W_ci, `[H, H]`
  public var peepholeInput: Tensor
  /// W_cf, `[H, H]`
  public var peepholeForget: Tensor
  /// W_co, `[H, H]`
  public var peepholeOutput: Tensor

  /// A cell with weights drawn from `generator`: those of the input and the peepholes by Glorot's rule, recurrent
  /// weights orthogonal, biases 0 but the forget gate's, which is 1.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    bias = Initializer.biases(gates, hiddenSize, open: Gate.forget.rawValue)
    peepholeInput = Initializer.glorotUniform(hiddenSize, hiddenSize, using: &generator)
    peepholeForget = Initializer.glorotUniform(hiddenSize, hiddenSize, using: &generator)
    peepholeOutput = Initializer.glorotUniform(hiddenSize, hiddenSize, using: &generator)
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
    State(sums: sums(projected, state), cell: state.cell)
  }

  /// Those of the gates and the candidate with what they see of the cell state, `[B, 4H]`.
  private func sums(_ projected: Tensor, _ state: State) -> Tensor {
    let sums = projected + state.hidden.matrixProduct(weightHidden, transposingOther: true)
    func seen(_ weight: Tensor) -> Tensor { state.cell.matrixProduct(weight, transposingOther: true) }
    let peepholes = concatenate(
      [seen(peepholeInput), seen(peepholeForget), .zeros(state.cell.shape), seen(peepholeOutput)], axis: 1)
    return sums + peepholes
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    shownGates(sums(projected, state), of: hiddenSize)
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}
