/// The quasi-recurrent network with fo-pooling: convolutions over the last inputs make the gates, and only the pooling
/// goes from step to step (Bradbury, Merity, Xiong and Socher 2017).
///
///     X = [x₋₁; x]                      the last inputs, **K** of them, the oldest first; here K = 2
///     z = tanh(W_z X + b_z)             candidate
///     f = σ(W_f X + b_f)                forget gate
///     o = σ(W_o X + b_o)                output gate
///     c' = f ⊙ c + (1 − f) ⊙ z          cell state
///     h' = o ⊙ c'                       hidden state
public struct QRNNCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights and biases.
  public enum Gate: Int, CaseIterable, Sendable {
    /// z: the new values.
    case candidate
    /// f: how much of the cell state stays.
    case forget
    /// o: how much of the cell state is shown.
    case output
  }

  /// The hidden state h and the cell state c, each `[B, H]`, and the last inputs, `[B, (K − 1)·I]`.
  public struct State: RecurrentState {
    /// The hidden state h, `[B, H]`.
    public var hidden: Tensor
    /// The cell state c, `[B, H]`.
    public var cell: Tensor
    /// The last K − 1 inputs, the oldest first, `[B, (K − 1)·I]`.
    public var inputs: Tensor

    /// A state from h and c, each `[B, H]`, and the last inputs, `[B, (K − 1)·I]`.
    public init(hidden: Tensor, cell: Tensor, inputs: Tensor) {
      self.hidden = hidden
      self.cell = cell
      self.inputs = inputs
    }

    public var output: Tensor { hidden }

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("hidden", &hidden)
      try body("cell", &cell)
      try body("inputs", &inputs)
    }
  }

  /// The settings of the cell besides its sizes.
  public struct Options: CellOptions {
    /// How many inputs **K** the gates see, the present one among them.
    public var window = 2

    /// The defaults.
    public init() {}
    /// Gates that see the last `window` inputs.
    public init(window: Int) { self.window = window }
  }

  public static let name = "qrnn"
  public static let source = "Bradbury, Merity, Xiong and Socher 2017"
  public static let purpose = "speed: convolutions over time, then a light recurrence"

  /// W, `[3H, K·I]`: the columns of the oldest input first.
  public var weightInput: Tensor
  /// b, `[3H]`
  public var bias: Tensor
  /// How many inputs **K** the gates see.
  public let window: Int

  /// A cell with weights drawn from `generator` by Glorot's rule, biases 0.
  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    let gates = Gate.allCases.count
    window = options.window
    weightInput = Initializer.glorotUniform(gates * hiddenSize, window * inputSize, using: &generator)
    bias = .zeros([gates * hiddenSize])
  }

  public static func check(inputSize: Int, hiddenSize: Int, options: Options) throws(LayerError) {
    try Refrain.check(options.window, "the window", of: name)
  }

  public var options: Options { Options(window: window) }
  public var inputSize: Int { weightInput.extent(1) / max(window, 1) }
  public var hiddenSize: Int { bias.count / Gate.allCases.count }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("bias_ih", &bias)
  }

  public func initialState(batch: Int) -> State {
    State(
      hidden: .zeros([batch, hiddenSize]), cell: .zeros([batch, hiddenSize]),
      inputs: .zeros([batch, (window - 1) * inputSize]))
  }

  /// The input as it is: the window belongs to the state.
  public func project(_ input: Tensor) -> Tensor { input }

  /// The pooling's coefficients and the output gate, each `[N, H]`, of windows `[N, K·I]`.
  private func coefficients(_ windows: Tensor) -> (decay: Tensor, addition: Tensor, output: Tensor) {
    let (forget, candidate, output) = activations(windows)
    return (forget, (1 - forget) * candidate, output)
  }

  private func activations(_ windows: Tensor) -> (forget: Tensor, candidate: Tensor, output: Tensor) {
    let sums = windows.linear(weight: weightInput, bias: bias)
    func sum(_ gate: Gate) -> Tensor { sums.block(gate.rawValue, of: hiddenSize) }
    return (sigmoid(sum(.forget)), tanh(sum(.candidate)), sigmoid(sum(.output)))
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    let (forget, candidate, output) = activations(concatenate([state.inputs, projected], axis: 1))
    return [("candidate", candidate), ("forget", forget), ("output", output)]
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let windows = concatenate([state.inputs, projected], axis: 1)
    let (decay, addition, output) = coefficients(windows)
    let cell = decay * state.cell + addition
    return State(
      hidden: output * cell, cell: cell, inputs: windows.slice(inputSize..<window * inputSize, axis: 1))
  }

  public static var execution: ScanExecution<Self> { .atOnce { $0.pooled($1, from: $2, along: $3) } }

  /// All gates as one product, then the recurrence of the cell state.
  private func pooled(
    _ input: Tensor, from state: State, along schedule: Schedule
  ) -> (outputs: Tensor, state: State) {
    let windows = windows(schedule.packed(input), from: state.inputs, along: schedule)
    let (decay, addition, output) = coefficients(windows)
    let cell = linearRecurrence(decay, addition, from: state.cell, along: schedule)
    let hidden = output * cell
    return (
      schedule.unpacked(hidden, like: input),
      State(
        hidden: schedule.lastRows(hidden, initial: state.hidden),
        cell: schedule.lastRows(cell, initial: state.cell),
        inputs: schedule.lastRows(windows.slice(inputSize..<window * inputSize, axis: 1), initial: state.inputs))
    )
  }

  /// For each packed row the last K inputs side by side, `[N, K·I]`.
  private func windows(_ packed: Tensor, from earlier: Tensor, along schedule: Schedule) -> Tensor {
    let kept = window - 1
    guard kept > 0 else { return packed }
    // The earlier inputs are rows after those of the steps: input −k of a sequence is its row K − 1 − k of K − 1.
    let all = concatenate([packed, earlier.reshaped([schedule.order.count * kept, inputSize])], axis: 0)
    var places: [Int] = []
    places.reserveCapacity(schedule.count * window)
    for step in 0..<schedule.steps {
      for rank in 0..<schedule.alive[step] {
        for input in step - kept...step {
          places.append(
            input < 0
              ? schedule.count + schedule.order[rank] * kept + kept + input : schedule.offsets[input] + rank)
        }
      }
    }
    return all.gatheringRows(places).reshaped([schedule.count, window * inputSize])
  }
}
