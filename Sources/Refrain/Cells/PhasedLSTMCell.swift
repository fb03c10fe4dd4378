import RealModule

/// The phased long short-term memory for steps at irregular times (Neil, Pfeiffer and Liu 2016): each unit has a rhythm
/// of its own and is updated only while its time gate k is open.
///
///     φ = ((t − s) mod τ) / τ                 phase
///     k = 2φ / r          for φ < r / 2       the gate opens,
///         2 − 2φ / r      for φ < r           closes,
///         α φ             otherwise           and leaks
///     h̃, c̃ = LSTM(x, h, c)                    as in ``LSTMCell``
///     c' = k ⊙ c̃ + (1 − k) ⊙ c
///     h' = k ⊙ h̃ + (1 − k) ⊙ h
///
/// The period τ, the shift s and the ratio r of the open phase are learned, one of each a unit. The leak α lets a
/// gradient through closed gates; like the rest of the formula it is the same in training and prediction.
///
/// The columns of the input are `[x…, Δ]`: the values, and last the time elapsed since the step before. The time t is
/// the sum of these and is kept in the state; in single precision it should stay below some 100,000 of the shortest
/// periods.
public struct PhasedLSTMCell: RecurrentCell {
  /// The settings of the cell besides its sizes.
  public struct Options: CellOptions {
    /// The shortest period a unit starts with, in the unit of the elapsed time.
    public var shortestPeriod: Float = 1
    /// The longest period a unit starts with; the logarithms of the periods are drawn evenly between the two.
    public var longestPeriod: Float = 1000
    /// The ratio r that units start with, between 0 and 1.
    public var openRatio: Float = 0.05
    /// The leak α of a closed gate.
    public var leak: Float = 0.001

    /// The defaults.
    public init() {}
    /// Options other than the defaults.
    public init(shortestPeriod: Float = 1, longestPeriod: Float = 1000, openRatio: Float = 0.05, leak: Float = 0.001) {
      self.shortestPeriod = shortestPeriod
      self.longestPeriod = longestPeriod
      self.openRatio = openRatio
      self.leak = leak
    }
  }

  /// The hidden state h, the cell state c and the time.
  public struct State: RecurrentState {
    /// The hidden state h, `[B, H]`.
    public var hidden: Tensor
    /// The cell state c, `[B, H]`.
    public var cell: Tensor
    /// The time t of the last step, `[B, 1]`.
    public var time: Tensor

    /// A state from h and c, each `[B, H]`, and t, `[B, 1]`.
    public init(hidden: Tensor, cell: Tensor, time: Tensor) {
      self.hidden = hidden
      self.cell = cell
      self.time = time
    }

    public var output: Tensor { hidden }

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("hidden", &hidden)
      try body("cell", &cell)
      try body("time", &time)
    }
  }

  public static let name = "phased-lstm"
  public static let source = "Neil, Pfeiffer and Liu 2016"
  public static let purpose = "events at irregular times, and sensors of several rates"
  public static let lastColumn: String? = "the time since the step before"

  /// The state that every step computes, and that is taken over as far as the gates are open.
  public var lstm: LSTMCell
  /// log τ, `[H]`: the period stays positive whatever is learned.
  public var logPeriod: Tensor
  /// s, `[H]`
  public var shift: Tensor
  /// log(r / (1 − r)), `[H]`: the ratio stays between 0 and 1.
  public var ratioLogit: Tensor
  /// α
  public var leak: Float { options.leak }
  /// How the time gates start, and their leak.
  public let options: Options

  /// A cell with weights drawn from `generator`: those of ``LSTMCell``, periods as the options say, shifts evenly from
  /// 0 to the period.
  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    lstm = LSTMCell(inputSize: max(inputSize - 1, 0), hiddenSize: hiddenSize, using: &generator)
    let (shortest, longest) = (Float.log(options.shortestPeriod), Float.log(options.longestPeriod))
    logPeriod = Tensor.uniform([hiddenSize], using: &generator) * (longest - shortest) + shortest
    shift = Tensor.uniform([hiddenSize], using: &generator) * exp(logPeriod)
    ratioLogit = Tensor(repeating: .log(options.openRatio / (1 - options.openRatio)), shape: [hiddenSize])
    self.options = options
  }

  public static func check(inputSize: Int, hiddenSize: Int, options: Options) throws(LayerError) {
    try checkLastColumn(inputSize: inputSize)
    guard options.shortestPeriod > 0, options.longestPeriod >= options.shortestPeriod, options.longestPeriod < .infinity
    else {
      throw LayerError(
        "\(name): the periods go from \(options.shortestPeriod) to \(options.longestPeriod); give positive ones in order"
      )
    }
    guard options.openRatio > 0, options.openRatio < 1, (0...1).contains(options.leak) else {
      throw LayerError(
        "\(name): the open ratio is \(options.openRatio) and the leak \(options.leak); give both between 0 and 1")
    }
  }

  public var inputSize: Int { lstm.inputSize + 1 }
  public var hiddenSize: Int { lstm.hiddenSize }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try lstm.forEachTensor(body)
    try body("log_period", &logPeriod)
    try body("shift", &shift)
    try body("ratio_logit", &ratioLogit)
  }

  public func initialState(batch: Int) -> State {
    let start = lstm.initialState(batch: batch)
    return State(hidden: start.hidden, cell: start.cell, time: .zeros([batch, 1]))
  }

  /// `[N, I]` → `[N, 4H + 1]`: the sums of the LSTM, and the elapsed time.
  public func project(_ input: Tensor) -> Tensor {
    let (values, elapsed) = input.valuesAndLastColumn
    return concatenate([lstm.project(values), elapsed], axis: 1)
  }

  public func step(_ projected: Tensor, _ state: State) -> State { step(projected, state, seeing: state.hidden) }

  public func step(_ projected: Tensor, _ state: State, seeing hidden: Tensor) -> State {
    let (sums, elapsed) = projected.valuesAndLastColumn
    let time = state.time + elapsed
    let proposed = lstm.step(sums, LSTMCell.State(hidden: hidden, cell: state.cell))
    let open = timeGate(time)
    return State(
      hidden: state.hidden + open * (proposed.hidden - state.hidden),
      cell: state.cell + open * (proposed.cell - state.cell), time: time)
  }

  /// Those of the LSTM, and the time gate k under the name `time`.
  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    let (sums, elapsed) = projected.valuesAndLastColumn
    return lstm.gates(sums, LSTMCell.State(hidden: state.hidden, cell: state.cell))
      + [("time", timeGate(state.time + elapsed))]
  }

  /// What a closed time gate leaves as it is, and of the rest what the forget gate keeps.
  public func retention(_ gates: [String: Tensor]) -> Tensor? {
    guard let time = gates["time"], let forget = gates["forget"] else { return nil }
    return 1 - time * (1 - forget)
  }

  /// k at times `[B, 1]`: `[B, H]`.
  private func timeGate(_ time: Tensor) -> Tensor {
    let phase = ((time - shift) / exp(logPeriod)).fraction
    let ratio = sigmoid(ratioLogit)
    return select(greater(ratio, phase), 1 - abs(2 * phase / ratio - 1), leak * phase)
  }
}
