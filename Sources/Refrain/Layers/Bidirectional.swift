/// How the two directions of a ``Bidirectional`` layer become one output.
public enum Merge: String, Codable, Sendable, CaseIterable {
  /// Side by side: `[…, 2H]`, forward first.
  case concatenate
  /// Their sum: `[…, H]`.
  case sum
  /// Their mean: `[…, H]`.
  case average
  /// Their product, value by value: `[…, H]`.
  case multiply
  /// Both kept apart, forward first: `[…, 2, H]`. What follows sees an axis more: a ``Dense`` reads each direction
  /// alone, a ``Reshape`` arranges them anew; by hand, `outputs.at(0, axis: -2)` is the forward half.
  case separate

  func callAsFunction(_ forward: Tensor, _ backward: Tensor) -> Tensor {
    switch self {
    case .concatenate: Refrain.concatenate([forward, backward], axis: -1)
    case .sum: forward + backward
    case .average: (forward + backward) * 0.5
    case .multiply: forward * backward
    case .separate: stack([forward, backward], axis: -2)
    }
  }

  /// What stands in the place of the last axis **H** of one direction's output.
  func shape(_ hiddenSize: Int) -> [Int?] {
    switch self {
    case .concatenate: [2 * hiddenSize]
    case .sum, .average, .multiply: [hiddenSize]
    case .separate: [2, hiddenSize]
    }
  }
}

/// Two cells of one kind, one going through time forward and one backward (Schuster and Paliwal 1997). The backward one
/// starts at each sequence's own last valid step, and its outputs stand at the steps they belong to.
public struct Bidirectional<Cell: RecurrentCell>: RecurrentLayer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The size **H** of what each direction shows.
    public var hiddenSize: Int
    /// Which outputs go on.
    public var returning: Returning
    /// How the two directions become one output.
    public var merge: Merge
    /// What the cells are told besides their sizes.
    @Defaulted public var options = Cell.Options()
    /// Where it begins when it is given no state.
    @Defaulted public var initial = InitialState.fixed
    /// How both directions are regularized, each with masks of its own.
    @Defaulted public var regularization = Regularization()
  }
  public typealias Memory = State
  public typealias Options = Cell.Options

  /// The states of both directions.
  public struct State: TensorGroup {
    /// The state of the forward direction.
    public var forward: Cell.State
    /// The state of the backward direction.
    public var backward: Cell.State

    /// The states of both directions.
    public init(forward: Cell.State, backward: Cell.State) {
      self.forward = forward
      self.backward = backward
    }

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try forward.forEachTensor(under: "forward", body)
      try backward.forEachTensor(under: "backward", body)
    }
  }

  public static var kind: String { "bidirectional-" + Cell.name }
  public static var lastColumn: String? { Cell.lastColumn }
  public private(set) var configuration: Configuration
  /// What goes from the first step to the last.
  public var forward: Recurrent<Cell>
  /// What goes from each sequence's last valid step to its first.
  public var backward: Recurrent<Cell>

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    func direction(_ direction: Direction) -> Recurrent<Cell> {
      Recurrent(
        configuration.hiddenSize, returning: .everyStep, direction: direction, options: configuration.options,
        initial: configuration.initial)
    }
    (forward, backward) = (direction(.forward), direction(.backward))
    regularization = configuration.regularization
  }

  public var regularization: Regularization {
    get { configuration.regularization }
    set {
      configuration.regularization = newValue
      forward.regularization = newValue
      backward.regularization = newValue
    }
  }

  /// A layer whose input size ``Sequential`` finds.
  public init(
    _ hiddenSize: Int, returning: Returning, merge: Merge, options: Cell.Options = Cell.Options(),
    initial: InitialState = .fixed
  ) {
    self.init(
      Configuration(hiddenSize: hiddenSize, returning: returning, merge: merge, options: options, initial: initial))
  }

  /// A layer whose input size ``Sequential`` finds, its directions side by side.
  public init(
    _ hiddenSize: Int, returning: Returning = .lastStep, options: Cell.Options = Cell.Options(),
    initial: InitialState = .fixed
  ) {
    self.init(hiddenSize, returning: returning, merge: .concatenate, options: options, initial: initial)
  }

  /// A layer with weights drawn from `generator`.
  public init(
    inputSize: Int, hiddenSize: Int, returning: Returning = .lastStep, merge: Merge = .concatenate,
    options: Cell.Options = Cell.Options(), initial: InitialState = .fixed, using generator: inout RandomGenerator
  ) {
    self = Bidirectional(hiddenSize, returning: returning, merge: merge, options: options, initial: initial)
      .built(for: [nil, nil, inputSize], using: &generator)
  }

  /// A layer with weights drawn from the default generator.
  public init(
    inputSize: Int, hiddenSize: Int, returning: Returning = .lastStep, merge: Merge = .concatenate,
    options: Cell.Options = Cell.Options(), initial: InitialState = .fixed
  ) {
    var generator = makeRandomGenerator()
    self.init(
      inputSize: inputSize, hiddenSize: hiddenSize, returning: returning, merge: merge, options: options,
      initial: initial, using: &generator)
  }

  /// A layer of two that exist already, both of which are taken as they are; the second goes backward.
  ///
  /// - Parameters:
  ///   - forward: what goes from the first step to the last.
  ///   - backward: what goes from the last step to the first; of the same hidden size and options.
  ///   - returning: which outputs go on.
  ///   - merge: how the two become one output.
  public init(
    forward: Recurrent<Cell>, backward: Recurrent<Cell>, returning: Returning = .lastStep, merge: Merge = .concatenate
  ) {
    require(
      forward.hiddenSize == backward.hiddenSize && forward.cell.inputSize == backward.cell.inputSize,
      """
      \(Self.kind): the sizes of the directions differ: \(forward.cell.inputSize) → \(forward.hiddenSize) and \
      \(backward.cell.inputSize) → \(backward.hiddenSize)
      """)
    require(
      forward.options == backward.options && forward.initial == backward.initial
        && forward.regularization == backward.regularization,
      "\(Self.kind): the directions differ in their options, initial states or regularization")
    self.init(
      Configuration(
        hiddenSize: forward.hiddenSize, returning: returning, merge: merge, options: forward.options,
        initial: forward.initial, regularization: forward.regularization))
    self.forward.take(forward)
    self.backward.take(backward)
  }

  public var returning: Returning { configuration.returning }
  public var hiddenSize: Int { configuration.hiddenSize }
  public var options: Cell.Options { configuration.options }
  public var initial: InitialState { configuration.initial }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.hiddenSize, "the hidden size", of: Self.kind)
    return try forward.outputShape(for: inputShape).prefix(configuration.returning == .everyStep ? 2 : 1)
      + configuration.merge.shape(configuration.hiddenSize)
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    forward.build(for: inputShape, using: &generator)
    backward.build(for: inputShape, using: &generator)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try forEachTensor(level: 0, body) }

  public mutating func forEachTensor<E: Error>(
    level: Int, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try forward.forEachTensor(level: level, reversed: false, body)
    try backward.forEachTensor(level: level, reversed: true, body)
  }

  public func scan(
    _ input: Tensor, steps: Steps, from state: State?
  ) -> (outputs: Tensor, state: State) {
    let ahead = forward.scan(input, steps: steps, from: state?.forward)
    let back = backward.scan(input, steps: steps, from: state?.backward)
    return (
      configuration.merge(ahead.outputs, back.outputs), State(forward: ahead.state, backward: back.state)
    )
  }

  public var isBuilt: Bool { forward.isBuilt && backward.isBuilt }

  public func lastOutput(_ state: State) -> Tensor {
    configuration.merge(state.forward.output, state.backward.output)
  }

  public func checkStepping() throws(LayerError) {
    throw LayerError(
      "\(Self.kind): its backward direction begins at the end of a sequence, which a stream does not have")
  }

  public func initialMemory(batch: Int) -> State {
    State(forward: forward.initialMemory(batch: batch), backward: backward.initialMemory(batch: batch))
  }

  public func advance(_ memory: inout State, with step: Tensor) -> Tensor {
    fatalError("\(Self.kind) does not go step by step")
  }
}
