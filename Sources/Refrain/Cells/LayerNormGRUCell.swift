/// The gated recurrent unit with layer normalization (Ba, Kiros and Hinton 2016, supplement). N brings a row to mean 0
/// and variance 1: that of the two gates r and z together, and that of the candidate.
///
///     r, z = σ(g_x ⊙ N(W x) + g_h ⊙ N(R h) + b)                                reset and update gate
///     n = tanh(g_xn ⊙ N(W_n x) + b_n + r ⊙ (g_hn ⊙ N(R_n h) + b_hn))           candidate
///     h' = (1 − z) ⊙ h + z ⊙ n                                                 hidden state
///
/// As in the paper z is the share of what is new; in ``GRUCell`` it is the share of what was.
public struct LayerNormGRUCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights, gains and biases.
  public typealias Gate = GRUCell.Gate

  public typealias State = HiddenState

  public static let name = "layer-norm-gru"
  public static let source = "Ba, Kiros and Hinton 2016"
  public static let purpose = "steady training, with a quarter fewer weights"

  /// W, `[3H, I]`
  public var weightInput: Tensor
  /// R, `[3H, H]`
  public var weightHidden: Tensor
  /// b, `[3H]`
  public var bias: Tensor
  /// b_hn, `[H]`
  public var biasHidden: Tensor
  /// g_x, `[3H]`
  public var gainInput: Tensor
  /// g_h, `[3H]`
  public var gainHidden: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, recurrent weights orthogonal, gains 1,
  /// biases 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    bias = .zeros([gates * hiddenSize])
    biasHidden = .zeros([hiddenSize])
    gainInput = .ones([gates * hiddenSize])
    gainHidden = .ones([gates * hiddenSize])
  }

  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightHidden.extent(1) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    try body("bias_hn", &biasHidden)
    try body("gain_ih", &gainInput)
    try body("gain_hh", &gainHidden)
  }

  /// The two gates, then the candidate, each normalized on its own.
  private func normalized(_ sums: Tensor, gain: Tensor, gates: Tensor, candidate: Tensor) -> (Tensor, Tensor) {
    let (first, last) = (0..<2 * hiddenSize, 2 * hiddenSize..<3 * hiddenSize)
    return (
      sums.slice(first, axis: -1).normalized(gain: gain.slice(first, axis: 0), shift: gates),
      sums.slice(last, axis: -1).normalized(gain: gain.slice(last, axis: 0), shift: candidate)
    )
  }

  public func project(_ input: Tensor) -> Tensor {
    let (gates, candidate) = normalized(
      input.matrixProduct(weightInput, transposingOther: true), gain: gainInput,
      gates: bias.slice(0..<2 * hiddenSize, axis: 0), candidate: bias.rowBlock(2, of: hiddenSize))
    return concatenate([gates, candidate], axis: -1)
  }

  public func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    step(projected, state, seeing: state.hidden)
  }

  public func step(_ projected: Tensor, _ state: HiddenState, seeing hidden: Tensor) -> HiddenState {
    let (reset, update, candidate, recurrentCandidate) = sums(projected, hidden)
    // 1 − σ(z) = σ(−z) is the share of what was.
    return HiddenState(
      sums: concatenate([reset, -update, candidate, recurrentCandidate], axis: 1), hidden: state.hidden)
  }

  /// What stands before the functions, `[B, H]` each: of the candidate's two sums the first is the input's.
  private func sums(
    _ projected: Tensor, _ hidden: Tensor
  ) -> (reset: Tensor, update: Tensor, candidate: Tensor, recurrentCandidate: Tensor) {
    let size = hiddenSize
    let (recurrent, recurrentCandidate) = normalized(
      hidden.matrixProduct(weightHidden, transposingOther: true), gain: gainHidden, gates: .zeros([2 * size]),
      candidate: biasHidden)
    let gates = projected.slice(0..<2 * size, axis: -1) + recurrent
    let candidate = projected.block(Gate.candidate.rawValue, of: size)
    let (reset, update) = (gates.block(Gate.reset.rawValue, of: size), gates.block(Gate.update.rawValue, of: size))
    return (reset, update, candidate, recurrentCandidate)
  }

  public func gates(_ projected: Tensor, _ state: HiddenState) -> [(name: String, value: Tensor)] {
    let sums = sums(projected, state.hidden)
    let reset = sigmoid(sums.reset)
    return [
      ("reset", reset), ("update", sigmoid(sums.update)),
      ("candidate", tanh(sums.candidate + reset * sums.recurrentCandidate)),
    ]
  }

  /// An open update gate of this cell lets go.
  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["update"].map { 1 - $0 } }
}
