/// How far predictions are from their targets: what training makes small.
///
///     let loss = Loss.crossEntropy(logits, classes, lengths: [3, 5])
///
/// The value is the weighted mean over what counts, Σ w · loss / Σ w, as Keras and PyTorch compute it: over the
/// examples, over the valid steps of each, and over the values at a step. So a long sequence counts for more than a
/// short one, and weights of one size are the same as none. If nothing counts the value is 0.
///
/// A new loss is one static member, made by ``init(_:target:rows:)``.
public struct Loss: Sendable {
  /// The name in tables and messages, such as `mean squared error`.
  public let name: String
  let target: TargetKind
  let rows: @Sendable (_ prediction: Tensor, _ target: Tensor) -> Tensor

  /// A loss from the losses of rows.
  ///
  /// - Parameters:
  ///   - name: for tables and messages.
  ///   - target: what a target is made of.
  ///   - rows: takes the rows that count of the prediction `[N, F]` and of the target (`[N, F]`, or `[N, 1]` for single
  ///     values and class indices) and gives their losses, `[N]` or `[N, F]`.
  public init(
    _ name: String, target: TargetKind = .values,
    rows: @escaping @Sendable (_ prediction: Tensor, _ target: Tensor) -> Tensor
  ) {
    self.name = name
    self.target = target
    self.rows = rows
  }

  /// The loss of a batch, a scalar.
  ///
  /// - Parameters:
  ///   - prediction: `[B, …]`, or `[B, T, …]` with `lengths` or weights a step.
  ///   - target: the shape of the prediction, or what the loss says.
  ///   - weights: `[B]`, one an example, or `[B, T]`, one a step; nil means all 1. Where it is 0, nothing has
  ///     influence.
  ///   - lengths: the valid steps of each example; nil means all. Steps past them have no influence on the value and
  ///     get no gradient, whatever they hold.
  public func callAsFunction(
    _ prediction: Tensor, _ target: Tensor, weights: Tensor? = nil, lengths: [Int]? = nil
  ) -> Tensor {
    measure(prediction, target, weights: weights, lengths: lengths).mean
  }

  /// The loss of a batch, and the weight of all that counts in it: the means of several batches, weighted by it, make
  /// the mean of all.
  func measure(
    _ prediction: Tensor, _ target: Tensor, weights: Tensor?, lengths: [Int]?
  ) -> (mean: Tensor, weight: Double) {
    let batch = PredictionRows(
      self.target, prediction, target, weights: weights, lengths: lengths, name: name)
    guard batch.count > 0 else { return (Tensor(0), 0) }
    return (batch.mean(rows(batch.prediction, batch.target)), batch.totalWeight)
  }
}
