/// Recurrent layers one on another, each reading every step of the one below; the widths may differ.
///
///     Stacked<LSTM>([64, 32], dropout: 0.2)
///     Stacked<Bidirectional<GRUCell>>([128, 128], returning: .everyStep)
///     Stacked<LSTM>([64, 64, 64], connection: .residual)
///
/// Where the input's last column is no value to the cells but the time, or an attention score, every level is given it,
/// after the outputs of the level below.
public struct Stacked<Level: RecurrentLayer>: RecurrentLayer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The hidden sizes from the lowest level to the highest.
    public var hiddenSizes: [Int]
    /// The rate of dropout on what one level passes to the next (not after the last), while training.
    public var dropout: Float
    /// Which outputs go on.
    public var returning: Returning
    /// What the cells are told besides their sizes.
    @Defaulted public var options = Level.Options()
    /// How the output of one level becomes the input of the next.
    @Defaulted public var connection = Connection.direct
    /// Where the levels begin when they are given no state.
    @Defaulted public var initial = InitialState.fixed
    /// How every level is regularized, each with masks of its own.
    @Defaulted public var regularization = Regularization()
    /// Which values the dropout between levels drops together.
    @Defaulted public var dropoutMask = DropoutMask.value
  }
  public typealias Memory = State
  public typealias Options = Level.Options
  /// The states of all levels, from the lowest.
  public typealias State = [Level.State]

  public static var kind: String { "stacked-" + Level.kind }
  public static var lastColumn: String? { Level.lastColumn }
  public private(set) var configuration: Configuration
  /// The levels from the lowest to the highest.
  public var levels: [Level]
  /// What is learned of the connections between them.
  public var links = Links()

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    levels = configuration.hiddenSizes.map {
      Level($0, returning: .everyStep, options: configuration.options, initial: configuration.initial)
    }
    regularization = configuration.regularization
  }

  public var regularization: Regularization {
    get { configuration.regularization }
    set {
      configuration.regularization = newValue
      for index in levels.indices { levels[index].regularization = newValue }
    }
  }

  /// The stack with other masks of the dropout between levels: `.sequence` has one a sequence, the same at every step.
  public func masked(by mask: DropoutMask) -> Self {
    var copy = self
    copy.configuration.dropoutMask = mask
    return copy
  }

  /// A stack whose input size ``Sequential`` finds.
  public init(
    _ hiddenSizes: [Int], dropout: Float = 0, connection: Connection = .direct, returning: Returning = .lastStep,
    options: Options = Options(), initial: InitialState = .fixed
  ) {
    self.init(
      Configuration(
        hiddenSizes: hiddenSizes, dropout: dropout, returning: returning, options: options, connection: connection,
        initial: initial))
  }

  /// A stack of one level.
  public init(
    _ hiddenSize: Int, returning: Returning = .lastStep, options: Options = Options(), initial: InitialState = .fixed
  ) {
    self.init([hiddenSize], returning: returning, options: options, initial: initial)
  }

  /// A stack with weights drawn from `generator`.
  public init(
    inputSize: Int, hiddenSizes: [Int], dropout: Float = 0, connection: Connection = .direct,
    returning: Returning = .lastStep, options: Options = Options(), initial: InitialState = .fixed,
    using generator: inout RandomGenerator
  ) {
    self = Stacked(
      hiddenSizes, dropout: dropout, connection: connection, returning: returning, options: options, initial: initial
    ).built(for: [nil, nil, inputSize], using: &generator)
  }

  /// A layer with weights drawn from the default generator.
  public init(
    inputSize: Int, hiddenSizes: [Int], dropout: Float = 0, connection: Connection = .direct,
    returning: Returning = .lastStep, options: Options = Options(), initial: InitialState = .fixed
  ) {
    var generator = makeRandomGenerator()
    self.init(
      inputSize: inputSize, hiddenSizes: hiddenSizes, dropout: dropout, connection: connection, returning: returning,
      options: options, initial: initial, using: &generator)
  }

  /// A stack of layers that exist already, from the lowest to the highest, each of which is taken as it is and returns
  /// every step.
  ///
  /// - Parameters:
  ///   - levels: layers of one kind, with the same options, initial states and regularization.
  ///   - dropout: the rate of dropout on what one level passes to the next.
  ///   - connection: how the output of one level becomes the input of the next; what is learned of it is drawn from the
  ///     default generator.
  ///   - returning: which outputs of the highest level go on.
  public init(
    levels: [Level], dropout: Float = 0, connection: Connection = .direct, returning: Returning = .lastStep
  ) {
    guard let first = levels.first else { fatalError("\(Self.kind): there is no level") }
    self.init(
      Configuration(
        hiddenSizes: levels.map(\.hiddenSize), dropout: dropout, returning: returning, options: first.options,
        connection: connection, initial: first.initial, regularization: first.regularization))
    for (index, level) in levels.enumerated() {
      require(
        level.options == first.options && level.initial == first.initial
          && level.regularization == first.regularization,
        "\(Self.kind): level \(index) differs from the lowest in its options, initial state or regularization")
      require(
        level.returning == .everyStep, "\(Self.kind): level \(index) returns its last step; let it return every step")
      // Whatever else could be chosen of a level, a saved stack has no place for it.
      let shape: [Int?] = [nil, nil, 2]
      require(
        (try? level.outputShape(for: shape)) == (try? self.levels[index].outputShape(for: shape)),
        "\(Self.kind): level \(index) merges its directions in a way that a stack does not")
    }
    self.levels = levels
    var width: Int?
    if let shape = try? levels.last?.outputShape(for: [nil, nil, 2]) { width = shape.last ?? nil }
    var generator = makeRandomGenerator()
    if let width { links = Links(connection, levels: levels.count, width: width, using: &generator) }
  }

  public var returning: Returning { configuration.returning }
  /// The size **H** of what the cells of the highest level show.
  public var hiddenSize: Int { configuration.hiddenSizes.last ?? 0 }
  public var options: Options { configuration.options }
  public var initial: InitialState { configuration.initial }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard !levels.isEmpty else { throw LayerError("\(Self.kind): there is no level") }
    guard (0..<1).contains(configuration.dropout) else {
      throw LayerError("\(Self.kind): the dropout is \(configuration.dropout), and must be at least 0 and below 1")
    }
    var shape = inputShape
    for (index, level) in levels.enumerated() {
      let below = shape
      shape = try level.outputShape(for: read(shape, by: index))
      guard index == 0 || configuration.connection == .direct || shape == below else {
        throw LayerError(
          """
          \(Self.kind): the connection '\(configuration.connection)' wants levels of one width, and level \(index) makes \
          \(shapeText(shape)) of \(shapeText(below))
          """)
      }
    }
    return configuration.returning == .everyStep ? shape : [shape[0]] + shape.dropFirst(2)
  }

  /// The shape of what a level reads, from that of the stack's input or of the output below: with the last column of
  /// the input, where that is no value.
  private func read(_ shape: [Int?], by level: Int) -> [Int?] {
    guard level > 0, Self.lastColumn != nil, let width = shape.last else { return shape }
    return shape.dropLast() + [width.map { $0 + 1 }]
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    var shape = inputShape
    for index in levels.indices {
      let read = read(shape, by: index)
      levels[index].build(for: read, using: &generator)
      guard let next = try? levels[index].outputShape(for: read) else { return }
      shape = next
    }
    guard let width = shape[shape.count - 1] else { return }
    links = Links(configuration.connection, levels: levels.count, width: width, using: &generator)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try forEachTensor(level: 0, body) }

  public mutating func forEachTensor<E: Error>(
    level: Int, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    for index in levels.indices { try levels[index].forEachTensor(level: level + index, body) }
    try links.forEachTensor(body)
  }

  public func scan(
    _ input: Tensor, steps: Steps, from state: State?
  ) -> (outputs: Tensor, state: State) {
    let (outputs, state) = scanLevels(input, steps: steps, from: state)
    return (outputs[outputs.count - 1], state)
  }

  /// The outputs `[B, T, …]` of every level, from the lowest, as they are passed on (before dropout); the last are
  /// those of the stack.
  public func scanLevels(
    _ input: Tensor, steps: Steps = Steps(), from state: State? = nil
  ) -> (outputs: [Tensor], state: State) {
    require(state.map { $0.count == levels.count } ?? true, "\(Self.kind): \(levels.count) levels want a state each")
    var states: State = []
    let outputs = climb { index, below in
      let (outputs, state) = levels[index].scan(
        read(below, of: input, steps.layout), steps: steps, from: state?[index])
      states.append(state)
      return outputs
    }
    // A connection with a bias would say something of steps that are not there.
    return (configuration.connection == .direct ? outputs : outputs.map { cleared($0, steps) }, states)
  }

  private func cleared(_ outputs: Tensor, _ steps: Steps) -> Tensor {
    outputs.rank > 2 ? outputs.masked(steps) : outputs
  }

  public var isBuilt: Bool { levels.allSatisfy(\.isBuilt) }

  public func lastOutput(_ state: State) -> Tensor {
    // At a single step the connections are the same, so that the last outputs follow from the last states.
    climb { index, _ in levels[index].lastOutput(state[index]) }[levels.count - 1]
  }

  /// The outputs of all levels, each made by `run` from that of the level below, and connected with it.
  private func climb(_ run: (_ level: Int, _ below: Tensor?) -> Tensor) -> [Tensor] {
    var outputs: [Tensor] = []
    var memory: Tensor?
    for index in levels.indices {
      let output = run(index, outputs.last)
      outputs.append(links.connect(output, below: outputs.last, index, &memory))
    }
    return outputs
  }

  /// What a level reads: the input, or the output of the level below with the input's last column, where that is no
  /// value.
  private func read(_ below: Tensor?, of input: Tensor, _ layout: Steps.Layout = .batchFirst) -> Tensor {
    guard let below else { return input }
    // Of a single sequence the time is the first axis too.
    let timeAxis = layout == .timeFirst || below.rank == 2 ? 0 : 1
    let passed = dropout(below, rate: configuration.dropout, mask: configuration.dropoutMask, timeAxis: timeAxis)
    return Self.lastColumn == nil ? passed : concatenate([passed, input.valuesAndLastColumn.last], axis: -1)
  }

  public func checkStepping() throws(LayerError) {
    for level in levels { try level.checkStepping() }
  }

  public func initialMemory(batch: Int) -> State { levels.map { $0.initialMemory(batch: batch) } }

  public func advance(_ memory: inout State, with step: Tensor) -> Tensor {
    climb { index, below in levels[index].advance(&memory[index], with: read(below, of: step)) }[levels.count - 1]
  }
}
