/// The simple recurrent network with any function, and as wanted with bounded sums. With tanh or the rectifier
/// ``RNNCell`` is the same, and faster.
///
///     h' = φ(W x + R h + b)
public struct GeneralRNNCell: RecurrentCell {
  /// What the cell is told.
  public struct Options: CellOptions {
    /// φ
    public var function = ActivationFunction(.tanh)
    /// What the sums are brought within, ±; nil leaves them. With a bound the step is not compiled.
    public var clip: Float?

    public init() {}

    /// A function.
    public init(function: ActivationFunction) { self.function = function }
  }

  public typealias State = HiddenState

  public static let name = "general-rnn"
  public static let source = "Elman 1990; the operators of Keras and ONNX"
  public static let purpose = "models of other programs with other functions, such as sigmoid or softsign"

  /// W, `[H, I]`
  public var weightInput: Tensor
  /// R, `[H, H]`
  public var weightHidden: Tensor
  /// b, `[H]`
  public var bias: Tensor
  /// What the cell was told.
  public var options: Options

  /// A cell with weights drawn from `generator`, as an ``RNNCell`` starts.
  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    let start = TanhRNNCell(inputSize: inputSize, hiddenSize: hiddenSize, using: &generator)
    self.init(weightInput: start.weightInput, weightHidden: start.weightHidden, bias: start.bias, options: options)
  }

  /// A cell with the weights that are given, of the shapes of its properties.
  package init(weightInput: Tensor, weightHidden: Tensor, bias: Tensor, options: Options) {
    (self.weightInput, self.weightHidden, self.bias, self.options) = (weightInput, weightHidden, bias, options)
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
    return HiddenState(hidden: options.function(sums.within(options.clip)))
  }
}
