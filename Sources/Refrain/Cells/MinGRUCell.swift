/// The minimal gated recurrent unit that can be computed for all steps at once: the gate sees the input alone (Feng,
/// Tung, Ahmed, Bengio and Hajimirsadeghi 2024, without logarithms).
///
///     z = σ(W_z x + b_z)              update gate
///     h̃ = W_h x + b_h                 candidate
///     h' = (1 − z) ⊙ h + z ⊙ h̃        hidden state
public struct MinGRUCell: LinearCell {
  /// The order of the blocks of **H** rows in weights and biases.
  public enum Gate: Int, CaseIterable, Sendable {
    /// z: how much of the candidate comes in.
    case update
    /// h̃: the new values.
    case candidate
  }

  public typealias State = HiddenState

  public static let name = "min-gru"
  public static let source = "Feng et al. 2024"
  public static let purpose = "very long sequences, all steps in parallel, at the fewest weights"

  /// W, `[2H, I]`
  public var weightInput: Tensor
  /// b, `[2H]`
  public var bias: Tensor

  /// A cell with weights drawn from `generator` by Glorot's rule, biases 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    bias = .zeros([gates * hiddenSize])
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
    let update = sigmoid(sum(.update))
    return (1 - update, update * sum(.candidate))
  }

  public func gates(_ projected: Tensor, _ state: HiddenState) -> [(name: String, value: Tensor)] {
    func sum(_ gate: Gate) -> Tensor { projected.block(gate.rawValue, of: hiddenSize) }
    return [("update", sigmoid(sum(.update))), ("candidate", sum(.candidate))]
  }

  /// An open update gate of this cell lets go.
  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["update"].map { 1 - $0 } }
}
