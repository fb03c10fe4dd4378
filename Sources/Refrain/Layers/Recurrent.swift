/// Which outputs of a recurrent layer go on to the next layer.
public enum Returning: String, Codable, Sendable, CaseIterable {
  /// The output at every step, `[B, T, H]`; zero past a sequence's length.
  case everyStep
  /// The output at each sequence's last valid step, `[B, H]`.
  case lastStep
}

/// A layer that goes through time, alone or as one of a ``Stacked`` pile.
public protocol RecurrentLayer: Layer {
  /// What it carries from one batch to the next.
  associatedtype State: TensorGroup
  /// What its cell has to be told besides its sizes.
  associatedtype Options: CellOptions

  /// How it is regularized.
  var regularization: Regularization { get set }

  /// A level of a pile.
  init(_ hiddenSize: Int, returning: Returning, options: Options)

  /// Visits the tensors under PyTorch's names for level `level` of a pile: `weight_ih_l0`, ….
  mutating func forEachTensor<E: Error>(
    level: Int, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E)

  /// All outputs `[B, T, …]` and the state after each sequence's last valid step.
  ///
  /// - Parameters:
  ///   - input: `[B, T, I]`.
  ///   - lengths: the valid steps of each sequence; nil means all T.
  ///   - state: the state before the first step; nil means the cell's own, zeros.
  func scan(_ input: Tensor, lengths: [Int]?, from state: State?) -> (outputs: Tensor, state: State)

  /// What is shown at the last valid step of each sequence, `[B, …]`.
  func lastOutput(_ state: State) -> Tensor
}

extension RecurrentLayer {
  /// The layer with another regularization.
  public func regularized(by regularization: Regularization) -> Self {
    var copy = self
    copy.regularization = regularization
    return copy
  }
}

/// A cell taken through time.
///
/// `LSTM(64)` describes a layer for ``Sequential``; `LSTM(inputSize: 10, hiddenSize: 64)` is one to call.
public struct Recurrent<Cell: RecurrentCell>: RecurrentLayer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    public var hiddenSize: Int
    /// Which outputs go on.
    public var returning: Returning
    /// Which way it goes through time.
    public var direction: Direction
    /// What the cell is told besides its sizes.
    @Defaulted public var options = Cell.Options()
    /// How it is regularized.
    @Defaulted public var regularization = Regularization()
  }
  public typealias State = Cell.State
  public typealias Options = Cell.Options

  public static var kind: String { Cell.name }
  public private(set) var configuration: Configuration
  /// What happens at one step.
  public var cell: Cell

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
    _ hiddenSize: Int, returning: Returning, direction: Direction, options: Cell.Options = Cell.Options()
  ) {
    self.init(
      Configuration(hiddenSize: hiddenSize, returning: returning, direction: direction, options: options))
  }

  /// A layer whose input size ``Sequential`` finds, with the usual direction.
  public init(_ hiddenSize: Int, returning: Returning = .lastStep, options: Cell.Options = Cell.Options()) {
    self.init(hiddenSize, returning: returning, direction: .forward, options: options)
  }

  /// A layer with weights drawn from `generator`.
  public init(
    inputSize: Int, hiddenSize: Int, returning: Returning = .lastStep, direction: Direction = .forward,
    options: Cell.Options = Cell.Options(), using generator: inout RandomGenerator
  ) {
    self = Recurrent(hiddenSize, returning: returning, direction: direction, options: options)
      .built(for: [nil, nil, inputSize], using: &generator)
  }

  /// A layer with weights drawn from the default generator.
  public init(
    inputSize: Int, hiddenSize: Int, returning: Returning = .lastStep, direction: Direction = .forward,
    options: Cell.Options = Cell.Options()
  ) {
    var generator = makeRandomGenerator()
    self.init(
      inputSize: inputSize, hiddenSize: hiddenSize, returning: returning, direction: direction, options: options,
      using: &generator)
  }

  /// A layer around a cell that exists already.
  public init(
    _ cell: Cell, returning: Returning = .lastStep, direction: Direction = .forward,
    options: Cell.Options = Cell.Options()
  ) {
    self.init(cell.hiddenSize, returning: returning, direction: direction, options: options)
    self.cell = cell
  }

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
    cell = Cell(
      inputSize: inputSize, hiddenSize: configuration.hiddenSize, options: configuration.options, using: &generator)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try forEachTensor(level: 0, body) }

  public mutating func forEachTensor<E: Error>(
    level: Int, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try cell.forEachTensor(level: level, body) }

  public func scan(
    _ input: Tensor, lengths: [Int]? = nil, from state: State? = nil
  ) -> (outputs: Tensor, state: State) {
    require(
      input.rank == 3 && input.shape[2] == cell.inputSize,
      "\(Cell.name): the input has shape \(input.shape), expected [B, T, \(cell.inputSize)]")
    let schedule = Schedule(
      batch: input.shape[0], time: input.shape[1], lengths: lengths, direction: configuration.direction)
    return cell.scan(
      input, from: state ?? cell.initialState(batch: schedule.batch), along: schedule, regularization: regularization)
  }

  public func lastOutput(_ state: State) -> Tensor { state.output }

  public func callAsFunction(_ input: Tensor, lengths: [Int]?) -> Tensor {
    let (outputs, state) = scan(input, lengths: lengths)
    return configuration.returning == .everyStep ? outputs : state.output
  }
}

/// A setting that files from before it was there do not have.
@propertyWrapper
public struct Defaulted<Options: CellOptions>: Codable, Sendable {
  public var wrappedValue: Options

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

extension RecurrentCell {
  /// Visits the tensors under PyTorch's names: `weight_ih_l0`, `weight_ih_l0_reverse`, ….
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

/// Long short-term memory.
public typealias LSTM = Recurrent<LSTMCell>
/// Gated recurrent unit, reset gate after the product.
public typealias GRU = Recurrent<GRUCell>
/// Gated recurrent unit, reset gate before the product.
public typealias GRUResetBefore = Recurrent<GRUResetBeforeCell>
/// Elman network with the hyperbolic tangent.
public typealias RNN = Recurrent<TanhRNNCell>
/// Elman network with the rectifier.
public typealias ReLURNN = Recurrent<ReLURNNCell>
