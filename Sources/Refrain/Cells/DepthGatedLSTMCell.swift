/// Several LSTMs one on another whose memories are connected (Yao, Cohn, Vylomova, Duh and Dyer 2015): from the second
/// level on a fifth gate lets the cell state of the level below, at the same step, into that of the level.
///
///     d = σ(W_d x + p ⊙ c + q ⊙ c̲ + b_d)           depth gate
///     c' = f ⊙ c + i ⊙ c̃ + d ⊙ c̲                    cell state
///
/// x is the hidden state and c̲ the cell state of the level below, both at this step; i, f, c̃, o and h' are those of
/// ``LSTMCell``, without the peepholes the paper gives them. All levels have H units; the output is the uppermost's.
public struct DepthGatedLSTMCell: RecurrentCell {
  /// How many levels there are.
  public struct Options: CellOptions {
    /// The number of levels, at least 1.
    public var levels = 2

    /// The defaults.
    public init() {}
    /// The number of levels, at least 1.
    public init(levels: Int) { self.levels = levels }
  }

  /// The order of the blocks of **H** rows in weights and biases; the depth gate is in input weights and biases alone,
  /// and not at the lowest level.
  public enum Gate: Int, CaseIterable, Sendable {
    /// i: how much of the candidate comes in.
    case input
    /// f: how much of the cell state stays.
    case forget
    /// c̃: the values to come in.
    case candidate
    /// o: how much of the cell state is shown.
    case output
    /// d: how much of the cell state below comes in.
    case depth
  }

  /// The weights of a level.
  public struct Level: Module {
    /// W, `[5H, H]`; at the lowest level `[4H, I]`.
    public var weightInput: Tensor
    /// R, `[4H, H]`
    public var weightHidden: Tensor
    /// b, `[5H]`; at the lowest level `[4H]`.
    public var bias: Tensor
    /// p and q, `[2, H]`: how the depth gate sees the level's own cell state at t − 1 and that of the level below at t;
    /// at the lowest level `[0, H]`.
    public var weightDepth: Tensor

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("weight_ih", &weightInput)
      try body("weight_hh", &weightHidden)
      try body("bias_ih", &bias)
      if weightDepth.extent(0) > 0 { try body("weight_depth", &weightDepth) }
    }
  }

  /// The states of all levels, from the lowest.
  public struct State: RecurrentState {
    /// h and c of each level.
    public var levels: [LSTMCell.State]

    /// The states of all levels, from the lowest.
    public init(levels: [LSTMCell.State]) { self.levels = levels }

    /// The hidden state of the uppermost level.
    public var output: Tensor { levels[levels.count - 1].hidden }

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) { try levels.forEachTensor(body) }
  }

  public static let name = "depth-gated-lstm"
  public static let source = "Yao, Cohn, Vylomova, Duh and Dyer 2015"
  public static let purpose = "stacks whose memories flow upwards as well"

  /// The weights of all levels, from the lowest.
  public var levels: [Level]

  /// A cell with weights drawn from `generator`, as an ``LSTMCell``'s; p and q start at 0.
  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    levels = []
    for level in 0..<max(options.levels, 1) {
      let gates = Gate.allCases.count - (level == 0 ? 1 : 0)
      var bias = Tensor.zeros([gates * hiddenSize])
      for unit in 0..<hiddenSize { bias[Gate.forget.rawValue * hiddenSize + unit] = 1 }
      levels.append(
        Level(
          weightInput: Initializer.glorotUniform(
            gates * hiddenSize, level == 0 ? inputSize : hiddenSize, using: &generator),
          weightHidden: Initializer.orthogonalBlocks(4, hiddenSize, using: &generator), bias: bias,
          weightDepth: .zeros([level == 0 ? 0 : 2, hiddenSize])))
    }
  }

  public static func check(inputSize: Int, hiddenSize: Int, options: Options) throws(LayerError) {
    guard (1...1024).contains(options.levels) else {
      throw LayerError("\(name): the number of levels is \(options.levels), and must be positive")
    }
  }

  public var options: Options { Options(levels: levels.count) }
  public var inputSize: Int { levels[0].weightInput.extent(1) }
  public var hiddenSize: Int { levels[0].weightHidden.extent(1) }

  /// The lowest level's tensors as an LSTM's; those of level 1 as `weight_ih.1`, ….
  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    for index in levels.indices {
      try levels[index].forEachTensor { (name: String, tensor: inout Tensor) throws(E) in
        try body(index == 0 ? name : name + ".\(index)", &tensor)
      }
    }
  }

  public func initialState(batch: Int) -> State {
    State(
      levels: levels.map { _ in
        LSTMCell.State(hidden: .zeros([batch, hiddenSize]), cell: .zeros([batch, hiddenSize]))
      })
  }

  public func project(_ input: Tensor) -> Tensor { input.linear(weight: levels[0].weightInput, bias: levels[0].bias) }

  public func step(_ projected: Tensor, _ state: State) -> State {
    var below: LSTMCell.State?
    var next: [LSTMCell.State] = []
    for (level, state) in zip(levels, state.levels) {
      let read = below.map { $0.hidden.linear(weight: level.weightInput, bias: level.bias) } ?? projected
      let recurrent = state.hidden.matrixProduct(level.weightHidden, transposingOther: true)
      let sums = read.slice(0..<4 * hiddenSize, axis: 1) + recurrent
      if let below {
        let (own, lower) = (
          level.weightDepth.at(0, axis: 0) * state.cell, level.weightDepth.at(1, axis: 0) * below.cell
        )
        let cell =
          updatedCell(sums: sums.slice(0..<3 * hiddenSize, axis: 1), cell: state.cell)
          + sigmoid(read.block(Gate.depth.rawValue, of: hiddenSize) + own + lower) * below.cell
        let output = sigmoid(sums.block(Gate.output.rawValue, of: hiddenSize))
        next.append(LSTMCell.State(hidden: output * tanh(cell), cell: cell))
      } else {
        next.append(LSTMCell.State(sums: sums, cell: state.cell))
      }
      below = next.last
    }
    return State(levels: next)
  }

  /// Those of the lowest level as an LSTM's; those of level 1 as `input.1`, …, and its depth gate as `depth.1`, ….
  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    let next = step(projected, state)
    return levels.indices.flatMap { index in
      let (level, state) = (levels[index], state.levels[index])
      let below = index == 0 ? nil : next.levels[index - 1]
      let read = below.map { $0.hidden.linear(weight: level.weightInput, bias: level.bias) } ?? projected
      let recurrent = state.hidden.matrixProduct(level.weightHidden, transposingOther: true)
      return Gate.allCases.dropLast(index == 0 ? 1 : 0).map { gate in
        var sum = read.block(gate.rawValue, of: hiddenSize)
        if gate == .depth, let below {
          sum += level.weightDepth.at(0, axis: 0) * state.cell + level.weightDepth.at(1, axis: 0) * below.cell
        } else {
          sum += recurrent.block(gate.rawValue, of: hiddenSize)
        }
        return (index == 0 ? "\(gate)" : "\(gate).\(index)", gate == .candidate ? tanh(sum) : sigmoid(sum))
      }
    }
  }

  /// That of the uppermost level.
  public func retention(_ gates: [String: Tensor]) -> Tensor? {
    gates[levels.count == 1 ? "forget" : "forget.\(levels.count - 1)"]
  }
}
