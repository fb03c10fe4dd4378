/// A convolution that a ``ConvolutionalLSTMCell`` goes through, from channels to the sums of its gates.
public protocol ConvolutionMap: Module {
  /// The name of the cell and the layer made of it.
  static var name: String { get }
  /// Where the formula comes from.
  static var source: String { get }

  /// The number of channels it reads.
  var channels: Int { get }

  /// A map with weights drawn from `generator`.
  ///
  /// - Parameters:
  ///   - channels: what is read at each place.
  ///   - outputs: what is given at each place.
  ///   - kernel: the sizes of the kernel, one to three.
  init(channels: Int, outputs: Int, kernel: [Int], using generator: inout RandomGenerator)

  /// `[N, size…, channels]` → `[N, size′…, outputs]`.
  func callAsFunction(_ input: Tensor, strides: [Int]?, padding: Padding) -> Tensor
}

/// A kernel for each output: what Shi et al. (2015) go through.
public struct FullConvolution: ConvolutionMap {
  public static let name = "conv-lstm"
  public static let source = "Shi et al. 2015"

  /// `[outputs, kernel…, channels]`
  public var weight: Tensor

  /// Weights by Glorot's rule.
  public init(channels: Int, outputs: Int, kernel: [Int], using generator: inout RandomGenerator) {
    weight = Initializer.glorotUniform(
      [outputs] + kernel + [channels], between: kernel.product * channels, and: kernel.product * outputs,
      using: &generator)
  }

  public var channels: Int { weight.shape.last ?? 0 }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("", &weight) }

  public func callAsFunction(_ input: Tensor, strides: [Int]?, padding: Padding) -> Tensor {
    input.convolution(weight: weight, strides: strides, padding: padding)
  }
}

/// A kernel for each channel, then a product at each place: the depthwise separable convolution (Chollet 2017), of far
/// fewer weights.
public struct SeparableConvolution: ConvolutionMap {
  public static let name = "depthwise-lstm"
  public static let source = "Shi et al. 2015, with the convolutions of Chollet 2017"

  /// `[kernel…, channels]`
  public var depthwise: Tensor
  /// `[outputs, channels]`
  public var pointwise: Tensor

  public init(channels: Int, outputs: Int, kernel: [Int], using generator: inout RandomGenerator) {
    depthwise = Initializer.glorotUniform(
      kernel + [channels], between: kernel.product, and: kernel.product, using: &generator)
    pointwise = Initializer.glorotUniform(outputs, channels, using: &generator)
  }

  public var channels: Int { pointwise.extent(1) }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("depthwise", &depthwise)
    try body("pointwise", &pointwise)
  }

  public func callAsFunction(_ input: Tensor, strides: [Int]?, padding: Padding) -> Tensor {
    input.depthwiseConvolution(weight: depthwise, strides: strides, padding: padding)
      .matrixProduct(pointwise, transposingOther: true)
  }
}

/// The long short-term memory over one, two or three axes of space, whose products are convolutions (ConvLSTM; Shi et
/// al. 2015, without peepholes: what Keras's ConvLSTM1D, 2D and 3D compute).
///
///     i = σ(W_i ∗ x + R_i ∗ h + b_i)        input gate
///     f = σ(W_f ∗ x + R_f ∗ h + b_f)        forget gate
///     c̃ = tanh(W_c ∗ x + R_c ∗ h + b_c)     candidate
///     o = σ(W_o ∗ x + R_o ∗ h + b_o)        output gate
///     c' = f ⊙ c + i ⊙ c̃                    cell state
///     h' = o ⊙ tanh(c')                     hidden state
///
/// To ``Recurrent`` a step is a row: **I** is the places of the input times its channels, **H** those of the output
/// times the filters **F**, the channels last. ``ConvolutionalLSTM`` is the layer with the axes of space.
///
/// W has the strides and the padding that are asked for; R goes over what W gives, with zeros around it. Weights start
/// by Glorot's rule, biases at 0 but the forget gate's at 1.
public struct ConvolutionalLSTMCell<Map: ConvolutionMap>: RecurrentCell {
  /// The order of the blocks of **F** rows in weights and biases, which is Keras's.
  public typealias Gate = LSTMCell.Gate
  /// The hidden state h and the cell state c, each `[B, H]`.
  public typealias State = LSTMCell.State

  /// The settings of the cell besides its sizes.
  public struct Options: CellOptions {
    /// The sizes of the input's axes of space, one to three.
    public var shape = [1]
    /// The sizes of the kernel along these.
    public var kernel = [1]
    /// The distance between outputs along these; nil means 1.
    public var strides: [Int]?
    /// The treatment of the borders of the input.
    public var padding = Padding.same

    /// The defaults.
    public init() {}
    /// A convolution over axes of the given sizes.
    public init(shape: [Int], kernel: [Int], strides: [Int]? = nil, padding: Padding = .same) {
      self.shape = shape
      self.kernel = kernel
      self.strides = strides
      self.padding = padding
    }

    /// The sizes of the output's axes of space.
    public var outputShape: [Int] {
      let strides = strides ?? Array(repeating: 1, count: shape.count)
      return shape.indices.map { padding.outputSize(shape[$0], kernel: kernel[$0], stride: strides[$0]) }
    }

    /// Throws where the sizes do not belong together.
    func check(for cell: String) throws(LayerError) {
      let strides = strides ?? Array(repeating: 1, count: shape.count)
      guard (1...3).contains(shape.count), kernel.count == shape.count, strides.count == shape.count else {
        throw LayerError(
          "\(cell): a kernel of \(kernel) with strides of \(strides) goes over axes of \(shape); give each as many sizes, "
            + "one to three")
      }
      guard (shape + kernel + strides).allSatisfy({ $0 > 0 }), outputShape.allSatisfy({ $0 > 0 }) else {
        throw LayerError(
          "\(cell): a kernel of \(kernel) with strides of \(strides) leaves nothing of axes of \(shape); give positive sizes, "
            + "and with padding 'valid' none beyond the input's")
      }
    }
  }

  public static var name: String { Map.name }
  public static var source: String { Map.source }

  /// W: `[size…, C]` → `[size′…, 4F]`
  public var inputMap: Map
  /// R: `[size′…, F]` → `[size′…, 4F]`
  public var hiddenMap: Map
  /// b, `[4F]`
  public var bias: Tensor
  /// The sizes, the kernel, the strides and the padding.
  public let options: Options

  public init(inputSize: Int, hiddenSize: Int, options: Options, using generator: inout RandomGenerator) {
    do throws(LayerError) {
      try Self.check(inputSize: inputSize, hiddenSize: hiddenSize, options: options)
    } catch { fatalError(error.description) }
    let gates = Gate.allCases.count
    let filters = hiddenSize / options.outputShape.product
    inputMap = Map(
      channels: inputSize / options.shape.product, outputs: gates * filters, kernel: options.kernel, using: &generator)
    hiddenMap = Map(channels: filters, outputs: gates * filters, kernel: options.kernel, using: &generator)
    bias = .zeros([gates * filters])
    for filter in 0..<filters { bias[Gate.forget.rawValue * filters + filter] = 1 }
    self.options = options
  }

  public static func check(inputSize: Int, hiddenSize: Int, options: Options) throws(LayerError) {
    try options.check(for: name)
    let (places, outputs) = (options.shape.product, options.outputShape.product)
    guard inputSize % places == 0, hiddenSize % outputs == 0 else {
      throw LayerError(
        "\(name): rows of \(inputSize) and \(hiddenSize) are no channels at \(places) places and filters at \(outputs); "
          + "give multiples of these")
    }
  }

  public var inputSize: Int { options.shape.product * inputMap.channels }
  public var hiddenSize: Int { options.outputShape.product * filters }
  /// F
  private var filters: Int { hiddenMap.channels }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try inputMap.forEachTensor(under: "weight_ih", body)
    try hiddenMap.forEachTensor(under: "weight_hh", body)
    try body("bias_ih", &bias)
  }

  public func initialState(batch: Int) -> State {
    State(hidden: .zeros([batch, hiddenSize]), cell: .zeros([batch, hiddenSize]))
  }

  /// `[N, I]` → `[N, 4H]`: at each place the sums of its gates.
  public func project(_ input: Tensor) -> Tensor {
    let sums = inputMap(
      input.reshaped([input.shape[0]] + options.shape + [inputMap.channels]), strides: options.strides,
      padding: options.padding)
    return (sums + bias).reshaped([input.shape[0], Gate.allCases.count * hiddenSize])
  }

  public func step(_ projected: Tensor, _ state: State) -> State {
    let places = State(sums: sums(projected, state), cell: state.cell.reshaped([-1, filters]))
    return places.mapTensors { $0.reshaped([projected.shape[0], hiddenSize]) }
  }

  /// The sums of the gates, of which every place is a row: `[B * places, 4F]`.
  private func sums(_ projected: Tensor, _ state: State) -> Tensor {
    let hidden = state.hidden.reshaped([projected.shape[0]] + options.outputShape + [filters])
    let recurrent = hiddenMap(hidden, strides: nil, padding: .same)
    return (recurrent + projected.reshaped(recurrent.shape)).reshaped([-1, Gate.allCases.count * filters])
  }

  public func gates(_ projected: Tensor, _ state: State) -> [(name: String, value: Tensor)] {
    let sums = sums(projected, state)
    return Gate.allCases.map { gate in
      let sum = sums.block(gate.rawValue, of: filters)
      let value = gate == .candidate ? tanh(sum) : sigmoid(sum)
      return ("\(gate)", value.reshaped([projected.shape[0], hiddenSize]))
    }
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["forget"] }
}

/// The cell of a long short-term memory with convolutions.
public typealias ConvLSTMCell = ConvolutionalLSTMCell<FullConvolution>
/// The cell of a long short-term memory with depthwise separable convolutions.
public typealias DepthwiseLSTMCell = ConvolutionalLSTMCell<SeparableConvolution>
