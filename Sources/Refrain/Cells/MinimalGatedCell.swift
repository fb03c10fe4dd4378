/// The minimal gated unit: one gate both forgets and resets (Zhou, Wu, Zhang and Zhou 2016).
///
///     f = σ(W_f x + R_f h + b_f)              forget gate
///     h̃ = tanh(W_h x + R_h (f ⊙ h) + b_h)     candidate
///     h' = (1 − f) ⊙ h + f ⊙ h̃                hidden state
public struct MinimalGatedCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights and biases.
  public enum Gate: Int, CaseIterable, Sendable {
    /// f: how much of the hidden state the candidate sees, and how much of the candidate comes in.
    case forget
    /// The new values.
    case candidate
  }

  public typealias State = HiddenState

  public static let name = "mgu"
  public static let source = "Zhou, Wu, Zhang and Zhou 2016"
  public static let purpose = "small models: one gate for everything"

  /// W, `[2H, I]`
  public var weightInput: Tensor
  /// R, `[2H, H]`
  public var weightHidden: Tensor
  /// b, `[2H]`
  public var bias: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, recurrent weights orthogonal, biases
  /// 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    bias = .zeros([gates * hiddenSize])
  }

  /// A cell with ready weights: W `[2H, I]`, R `[2H, H]` and b `[2H]`. Shapes that do not belong together stop the
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

  public func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    step(projected, state, seeing: state.hidden)
  }

  public func step(_ projected: Tensor, _ state: HiddenState, seeing hidden: Tensor) -> HiddenState {
    let (forget, candidate) = activations(projected, hidden)
    return HiddenState(hidden: (1 - forget) * state.hidden + forget * candidate)
  }

  private func activations(_ projected: Tensor, _ hidden: Tensor) -> (forget: Tensor, candidate: Tensor) {
    func sum(_ gate: Gate, _ operand: Tensor) -> Tensor {
      projected.block(gate.rawValue, of: hiddenSize)
        + operand.matrixProduct(weightHidden.rowBlock(gate.rawValue, of: hiddenSize), transposingOther: true)
    }
    let forget = sigmoid(sum(.forget, hidden))
    return (forget, tanh(sum(.candidate, forget * hidden)))
  }

  public func gates(_ projected: Tensor, _ state: HiddenState) -> [(name: String, value: Tensor)] {
    let (forget, candidate) = activations(projected, state.hidden)
    return [("forget", forget), ("candidate", candidate)]
  }

  /// An open forget gate of this cell lets go.
  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"].map { 1 - $0 } }
}
