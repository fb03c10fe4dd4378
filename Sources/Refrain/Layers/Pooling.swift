/// The greatest or the mean value of **K** neighboring steps: `[B, T, I]` → `[B, T′, I]`.
///
/// What lies past a sequence's length, or over its ends, does not count: a padded sequence gives what it gives alone.
public struct Pooling1D: Layer {
  /// How far the window reaches over the ends of a sequence.
  public enum Padding: String, Codable, Sendable, CaseIterable {
    /// Not at all: T′ = (T − K) / s + 1, rounded down.
    case valid
    /// As far as T′ = T / s, rounded up, wants it, of an odd number of steps the greater half after the end.
    case same
  }

  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// What becomes of the values.
    public var function: PoolingFunction
    /// The steps **K** that an output sees.
    public var size: Int
    /// How far apart outputs lie.
    public var stride: Int
    /// What happens at the ends of a sequence.
    public var padding: Padding
  }

  public static let kind = "pooling-1d"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer; without a stride the windows lie side by side.
  public init(_ function: PoolingFunction, size: Int, stride: Int? = nil, padding: Padding = .valid) {
    self.init(Configuration(function: function, size: size, stride: stride ?? size, padding: padding))
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.size, "the size", of: Self.kind)
    try check(configuration.stride, "the stride", of: Self.kind)
    guard inputShape.count == 3 else {
      throw LayerError("\(Self.kind): the input has shape \(shapeText(inputShape)), expected [B, T, I]")
    }
    return [inputShape[0], inputShape[1].map(outputLength), inputShape[2]]
  }

  /// The steps **T′** of the output for a sequence of `length` steps.
  public func outputLength(_ length: Int) -> Int {
    let (size, stride) = (configuration.size, configuration.stride)
    return switch configuration.padding {
    case .valid: length < size ? 0 : (length - size) / stride + 1
    case .same: length / stride + (length % stride == 0 ? 0 : 1)
    }
  }

  /// The steps of a sequence of `length` that an output sees.
  private func window(_ output: Int, length: Int) -> Range<Int> {
    let (size, stride) = (configuration.size, configuration.stride)
    let reach = Swift.max((outputLength(length) - 1) * stride + size - length, 0)
    let start = output * stride - (configuration.padding == .same ? reach / 2 : 0)
    return Swift.max(start, 0)..<Swift.min(start + size, length)
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    let lengths = input.lengthsAlone(for: Self.kind)
    return StepValues(pooled(input.values, lengths), steps: Steps(lengths: lengths?.map(outputLength)))
  }

  private func pooled(_ input: Tensor, _ lengths: [Int]?) -> Tensor {
    require(input.rank == 3, "\(Self.kind): the input has shape \(input.shape), expected [B, T, I]")
    let (batch, time, width) = (input.shape[0], input.shape[1], input.shape[2])
    let outputs = outputLength(time)
    // For each output the steps it sees, as rows of the input; an output past the end of a sequence sees none.
    let windows = (0..<batch).flatMap { sequence in
      let length = lengths?[sequence] ?? time
      return (0..<outputs).map { output in
        let seen = output < outputLength(length) ? window(output, length: length) : 0..<0
        return seen.lowerBound + sequence * time..<seen.upperBound + sequence * time
      }
    }
    let shape = [batch, outputs, width]
    guard !windows.isEmpty, time > 0 else { return .zeros(shape) }
    let rows = input.reshaped([batch * time, width])
    var result: Tensor?
    for place in 0..<Swift.min(configuration.size, time) {
      // A window that has no such step shows its last one again, which is counted once.
      let indices = windows.map { window in
        window.isEmpty
          ? Swift.min(window.lowerBound, batch * time - 1) : Swift.min(window.lowerBound + place, window.upperBound - 1)
      }
      let values = rows.gatheringRows(indices)
      switch configuration.function {
      case .maximum: result = result.map { Refrain.maximum($0, values) } ?? values
      case .average:
        let shares = windows.map { place < $0.count ? 1 / Float($0.count) : 0 }
        let part = values * Tensor(shares, shape: [windows.count, 1])
        result = result.map { $0 + part } ?? part
      }
    }
    return (result ?? .zeros([windows.count, width])).reshaped(shape)
      .masked(Steps(lengths: lengths?.map(outputLength)))
  }
}

/// The greatest or the mean value over all steps of a sequence: `[B, T, I]` → `[B, I]`. Steps that are not there do not
/// count; of a sequence without any the output is 0.
public struct GlobalPooling1D: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// What becomes of the values.
    public var function: PoolingFunction
  }

  public static let kind = "global-pooling-1d"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer of a function.
  public init(_ function: PoolingFunction) { self.init(Configuration(function: function)) }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard inputShape.count == 3 else {
      throw LayerError("\(Self.kind): the input has shape \(shapeText(inputShape)), expected [B, T, I]")
    }
    return [inputShape[0], inputShape[2]]
  }

  public func callAsFunction(_ input: StepValues) -> StepValues { StepValues(pooled(input.values, input.steps)) }

  private func pooled(_ input: Tensor, _ steps: Steps) -> Tensor {
    require(input.rank == 3, "\(Self.kind): the input has shape \(input.shape), expected [B, T, I]")
    let values = input.batchFirst(steps)
    let (batch, time, width) = (values.shape[0], values.shape[1], values.shape[2])
    guard time > 0 else { return .zeros([batch, width]) }
    var ordered = steps
    ordered.layout = .batchFirst
    let mask = ordered.mask(batch: batch, time: time)
    switch configuration.function {
    case .average:
      let counts = mask.sum(axes: [1], keepingAxes: true)
      return values.sum(axes: [1]) / Refrain.maximum(counts, Tensor(1))
    case .maximum:
      // The places of the greatest values, of which alone the gradient is.
      let (x, there) = (values.values, mask.values)
      let places = (0..<batch * width).map { index in
        let (sequence, column) = (index / width, index % width)
        var best: Int?
        for step in 0..<time where there[sequence * time + step] != 0 {
          let place = (sequence * time + step) * width + column
          if best.map({ x[$0] < x[place] || x[place].isNaN }) ?? true { best = place }
        }
        return best ?? sequence * time * width + column
      }
      return values.reshaped([batch * time * width, 1]).gatheringRows(places).reshaped([batch, width])
    }
  }
}
