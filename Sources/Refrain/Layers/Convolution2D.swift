/// A convolution over images: `[B, rows, columns, C]` → `[B, rows′, columns′, O]`, each output the sum over the places
/// under a kernel. Sequences of images, `[B, T, rows, columns, C]`, are taken image by image.
///
///     y[r, c] = φ(Σ_ij W_ij x[r·s + i − before, c·s′ + j − before′] + b)       s, s′: the strides
///
/// Weights start by Glorot's rule, biases at 0.
public struct Conv2D: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The number **O** of filters.
    public var filters: Int
    /// The rows and columns of the kernel.
    public var kernel: [Int]
    /// How far apart outputs lie along each axis.
    public var strides: [Int]
    /// What happens at the borders.
    public var padding: Padding
    /// The function φ of the output.
    public var activation: Activation
  }

  public static let kind = "conv-2d"
  public let configuration: Configuration
  /// W, `[O, rows, columns, C]` (PyTorch has `[O, C, rows, columns]`, Keras `[rows, columns, C, O]`).
  public var weight: Tensor
  /// b, `[O]`
  public var bias: Tensor

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    weight = .undrawn(rank: 4)
    bias = .undrawn(rank: 1)
  }

  /// A layer whose number of channels ``Sequential`` finds.
  ///
  /// - Parameters:
  ///   - filters: the channels **O** of the output.
  ///   - kernel: the rows and columns of the kernel.
  ///   - strides: how far apart outputs lie along each axis; nil means 1.
  ///   - padding: what happens at the borders. (Keras begins with `valid`.)
  ///   - activation: the function of the output.
  public init(
    _ filters: Int, kernel: [Int], strides: [Int]? = nil, padding: Padding = .same, activation: Activation = .identity
  ) {
    self.init(
      Configuration(
        filters: filters, kernel: kernel, strides: strides ?? [1, 1], padding: padding, activation: activation))
  }

  /// A layer with weights drawn from `generator`, ready to call; the other parameters are those of
  /// ``init(_:kernel:strides:padding:activation:)``.
  public init(
    channels: Int, filters: Int, kernel: [Int], strides: [Int]? = nil, padding: Padding = .same,
    activation: Activation = .identity, using generator: inout RandomGenerator
  ) {
    self = Conv2D(filters, kernel: kernel, strides: strides, padding: padding, activation: activation)
      .built(for: [nil, nil, nil, channels], using: &generator)
  }

  /// A layer with weights drawn from the default generator.
  public init(
    channels: Int, filters: Int, kernel: [Int], strides: [Int]? = nil, padding: Padding = .same,
    activation: Activation = .identity
  ) {
    var generator = makeRandomGenerator()
    self.init(
      channels: channels, filters: filters, kernel: kernel, strides: strides, padding: padding, activation: activation,
      using: &generator)
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.filters, "the number of filters", of: Self.kind)
    let sizes = try imageSizes(
      of: inputShape, window: configuration.kernel, configuration.strides, configuration.padding, for: Self.kind)
    _ = try features(of: inputShape, for: Self.kind)
    return Array(inputShape.dropLast(3)) + sizes + [configuration.filters]
  }

  public mutating func build(for inputShape: [Int?], using generator: inout RandomGenerator) {
    guard let channels = inputShape[inputShape.count - 1] else { return }
    let (filters, kernel) = (configuration.filters, configuration.kernel)
    weight = Initializer.glorotUniform(
      [filters] + kernel + [channels], between: kernel.product * channels, and: kernel.product * filters,
      using: &generator)
    bias = .zeros([filters])
  }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight", &weight)
    try body("bias", &bias)
  }

  public func outputActivation(after previous: Activation?) -> Activation? { configuration.activation }

  public var isBuilt: Bool { weight.isDrawn }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    requireBuilt()
    return input.mapImages(for: Self.kind) { images in
      require(
        images.shape[3] == weight.shape[3],
        "\(Self.kind): the input has \(images.shape[3]) channels, expected \(weight.shape[3])")
      let sums = images.convolution(weight: weight, strides: configuration.strides, padding: configuration.padding)
      return configuration.activation(sums + bias)
    }
  }
}

/// The greatest or the mean value under a window over images: `[B, rows, columns, C]` → `[B, rows′, columns′, C]`, each
/// channel by itself. Places outside of the image do not count. Sequences of images, `[B, T, rows, columns, C]`, are
/// taken image by image.
public struct Pooling2D: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// What becomes of the values.
    public var function: PoolingFunction
    /// The rows and columns of the window.
    public var size: [Int]
    /// How far apart windows lie along each axis.
    public var strides: [Int]
    /// What happens at the borders.
    public var padding: Padding
  }

  public static let kind = "pooling-2d"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer; without strides the windows lie side by side.
  public init(_ function: PoolingFunction, size: [Int], strides: [Int]? = nil, padding: Padding = .valid) {
    self.init(Configuration(function: function, size: size, strides: strides ?? size, padding: padding))
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    let sizes = try imageSizes(
      of: inputShape, window: configuration.size, configuration.strides, configuration.padding, for: Self.kind)
    return Array(inputShape.dropLast(3)) + sizes + [inputShape[inputShape.count - 1]]
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    input.mapImages(for: Self.kind) {
      $0.pooled2D(
        configuration.function, size: configuration.size, strides: configuration.strides,
        padding: configuration.padding)
    }
  }
}

/// The greatest or the mean value of each channel of an image: `[B, rows, columns, C]` → `[B, C]`; of sequences of
/// images `[B, T, rows, columns, C]` → `[B, T, C]`.
public struct GlobalPooling2D: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// What becomes of the values.
    public var function: PoolingFunction
  }

  public static let kind = "global-pooling-2d"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer of a function.
  public init(_ function: PoolingFunction) { self.init(Configuration(function: function)) }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    _ = try imageSizes(of: inputShape, window: [1, 1], [1, 1], .valid, for: Self.kind)
    return Array(inputShape.dropLast(3)) + [inputShape[inputShape.count - 1]]
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    input.mapImages(for: Self.kind) { images in
      let places = images.reshaped([images.shape[0], images.shape[1] * images.shape[2], images.shape[3]])
      return configuration.function == .maximum ? places.maximum(axis: 1) : places.mean(axes: [1])
    }
  }
}

/// The rows and columns that a window over images gives.
private func imageSizes(
  of inputShape: [Int?], window: [Int], _ strides: [Int], _ padding: Padding, for layer: String
) throws(LayerError) -> [Int?] {
  guard (4...5).contains(inputShape.count) else {
    throw LayerError(
      "\(layer): the input has shape \(shapeText(inputShape)), expected [B, rows, columns, C] or [B, T, rows, columns, C]"
    )
  }
  guard window.count == 2, strides.count == 2, (window + strides).allSatisfy({ (1...1 << 20).contains($0) }) else {
    throw LayerError("\(layer): a window of \(window) with strides of \(strides); give two positive sizes of each")
  }
  let sizes = Array(inputShape.suffix(3).dropLast())
  let outputs = (0..<2).map { axis in
    sizes[axis].map { padding.outputSize($0, kernel: window[axis], stride: strides[axis]) }
  }
  guard outputs.allSatisfy({ $0 ?? 1 > 0 }) else {
    throw LayerError(
      "\(layer): a window of \(window) leaves nothing of images of \(sizes.map { $0.map(String.init) ?? "?" }); give a "
        + "smaller one, or padding 'same'")
  }
  return outputs
}

extension StepValues {
  /// The images put through a function, `[N, rows, columns, C]` → `[N, …]`, be they those of the batch or of the steps
  /// of sequences, which stay as they are.
  fileprivate func mapImages(for layer: String, _ transform: (Tensor) -> Tensor) -> StepValues {
    map { values in
      require(
        (4...5).contains(values.rank),
        "\(layer): the input has shape \(values.shape), expected [B, rows, columns, C] or [B, T, rows, columns, C]")
      let leading = Array(values.shape.dropLast(3))
      let result = transform(values.masked(steps).reshaped([leading.product] + values.shape.suffix(3)))
      return result.reshaped(leading + result.shape.dropFirst()).masked(steps)
    }
  }
}
