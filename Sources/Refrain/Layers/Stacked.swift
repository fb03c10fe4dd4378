/// Recurrent layers one on another, each reading every step of the one below; the widths may differ.
///
///     Stacked<LSTM>([64, 32], dropout: 0.2)
///     Stacked<Bidirectional<GRUCell>>([128, 128], returning: .everyStep)
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
    /// How every level is regularized, each with masks of its own.
    @Defaulted public var regularization = Regularization()
    /// Which values the dropout between levels drops together.
    @Defaulted public var dropoutMask = DropoutMask.value
  }
  public typealias Options = Level.Options
  /// The states of all levels, from the lowest.
  public typealias State = [Level.State]

  public static var kind: String { "stacked-" + Level.kind }
  public private(set) var configuration: Configuration
  /// The levels from the lowest to the highest.
  public var levels: [Level]

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    levels = configuration.hiddenSizes.map { Level($0, returning: .everyStep, options: configuration.options) }
    regularization = configuration.regularization
  }

  public var regularization: Regularization {
    get { configuration.regularization }
    set {
      configuration.regularization = newValue
      for index in levels.indices { levels[index].regularization = newValue }
    }
  }

  /// The pile with other masks of the dropout between levels: `.sequence` has one a sequence, the same at every step.
  public func masked(by mask: DropoutMask) -> Self {
    var copy = self
    copy.configuration.dropoutMask = mask
    return copy
  }

  /// A pile whose input size ``Sequential`` finds.
  public init(
    _ hiddenSizes: [Int], dropout: Float = 0, returning: Returning = .lastStep, options: Options = Options()
  ) {
    self.init(
      Configuration(hiddenSizes: hiddenSizes, dropout: dropout, returning: returning, options: options))
  }

  /// A pile of one level.
  public init(_ hiddenSize: Int, returning: Returning = .lastStep, options: Options = Options()) {
    self.init([hiddenSize], returning: returning, options: options)
  }

  /// A pile with weights drawn from `generator`.
  public init(
    inputSize: Int, hiddenSizes: [Int], dropout: Float = 0, returning: Returning = .lastStep,
    options: Options = Options(), using generator: inout RandomGenerator
  ) {
    self = Stacked(hiddenSizes, dropout: dropout, returning: returning, options: options)
      .built(for: [nil, nil, inputSize], using: &generator)
  }

  /// A layer with weights drawn from the default generator.
  public init(
    inputSize: Int, hiddenSizes: [Int], dropout: Float = 0, returning: Returning = .lastStep,
    options: Options = Options()
  ) {
    var generator = makeRandomGenerator()
    self.init(
      inputSize: inputSize, hiddenSizes: hiddenSizes, dropout: dropout, returning: returning, options: options,
      using: &generator)
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard !levels.isEmpty else { throw LayerError("\(Self.kind): there is no level") }
    guard (0..<1).contains(configuration.dropout) else {
      throw LayerError("\(Self.kind): the dropout is \(configuration.dropout), and must be at least 0 and below 1")
    }
    var shape = inputShape
    for level in levels { shape = try level.outputShape(for: shape) }
    return configuration.returning == .everyStep ? shape : [shape[0], shape[2]]
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    var shape = inputShape
    for index in levels.indices {
      levels[index].build(for: shape, using: &generator)
      guard let next = try? levels[index].outputShape(for: shape) else { return }
      shape = next
    }
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try forEachTensor(level: 0, body) }

  public mutating func forEachTensor<E: Error>(
    level: Int, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    for index in levels.indices { try levels[index].forEachTensor(level: level + index, body) }
  }

  public func scan(
    _ input: Tensor, lengths: [Int]? = nil, from state: State? = nil
  ) -> (outputs: Tensor, state: State) {
    var outputs = input
    var states: State = []
    for (index, level) in levels.enumerated() {
      if index > 0 { outputs = dropout(outputs, rate: configuration.dropout, mask: configuration.dropoutMask) }
      let result = level.scan(outputs, lengths: lengths, from: state?[index])
      outputs = result.outputs
      states.append(result.state)
    }
    return (outputs, states)
  }

  public func lastOutput(_ state: State) -> Tensor {
    levels[levels.count - 1].lastOutput(state[state.count - 1])
  }

  public func callAsFunction(_ input: Tensor, lengths: [Int]?) -> Tensor {
    let (outputs, state) = scan(input, lengths: lengths)
    return configuration.returning == .everyStep ? outputs : lastOutput(state)
  }
}
