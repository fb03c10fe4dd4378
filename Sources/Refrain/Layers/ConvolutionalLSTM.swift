/// Long short-term memory over sequences of lines, images or volumes: `[B, T, size…, C]` → `[B, T, size′…, F]`, or without
/// **T** where only the last step is returned. ``ConvolutionalLSTMCell`` has the formula.
///
///     ConvLSTM(16, kernel: [3, 3])                    // sequences of images, [B, T, rows, columns, C]
///     DepthwiseLSTM(16, kernel: [5])                  // sequences of lines, [B, T, places, C]
public struct ConvolutionalLSTM<Map: ConvolutionMap>: Layer {
  /// The cell of the layer.
  public typealias Cell = ConvolutionalLSTMCell<Map>

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
  }

  public static var kind: String { Map.name }
  public let configuration: Configuration
  /// What happens at one step.
  public var cell: Cell

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    var generator = RandomGenerator(seed: 0)
    cell = Cell(inputSize: 0, hiddenSize: 0, using: &generator)
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
  public init(
    _ filters: Int, kernel: [Int], strides: [Int]? = nil, padding: Padding = .same, returning: Returning = .lastStep,
    direction: Direction = .forward
  ) {
    self.init(
      Configuration(
        filters: filters, kernel: kernel, strides: strides, padding: padding, returning: returning,
        direction: direction))
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
    cell = Cell(
      inputSize: space.product * channels, hiddenSize: options.outputShape.product * configuration.filters,
      options: options, using: &generator)
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try cell.forEachTensor(level: 0, body) }

  /// All outputs `[B, T, size′…, F]`, zero past a sequence's length, and the state after each sequence's last valid step, in
  /// which the axes of space and the filters are one.
  ///
  /// - Parameters:
  ///   - input: `[B, T, size…, C]`.
  ///   - lengths: the valid steps of each sequence; nil means all T.
  ///   - state: the state before the first step; nil means zeros.
  public func scan(
    _ input: Tensor, lengths: [Int]? = nil, from state: Cell.State? = nil
  ) -> (outputs: Tensor, state: Cell.State) {
    let expected = cell.options.shape + [cell.inputMap.channels]
    require(
      input.rank == expected.count + 2 && Array(input.shape.dropFirst(2)) == expected,
      "\(Self.kind): the input has shape \(input.shape), expected [B, T] and \(expected)")
    let (batch, time) = (input.shape[0], input.shape[1])
    let schedule = Schedule(batch: batch, time: time, lengths: lengths, direction: configuration.direction)
    let result = cell.scan(
      input.reshaped([batch, time, cell.inputSize]), from: state ?? cell.initialState(batch: batch), along: schedule)
    return (result.outputs.reshaped([batch, time] + outputShape), result.state)
  }

  private var outputShape: [Int] { cell.options.outputShape + [cell.hiddenMap.channels] }

  public func callAsFunction(_ input: Tensor, passing steps: inout Steps) -> Tensor {
    defer { if configuration.returning == .lastStep { steps = Steps() } }
    return self(input, steps: steps)
  }

  public func callAsFunction(_ input: Tensor, lengths: [Int]?) -> Tensor {
    let (outputs, state) = scan(input, lengths: lengths)
    return configuration.returning == .everyStep
      ? outputs : state.output.reshaped([input.shape[0]] + outputShape)
  }
}

/// Long short-term memory with convolutions over one, two or three axes.
public typealias ConvLSTM = ConvolutionalLSTM<FullConvolution>
/// Long short-term memory with depthwise separable convolutions over one, two or three axes.
public typealias DepthwiseLSTM = ConvolutionalLSTM<SeparableConvolution>
