/// The long short-term memory with a recurrent projection: what it shows is smaller than what it remembers (Sak, Senior
/// and Beaufays 2014; PyTorch's `proj_size`). **H** is the size of the projection, **C** that of the cell state.
///
///     i = σ(W_i x + R_i h + b_i)        input gate
///     f = σ(W_f x + R_f h + b_f)        forget gate
///     c̃ = tanh(W_c x + R_c h + b_c)     candidate
///     o = σ(W_o x + R_o h + b_o)        output gate
///     c' = f ⊙ c + i ⊙ c̃                cell state
///     h' = W_r (o ⊙ tanh(c'))           hidden state
public struct ProjectedLSTMCell: RecurrentCell {
  /// The order of the blocks of **C** rows in weights and biases.
  public typealias Gate = LSTMCell.Gate

  /// The hidden state h, `[B, H]`, and the cell state c, here `[B, C]`.
  public typealias State = LSTMCell.State

  /// The settings of the cell besides its sizes.
  public struct Options: CellOptions {
    /// The size **C** of the cell state; nil means 2·H.
    public var cellSize: Int?

    /// The defaults.
    public init() {}
    /// A cell state of the given size.
    public init(cellSize: Int?) { self.cellSize = cellSize }
  }

  public static let name = "projected-lstm"
  public static let source = "Sak, Senior and Beaufays 2014"
  public static let purpose = "much memory at few weights: speech, large vocabularies"

  /// W, `[4C, I]`
  public var weightInput: Tensor
  /// R, `[4C, H]`
  public var weightHidden: Tensor
  /// b, `[4C]`
  public var bias: Tensor
  /// W_r, `[H, C]`
  public var weightProjection: Tensor

  /// A cell with weights drawn from `generator`: those of the input and the projection by Glorot's rule, recurrent
  /// weights orthogonal in blocks of H rows, biases 0 but the forget gate's, which is 1.
  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    let rows = Gate.allCases.count * (options.cellSize ?? 2 * hiddenSize)
    weightInput = Initializer.glorotUniform(rows, inputSize, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(
      max(1, (rows + hiddenSize - 1) / max(hiddenSize, 1)), hiddenSize, using: &generator
    ).slice(0..<rows, axis: 0)
    bias = Initializer.biases(Gate.allCases.count, rows / Gate.allCases.count, open: Gate.forget.rawValue)
    weightProjection = Initializer.glorotUniform(hiddenSize, rows / Gate.allCases.count, using: &generator)
  }

  public static func check(inputSize: Int, hiddenSize: Int, options: Options) throws(LayerError) {
    if let size = options.cellSize { try Refrain.check(size, "the cell size", of: name) }
  }

  public var options: Options { Options(cellSize: cellSize) }
  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightProjection.extent(0) }
  /// The size **C** of the cell state.
  public var cellSize: Int { weightProjection.extent(1) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    try body("weight_hr", &weightProjection)
  }

  public func initialState(batch: Int) -> State {
    State(hidden: .zeros([batch, hiddenSize]), cell: .zeros([batch, cellSize]))
  }

  public func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let sums = projected + state.hidden.matrixProduct(weightHidden, transposingOther: true)
    let next = State(sums: sums, cell: state.cell)
    return State(hidden: next.hidden.matrixProduct(weightProjection, transposingOther: true), cell: next.cell)
  }

  /// Here each `[B, C]`.
  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    shownGates(projected + state.hidden.matrixProduct(weightHidden, transposingOther: true), of: cellSize)
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}
