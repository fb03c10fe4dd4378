/// The fast, accurate, stable and tiny gated recurrent network: gate and candidate share their weights, so that it has
/// half of a minimal gated unit's (Kusupati, Singh, Bhatia, Kumar, Jain and Varma 2018; without factored weights).
///
///     s = W x + R h                                 the one product
///     z = σ(s + b_z)                                gate
///     h̃ = tanh(s + b_h)                             candidate
///     h' = (ζ (1 − z) + ν) ⊙ h̃ + z ⊙ h              hidden state, with ζ = σ(a), ν = σ(b) numbers from 0 to 1
public struct FastGRNNCell: RecurrentCell {
  /// The order of the blocks of **H** values in the biases.
  public enum Gate: Int, CaseIterable, Sendable {
    /// z
    case gate
    /// h̃
    case candidate
  }

  public typealias State = HiddenState

  public static let name = "fast-grnn"
  public static let source = "Kusupati et al. 2018"
  public static let purpose = "small devices: a gate for the price of an Elman network"

  /// W, `[H, I]`
  public var weightInput: Tensor
  /// R, `[H, H]`
  public var weightHidden: Tensor
  /// b_z and b_h, `[2H]`
  public var bias: Tensor
  /// a, of which ζ is the sigmoid, `[1]`
  public var zeta: Tensor
  /// b, of which ν is the sigmoid, `[1]`
  public var nu: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, recurrent weights orthogonal; biases
  /// start at 1, a at 1 and b at −4, as in the authors' program.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    weightInput = Initializer.glorotUniform(hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(1, hiddenSize, using: &generator)
    bias = .ones([Gate.allCases.count * hiddenSize])
    zeta = Tensor([1])
    nu = Tensor([-4])
  }

  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightHidden.extent(1) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    try body("zeta", &zeta)
    try body("nu", &nu)
  }

  /// `[N, I]` → `[N, H]`, without the biases, which differ between gate and candidate.
  public func project(_ input: Tensor) -> Tensor { input.matrixProduct(weightInput, transposingOther: true) }

  public func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    step(projected, state, seeing: state.hidden)
  }

  public func step(_ projected: Tensor, _ state: HiddenState, seeing hidden: Tensor) -> HiddenState {
    let (gate, candidate) = activations(projected, hidden)
    return HiddenState(hidden: (sigmoid(zeta) * (1 - gate) + sigmoid(nu)) * candidate + gate * state.hidden)
  }

  private func activations(_ projected: Tensor, _ hidden: Tensor) -> (gate: Tensor, candidate: Tensor) {
    let sums = projected + hidden.matrixProduct(weightHidden, transposingOther: true)
    func bias(_ gate: Gate) -> Tensor { self.bias.block(gate.rawValue, of: hiddenSize) }
    return (sigmoid(sums + bias(.gate)), tanh(sums + bias(.candidate)))
  }

  public func gates(_ projected: Tensor, _ state: HiddenState) -> [(name: String, value: Tensor)] {
    let (gate, candidate) = activations(projected, state.hidden)
    return [("gate", gate), ("candidate", candidate)]
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["gate"] }
}
