/// The gated recurrent unit whose update gate is scaled by an attention score: the AUGRU of the deep interest evolution
/// network (Zhou et al. 2019). A step of no attention leaves the state as it is.
///
///     r = σ(W_r x + R_r h + b_r)              reset gate
///     u = a · σ(W_u x + R_u h + b_u)          update gate, scaled
///     n = tanh(W_n x + r ⊙ (R_n h) + b_n)     candidate
///     h' = (1 − u) ⊙ h + u ⊙ n
///
/// The columns of the input are `[x…, a]`: the values, and last the attention score a, from 0 to 1.
public struct AttentionGRUCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights and biases.
  public typealias Gate = GRUCell.Gate

  public typealias State = HiddenState

  public static let name = "augru"
  public static let source = "Zhou et al. 2019"
  public static let purpose = "steps that matter more or less, by a score"
  public static let lastColumn: String? = "the attention score"

  /// W, `[3H, I − 1]`
  public var weightInput: Tensor
  /// R, `[3H, H]`
  public var weightHidden: Tensor
  /// b, `[3H]`
  public var bias: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, recurrent weights orthogonal, biases
  /// 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, max(inputSize - 1, 0), using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    bias = .zeros([gates * hiddenSize])
  }

  public var inputSize: Int { weightInput.extent(1) + 1 }
  public var hiddenSize: Int { weightHidden.extent(1) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
  }

  /// `[N, I]` → `[N, 3H + 1]`: the sums, and the score.
  public func project(_ input: Tensor) -> Tensor {
    let (values, score) = input.valuesAndLastColumn
    return concatenate([values.linear(weight: weightInput, bias: bias), score], axis: 1)
  }

  public func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    step(projected, state, seeing: state.hidden)
  }

  public func step(_ projected: Tensor, _ state: HiddenState, seeing hidden: Tensor) -> HiddenState {
    let (_, update, candidate) = activations(projected, hidden)
    return HiddenState(hidden: (1 - update) * state.hidden + update * candidate)
  }

  private func activations(
    _ projected: Tensor, _ hidden: Tensor
  ) -> (reset: Tensor, update: Tensor, candidate: Tensor) {
    let (sums, score) = projected.valuesAndLastColumn
    let recurrent = hidden.matrixProduct(weightHidden, transposingOther: true)
    func part(_ gate: Gate, of sums: Tensor) -> Tensor { sums.block(gate.rawValue, of: hiddenSize) }
    let reset = sigmoid(part(.reset, of: sums) + part(.reset, of: recurrent))
    let update = score * sigmoid(part(.update, of: sums) + part(.update, of: recurrent))
    let candidate = tanh(part(.candidate, of: sums) + reset * part(.candidate, of: recurrent))
    return (reset, update, candidate)
  }

  /// The update gate is the one that is scaled, u.
  public func gates(_ projected: Tensor, _ state: HiddenState) -> [(name: String, value: Tensor)] {
    let (reset, update, candidate) = activations(projected, state.hidden)
    return [("reset", reset), ("update", update), ("candidate", candidate)]
  }

  /// An open update gate of this cell lets go.
  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["update"].map { 1 - $0 } }
}

extension Tensor {
  /// The columns but the last, and the last: `[N, I]` → `[N, I − 1]`, `[N, 1]`.
  var valuesAndLastColumn: (values: Tensor, last: Tensor) {
    let width = shape[rank - 1]
    return (slice(0..<width - 1, axis: -1), slice(width - 1..<width, axis: -1))
  }
}
