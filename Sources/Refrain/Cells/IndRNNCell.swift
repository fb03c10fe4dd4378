/// The independently recurrent network: every unit sees of the hidden state only its own (Li, Li, Cook, Zhu and Gao
/// 2018).
///
///     h' = relu(W x + u ⊙ h + b)
public struct IndRNNCell: RecurrentCell {
  public typealias State = HiddenState

  public static let name = "indrnn"
  public static let source = "Li, Li, Cook, Zhu and Gao 2018"
  public static let purpose = "very long sequences and deep stacks: units that see no other"

  /// W, `[H, I]`
  public var weightInput: Tensor
  /// u, `[H]`
  public var weightHidden: Tensor
  /// b, `[H]`
  public var bias: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, recurrent weights evenly from 0 to 1,
  /// so that units of every reach are there and none grows; biases 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    weightInput = Initializer.glorotUniform(hiddenSize, inputSize, using: &generator)
    weightHidden = .uniform([hiddenSize], using: &generator)
    bias = .zeros([hiddenSize])
  }

  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightInput.extent(0) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
  }

  public func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  public func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    HiddenState(hidden: relu(projected + state.hidden * weightHidden))
  }
}
