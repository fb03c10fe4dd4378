/// The long short-term memory whose cell state is a matrix: the mLSTM of xLSTM (Beck et al. 2024). All gates and
/// vectors follow from the input alone, so that the steps of a sequence can be computed side by side.
///
/// In each head, of size d = H / heads:
///
///     q = W_q x + b_q                         query
///     k = (W_k x + b_k) / √d                  key
///     v = W_v x + b_v                         value
///     i = exp(w_i x + b_i)                    input gate, a number
///     f = σ(w_f x + b_f)                      forget gate, a number
///     o = σ(W_o x + b_o)                      output gate
///     C' = f C + i v kᵀ                       matrix memory
///     n' = f n + i k                          normalizer
///     h' = o ⊙ C' q / max(|n' · q|, 1)        hidden state
///
/// C and n are kept divided by eᵐ, m' = max(log f + m, log i), as in ``SLSTMCell``; the 1 in h' is then e⁻ᵐ.
///
/// Weights start by Glorot's rule, biases at 0 but the forget gates', which go from 3 to 6 over the heads.
public struct MatrixLSTMCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights and biases; each has a part for each head.
  public enum Part: Int, CaseIterable, Sendable {
    /// q: the key that is read.
    case query
    /// k: the key that is written.
    case key
    /// v: the value that is written.
    case value
    /// o: how much of the value read is shown.
    case output
  }
  /// The order of the blocks of as many rows as heads in the weights and biases of the gates.
  public enum Gate: Int, CaseIterable, Sendable {
    /// i: how much is written.
    case input
    /// f: how much of the memory stays.
    case forget
  }

  /// The settings of the cell besides its sizes.
  public struct Options: CellOptions {
    /// The number of heads, which divides **H**; nil means the greatest such number up to 4.
    public var heads: Int?

    /// The defaults.
    public init() {}
    /// As many heads.
    public init(heads: Int?) { self.heads = heads }
  }

  /// Hidden state, matrix memory, normalizer and stabiliser.
  public struct State: RecurrentState {
    /// The hidden state h, `[B, H]`: shown, and not read by the next step.
    public var hidden: Tensor
    /// The matrix memory C, divided by eᵐ, `[B, heads, d, d]`: values by keys.
    public var memory: Tensor
    /// The normalizer n, divided by eᵐ, `[B, heads, d]`.
    public var normalizer: Tensor
    /// The stabiliser m, `[B, heads]`.
    public var stabilizer: Tensor

    /// A state from h, C, n and m.
    public init(hidden: Tensor, memory: Tensor, normalizer: Tensor, stabilizer: Tensor) {
      self.hidden = hidden
      self.memory = memory
      self.normalizer = normalizer
      self.stabilizer = stabilizer
    }

    public var output: Tensor { hidden }

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("hidden", &hidden)
      try body("memory", &memory)
      try body("normalizer", &normalizer)
      try body("stabilizer", &stabilizer)
    }
  }

  public static let name = "mlstm"
  public static let source = "Beck et al. 2024"
  public static let purpose = "xLSTM: much to remember, in a matrix; all steps in parallel"

  /// W, `[4H, I]`
  public var weightInput: Tensor
  /// w of the gates, `[2 · heads, I]`
  public var weightGates: Tensor
  /// b, `[4H]`
  public var bias: Tensor
  /// b of the gates, `[2 · heads]`
  public var biasGates: Tensor

  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    let heads = Heads.count(options.heads, of: hiddenSize, for: Self.name)
    weightInput = Initializer.glorotUniform(Part.allCases.count * hiddenSize, inputSize, using: &generator)
    weightGates = Initializer.glorotUniform(Gate.allCases.count * heads, inputSize, using: &generator)
    bias = .zeros([Part.allCases.count * hiddenSize])
    biasGates = .zeros([Gate.allCases.count * heads])
    for head in 0..<heads {
      biasGates[Gate.forget.rawValue * heads + head] = 3 + 3 * Float(head) / Float(max(heads - 1, 1))
    }
  }

  public static func check(inputSize: Int, hiddenSize: Int, options: Options) throws(LayerError) {
    try Heads.check(options.heads, of: hiddenSize, for: name)
  }

  public var options: Options { Options(heads: heads) }
  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightInput.extent(0) / Part.allCases.count }
  /// The number of heads.
  public var heads: Int { weightGates.extent(0) / Gate.allCases.count }
  /// d, the size of a head.
  private var headSize: Int { hiddenSize / heads }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("gates.weight", &weightGates)
    try body("bias_ih", &bias)
    try body("gates.bias", &biasGates)
  }

  public func initialState(batch: Int) -> State {
    State(
      hidden: .zeros([batch, hiddenSize]), memory: .zeros([batch, heads, headSize, headSize]),
      normalizer: .zeros([batch, heads, headSize]), stabilizer: .zeros([batch, heads]))
  }

  /// `[N, I]` → `[N, 4H + 2 · heads]`.
  public func project(_ input: Tensor) -> Tensor {
    concatenate(
      [input.linear(weight: weightInput, bias: bias), input.linear(weight: weightGates, bias: biasGates)], axis: 1)
  }

  /// The columns of `projected` that belong to a part, `[…, H]`.
  private func part(_ part: Part, of projected: Tensor) -> Tensor { projected.block(part.rawValue, of: hiddenSize) }

  /// The columns of `projected` that belong to a gate, `[…, heads]`.
  private func gate(_ gate: Gate, of projected: Tensor) -> Tensor {
    let first = Part.allCases.count * hiddenSize + gate.rawValue * heads
    return projected.slice(first..<first + heads, axis: -1)
  }

  private var keyScale: Float { 1 / Float(headSize).squareRoot() }

  /// max(|n · q|, 1), divided by eᵐ. Where e⁻ᵐ overflows the memory is all but empty; a bound keeps the gradient
  /// finite.
  private func divisor(_ product: Tensor, stabilizer: Tensor) -> Tensor {
    maximum(abs(product), exp(minimum(-stabilizer, Tensor(80))))
  }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let (batch, heads, size) = (projected.shape[0], heads, headSize)
    func vectors(_ name: Part) -> Tensor { part(name, of: projected).reshaped([batch, heads, size]) }
    let (query, key, value) = (vectors(.query), vectors(.key) * keyScale, vectors(.value))
    let (input, forget, stabilizer) = stabilized(projected, state)
    let written = (input * value).reshaped([batch, heads, size, 1]) * key.reshaped([batch, heads, 1, size])
    let memory = forget.reshaped([batch, heads, 1, 1]) * state.memory + written
    let normalizer = forget * state.normalizer + input * key
    let read = (memory * query.reshaped([batch, heads, 1, size])).sum(axes: [3])
    let product = (normalizer * query).sum(axes: [2], keepingAxes: true)
    let shown = read / divisor(product, stabilizer: stabilizer.reshaped([batch, heads, 1]))
    return State(
      hidden: sigmoid(part(.output, of: projected)) * shown.reshaped([batch, hiddenSize]), memory: memory,
      normalizer: normalizer, stabilizer: stabilizer)
  }

  /// i and f divided by what keeps them from overflowing, each `[B, heads, 1]`, and m', `[B, heads]`.
  private func stabilized(
    _ projected: Tensor, _ state: State
  ) -> (input: Tensor, forget: Tensor, stabilizer: Tensor) {
    let (batch, heads) = (projected.shape[0], heads)
    let logInput = gate(.input, of: projected)
    let kept = state.stabilizer - softplus(-gate(.forget, of: projected))
    let stabilizer = maximum(kept, logInput)
    return (
      exp(logInput - stabilizer).reshaped([batch, heads, 1]), exp(kept - stabilizer).reshaped([batch, heads, 1]),
      stabilizer
    )
  }

  /// Of input and forget gate, which are numbers of a head, the shares by which they have their effect, one of which is
  /// 1, for each unit of the head.
  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    let (batch, shape) = (projected.shape[0], [projected.shape[0], heads, headSize])
    let (input, forget, _) = stabilized(projected, state)
    func units(_ gate: Tensor) -> Tensor { gate.expanded(to: shape).reshaped([batch, hiddenSize]) }
    return [
      ("input", units(input)), ("forget", units(forget)), ("output", sigmoid(part(.output, of: projected))),
    ]
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}

// MARK: - The steps side by side

extension MatrixLSTMCell {
  /// Memory and time grow with the square of the steps that are taken side by side; the state goes from one chunk of
  /// them to the next.
  private static let chunk = 128

  public static var execution: ScanExecution<Self> { .atOnce { $0.sideBySide($1, from: $2, along: $3) } }

  /// All steps of a batch in parallel form: the same as the loop over ``step(_:_:)`` but for rounding.
  private func sideBySide(
    _ input: Tensor, from state: State, along schedule: Schedule
  ) -> (outputs: Tensor, state: State) {
    // Sequence after sequence, longest first; those of one length are computed together.
    let lengths = schedule.order.map { schedule.lengths[$0] }
    let places = lengths.enumerated().flatMap { rank, length in
      (0..<length).map { schedule.positions[schedule.offsets[$0] + rank] }
    }
    var groups: [(length: Int, count: Int)] = []
    for length in lengths {
      if groups.last?.length == length { groups[groups.count - 1].count += 1 } else { groups.append((length, 1)) }
    }
    let projected = project(input.reshaped([-1, inputSize]).gatheringRows(places))
      .split(groups.map { $0.length * $0.count })
    let ordered = state.tensors.map { $0.gatheringRows(schedule.order).split(groups.map(\.count)) }
    var outputs: [Tensor] = []
    var final: [State] = []
    for (index, group) in groups.enumerated() {
      var running = state.replacingTensors(ordered.map { $0[index] })
      if group.length > 0 {
        let steps = projected[index].reshaped([group.count, group.length, -1])
        var chunks: [Tensor] = []
        for start in stride(from: 0, to: group.length, by: Self.chunk) {
          let chunk = sideBySide(steps.slice(start..<min(group.length, start + Self.chunk), axis: 1), running)
          chunks.append(chunk.outputs)
          running = chunk.state
        }
        outputs.append(concatenate(chunks, axis: 1).reshaped([group.count * group.length, hiddenSize]))
      }
      final.append(running)
    }
    let pieces = final.map(\.tensors)
    let states = state.tensors.enumerated().map { index, initial in
      pieces.isEmpty ? initial : concatenate(pieces.map { $0[index] }, axis: 0).gatheringRows(schedule.ranks)
    }
    let shape = Array(input.shape.dropLast()) + [hiddenSize]
    let shown =
      outputs.isEmpty
      ? .zeros(shape)
      : concatenate(outputs, axis: 0).scatteringRows(to: places, count: schedule.batch * schedule.time).reshaped(shape)
    return (shown, state.replacingTensors(states))
  }

  /// The steps of sequences of one length, `[B, T, 4H + 2 · heads]` → `[B, T, H]`.
  ///
  /// With F_t = Σ_{s ≤ t} log f_s and a_s = log i_s − F_s, what was written at s has at t the weight exp(F_t + a_s),
  /// and what was there before exp(F_t + m). The stabiliser is m_t = F_t + M_t with M_t = max(m, max_{s ≤ t} a_s), so
  /// that these become exp(a_s − M_t) and exp(m − M_t): F itself drops out.
  private func sideBySide(_ projected: Tensor, _ state: State) -> (outputs: Tensor, state: State) {
    let (batch, time, heads, size) = (projected.shape[0], projected.shape[1], heads, headSize)
    func vectors(_ name: Part) -> Tensor {
      part(name, of: projected).reshaped([batch, time, heads, size]).transposed([0, 2, 1, 3])
    }
    func numbers(_ name: Gate) -> Tensor { gate(name, of: projected).transposed([0, 2, 1]) }
    func column(_ tensor: Tensor) -> Tensor { tensor.reshaped(tensor.shape + [1]) }
    let (query, key, value) = (vectors(.query), vectors(.key) * keyScale, vectors(.value))  // [B, heads, T, d]
    let past = Tensor((0..<time * time).map { $0 % time <= $0 / time ? 1 : 0 }, shape: [time, time])

    let forgotten = (-softplus(-numbers(.forget))).matrixProduct(past, transposingOther: true)  // F, [B, heads, T]
    let gain = numbers(.input) - forgotten  // a
    let greatest = gain.runningMaximum(from: state.stabilizer)  // M
    let stabilizer = forgotten + greatest

    // Later steps get no weight; the bound keeps their exponentials from overflowing before that is said.
    let difference = gain.reshaped([batch, heads, 1, time]) - column(greatest)
    let weights = exp(minimum(difference, Tensor(0))) * past  // [B, heads, T, T]
    let before = column(exp(column(state.stabilizer) - greatest))  // [B, heads, T, 1]
    let scores = query.matrixProduct(key, transposingOther: true) * weights
    let read = scores.matrixProduct(value) + before * query.matrixProduct(state.memory, transposingOther: true)
    let earlier = (query * state.normalizer.reshaped([batch, heads, 1, size])).sum(axes: [3], keepingAxes: true)
    let product = scores.sum(axes: [3], keepingAxes: true) + before * earlier
    let shown = read / divisor(product, stabilizer: column(stabilizer))
    let outputs =
      sigmoid(part(.output, of: projected)) * shown.transposed([0, 2, 1, 3]).reshaped([batch, time, hiddenSize])

    let last = greatest.slice(time - 1..<time, axis: 2)  // [B, heads, 1]
    let remaining = column(exp(gain - last))  // [B, heads, T, 1]
    let kept = exp(column(state.stabilizer) - last)
    let memory = column(kept) * state.memory + (remaining * value).matrixProduct(key, transposingSelf: true)
    let normalizer = kept * state.normalizer + (remaining * key).sum(axes: [2])
    return (
      outputs,
      State(
        hidden: outputs.at(-1, axis: 1), memory: memory, normalizer: normalizer,
        stabilizer: stabilizer.at(-1, axis: 2))
    )
  }
}

extension Tensor {
  /// The greatest value so far along the last axis, beginning with the row's value in `first`: `[…, N]`, `[…]` → `[…,
  /// N]`. The gradient goes to where that value came from.
  fileprivate func runningMaximum(from first: Tensor) -> Tensor {
    let (rows, width) = rowsAndWidth
    var origins = [Int?](repeating: nil, count: count)
    let result = Tensor(shape) { target in
      Refrain.read(self, first) { values, first in
        for row in 0..<rows {
          var (greatest, origin) = (first[row], Int?.none)
          for index in row * width..<(row + 1) * width {
            if !(values[index] <= greatest) { (greatest, origin) = (values[index], index) }
            (target[index], origins[index]) = (greatest, origin)
          }
        }
      }
    }
    let (shape, firstShape) = (shape, first.shape)
    return result.recording(
      (
        self,
        { [origins] gradient in
          var sums = [Float](repeating: 0, count: origins.count)
          for (origin, value) in zip(origins, gradient.values) { if let origin { sums[origin] += value } }
          return Tensor(sums, shape: shape)
        }
      ),
      (
        first,
        { [origins] gradient in
          var sums = [Float](repeating: 0, count: rows)
          for (index, value) in gradient.values.enumerated() where origins[index] == nil {
            sums[index / width] += value
          }
          return Tensor(sums, shape: firstShape)
        }
      ))
  }
}
