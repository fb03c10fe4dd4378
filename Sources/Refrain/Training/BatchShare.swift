/// One process's share of a batch.
public struct BatchShare<Batch: TrainingBatch>: Sendable {
  /// The examples; nil where there are fewer than processes, and none is left for this one.
  public var batch: Batch?

  /// The share that these examples are.
  public init(_ batch: Batch?) { self.batch = batch }
}

extension BatchSource {
  public mutating func next(share: Int, of count: Int) throws(TrainingError) -> BatchShare<Element>? {
    try next().map { BatchShare($0.share(share, of: count)) }
  }
}

extension TrainingBatch {
  public var lossWeight: Double { weight }

  public func share(_ share: Int, of count: Int) -> Self? {
    fatalError(
      "\(Self.self) does not say how it is shared by several processes; write 'share(_:of:)', or train with one")
  }
}

/// The places that a share has among `total`: every so-manieth, so that shares of a batch whose examples lie in the
/// order of their lengths have about the same.
package func sharedPlaces(_ share: Int, of count: Int, total: Int) -> [Int] {
  Array(stride(from: share, to: total, by: count))
}

extension Batch {
  /// What a loss over what counts divides by: the weights, or the number of valid steps where targets have steps.
  public var lossWeight: Double {
    let hasSteps = input.rank > 1 && target.rank > 1 && target.shape[1] == input.shape[1] && targetLengths == nil
    guard let weights else { return Double(hasSteps ? validSteps : count) }
    guard weights.rank > 1 || hasSteps else { return weights.values.reduce(0) { $0 + Double($1) } }
    let lengths = steps.lengths ?? Array(repeating: input.shape[1], count: count)
    let masked = (stepWeights ?? weights).values
    if weights.rank == 1, steps.present == nil {
      return zip(masked, lengths).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let time = input.shape[1]
    return lengths.enumerated().reduce(0) { sum, row in
      masked[row.offset * time..<row.offset * time + min(row.element, time)].reduce(sum) { $0 + Double($1) }
    }
  }

  public func share(_ share: Int, of count: Int) -> Batch? {
    let places = sharedPlaces(share, of: count, total: self.count)
    return places.isEmpty ? nil : selecting(places)
  }
}
