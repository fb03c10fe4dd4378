/// The gated recurrent unit for values that are missing and steps at irregular times (GRU-D; Che et al. 2018). A
/// missing value is replaced by its last observation, which fades to its mean, and the hidden state fades as well; how
/// fast is learned.
///
///     δ = time since the value's last observation
///     γ = exp(−max(0, w_γ ⊙ δ + b_γ))                     input decay, one rate a value
///     x̂ = x, or where it is missing x̄ + γ ⊙ (x_last − x̄)
///     ĥ = exp(−max(0, W_γ δ + b_γh)) ⊙ h                  hidden state, faded
///     r = σ(W_r x̂ + R_r ĥ + V_r m + b_r)                  reset gate
///     z = σ(W_z x̂ + R_z ĥ + V_z m + b_z)                  update gate
///     n = tanh(W_n x̂ + R_n (r ⊙ ĥ) + V_n m + b_n)         candidate
///     h' = (1 − z) ⊙ ĥ + z ⊙ n
///
/// The columns of the input are `[x…, Δ]`: the values, and last the time elapsed since the step before, not negative. A
/// value that is missing is NaN; m is 1 where a value is observed and 0 where it is missing. Until its first
/// observation a value is taken to be its mean, and δ counts from the start.
///
/// The mean x̄ starts at 0, which is right for standardised values; it can be set, and is trained with the rest.
public struct GRUDCell: RecurrentCell {
  /// The order of the blocks of **H** rows in weights and biases.
  public typealias Gate = GRUCell.Gate

  /// The hidden state and, for each of the D = I − 1 values, its last observation and the time since.
  public struct State: RecurrentState {
    /// The hidden state h, `[B, H]`.
    public var hidden: Tensor
    /// x_last − x̄, `[B, D]`: how far each value's last observation lay from the mean; 0 before the first one.
    public var deviation: Tensor
    /// The time from each value's last observation to the last step, `[B, D]`.
    public var since: Tensor

    /// A state from h, `[B, H]`, and each value's last deviation and the time since it, `[B, D]`.
    public init(hidden: Tensor, deviation: Tensor, since: Tensor) {
      self.hidden = hidden
      self.deviation = deviation
      self.since = since
    }

    public var output: Tensor { hidden }

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("hidden", &hidden)
      try body("deviation", &deviation)
      try body("since", &since)
    }
  }

  public static let name = "gru-d"
  public static let source = "Che et al. 2018"
  public static let purpose = "values that are missing (NaN), at irregular times"
  public static let lastColumn: String? = "the time since the step before"

  /// W, `[3H, D]`
  public var weightInput: Tensor
  /// R, `[3H, H]`
  public var weightHidden: Tensor
  /// V, `[3H, D]`
  public var weightMask: Tensor
  /// b, `[3H]`
  public var bias: Tensor
  /// w_γ, `[D]`
  public var inputDecay: Tensor
  /// b_γ, `[D]`
  public var biasInputDecay: Tensor
  /// W_γ, `[H, D]`
  public var hiddenDecay: Tensor
  /// b_γh, `[H]`
  public var biasHiddenDecay: Tensor
  /// x̄, `[D]`: what a value fades to.
  public var mean: Tensor

  /// A cell with weights drawn from `generator`: input weights by Glorot's rule, those of the decays positive (a rate
  /// that is cut off at 0 is not learned), recurrent weights orthogonal, biases and means 0.
  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    let (gates, values) = (Gate.allCases.count, max(inputSize - 1, 0))
    weightInput = Initializer.glorotUniform(gates * hiddenSize, values, using: &generator)
    weightHidden = Initializer.orthogonalBlocks(gates, hiddenSize, using: &generator)
    weightMask = Initializer.glorotUniform(gates * hiddenSize, values, using: &generator)
    bias = .zeros([gates * hiddenSize])
    inputDecay = abs(Initializer.glorotUniform(1, values, using: &generator).reshaped([values]))
    biasInputDecay = .zeros([values])
    hiddenDecay = abs(Initializer.glorotUniform(hiddenSize, values, using: &generator))
    biasHiddenDecay = .zeros([hiddenSize])
    mean = .zeros([values])
  }

  public var inputSize: Int { weightInput.extent(1) + 1 }
  public var hiddenSize: Int { weightHidden.extent(1) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("weight_mask", &weightMask)
    try body("bias_ih", &bias)
    try body("input_decay.weight", &inputDecay)
    try body("input_decay.bias", &biasInputDecay)
    try body("hidden_decay.weight", &hiddenDecay)
    try body("hidden_decay.bias", &biasHiddenDecay)
    try body("mean", &mean)
  }

  public func initialState(batch: Int) -> State {
    let zeros = Tensor.zeros([batch, inputSize - 1])
    return State(hidden: .zeros([batch, hiddenSize]), deviation: zeros, since: zeros)
  }

  /// `[N, I]` → `[N, 3H + 2D + 1]`: V m + b, x, m and the elapsed time.
  public func project(_ input: Tensor) -> Tensor {
    let (values, elapsed) = input.valuesAndLastColumn
    let observed = equal(values, values)  // only NaN differs from itself
    return concatenate([observed.linear(weight: weightMask, bias: bias), values, observed, elapsed], axis: 1)
  }

  public func step(_ projected: Tensor, _ state: State) -> State {
    step(projected, state, seeing: state.hidden)
  }

  public func step(_ projected: Tensor, _ state: State, seeing hidden: Tensor) -> State {
    stepAndGates(projected, state, seeing: hidden).state
  }

  /// The gates, and the decay of the hidden state under the name `decay`.
  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    stepAndGates(projected, state, seeing: state.hidden).gates
  }

  /// What the decay has left, as far as the update gate keeps it.
  public func retention(_ gates: [String: Tensor]) -> Tensor? {
    guard let decay = gates["decay"], let update = gates["update"] else { return nil }
    return (1 - update) * decay
  }

  private func stepAndGates(
    _ projected: Tensor, _ state: State, seeing hidden: Tensor
  ) -> (state: State, gates: [(name: String, value: Tensor)]) {
    let (size, values) = (hiddenSize, inputSize - 1)
    let (rest, elapsed) = projected.valuesAndLastColumn
    let sums = rest.slice(0..<3 * size, axis: 1)
    // NaN where it is missing: what is selected between does not meet it, nor do gradients.
    let present = rest.slice(3 * size..<3 * size + values, axis: 1) - mean
    let observed = rest.slice(3 * size + values..<3 * size + 2 * values, axis: 1)

    let since = state.since + elapsed
    let fading = exp(-relu(since * inputDecay + biasInputDecay)) * state.deviation
    let x = mean + select(observed, present, fading)
    let decay = exp(-relu(since.linear(weight: hiddenDecay, bias: biasHiddenDecay)))
    let (h, seen) = (decay * state.hidden, decay * hidden)

    let inputSums = sums + x.matrixProduct(weightInput, transposingOther: true)
    func sum(_ gate: Gate, _ operand: Tensor) -> Tensor {
      let rows = weightHidden.rowBlock(gate.rawValue, of: size)
      return inputSums.block(gate.rawValue, of: size) + operand.matrixProduct(rows, transposingOther: true)
    }
    let reset = sigmoid(sum(.reset, seen))
    let update = sigmoid(sum(.update, seen))
    let candidate = tanh(sum(.candidate, reset * seen))
    let next = State(
      hidden: (1 - update) * h + update * candidate,
      deviation: select(observed, present, state.deviation), since: (1 - observed) * since)
    return (next, [("reset", reset), ("update", update), ("candidate", candidate), ("decay", decay)])
  }
}
