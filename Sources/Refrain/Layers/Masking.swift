/// Finds the steps that are not there by their values: a step `[I]` all of whose values are `value` is padding or a
/// gap, for this layer, which gives zeros there, and for all after it in a ``Sequential``. (Keras' layer of this name.)
///
///     Masking()
///     LSTM(32)
///
/// The steps found are those of ``Steps``: they leave the state as it was, and the outputs there are zero. In training
/// the loss passes over them where the output has steps. Keras shows a recurrent layer's last output again at such a
/// step.
public struct Masking: Layer {
  /// What a saved file says of the layer.
  public struct Configuration: Codable, Sendable {
    /// What all values of a step that is not there are.
    public var value: Float
  }

  public static let kind = "masking"
  public let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// A layer for which a step that holds nothing but `value` is not there.
  public init(_ value: Float = 0) { self.init(Configuration(value: value)) }

  public func outputShape(for inputShape: [Int?]) throws(LayerError) -> [Int?] {
    _ = try features(of: inputShape, for: "Masking")
    guard inputShape.count == 3 else {
      throw LayerError("Masking: the input has shape \(shapeText(inputShape)), expected [B, T, I]")
    }
    return inputShape
  }

  public func callAsFunction(_ input: StepValues) -> StepValues {
    let shape = input.values.shape
    require(shape.count == 3, "Masking: the input has shape \(shape), expected [B, T, I]")
    let width = shape[2]
    let values = input.values.values
    let steps = input.steps.keeping(shape) { place in
      values[place * width..<(place + 1) * width].contains { $0 != configuration.value }
    }
    return StepValues(input.values.masked(steps), steps: steps)
  }

  public func outputActivation(after previous: Activation?) -> Activation? { previous }
}

extension Steps {
  /// The steps for which `isThere` says so, of those that count: given by lengths alone where none is missing in
  /// between.
  ///
  /// - Parameters:
  ///   - shape: the shape of the input, `[B, T, …]` or `[T, B, …]`.
  ///   - isThere: takes the place of a step among the input's first two axes.
  func keeping(_ shape: [Int], where isThere: (_ place: Int) -> Bool) -> Steps {
    let (batch, time) = extent(of: shape)
    check(batch: batch, time: time)
    let kept = (0..<batch).map { sequence in
      (0..<time).map { step in
        isValid(sequence, step, time: time)
          && isThere(place(of: step, in: sequence, batch: batch, time: time))
      }
    }
    let lengths = kept.map { ($0.lastIndex(of: true) ?? -1) + 1 }
    if self.lengths == nil, present == nil, kept.allSatisfy({ !$0.contains(false) }) { return self }
    let hasGaps = zip(kept, lengths).contains { flags, length in flags[..<length].contains(false) }
    return Steps(lengths: lengths, present: hasGaps ? kept : nil, resets: resets, layout: layout)
  }
}
