/// Long short-term memory over a grid in two dimensions (Kalchbrenner, Danihelka and Graves 2015): each place reads the
/// hidden states of the place above and of the place to the left, and along either way goes a memory of its own.
/// `[B, rows, columns, I]` → `[B, rows, columns, 2H]`: h of the way down, then h of the way to the right.
///
///     H = [h_down; h_right]                       from above; from the left
///     i = σ(W_i x + R_i H + b_i)                  input gate
///     f = σ(W_f x + R_f H + b_f)                  forget gate
///     c̃ = tanh(W_c x + R_c H + b_c)               candidate
///     o = σ(W_o x + R_o H + b_o)                  output gate
///     c' = f ⊙ c + i ⊙ c̃,  h' = o ⊙ tanh(c')      for each way, with weights and a cell state of its own
///
/// At the borders states are 0, or above the first row what is given or learned. Weights start by Glorot's rule,
/// recurrent blocks orthogonal, biases at 0 but the forget gates' at 1.
///
/// The rows are the steps of a sequence, for what is said by ``Steps``: a grid may have fewer rows, rows that are not
/// there, and rows that begin anew; and ``Streams`` takes row after row, where the number of columns is known from the
/// start.
public struct GridLSTM: SteppingLayer {
  /// The order of the blocks of 4**H** rows in weights and biases, each with the gates of ``LSTMCell``.
  public enum Way: Int, CaseIterable, Sendable {
    /// From row to row.
    case down
    /// From column to column.
    case right
  }

  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The size **H** of a state.
    public var hiddenSize: Int
    /// Which way it goes through the rows; nil means forward, from the first to the last.
    public var direction: Direction?
    /// What comes from above the first row when no state is given.
    @Defaulted public var initial = InitialState.fixed
  }
  public typealias Memory = State

  /// What goes down from the last row of each grid that is there.
  public struct State: TensorGroup {
    /// The hidden state h of each column, `[B, columns, H]`.
    public var hidden: Tensor
    /// The cell state c of each column, `[B, columns, H]`.
    public var cell: Tensor

    /// A state from h and c, each `[B, columns, H]`.
    public init(hidden: Tensor, cell: Tensor) {
      self.hidden = hidden
      self.cell = cell
    }

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try body("hidden", &hidden)
      try body("cell", &cell)
    }
  }

  public static let kind = "grid-lstm"
  public let configuration: Configuration
  /// W, `[8H, I]`
  public var weightInput: Tensor
  /// R, `[8H, 2H]`: by h from above, then by h from the left.
  public var weightHidden: Tensor
  /// b, `[8H]`
  public var bias: Tensor
  /// What is learned of the state above the first row, `[1, 1, H]`, the same for all columns; nil where that is zeros.
  public var learnedState: State?
  /// The number of columns, where it was known when the weights were drawn.
  private var columns: Int?

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    weightInput = .undrawn(rank: 2)
    weightHidden = .undrawn(rank: 2)
    bias = .undrawn(rank: 1)
  }

  /// A layer whose input size ``Sequential`` finds.
  ///
  /// - Parameters:
  ///   - hiddenSize: the size **H** of a state.
  ///   - direction: which way it goes through the rows.
  ///   - initial: what comes from above the first row when no state is given.
  public init(_ hiddenSize: Int, direction: Direction = .forward, initial: InitialState = .fixed) {
    self.init(
      Configuration(
        hiddenSize: hiddenSize, direction: direction == .forward ? nil : direction, initial: initial))
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.hiddenSize, "the hidden size", of: Self.kind)
    _ = try features(of: inputShape, for: Self.kind)
    guard inputShape.count == 4 else {
      throw LayerError("\(Self.kind): the input has shape \(shapeText(inputShape)), expected [B, rows, columns, I]")
    }
    return inputShape.dropLast() + [2 * configuration.hiddenSize]
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    guard let inputSize = inputShape[inputShape.count - 1] else { return }
    columns = inputShape[2]
    let (size, blocks) = (configuration.hiddenSize, Way.allCases.count * LSTMCell.Gate.allCases.count)
    weightInput = Initializer.glorotUniform(blocks * size, inputSize, using: &generator)
    weightHidden = concatenate(
      Way.allCases.map { _ in Initializer.orthogonalBlocks(blocks, size, using: &generator) }, axis: 1)
    bias = .zeros([blocks * size])
    for way in Way.allCases {
      let forget = (way.rawValue * LSTMCell.Gate.allCases.count + LSTMCell.Gate.forget.rawValue) * size
      for unit in 0..<size { bias[forget + unit] = 1 }
    }
    let nothing = Tensor.zeros([1, 1, size])
    learnedState = configuration.initial == .learned ? State(hidden: nothing, cell: nothing) : nil
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight_ih", &weightInput)
    try body("weight_hh", &weightHidden)
    try body("bias_ih", &bias)
    try learnedState?.forEachTensor { (name: String, tensor: inout Tensor) throws(E) in
      try body("initial_" + name, &tensor)
    }
  }

  /// The state above the first row of `batch` grids.
  private func initialState(batch: Int, columns: Int) -> State {
    let shape = [batch, columns, configuration.hiddenSize]
    guard let learnedState else { return State(hidden: .zeros(shape), cell: .zeros(shape)) }
    return learnedState.mapTensors { $0.expanded(to: shape) }
  }

  /// All outputs `[B, rows, columns, 2H]`, zero at rows that are not there, and what goes down from each grid's last
  /// valid row.
  ///
  /// - Parameters:
  ///   - input: `[B, rows, columns, I]`, `[rows, B, columns, I]` where `steps` say so, or one grid `[rows, columns,
  ///     I]`, whose outputs are `[rows, columns, 2H]`.
  ///   - steps: which rows there are, and where they begin anew.
  ///   - state: what comes from above the first row; nil means the layer's own.
  public func scan(
    _ input: Tensor, steps: Steps = Steps(), from state: State? = nil
  ) -> (outputs: Tensor, state: State) {
    let size = configuration.hiddenSize
    requireBuilt()
    require(
      Tape.current?.checkpointInterval == nil,
      "\(Self.kind) keeps all its steps for the backward pass; train it without a checkpointInterval")
    require(
      (3...4).contains(input.rank) && input.shape[input.rank - 1] == weightInput.shape[1],
      "\(Self.kind): the input has shape \(input.shape), expected [B, rows, columns, \(weightInput.shape[1])]")
    let shape = input.rank == 4 ? input.shape : steps.shape(batch: 1, time: input.shape[0]) + input.shape.dropFirst()
    let ((batch, time), columns) = (steps.extent(of: shape), shape[2])
    let given = state ?? initialState(batch: batch, columns: columns)
    require(
      given.tensors.allSatisfy { $0.shape == [batch, columns, size] },
      "\(Self.kind): the state has shapes \(given.tensors.map(\.shape)), expected \([batch, columns, size])")
    let schedule = Schedule(batch: batch, time: time, steps: steps, direction: configuration.direction ?? .forward)
    let entering = schedule.entering(given, initial: initialState(batch: 1, columns: columns))
    let outputShape: [Int] = input.shape.dropLast() + [2 * size]
    guard schedule.count > 0, columns > 0 else { return (.zeros(outputShape), schedule.leaving(entering)) }
    let sweep = GridSweep(schedule, columns: columns)
    let sums = input.reshaped([batch * time * columns, -1]).gatheringRows(sweep.places)
      .linear(weight: weightInput, bias: bias)
    let result = sweep.run(sums, weightHidden: weightHidden, from: entering)
    return (
      result.outputs.scatteringRows(to: sweep.places, count: batch * time * columns).reshaped(outputShape),
      schedule.leaving(result.state)
    )
  }

  /// The output of every row that is there.
  public func callAsFunction(_ input: StepValues) -> StepValues {
    input.map { scan($0, steps: input.steps).outputs }
  }

  public var isBuilt: Bool { weightInput.isDrawn }

  public func callAsFunction(_ part: Tensor, steps: Steps, memory: inout State) -> Tensor {
    let result = scan(part, steps: steps, from: memory)
    memory = result.state
    return result.outputs
  }

  public func checkStepping() throws(LayerError) {
    guard configuration.direction ?? .forward == .forward else {
      throw LayerError("\(Self.kind): going backward begins at the end of a sequence, which a stream does not have")
    }
    guard columns != nil else {
      throw LayerError("\(Self.kind): the number of columns is not known; give Sequential an inputShape that has it")
    }
  }

  public func initialMemory(batch: Int) -> State { initialState(batch: batch, columns: columns ?? 0) }

  public func advance(_ memory: inout State, with step: Tensor) -> Tensor {
    let row = step.reshaped([step.shape[0], 1] + step.shape.dropFirst())
    return self(row, steps: Steps(), memory: &memory).at(0, axis: 1)
  }
}
