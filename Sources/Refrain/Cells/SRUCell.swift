/// The simple recurrent unit with highway connections: no matrix stands between steps (Lei, Zhang, Wang, Dai and Artzi
/// 2018).
///
///     f = σ(W_f x + v_f ⊙ c + b_f)          forget gate
///     r = σ(W_r x + v_r ⊙ c + b_r)          reset gate
///     c' = f ⊙ c + (1 − f) ⊙ (W_c x)        cell state
///     h' = r ⊙ c' + (1 − r) ⊙ x             hidden state
///
/// Where **I** and **H** differ, W_x x stands for x in the last line. The paper's factor on x, which only changes how
/// the weights should start, is left out.
public struct SRUCell: RecurrentCell {
  /// The order of the blocks of **H** rows in the weights; the highway's are there where I ≠ H.
  public enum Gate: Int, CaseIterable, Sendable {
    /// W_c x: the new values.
    case candidate
    /// f: how much of the cell state stays.
    case forget
    /// r: how much of the cell state is shown, the rest being the highway.
    case reset
    /// W_x x: the input past the cell.
    case highway
  }

  public typealias State = LSTMCell.State

  public static let name = "sru"
  public static let source = "Lei, Zhang, Wang, Dai and Artzi 2018"
  public static let purpose = "speed: the products of all steps at once"

  /// W, `[3H, I]`, or `[4H, I]` where I ≠ H.
  public var weightInput: Tensor
  /// v_f and v_r, `[2H]`
  public var weightCell: Tensor
  /// b_f and b_r, `[2H]`
  public var bias: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, those of the cell state evenly from
  /// ±1, biases 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let blocks = Gate.allCases.count - (inputSize == hiddenSize ? 1 : 0)
    weightInput = Initializer.glorotUniform(blocks * hiddenSize, inputSize, using: &generator)
    weightCell = .uniform([2 * hiddenSize], in: -1..<1, using: &generator)
    bias = .zeros([2 * hiddenSize])
  }

  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { bias.count / 2 }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_c", &weightCell)
    try body("bias_ih", &bias)
  }

  /// The blocks of ``Gate``, `[N, 4H]`.
  public func project(_ input: Tensor) -> Tensor {
    let product = input.matrixProduct(weightInput, transposingOther: true)
    return inputSize == hiddenSize ? concatenate([product, input], axis: -1) : product
  }

  public func step(_ projected: Tensor, _ state: State) -> State {
    func sum(_ gate: Gate) -> Tensor { projected.block(gate.rawValue, of: hiddenSize) }
    let (forget, reset) = activations(projected, state)
    let cell = forget * state.cell + (1 - forget) * sum(.candidate)
    return State(hidden: reset * cell + (1 - reset) * sum(.highway), cell: cell)
  }

  private func activations(_ projected: Tensor, _ state: State) -> (forget: Tensor, reset: Tensor) {
    let size = hiddenSize
    func gate(_ gate: Gate, _ index: Int) -> Tensor {
      sigmoid(
        projected.block(gate.rawValue, of: size) + state.cell * weightCell.block(index, of: size)
          + bias.block(index, of: size))
    }
    return (gate(.forget, 0), gate(.reset, 1))
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    let (forget, reset) = activations(projected, state)
    let candidate = projected.block(Gate.candidate.rawValue, of: hiddenSize)
    return [("candidate", candidate), ("forget", forget), ("reset", reset)]
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}
