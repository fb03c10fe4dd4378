import RealModule

/// The time-aware long short-term memory for steps at irregular times (T-LSTM; Baytas et al. 2017): before a step, the
/// short-term part of the memory fades with the time since the step before; the long-term part stays.
///
///     c_S = tanh(W_d c + b_d)                 short-term memory
///     g   = 1 / log(e + Δ)                    decay
///     c*  = (c − c_S) + g · c_S               memory, adjusted
///     h', c' = LSTM(x, h, c*)                 as in ``LSTMCell``
///
/// The columns of the input are `[x…, Δ]`: the values, and last the time elapsed since the step before, not negative,
/// in a unit of your own. At Δ = 0 nothing fades; at a sequence's first step the memory is empty, and Δ has no
/// influence.
public struct TimeAwareLSTMCell: RecurrentCell {
  public typealias State = LSTMCell.State

  public static let name = "t-lstm"
  public static let source = "Baytas et al. 2017"
  public static let purpose = "records at irregular times, which fade with the time between them"
  public static let lastColumn: String? = "the time since the step before"

  /// The step that follows the decay.
  public var lstm: LSTMCell
  /// W_d, `[H, H]`
  public var weightDecay: Tensor
  /// b_d, `[H]`
  public var biasDecay: Tensor

  /// A cell with weights drawn from `generator`: those of ``LSTMCell``, W_d by Glorot's rule, b_d 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    lstm = LSTMCell(inputSize: max(inputSize - 1, 0), hiddenSize: hiddenSize, using: &generator)
    weightDecay = Initializer.glorotUniform(hiddenSize, hiddenSize, using: &generator)
    biasDecay = .zeros([hiddenSize])
  }

  public var inputSize: Int { lstm.inputSize + 1 }
  public var hiddenSize: Int { lstm.hiddenSize }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try lstm.forEachTensor(body)
    try body("weight_decay", &weightDecay)
    try body("bias_decay", &biasDecay)
  }

  public func initialState(batch: Int) -> State { lstm.initialState(batch: batch) }

  /// `[N, I]` → `[N, 4H + 1]`: the sums of the LSTM, and g.
  public func project(_ input: Tensor) -> Tensor {
    let (values, elapsed) = input.valuesAndLastColumn
    return concatenate([lstm.project(values), log(elapsed + Float.exp(1)).reciprocal], axis: 1)
  }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let (sums, decay) = projected.valuesAndLastColumn
    let short = tanh(state.cell.linear(weight: weightDecay, bias: biasDecay))
    let adjusted = state.cell - short + decay * short
    return lstm.step(sums, State(hidden: state.hidden, cell: adjusted))
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    lstm.gates(projected.valuesAndLastColumn.values, state)
  }

  /// That of the memory which the time between steps has left.
  public func retention(_ gates: [String: Tensor]) -> Tensor? { lstm.retention(gates) }
}
