/// How far predictions are from their targets: what training makes small.
///
///     let loss = Loss.crossEntropy(logits, classes, lengths: [3, 5])
///
/// The value is the weighted mean over what counts, Σ w · loss / Σ w, as Keras and PyTorch compute it: over the
/// examples, over the valid steps of each, and over the values at a step. So a long sequence counts for more than a
/// short one, and weights of one size are the same as none. If nothing counts the value is 0.
///
/// A loss of whole sequences (``init(_:prediction:sequences:)``, ``summedOverSteps``) weighs each sequence once.
///
/// A new loss is one static member, made by ``init(_:target:prediction:rows:)`` or ``init(_:prediction:sequences:)``.
public struct Loss: Sendable {
  /// The losses of rows `[N, F]` and their targets.
  typealias Rows = @Sendable (_ prediction: Tensor, _ target: Tensor) -> Tensor

  /// How the loss of a batch is made.
  enum Measure: Sendable {
    case rows(TargetKind, Rows)
    case sequences(@Sendable (SequenceBatch) -> Tensor)
  }

  /// The name in tables and messages, such as `mean squared error`.
  public let name: String
  /// The kind of prediction that it takes.
  public let prediction: PredictionKind
  let measure: Measure

  /// A loss from the losses of rows.
  ///
  /// - Parameters:
  ///   - name: for tables and messages.
  ///   - target: what a target is made of.
  ///   - prediction: the kind of prediction that it takes.
  ///   - rows: takes the rows that count of the prediction `[N, F]` and of the target (`[N, F]`, or `[N, 1]` for single
  ///     values and class indices) and gives their losses, `[N]` or `[N, F]`.
  public init(
    _ name: String, target: TargetKind = .values, prediction: PredictionKind = .values,
    rows: @escaping @Sendable (_ prediction: Tensor, _ target: Tensor) -> Tensor
  ) {
    self.name = name
    self.prediction = prediction
    measure = .rows(target, rows)
  }

  /// A loss from the losses of whole sequences, whose steps may depend on one another.
  ///
  /// - Parameters:
  ///   - name: for tables and messages.
  ///   - prediction: the kind of prediction that it takes.
  ///   - sequences: takes the sequences that count and gives their losses, `[N]`.
  public init(
    _ name: String, prediction: PredictionKind = .values,
    sequences: @escaping @Sendable (_ sequences: SequenceBatch) -> Tensor
  ) {
    self.name = name
    self.prediction = prediction
    measure = .sequences(sequences)
  }

  /// The loss of a batch, a scalar.
  ///
  /// - Parameters:
  ///   - prediction: `[B, …]`, or `[B, T, …]` with `lengths` or weights a step.
  ///   - target: the shape of the prediction, or what the loss says.
  ///   - weights: `[B]`, one an example, or `[B, T]`, one a step; nil means all 1. Where it is 0, nothing has
  ///     influence. A loss of sequences takes `[B]`.
  ///   - lengths: the valid steps of each example; nil means all. Steps past them have no influence on the value and
  ///     get no gradient, whatever they hold.
  ///   - targetLengths: for a loss of sequences whose targets have steps of their own, the valid ones of each.
  public func callAsFunction(
    _ prediction: Tensor, _ target: Tensor, weights: Tensor? = nil, lengths: [Int]? = nil, targetLengths: [Int]? = nil
  ) -> Tensor {
    measure(prediction, target, weights: weights, lengths: lengths, targetLengths: targetLengths).mean
  }

  /// The loss of a batch, and the weight of all that counts in it: the means of several batches, weighted by it, make
  /// the mean of all.
  func measure(
    _ prediction: Tensor, _ target: Tensor, weights: Tensor?, lengths: [Int]?, targetLengths: [Int]? = nil
  ) -> (mean: Tensor, weight: Double) {
    switch measure {
    case .rows(let kind, let rows):
      require(
        targetLengths == nil, "\(name): its targets have the steps of the prediction, and no lengths of their own")
      let batch = PredictionRows(kind, prediction, target, weights: weights, lengths: lengths, name: name)
      guard batch.count > 0 else { return (Tensor(0), 0) }
      return (batch.mean(rows(batch.prediction, batch.target)), batch.totalWeight)
    case .sequences(let losses):
      let batch = SequenceBatch(
        prediction, target, weights: weights, lengths: lengths, targetLengths: targetLengths, name: name)
      guard batch.count > 0 else { return (Tensor(0), 0) }
      return (batch.mean(losses(batch), name: name), batch.totalWeight)
    }
  }
}
