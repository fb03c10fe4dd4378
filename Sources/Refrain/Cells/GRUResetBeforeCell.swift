/// The gated recurrent unit with the reset gate before the recurrent product (Cho et al. 2014; ONNX's default; Keras
/// with `reset_after=False`).
///
///     r = σ(W_r x + R_r h + b_r)              reset gate
///     z = σ(W_z x + R_z h + b_z)              update gate
///     n = tanh(W_n x + R_n (r ⊙ h) + b_n)     candidate
///     h' = (1 − z) ⊙ n + z ⊙ h
public struct GRUResetBeforeCell: GatedRecurrentUnit {
  /// The order of the blocks of **H** rows in weights and biases.
  public typealias Gate = GRUCell.Gate

  public typealias State = HiddenState

  public static let name = "gru-reset-before"
  public static let source = "Cho et al. 2014"
  public static let purpose = "models trained with the older form, such as Keras' without reset_after"

  /// W, `[3H, I]`
  public var weightInput: Tensor
  /// R, `[3H, H]`
  public var weightHidden: Tensor
  /// b, `[3H]`
  public var bias: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, recurrent weights orthogonal, biases
  /// 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    bias = .zeros([gates * hiddenSize])
  }

  /// A cell with ready weights: W `[3H, I]`, R `[3H, H]` and b `[3H]`. Shapes that do not belong together stop the
  /// program.
  public init(weightInput: Tensor, weightHidden: Tensor, bias: Tensor) {
    self.weightInput = weightInput
    self.weightHidden = weightHidden
    self.bias = bias
    checkWeights()
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
  }

  public func activations(_ projected: Tensor, _ h: Tensor) -> (reset: Tensor, update: Tensor, candidate: Tensor) {
    let size = hiddenSize
    func recurrent(_ gate: Gate, _ operand: Tensor) -> Tensor {
      projected.block(gate.rawValue, of: size)
        + operand.matrixProduct(weightHidden.rowBlock(gate.rawValue, of: size), transposingOther: true)
    }
    let reset = sigmoid(recurrent(.reset, h))
    return (reset, sigmoid(recurrent(.update, h)), tanh(recurrent(.candidate, reset * h)))
  }
}

extension GRUResetBeforeCell: ForgettingCell {}
