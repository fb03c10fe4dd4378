/// The GRU with any functions, and as wanted with bounded sums: what Keras' and ONNX' GRUs can be told. Where the
/// functions are the usual ones ``GRUCell`` and ``GRUResetBeforeCell`` are the same, and faster.
///
///     r = f(W_r x + R_r h + b_r)                     reset gate
///     z = f(W_z x + R_z h + b_z)                     update gate
///     n = g(W_n x + b_n + r ⊙ (R_n h + b_hn))        candidate, the reset gate after the product
///     n = g(W_n x + b_n + R_n (r ⊙ h) + b_hn)        or before it
///     h' = (1 − z) ⊙ n + z ⊙ h                       hidden state
public struct GeneralGRUCell: GatedRecurrentUnit {
  /// What the cell is told.
  public struct Options: CellOptions {
    /// f, the function of the gates.
    public var gates = ActivationFunction(.sigmoid)
    /// g, that of the candidate.
    public var candidate = ActivationFunction(.tanh)
    /// Whether the reset gate stands after the recurrent product.
    public var resetsAfter = true
    /// What the sums before a function are brought within, ±; nil leaves them. With a bound the step is not compiled.
    public var clip: Float?

    public init() {}

    /// The functions and the place of the reset gate.
    public init(gates: ActivationFunction, candidate: ActivationFunction, resetsAfter: Bool) {
      (self.gates, self.candidate, self.resetsAfter) = (gates, candidate, resetsAfter)
    }
  }

  /// The order of the blocks of **H** rows in weights and biases.
  public typealias Gate = GRUCell.Gate
  public typealias State = HiddenState

  public static let name = "general-gru"
  public static let source = "Cho et al. 2014; the operators of Keras and ONNX"
  public static let purpose = "models of other programs with other functions, such as relu or hard sigmoid"

  /// W, `[3H, I]`
  public var weightInput: Tensor
  /// R, `[3H, H]`
  public var weightHidden: Tensor
  /// b, `[3H]`
  public var bias: Tensor
  /// b_hn, `[H]`
  public var biasHidden: Tensor
  /// What the cell was told.
  public var options: Options

  /// A cell with weights drawn from `generator`, as a ``GRUCell`` starts.
  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    let start = GRUCell(inputSize: inputSize, hiddenSize: hiddenSize, using: &generator)
    self.init(
      weightInput: start.weightInput, weightHidden: start.weightHidden, bias: start.bias, biasHidden: start.biasHidden,
      options: options)
  }

  /// A cell with the weights that are given, of the shapes of its properties.
  package init(weightInput: Tensor, weightHidden: Tensor, bias: Tensor, biasHidden: Tensor, options: Options) {
    (self.weightInput, self.weightHidden, self.bias) = (weightInput, weightHidden, bias)
    (self.biasHidden, self.options) = (biasHidden, options)
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
    let size = hiddenSize
    func product(_ gate: Gate, _ operand: Tensor) -> Tensor {
      operand.matrixProduct(weightHidden.rowBlock(gate.rawValue, of: size), transposingOther: true)
    }
    func sum(_ gate: Gate, _ recurrent: Tensor) -> Tensor {
      (projected.block(gate.rawValue, of: size) + recurrent).within(options.clip)
    }
    let reset = options.gates(sum(.reset, product(.reset, h)))
    let update = options.gates(sum(.update, product(.update, h)))
    let recurrent =
      options.resetsAfter
      ? reset * (product(.candidate, h) + biasHidden) : product(.candidate, reset * h) + biasHidden
    return (reset, update, options.candidate(sum(.candidate, recurrent)))
  }
}
