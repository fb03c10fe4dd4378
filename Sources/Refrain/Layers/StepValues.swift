/// Values together with which steps of them there are: what goes into a ``Layer``, and what comes out of it.
///
///     let output = layer(StepValues(x, steps: Steps(lengths: [3, 5])))
///     output.values   // [B, T, O]
///     output.steps    // which of these steps there are
public struct StepValues: Sendable {
  /// `[B, T, …]`, or `[T, B, …]` where ``steps`` say so; values without steps are `[B, …]`.
  public var values: Tensor
  /// Which steps there are. Of values `[B, I]` nothing is said, unless of sequences that will be made of them.
  public var steps: Steps

  /// Values all of whose steps there are, unless something is said.
  public init(_ values: Tensor, steps: Steps = Steps()) {
    self.values = values
    self.steps = steps
  }

  /// The lengths of the sequences, for a layer that knows of no more.
  ///
  /// - Parameter kind: the layer, which stops where gaps, resets or a time-first layout are given.
  func lengthsAlone(for kind: String) -> [Int]? {
    require(
      steps == Steps(lengths: steps.lengths), "\(kind) takes lengths alone: no gaps, no resets, and no time-first input"
    )
    return steps.lengths
  }

  /// The values put through a function that leaves the steps as they are.
  public func map(_ transform: (Tensor) -> Tensor) -> StepValues { StepValues(transform(values), steps: steps) }
}
