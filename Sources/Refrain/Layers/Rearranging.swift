/// The same values at each of **n** steps: `[B, I]` → `[B, n, I]`; what goes from an encoder to the steps of a decoder.
public struct RepeatVector: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The steps **n**.
    public var count: Int
  }

  public static let kind = "repeat-vector"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer of so many steps.
  public init(_ count: Int) { self.init(Configuration(count: count)) }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    try check(configuration.count, "the number of steps", of: Self.kind)
    guard inputShape.count == 2 else {
      let hint = inputShape.count == 3 ? "; let the recurrent layer before it return the last step" : ""
      throw LayerError("\(Self.kind): the input has shape \(shapeText(inputShape)), expected [B, I]\(hint)")
    }
    return [inputShape[0], configuration.count, inputShape[1]]
  }

  public func outputActivation(after previous: Activation?) -> Activation? { previous }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    let values = input.values
    require(values.rank == 2, "\(Self.kind): the input has shape \(values.shape), expected [B, I]")
    let (batch, width) = (values.shape[0], values.shape[1])
    // The steps before it were others.
    return StepValues(values.reshaped([batch, 1, width]).expanded(to: [batch, configuration.count, width]))
  }
}

/// The axes but the batch in another order: of `[B, T, I]` the order `[2, 1]` makes `[B, I, T]`. What it gives has no
/// steps, unless the first axis stays where it is; steps that are not there are zeros in it.
public struct Permute: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// Which axis, counted from 1, stands in each place.
    public var order: [Int]
  }

  public static let kind = "permute"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer of an order: which axis, counted from 1 without the batch, stands in each place.
  public init(_ order: [Int]) { self.init(Configuration(order: order)) }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard configuration.order.sorted() == Array(1..<Swift.max(1, inputShape.count)) else {
      throw LayerError(
        "\(Self.kind): the order \(configuration.order) is none of the axes of \(shapeText(inputShape))")
    }
    return [inputShape[0]] + configuration.order.map { inputShape[$0] }
  }

  public func outputActivation(after previous: Activation?) -> Activation? { previous }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    let values = input.values.rank > 2 ? input.values.batchFirst(input.steps) : input.values
    var steps = configuration.order.first == 1 ? input.steps : Steps()
    steps.layout = .batchFirst
    return StepValues(values.transposed([0] + configuration.order), steps: steps)
  }
}

/// The steps from the last to the first: `[B, T, …]` → `[B, T, …]`. A sequence is turned within its own length, and
/// what stands past it stays zero.
public struct TimeReversal: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// There is nothing to say.
    public init() {}
  }

  public static let kind = "time-reversal"
  public let configuration: Configuration

  public init(_ configuration: Configuration = Configuration()) { self.configuration = configuration }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard inputShape.count >= 3 else {
      throw LayerError("\(Self.kind): the input has shape \(shapeText(inputShape)), expected [B, T, …]")
    }
    return inputShape
  }

  public func outputActivation(after previous: Activation?) -> Activation? { previous }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    let lengths = input.lengthsAlone(for: Self.kind)
    return input.map { reversed($0, lengths) }
  }

  private func reversed(_ input: Tensor, _ lengths: [Int]?) -> Tensor {
    require(input.rank >= 3, "\(Self.kind): the input has shape \(input.shape), expected [B, T, …]")
    let (batch, time) = (input.shape[0], input.shape[1])
    let rows = (0..<batch).flatMap { sequence in
      let length = lengths?[sequence] ?? time
      return (0..<time).map { sequence * time + ($0 < length ? length - 1 - $0 : $0) }
    }
    let width = input.shape.dropFirst(2).reduce(1, *)
    return input.masked(Steps(lengths: lengths)).reshaped([batch * time, width]).gatheringRows(rows)
      .reshaped(input.shape)
  }
}

/// The values at the last step of each sequence: `[B, T, …]` → `[B, …]`; zeros of a sequence without steps. After a
/// ``Bidirectional`` layer these are the outputs at that step, of which the backward direction has read one step alone.
public struct LastStep: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// There is nothing to say.
    public init() {}
  }

  public static let kind = "last-step"
  public let configuration: Configuration

  public init(_ configuration: Configuration = Configuration()) { self.configuration = configuration }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    guard inputShape.count >= 3 else {
      throw LayerError("\(Self.kind): the input has shape \(shapeText(inputShape)), expected [B, T, …]")
    }
    return [inputShape[0]] + inputShape.dropFirst(2)
  }

  public func outputActivation(after previous: Activation?) -> Activation? { previous }

  public func callAsFunction(_ input: StepValues) -> StepValues { StepValues(last(of: input.values, input.steps)) }

  private func last(of input: Tensor, _ steps: Steps) -> Tensor {
    require(input.rank >= 3, "\(Self.kind): the input has shape \(input.shape), expected [B, T, …]")
    let values = input.batchFirst(steps)
    let (batch, time) = (values.shape[0], values.shape[1])
    let rest = Array(values.shape.dropFirst(2))
    guard time > 0 else { return .zeros([batch] + rest) }
    let rows = (0..<batch).map { sequence in
      let last = (0..<time).last { steps.isValid(sequence, $0, time: time) }
      // Past the end there are zeros.
      return sequence * time + (last ?? 0)
    }
    return values.reshaped([batch * time, rest.reduce(1, *)]).gatheringRows(rows).reshaped([batch] + rest)
  }
}
