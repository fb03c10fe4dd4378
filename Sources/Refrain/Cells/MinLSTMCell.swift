/// The minimal long short-term memory that can be computed for all steps at once: the gates see the input alone, and
/// together make 1 (Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024, without logarithms).
///
///     f = σ(W_f x + b_f)                                    forget gate
///     i = σ(W_i x + b_i)                                    input gate
///     h̃ = W_h x + b_h                                       candidate
///     h' = f / (f + i) ⊙ h + i / (f + i) ⊙ h̃                hidden state
public struct MinLSTMCell: LinearCell {
  /// The order of the blocks of **H** rows in weights and biases.
  public enum Gate: Int, CaseIterable, Sendable {
    /// f: how much of the hidden state stays.
    case forget
    /// i: how much of the candidate comes in.
    case input
    /// h̃: the new values.
    case candidate
  }

  public typealias State = HiddenState

  public static let name = "min-lstm"
  public static let source = "Feng et al. 2024"
  public static let purpose = "very long sequences, all steps in parallel"

  /// W, `[3H, I]`
  public var weightInput: Tensor
  /// b, `[3H]`
  public var bias: Tensor

  /// A cell with weights drawn from `generator` by Glorot's rule, biases 0 but the forget gate's, which is 1.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    bias = Initializer.biases(gates, hiddenSize, open: Gate.forget.rawValue)
  }

  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { bias.count / Gate.allCases.count }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("bias_ih", &bias)
  }

  public func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  func coefficients(_ projected: Tensor) -> (decay: Tensor, addition: Tensor) {
    func sum(_ gate: Gate) -> Tensor { projected.block(gate.rawValue, of: hiddenSize) }
    // f / (f + i) from log i − log f, since both gates may be too small to divide by.
    let forget = sigmoid(softplus(-sum(.input)) - softplus(-sum(.forget)))
    return (forget, (1 - forget) * sum(.candidate))
  }

  /// The gates as shares of their sum, f / (f + i) and i / (f + i), by which they have their effect.
  public func gates(_ projected: Tensor, _ state: HiddenState) -> [(name: String, value: Tensor)] {
    let forget = coefficients(projected).decay
    let candidate = projected.block(Gate.candidate.rawValue, of: hiddenSize)
    return [("forget", forget), ("input", 1 - forget), ("candidate", candidate)]
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}
