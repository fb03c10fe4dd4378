/// Long short-term memory over sequences of lines, images or volumes: `[B, T, size…, C]` → `[B, T, size′…, F]`, or
/// without **T** where only the last step is returned. ``ConvolutionalLSTMCell`` has the formula.
///
///     ConvLSTM(16, kernel: [3, 3])                    // sequences of images, [B, T, rows, columns, C]
///     DepthwiseLSTM(16, kernel: [5])                  // sequences of lines, [B, T, places, C]
///
/// It is its cell taken through time by ``Recurrent``, to which a step is a row; so it knows gaps, resets, states and
/// streams as every recurrent layer does. In states the axes of space and the filters are one.
public struct ConvolutionalLSTM<Map: ConvolutionMap>: ScanningLayer {
  /// The cell of the layer.
  public typealias Cell = ConvolutionalLSTMCell<Map>
  public typealias State = Cell.State
  public typealias Memory = Cell.State

  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The number **F** of filters.
    public var filters: Int
    /// The sizes of the kernel along the axes of space, one to three.
    public var kernel: [Int]
    /// How far apart outputs lie along these; nil means 1.
    public var strides: [Int]?
    /// What happens at the borders of the input.
    public var padding: Padding
    /// Which outputs go on.
    public var returning: Returning
    /// Which way it goes through time.
    public var direction: Direction
    /// Where it begins when it is given no state.
    @Defaulted public var initial = InitialState.fixed
  }

  public static var kind: String { Map.name }
  /// The settings of the layer, as they are saved.
  public let configuration: Configuration
  /// The layer that takes the cell through time, over rows.
  public private(set) var recurrent: Recurrent<Cell>

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    recurrent = Recurrent(0, returning: configuration.returning, direction: configuration.direction)
  }

  /// What happens at one step.
  public var cell: Cell {
    get { recurrent.cell }
    set { recurrent.cell = newValue }
  }

  /// The learned state before the first step, of one row; nil where it is zeros.
  public var learnedState: State? {
    get { recurrent.learnedState }
    set { recurrent.learnedState = newValue }
  }

  /// A layer of which ``Sequential`` finds the shape of the input.
  ///
  /// - Parameters:
  ///   - filters: the channels of the output.
  ///   - kernel: a size for each axis of space, one to three.
  ///   - strides: how far apart outputs lie along each axis; nil means 1.
  ///   - padding: what happens at the borders of the input. (Keras begins with `valid`.)
  ///   - returning: which outputs go on.
  ///   - direction: which way it goes through time.
  ///   - initial: where it begins when it is given no state.
  public init(
    _ filters: Int, kernel: [Int], strides: [Int]? = nil, padding: Padding = .same, returning: Returning = .lastStep,
    direction: Direction = .forward, initial: InitialState = .fixed
  ) {
    self.init(
      Configuration(
        filters: filters, kernel: kernel, strides: strides, padding: padding, returning: returning,
        direction: direction, initial: initial))
  }

  /// A layer with weights drawn from `generator`, ready to call.
  ///
  ///     let layer = ConvLSTM(stepShape: [16, 16, 3], filters: 8, kernel: [3, 3])
  ///
  /// - Parameters:
  ///   - stepShape: the sizes of one step of the input, `[size…, C]`.
  ///   - filters: the channels of the output.
  ///   - kernel: a size for each axis of space, one to three.
  ///   - strides: how far apart outputs lie along each axis; nil means 1.
  ///   - padding: what happens at the borders of the input.
  ///   - returning: which outputs go on.
  ///   - direction: which way it goes through time.
  ///   - initial: where it begins when it is given no state.
  public init(
    stepShape: [Int], filters: Int, kernel: [Int], strides: [Int]? = nil, padding: Padding = .same,
    returning: Returning = .lastStep, direction: Direction = .forward, initial: InitialState = .fixed,
    using generator: inout RandomGenerator
  ) {
    self = ConvolutionalLSTM(
      filters, kernel: kernel, strides: strides, padding: padding, returning: returning, direction: direction,
      initial: initial
    ).built(for: [nil, nil] + stepShape, using: &generator)
  }

  /// A layer with weights drawn from the default generator, ready to call; the parameters are those of
  /// ``init(stepShape:filters:kernel:strides:padding:returning:direction:initial:using:)``.
  public init(
    stepShape: [Int], filters: Int, kernel: [Int], strides: [Int]? = nil, padding: Padding = .same,
    returning: Returning = .lastStep, direction: Direction = .forward, initial: InitialState = .fixed
  ) {
    var generator = makeRandomGenerator()
    self.init(
      stepShape: stepShape, filters: filters, kernel: kernel, strides: strides, padding: padding,
      returning: returning, direction: direction, initial: initial, using: &generator)
  }

  /// A layer around a cell that exists already.
  public init(
    _ cell: Cell, returning: Returning = .lastStep, direction: Direction = .forward, initial: InitialState = .fixed
  ) {
    let options = cell.options
    self.init(
      Configuration(
        filters: cell.hiddenMap.channels, kernel: options.kernel, strides: options.strides, padding: options.padding,
        returning: returning, direction: direction, initial: initial))
    recurrent = Recurrent(cell, returning: returning, direction: direction, initial: initial)
  }

  private func options(_ shape: [Int]) -> Cell.Options {
    Cell.Options(
      shape: shape, kernel: configuration.kernel, strides: configuration.strides, padding: configuration.padding)
  }

  /// The sizes of the axes of space of an input `[B, T, size…, C]`.
  private func space(of inputShape: [Int?]) throws(LayerError) -> [Int] {
    let sizes = inputShape.dropFirst(2).dropLast().compactMap { $0 }
    guard inputShape.count == configuration.kernel.count + 3, sizes.count == configuration.kernel.count else {
      let axes = (1...max(configuration.kernel.count, 1)).map { "size \($0)" }.joined(separator: ", ")
      throw LayerError("\(Self.kind): the input has shape \(shapeText(inputShape)), expected [B, T, \(axes), C]")
    }
    return sizes
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.filters, "the number of filters", of: Self.kind)
    _ = try features(of: inputShape, for: Self.kind)
    let options = try options(space(of: inputShape))
    try options.check(for: Self.kind)
    let output = options.outputShape.map(Optional.init) + [configuration.filters]
    return (configuration.returning == .everyStep ? [inputShape[0], inputShape[1]] : [inputShape[0]]) + output
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    guard let space = try? space(of: inputShape), let channels = inputShape[inputShape.count - 1] else { return }
    let options = options(space)
    let cell = Cell(
      inputSize: space.product * channels, hiddenSize: options.outputShape.product * configuration.filters,
      options: options, using: &generator)
    recurrent = Recurrent(
      cell, returning: configuration.returning, direction: configuration.direction, initial: configuration.initial)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try recurrent.forEachTensor(body) }

  public var returning: Returning { configuration.returning }

  /// The sizes of a step, `size…` and C.
  private var inputShape: [Int] { cell.options.shape + [cell.inputMap.channels] }
  /// The sizes of what is shown at a step, `size′…` and F.
  private var outputShape: [Int] { cell.options.outputShape + [cell.hiddenMap.channels] }

  public func scan(_ input: Tensor, steps: Steps, from state: State?) -> (outputs: Tensor, state: State) {
    requireBuilt()
    let expected = inputShape
    require(
      (1...2).contains(input.rank - expected.count) && input.shape.suffix(expected.count) == expected[...],
      "\(Self.kind): the input has shape \(input.shape), expected [B, T] or [T], and \(expected)")
    // [B, T], or [T]
    let leading = Array(input.shape.dropLast(expected.count))
    let result = recurrent.scan(input.reshaped(leading + [cell.inputSize]), steps: steps, from: state)
    return (result.outputs.reshaped(leading + outputShape), result.state)
  }

  public var isBuilt: Bool { recurrent.isBuilt }

  public func lastOutput(_ state: State) -> Tensor { state.output.reshaped([state.output.shape[0]] + outputShape) }

  public func checkStepping() throws(LayerError) { try recurrent.checkStepping() }

  public func initialMemory(batch: Int) -> State { recurrent.initialMemory(batch: batch) }

  public func advance(_ memory: inout State, with step: Tensor) -> Tensor {
    _ = recurrent.advance(&memory, with: step.reshaped([step.shape[0], cell.inputSize]))
    return lastOutput(memory)
  }
}

/// Long short-term memory with convolutions over one, two or three axes.
public typealias ConvLSTM = ConvolutionalLSTM<FullConvolution>
/// Long short-term memory with depthwise separable convolutions over one, two or three axes.
public typealias DepthwiseLSTM = ConvolutionalLSTM<SeparableConvolution>
