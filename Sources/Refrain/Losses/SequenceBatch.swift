/// A batch as a loss of whole sequences sees it: the sequences that count, and which of their steps there are.
///
/// Sequences of weight 0 or without a step are taken out. What a prediction holds past its length has no influence as
/// long as the loss does not look there; ``clearedPrediction`` has zeros in these places, and passes no gradient to
/// them.
public struct SequenceBatch: Sendable {
  /// `[N, T, …]`
  public let prediction: Tensor
  /// The valid steps of each prediction, 1 … T.
  public let lengths: [Int]
  /// `[N, …]`, such as `[N, U]` for U labels; a constant.
  public let target: Tensor
  /// The valid labels of each target, 0 … U; nil when nothing is said of them.
  public let targetLengths: [Int]?
  private let weights: [Float]?

  /// The number of sequences **N**.
  public var count: Int { lengths.count }
  /// The sum of the weights.
  var totalWeight: Double { weights.map { $0.reduce(0) { $0 + Double($1) } } ?? Double(count) }

  /// The prediction with zeros past each length.
  public var clearedPrediction: Tensor { prediction.masked(Steps(lengths: lengths)) }

  init(
    _ prediction: Tensor, _ target: Tensor, weights: Tensor?, lengths: [Int]?, targetLengths: [Int]?, name: String
  ) {
    require(
      prediction.rank >= 2, "\(name): a prediction of shape \(prediction.shape) has no steps [B, T, …]")
    let (batch, time) = (prediction.shape[0], prediction.shape[1])
    require(
      target.rank >= 1 && target.shape[0] == batch,
      "\(name): a target of shape \(target.shape) does not fit a prediction of shape \(prediction.shape)")
    require(
      weights.map { $0.shape == [batch] } ?? true,
      "\(name): weights of shape \(weights?.shape ?? []) for \(batch) sequences; give one a sequence, and no gaps")
    let lengths = lengths ?? Array(repeating: time, count: batch)
    require(
      lengths.count == batch && lengths.allSatisfy { (0...time).contains($0) },
      "\(name): the lengths \(lengths) do not fit \(batch) sequences of \(time) steps")
    if let targetLengths {
      require(
        target.rank > 1 && targetLengths.count == batch
          && targetLengths.allSatisfy { (0...target.shape[1]).contains($0) },
        "\(name): the target's lengths \(targetLengths) do not fit a target of shape \(target.shape)")
    }
    let values = weights?.values
    let valid = (0..<batch).filter { lengths[$0] > 0 && values?[$0] != 0 }
    let isWhole = valid.count == batch
    self.prediction = isWhole ? prediction : prediction.gatheringRows(valid)
    self.target = (isWhole ? target : target.gatheringRows(valid)).detached
    self.lengths = valid.map { lengths[$0] }
    self.targetLengths = targetLengths.map { all in valid.map { all[$0] } }
    self.weights = values.map { all in valid.map { all[$0] } }
  }

  /// The weighted mean of the losses `[N]`, a scalar; 0 where no sequence is left.
  func mean(_ losses: Tensor, name: String) -> Tensor {
    require(
      losses.count == count,
      "\(name): \(losses.count) losses were given for \(count) sequences; it wants one a sequence")
    guard count > 0 else { return Tensor(0) }
    guard let weights else { return losses.mean() }
    let total = totalWeight
    return (losses.reshaped([count]) * Tensor(weights.map { Float(Double($0) / total) })).sum()
  }
}

extension Loss {
  /// The same loss with its sum over the steps of a sequence in the place of a mean over all steps: every sequence
  /// counts the same, long or short, and of a cross entropy it is −log p of the whole sequence (Sutskever, Vinyals and
  /// Le 2014). A loss of sequences is what it was.
  public var summedOverSteps: Loss {
    guard case .rows(let kind, let rows) = measure else { return self }
    return Loss("\(name) of a sequence", prediction: prediction) { [name] batch in
      let steps = PredictionRows(
        kind, batch.prediction, batch.target, weights: nil, lengths: batch.lengths, name: name)
      var losses = rows(steps.prediction, steps.target)
      losses = losses.reshaped([losses.shape[0], -1])
      let rowsOfStep = losses.shape[0] / batch.lengths.reduce(0, +)
      // The mean over the values of a step, as in the loss itself, and the sum over the steps of each sequence.
      let factor = 1 / Float(losses.shape[1] * rowsOfStep)
      var start = 0
      let sums = batch.lengths.map { length -> Tensor in
        let range = start..<start + length * rowsOfStep
        start = range.upperBound
        return losses.slice(range, axis: 0).sum() * factor
      }
      return stack(sums, axis: 0)
    }
  }
}
