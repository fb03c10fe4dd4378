/// The long short-term memory with layer normalization (Ba, Kiros and Hinton 2016, supplement). N brings a whole row to
/// mean 0 and variance 1: that of all four gates together, and that of the cell state.
///
///     s = g_x ⊙ N(W x) + g_h ⊙ N(R h) + b              the sums of the blocks i, f, c, o
///     c' = σ(s_f) ⊙ c + σ(s_i) ⊙ tanh(s_c)             cell state
///     h' = σ(s_o) ⊙ tanh(g_c ⊙ N(c') + b_c)            hidden state
///
/// The paper's shifts of N(W x) and N(R h) are added to the same sums as b, which stands for all three.
public struct LayerNormLSTMCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights and biases.
  public typealias Gate = LSTMCell.Gate

  public typealias State = LSTMCell.State

  public static let name = "layer-norm-lstm"
  public static let source = "Ba, Kiros and Hinton 2016"
  public static let purpose = "steady training of deep models, long sequences and small batches"

  /// W, `[4H, I]`
  public var weightInput: Tensor
  /// R, `[4H, H]`
  public var weightHidden: Tensor
  /// b, `[4H]`
  public var bias: Tensor
  /// g_x, `[4H]`
  public var gainInput: Tensor
  /// g_h, `[4H]`
  public var gainHidden: Tensor
  /// g_c, `[H]`
  public var gainCell: Tensor
  /// b_c, `[H]`
  public var biasCell: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, recurrent weights orthogonal, gains 1,
  /// biases 0 but the forget gate's, which is 1.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    bias = Initializer.biases(gates, hiddenSize, open: Gate.forget.rawValue)
    gainInput = .ones([gates * hiddenSize])
    gainHidden = .ones([gates * hiddenSize])
    gainCell = .ones([hiddenSize])
    biasCell = .zeros([hiddenSize])
  }

  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightHidden.extent(1) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    try body("gain_ih", &gainInput)
    try body("gain_hh", &gainHidden)
    try body("gain_c", &gainCell)
    try body("bias_c", &biasCell)
  }

  public func project(_ input: Tensor) -> Tensor {
    input.matrixProduct(weightInput, transposingOther: true).normalized(gain: gainInput, shift: bias)
  }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let sums = sums(projected, state)
    let cell = updatedCell(sums: sums.slice(0..<3 * hiddenSize, axis: 1), cell: state.cell)
    let shown = tanh(cell.normalized(gain: gainCell, shift: biasCell))
    return State(hidden: sigmoid(sums.block(Gate.output.rawValue, of: hiddenSize)) * shown, cell: cell)
  }

  /// s, `[B, 4H]`
  private func sums(_ projected: Tensor, _ state: State) -> Tensor {
    let recurrent = state.hidden.matrixProduct(weightHidden, transposingOther: true)
    return projected + recurrent.normalized(gain: gainHidden, shift: .zeros(gainHidden.shape))
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    shownGates(sums(projected, state), of: hiddenSize)
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}
