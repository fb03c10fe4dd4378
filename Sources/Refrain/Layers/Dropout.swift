/// Which values are dropped together.
public enum DropoutMask: String, CellOptions, CaseIterable {
  /// Each value is drawn alone (Srivastava et al. 2014).
  case value
  /// One mask a sequence `[B, T, …]`, the same at every step: variational or locked dropout (Gal and Ghahramani 2016).
  case sequence

  /// Each value alone.
  public init() { self = .value }
}

/// While a model trains, sets values to zero with probability `rate` and enlarges the others by 1 / (1 − rate)
/// (Srivastava et al. 2014); otherwise passes its input on.
public struct Dropout: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The probability of being set to zero.
    public var rate: Float
    /// Which values are dropped together.
    @Defaulted public var mask = DropoutMask.value
  }

  public static let kind = "dropout"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer of the given rate, at least 0 and below 1.
  public init(_ rate: Float, mask: DropoutMask = .value) {
    require((0..<1).contains(rate), "Dropout: the rate is \(rate), and must be at least 0 and below 1")
    self.init(Configuration(rate: rate, mask: mask))
  }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard (0..<1).contains(configuration.rate) else {
      throw LayerError("Dropout: the rate is \(configuration.rate), and must be at least 0 and below 1")
    }
    guard configuration.mask == .value || inputShape.count >= 3 else {
      throw LayerError(
        "Dropout: the input has shape \(shapeText(inputShape)), and one mask a sequence needs sequences [B, T, …]")
    }
    return inputShape
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    let timeAxis = input.steps.layout == .batchFirst ? 1 : 0
    return input.map { dropout($0, rate: configuration.rate, mask: configuration.mask, timeAxis: timeAxis) }
  }

  public func outputActivation(after previous: Activation?) -> Activation? { previous }
}

/// `x` with dropout at the given rate, when the running tape belongs to training; else `x`.
///
/// - Parameters:
///   - x: `[B, T, …]` for one mask a sequence, else of any shape.
///   - rate: the probability of being set to zero, at least 0 and below 1.
///   - mask: which values are dropped together.
///   - timeAxis: the axis along which one mask a sequence stays the same.
public func dropout(_ x: Tensor, rate: Float, mask: DropoutMask = .value, timeAxis: Int = 1) -> Tensor {
  guard rate > 0, let tape = Tape.training else { return x }
  var shape = x.shape
  if mask == .sequence {
    require(x.rank >= 3, "one dropout mask a sequence needs sequences [B, T, …], and the input has shape \(x.shape)")
    shape[timeAxis] = 1
  }
  return x * tape.dropoutMask(shape, rate: rate, for: .examples(axis: timeAxis == 0 && x.rank > 1 ? 1 : 0))
}
