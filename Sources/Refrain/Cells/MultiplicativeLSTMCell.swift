/// The multiplicative LSTM: the gates see, in place of the hidden state, its product with a view of the input, so that
/// each input has a transition of its own (Krause, Lu, Murray and Renals 2016).
///
///     m = (W_m x) ⊙ (R_m h)             intermediate state
///     i = σ(W_i x + R_i m + b_i)        input gate
///     f = σ(W_f x + R_f m + b_f)        forget gate
///     c̃ = tanh(W_c x + R_c m + b_c)     candidate
///     o = σ(W_o x + R_o m + b_o)        output gate
///     c' = f ⊙ c + i ⊙ c̃                cell state
///     h' = o ⊙ tanh(c')                 hidden state
public struct MultiplicativeLSTMCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights; the biases have the first four.
  public enum Gate: Int, CaseIterable, Sendable {
    /// i: how much of the candidate comes in.
    case input
    /// f: how much of the cell state stays.
    case forget
    /// c̃: the values to come in.
    case candidate
    /// o: how much of the cell state is shown.
    case output
    /// m: the product of input and hidden state that the gates see.
    case intermediate
  }

  public typealias State = LSTMCell.State

  public static let name = "multiplicative-lstm"
  public static let source = "Krause, Lu, Murray and Renals 2016"
  public static let purpose = "text by characters: what is done with the memory differs from input to input"

  /// W, `[5H, I]`
  public var weightInput: Tensor
  /// R, `[5H, H]`
  public var weightHidden: Tensor
  /// b, `[4H]`
  public var bias: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, recurrent weights orthogonal, biases 0
  /// but the forget gate's, which is 1.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    bias = Initializer.biases(gates - 1, hiddenSize, open: Gate.forget.rawValue)
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

  public func project(_ input: Tensor) -> Tensor {
    input.linear(weight: weightInput, bias: concatenate([bias, .zeros([hiddenSize])], axis: 0))
  }

  public func step(_ projected: Tensor, _ state: State) -> State {
    State(sums: sums(projected, state), cell: state.cell)
  }

  /// Those of the gates and the candidate, `[B, 4H]`.
  private func sums(_ projected: Tensor, _ state: State) -> Tensor {
    let size = hiddenSize
    let gates = 0..<Gate.intermediate.rawValue * size
    let intermediate =
      projected.block(Gate.intermediate.rawValue, of: size)
      * state.hidden.matrixProduct(
        weightHidden.rowBlock(Gate.intermediate.rawValue, of: size), transposingOther: true)
    return projected.slice(gates, axis: -1)
      + intermediate.matrixProduct(weightHidden.weightRows(gates), transposingOther: true)
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    shownGates(sums(projected, state), of: hiddenSize)
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}
