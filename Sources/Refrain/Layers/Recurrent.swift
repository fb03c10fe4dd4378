/// A cell taken through time.
///
/// `LSTM(64)` describes a layer for ``Sequential``; `LSTM(inputSize: 10, hiddenSize: 64)` is one to call.
public struct Recurrent<Cell: RecurrentCell>: RecurrentLayer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The size **H** of what the cell shows.
    public var hiddenSize: Int
    /// Which outputs go on.
    public var returning: Returning
    /// Which way it goes through time.
    public var direction: Direction
    /// What the cell is told besides its sizes.
    @Defaulted public var options = Cell.Options()
    /// Where it begins when it is given no state.
    @Defaulted public var initial = InitialState.fixed
    /// How it is regularized.
    @Defaulted public var regularization = Regularization()
  }
  public typealias State = Cell.State
  public typealias Memory = Cell.State
  public typealias Options = Cell.Options

  public static var kind: String { Cell.name }
  public static var lastColumn: String? { Cell.lastColumn }
  public private(set) var configuration: Configuration
  /// What happens at one step.
  public var cell: Cell
  /// The learned state before the first step, of one row; nil where it is the cell's own.
  public var learnedState: Cell.State?

  /// A layer whose cell is one of no size, until it is built.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    var generator = RandomGenerator(seed: 0)
    cell = Cell(inputSize: 0, hiddenSize: 0, using: &generator)
  }

  public var regularization: Regularization {
    get { configuration.regularization }
    set { configuration.regularization = newValue }
  }

  /// A layer whose input size ``Sequential`` finds.
  public init(
    _ hiddenSize: Int, returning: Returning, direction: Direction, options: Cell.Options = Cell.Options(),
    initial: InitialState = .fixed
  ) {
    self.init(
      Configuration(
        hiddenSize: hiddenSize, returning: returning, direction: direction, options: options, initial: initial))
  }

  /// A layer whose input size ``Sequential`` finds, with the usual direction.
  public init(
    _ hiddenSize: Int, returning: Returning = .lastStep, options: Cell.Options = Cell.Options(),
    initial: InitialState = .fixed
  ) {
    self.init(hiddenSize, returning: returning, direction: .forward, options: options, initial: initial)
  }

  /// A layer with weights drawn from `generator`.
  public init(
    inputSize: Int, hiddenSize: Int, returning: Returning = .lastStep, direction: Direction = .forward,
    options: Cell.Options = Cell.Options(), initial: InitialState = .fixed, using generator: inout RandomGenerator
  ) {
    self = Recurrent(hiddenSize, returning: returning, direction: direction, options: options, initial: initial)
      .built(for: [nil, nil, inputSize], using: &generator)
  }

  /// A layer with weights drawn from the default generator.
  public init(
    inputSize: Int, hiddenSize: Int, returning: Returning = .lastStep, direction: Direction = .forward,
    options: Cell.Options = Cell.Options(), initial: InitialState = .fixed
  ) {
    var generator = makeRandomGenerator()
    self.init(
      inputSize: inputSize, hiddenSize: hiddenSize, returning: returning, direction: direction, options: options,
      initial: initial, using: &generator)
  }

  /// A layer around a cell that exists already.
  public init(
    _ cell: Cell, returning: Returning = .lastStep, direction: Direction = .forward, initial: InitialState = .fixed
  ) {
    self.init(cell.hiddenSize, returning: returning, direction: direction, options: cell.options, initial: initial)
    setCell(cell)
  }

  public var returning: Returning { configuration.returning }
  public var hiddenSize: Int { configuration.hiddenSize }
  public var options: Cell.Options { configuration.options }
  public var initial: InitialState { configuration.initial }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.hiddenSize, "the hidden size", of: Cell.name)
    try regularization.check(cell, of: Cell.name)
    let shape = try recurrentShape(inputShape, configuration.hiddenSize, configuration.returning, Cell.name)
    try Cell.check(
      inputSize: features(of: inputShape, for: Cell.name), hiddenSize: configuration.hiddenSize,
      options: configuration.options)
    return shape
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    guard let inputSize = inputShape[inputShape.count - 1] else { return }
    setCell(
      Cell(
        inputSize: inputSize, hiddenSize: configuration.hiddenSize, options: configuration.options, using: &generator))
  }

  /// Takes the weights of another layer of the same configuration but for its direction and what it returns.
  mutating func take(_ other: Recurrent) {
    cell = other.cell
    learnedState = other.learnedState
  }

  private mutating func setCell(_ cell: Cell) {
    self.cell = cell
    learnedState = configuration.initial == .learned ? cell.initialState(batch: 1) : nil
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try forEachTensor(level: 0, body) }

  public mutating func forEachTensor<E: Error>(
    level: Int, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try forEachTensor(level: level, reversed: false, body) }

  /// Visits the tensors under PyTorch's names, `weight_ih_l0`, `weight_ih_l0_reverse`, …, and a learned state's as
  /// `initial_hidden_l0`, ….
  mutating func forEachTensor<E: Error>(
    level: Int, reversed: Bool, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try cell.forEachTensor(level: level, reversed: reversed, body)
    try learnedState?.forEachTensor(level: level, reversed: reversed) {
      (name: String, tensor: inout Tensor) throws(E) in
      try body("initial_" + name, &tensor)
    }
  }

  public func scan(
    _ input: Tensor, steps: Steps, from state: State?
  ) -> (outputs: Tensor, state: State) {
    requireBuilt()
    require(
      (2...3).contains(input.rank) && input.shape[input.rank - 1] == cell.inputSize,
      "\(Cell.name): the input has shape \(input.shape), expected [B, T, \(cell.inputSize)] or [T, \(cell.inputSize)]")
    let (batch, schedule) = plan(input, steps)
    let entering = schedule.entering(state ?? initialMemory(batch: schedule.batch), initial: initialMemory(batch: 1))
    let result = cell.scan(batch, from: entering, along: schedule, regularization: regularization)
    let outputs = input.rank == 3 ? result.outputs : result.outputs.reshaped([schedule.time, cell.hiddenSize])
    return (outputs, schedule.leaving(result.state))
  }

  /// The input with its batch axis, one sequence being a batch of one, and the order in which its steps are taken.
  func plan(_ input: Tensor, _ steps: Steps) -> (input: Tensor, schedule: Schedule) {
    let one = steps.shape(batch: 1, time: input.shape[0])
    let batch = input.rank == 3 ? input : input.reshaped(one + [input.shape[1]])
    let extent = steps.extent(of: batch.shape)
    return (
      batch, Schedule(batch: extent.batch, time: extent.time, steps: steps, direction: configuration.direction)
    )
  }

  public func lastOutput(_ state: State) -> Tensor { state.output }

  public var isBuilt: Bool { cell.inputSize > 0 && cell.hiddenSize > 0 }

  public func checkStepping() throws(LayerError) {
    guard configuration.direction == .forward else {
      throw LayerError("\(Cell.name): going backward begins at the end of a sequence, which a stream does not have")
    }
  }

  public func initialMemory(batch: Int) -> State {
    guard let learnedState else { return cell.initialState(batch: batch) }
    return learnedState.mapTensors { $0.expanded(to: [batch] + $0.shape.dropFirst()) }
  }

  public func advance(_ memory: inout State, with step: Tensor) -> Tensor {
    cell.advance(&memory, with: step, regularization: regularization)
    return memory.output
  }
}

/// A setting that files from before it was there do not have.
@propertyWrapper
public struct Defaulted<Options: CellOptions>: Codable, Sendable {
  /// The setting.
  public var wrappedValue: Options

  /// A setting.
  public init(wrappedValue: Options) { self.wrappedValue = wrappedValue }
  public init(from decoder: any Decoder) throws { wrappedValue = try Options(from: decoder) }
  public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}

extension KeyedDecodingContainer {
  /// The default where the key is not there.
  public func decode<Options>(_: Defaulted<Options>.Type, forKey key: Key) throws -> Defaulted<Options> {
    try decodeIfPresent(Defaulted<Options>.self, forKey: key) ?? Defaulted(wrappedValue: Options())
  }
}

extension TensorGroup {
  /// Visits the tensors under PyTorch's names for a level of a stack: `weight_ih_l0`, `weight_ih_l0_reverse`, ….
  mutating func forEachTensor<E: Error>(
    level: Int, reversed: Bool = false, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    let suffix = "_l\(level)" + (reversed ? "_reverse" : "")
    try forEachTensor { (name: String, tensor: inout Tensor) throws(E) in try body(name + suffix, &tensor) }
  }
}

/// The output shape of a recurrent layer for `[B, T, I]`.
func recurrentShape(
  _ inputShape: [Int?], _ outputSize: Int, _ returning: Returning, _ layer: String
) throws(LayerError) -> [Int?] {
  _ = try features(of: inputShape, for: layer)
  guard inputShape.count == 3 else {
    let hint = inputShape.count == 2 ? "; let the recurrent layer before it return every step" : ""
    throw LayerError("\(layer): the input has shape \(shapeText(inputShape)), expected [B, T, I]\(hint)")
  }
  return returning == .everyStep ? [inputShape[0], inputShape[1], outputSize] : [inputShape[0], outputSize]
}
