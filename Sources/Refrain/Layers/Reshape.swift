/// All axes but the batch joined into one: `[B, …]` → `[B, product]`. Of sequences, steps that are not there are zeros
/// in it, and the output has no steps.
public struct Flatten: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// There is nothing to say.
    public init() {}
  }

  public static let kind = "flatten"
  public let configuration: Configuration

  public init(_ configuration: Configuration = Configuration()) { self.configuration = configuration }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    var size = 1
    for part in inputShape.dropFirst() {
      guard let part else {
        throw LayerError("Flatten: the input of shape \(shapeText(inputShape)) has an unknown size")
      }
      size *= part
    }
    return [nil, size]
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    input.withoutSteps.map { $0.reshaped([$0.shape[0], $0.shape.dropFirst().reduce(1, *)]) }
  }

  public func outputActivation(after previous: Activation?) -> Activation? { previous == .softmax ? nil : previous }
}

/// The axes but the batch arranged anew: `[B, …]` → `[B] + shape`. Of sequences `[B, T, …]` the output has the same
/// steps where the shape begins with T; else it has none, and steps that are not there are zeros in it.
public struct Reshape: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// The sizes of the axes but the batch.
    public var shape: [Int]
  }

  public static let kind = "reshape"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer that gives its input the shape `[B] + shape`.
  public init(_ shape: [Int]) { self.init(Configuration(shape: shape)) }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    let known = inputShape.dropFirst().compactMap { $0 }
    let target = configuration.shape
    guard target.allSatisfy({ $0 > 0 }), known.count < inputShape.count - 1 || known.product == target.product else {
      throw LayerError("Reshape: the input of shape \(shapeText(inputShape)) cannot take the shape \(target)")
    }
    return [nil] + target.map(Optional.init)
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    if input.values.rank > 2 {
      let (batch, time) = input.steps.extent(of: input.values.shape)
      if configuration.shape.first == time {
        return input.map {
          $0.reshaped(input.steps.shape(batch: batch, time: time) + configuration.shape.dropFirst())
        }
      }
    }
    return input.withoutSteps.map { $0.reshaped([$0.shape[0]] + configuration.shape) }
  }

  public func outputActivation(after previous: Activation?) -> Activation? { previous == .softmax ? nil : previous }
}

extension Tensor {
  /// The sequences as `[B, T, …]` whatever the layout, with zeros where there is no step.
  func batchFirst(_ steps: Steps) -> Tensor {
    let cleared = masked(steps)
    return steps.layout == .batchFirst ? cleared : cleared.transposed([1, 0] + Array(2..<rank))
  }
}

extension StepValues {
  /// The values where the time goes up in other axes: nothing is left of the steps. Values `[B, I]` have none to lose;
  /// what is said may be of sequences that will be made of them.
  fileprivate var withoutSteps: StepValues { values.rank > 2 ? StepValues(values.batchFirst(steps)) : self }
}
