/// The function that turns an Elman network's sums into its hidden state.
public protocol ElmanActivation: Sendable {
  /// The name of the cell with this function.
  static var name: String { get }
  /// The function of each value.
  static func apply(_ x: Tensor) -> Tensor
  /// Whether the kernel is to use the rectifier instead of the hyperbolic tangent.
  static var isRectifier: Bool { get }
}

/// The hyperbolic tangent, Elman's own choice in PyTorch and Keras.
public enum TanhActivation: ElmanActivation {
  /// The name of the cell with this function.
  public static let name = "rnn"
  /// Which function the kernel is to use.
  public static let isRectifier = false
  /// The function of each value.
  public static func apply(_ x: Tensor) -> Tensor { tanh(x) }
}

/// The rectifier (Le, Jaitly and Hinton 2015).
public enum ReLUActivation: ElmanActivation {
  /// The name of the cell with this function.
  public static let name = "rnn-relu"
  /// Which function the kernel is to use.
  public static let isRectifier = true
  /// The function of each value.
  public static func apply(_ x: Tensor) -> Tensor { relu(x) }
}

/// The simple recurrent network (Elman 1990).
///
///     h' = φ(W x + R h + b)       φ: tanh or the rectifier
public struct RNNCell<Activation: ElmanActivation>: RecurrentCell {
  public typealias State = HiddenState

  public static var name: String { Activation.name }
  public static var source: String { Activation.isRectifier ? "Le, Jaitly and Hinton 2015" : "Elman 1990" }
  public static var purpose: String { "short sequences, and comparison: a memory without gates" }

  /// W, `[H, I]`
  public var weightInput: Tensor
  /// R, `[H, H]`
  public var weightHidden: Tensor
  /// b, `[H]`
  public var bias: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, recurrent weights orthogonal, biases
  /// 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    weightInput = Initializer.glorotUniform(hiddenSize, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(1, hiddenSize, using: &generator)
    bias = .zeros([hiddenSize])
  }

  /// A cell with ready weights: W `[H, I]`, R `[H, H]` and b `[H]`. Shapes that do not belong together stop the
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
    let sums = projected + state.hidden.matrixProduct(weightHidden, transposingOther: true)
    return HiddenState(hidden: Activation.apply(sums))
  }
}

/// Elman's network with the hyperbolic tangent.
public typealias TanhRNNCell = RNNCell<TanhActivation>
/// Elman's network with the rectifier.
public typealias ReLURNNCell = RNNCell<ReLUActivation>
