/// The long short-term memory with exponential gates, a normalizer and heads: the sLSTM of xLSTM (Beck et al. 2024).
///
///     i = exp(W_i x + R_i h + b_i)            input gate
///     f = σ(W_f x + R_f h + b_f), or exp      forget gate
///     z = tanh(W_z x + R_z h + b_z)           candidate
///     o = σ(W_o x + R_o h + b_o)              output gate
///     c' = f ⊙ c + i ⊙ z                      cell state
///     n' = f ⊙ n + i                          normalizer: the weight of all that c' holds
///     h' = o ⊙ c' / n'                        hidden state
///
/// An exponential gate overflows, so c and n are kept divided by eᵐ, which leaves h as it is:
///
///     m' = max(log f + m, log i)              stabiliser
///     i' = exp(log i − m'), f' = exp(log f + m − m') stand for i and f.
///
/// R is block-diagonal: the units are divided into heads, and a head sees its own hidden units alone. Input weights
/// start by Glorot's rule, each recurrent block orthogonal, biases at 0 but the forget gate's at 1.
public struct SLSTMCell: RecurrentCell {
  /// The order of the blocks of **H** rows in input weights and biases, and of a head's in its recurrent weights.
  public typealias Gate = LSTMCell.Gate

  /// The settings of the cell besides its sizes.
  public struct Options: CellOptions {
    /// The function of the forget gate.
    public enum ForgetGate: String, Codable, Sendable, CaseIterable {
      /// f = σ(…).
      case sigmoid
      /// f = exp(…).
      case exponential
    }

    /// The number of heads, which divides **H**; nil means the greatest such number up to 4.
    public var heads: Int?
    /// The function of the forget gate.
    public var forgetGate = ForgetGate.sigmoid

    /// The defaults.
    public init() {}
    /// Options other than the defaults.
    public init(heads: Int? = nil, forgetGate: ForgetGate = .sigmoid) {
      self.heads = heads
      self.forgetGate = forgetGate
    }
  }

  /// Hidden state, cell state, normalizer and stabiliser, each `[B, H]`.
  public struct State: RecurrentState {
    /// The hidden state h, `[B, H]`.
    public var hidden: Tensor
    /// The cell state c, divided by eᵐ, `[B, H]`.
    public var cell: Tensor
    /// The normalizer n, divided by eᵐ, `[B, H]`; not negative.
    public var normalizer: Tensor
    /// The stabiliser m, `[B, H]`.
    public var stabilizer: Tensor

    /// A state from h, c, n and m, each `[B, H]`.
    public init(hidden: Tensor, cell: Tensor, normalizer: Tensor, stabilizer: Tensor) {
      self.hidden = hidden
      self.cell = cell
      self.normalizer = normalizer
      self.stabilizer = stabilizer
    }

    public var output: Tensor { hidden }

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("hidden", &hidden)
      try body("cell", &cell)
      try body("normalizer", &normalizer)
      try body("stabilizer", &stabilizer)
    }
  }

  public static let name = "slstm"
  public static let source = "Beck et al. 2024"
  public static let purpose = "xLSTM: exponential gates, which can revise what they stored"

  /// W, `[4H, I]`
  public var weightInput: Tensor
  /// R, `[heads, 4H / heads, H / heads]`: a head's four gates by its own hidden units.
  public var weightHidden: Tensor
  /// b, `[4H]`
  public var bias: Tensor
  /// The function of the forget gate.
  public let forgetGate: Options.ForgetGate

  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    let heads = Heads.count(options.heads, of: hiddenSize, for: Self.name)
    weightInput = Initializer.glorotUniform(gates * hiddenSize, inputSize, using: &generator)
    weightHidden = stack(
      (0..<heads).map { _ in Initializer.orthogonalBlocks(gates, hiddenSize / heads, using: &generator) })
    bias = .zeros([gates * hiddenSize])
    for unit in 0..<hiddenSize { bias[Gate.forget.rawValue * hiddenSize + unit] = 1 }
    forgetGate = options.forgetGate
  }

  public static func check(inputSize: Int, hiddenSize: Int, options: Options) throws(LayerError) {
    try Heads.check(options.heads, of: hiddenSize, for: name)
  }

  public var options: Options { Options(heads: weightHidden.extent(0), forgetGate: forgetGate) }
  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightHidden.extent(0) * weightHidden.extent(2) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
  }

  public func initialState(batch: Int) -> State {
    let zeros = Tensor.zeros([batch, hiddenSize])
    return State(hidden: zeros, cell: zeros, normalizer: zeros, stabilizer: zeros)
  }

  public func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let sums = projected + recurrentSums(state.hidden)
    func gate(_ gate: Gate) -> Tensor { sums.block(gate.rawValue, of: hiddenSize) }
    let (input, forget, stabilizer) = stabilized(sums, state)
    let cell = forget * state.cell + input * tanh(gate(.candidate))
    let normalizer = forget * state.normalizer + input
    // While nothing was written both are 0 and shown as 0.
    let hidden = sigmoid(gate(.output)) * cell / maximum(normalizer, Tensor(1e-30))
    return State(hidden: hidden, cell: cell, normalizer: normalizer, stabilizer: stabilizer)
  }

  /// i', f' and m', `[B, H]` each.
  private func stabilized(_ sums: Tensor, _ state: State) -> (input: Tensor, forget: Tensor, stabilizer: Tensor) {
    func gate(_ gate: Gate) -> Tensor { sums.block(gate.rawValue, of: hiddenSize) }
    let logInput = gate(.input)
    let logForget = forgetGate == .sigmoid ? -softplus(-gate(.forget)) : gate(.forget)
    let kept = logForget + state.stabilizer
    let stabilizer = maximum(kept, logInput)
    return (exp(logInput - stabilizer), exp(kept - stabilizer), stabilizer)
  }

  /// Of the exponential gates i' and f', which are shares: one of them is 1 for each unit.
  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    let sums = projected + recurrentSums(state.hidden)
    let (input, forget, _) = stabilized(sums, state)
    func gate(_ gate: Gate) -> Tensor { sums.block(gate.rawValue, of: hiddenSize) }
    return [
      ("input", input), ("forget", forget), ("candidate", tanh(gate(.candidate))), ("output", sigmoid(gate(.output))),
    ]
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }

  /// R h, head by head: `[B, H]` → `[B, 4H]`.
  private func recurrentSums(_ hidden: Tensor) -> Tensor {
    let (heads, size) = (weightHidden.extent(0), weightHidden.extent(2))
    let gates = Gate.allCases.count
    let sums = (0..<heads).map { head in
      let weight = weightHidden.slice(head..<head + 1, axis: 0).reshaped([gates * size, size])
      return hidden.slice(head * size..<(head + 1) * size, axis: 1).matrixProduct(weight, transposingOther: true)
    }
    if heads == 1 { return sums[0] }
    return concatenate((0..<gates).flatMap { gate in sums.map { $0.block(gate, of: size) } }, axis: 1)
  }
}

/// The division of hidden units into heads.
enum Heads {
  /// The number of heads asked for, or the greatest up to 4 that divides the units.
  static func count(_ heads: Int?, of units: Int, for cell: String) -> Int {
    let count = heads ?? (1...4).last { units % $0 == 0 } ?? 1
    require(count > 0 && units % count == 0, "\(cell): \(units) hidden units cannot be divided into \(count) heads")
    return count
  }

  static func check(_ heads: Int?, of units: Int, for cell: String) throws(LayerError) {
    guard let heads, heads < 1 || units % heads != 0 else { return }
    throw LayerError(
      "\(cell): \(units) hidden units cannot be divided into \(heads) heads; give a number that divides \(units)")
  }
}
