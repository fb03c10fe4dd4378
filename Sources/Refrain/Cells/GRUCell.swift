/// The gated recurrent unit with the reset gate after the recurrent product, as PyTorch, Keras 3 and cuDNN compute it
/// (Cho et al. 2014, in the form of Appleyard et al. 2016).
///
///     r = σ(W_r x + R_r h + b_r)              reset gate
///     z = σ(W_z x + R_z h + b_z)              update gate
///     n = tanh(W_n x + b_n + r ⊙ (R_n h + b_hn))  candidate
///     h' = (1 − z) ⊙ n + z ⊙ h
public struct GRUCell: GatedRecurrentUnit {
  /// The order of the blocks of **H** rows in weights and biases, which is PyTorch's.
  public enum Gate: Int, CaseIterable, Sendable {
    /// r: how much of the hidden state the candidate sees.
    case reset
    /// z: how much of the hidden state stays.
    case update
    /// n: the new values.
    case candidate
  }

  public typealias State = HiddenState

  public static let name = "gru"
  public static let source = "Cho et al. 2014; Appleyard et al. 2016"
  public static let purpose = "what an LSTM is for, with a quarter fewer weights; PyTorch's form"

  /// W, `[3H, I]`
  public var weightInput: Tensor
  /// R, `[3H, H]`
  public var weightHidden: Tensor
  /// b, `[3H]`
  public var bias: Tensor
  /// b_hn, `[H]`: it stands inside the product with the reset gate, so it cannot be merged with b_n.
  public var biasHidden: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, recurrent weights orthogonal, biases
  /// 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    bias = .zeros([gates * hiddenSize])
    biasHidden = .zeros([hiddenSize])
  }

  /// A cell with ready weights: W `[3H, I]`, R `[3H, H]`, b `[3H]` and b_hn `[H]`. Shapes that do not belong together
  /// stop the program.
  public init(weightInput: Tensor, weightHidden: Tensor, bias: Tensor, biasHidden: Tensor) {
    self.weightInput = weightInput
    self.weightHidden = weightHidden
    self.bias = bias
    self.biasHidden = biasHidden
    checkWeights()
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    try body("bias_hn", &biasHidden)
  }

  public func activations(_ projected: Tensor, _ h: Tensor) -> (reset: Tensor, update: Tensor, candidate: Tensor) {
    let recurrent = h.matrixProduct(weightHidden, transposingOther: true)
    func sum(_ gate: Gate) -> Tensor {
      projected.block(gate.rawValue, of: hiddenSize) + recurrent.block(gate.rawValue, of: hiddenSize)
    }
    let reset = sigmoid(sum(.reset))
    let update = sigmoid(sum(.update))
    let candidate = tanh(
      projected.block(Gate.candidate.rawValue, of: hiddenSize)
        + reset * (recurrent.block(Gate.candidate.rawValue, of: hiddenSize) + biasHidden))
    return (reset, update, candidate)
  }
}

extension GRUCell: ForgettingCell {}
