/// One process's share of a batch.
public struct BatchShare<Batch: TrainingBatch>: Sendable {
  /// The examples; nil where there are fewer than processes, and none is left for this one.
  public var batch: Batch?
  /// The batch of which every so-manieth example is in this share, from the one at the place of the share on: dropout
  /// is drawn as by one process that has all of it. nil where that is not known, or the share was made otherwise: then
  /// each process draws its own.
  public var whole: WholeBatch?

  /// The share that these examples are.
  public init(_ batch: Batch?, of whole: WholeBatch? = nil) { (self.batch, self.whole) = (batch, whole) }
}

extension BatchSource {
  public mutating func next(share: Int, of count: Int) throws(TrainingError) -> BatchShare<Element>? {
    try next().map { BatchShare($0.share(share, of: count), of: $0.whole) }
  }
}

extension TrainingBatch {
  public var lossWeight: Double { weight }
  public var whole: WholeBatch { WholeBatch(count: count) }

  public func share(_ share: Int, of count: Int) -> Self? {
    fatalError(
      "\(Self.self) does not say how it is shared by several processes; write 'share(_:of:)', or train with one")
  }
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

  /// Its examples, their valid steps, and its tokens where it has such.
  public var whole: WholeBatch {
    let read = input.rank == 2 ? input.masked(steps) : input
    let tokens = input.rank < 3 ? [read.integers].compactMap(\.self) : []
    guard input.rank > 1 else { return WholeBatch(count: count, tokens: tokens) }
    let time = input.shape[1]
    let lengths = (0..<count).map { row in (0..<time).count { steps.isValid(row, $0, time: time) } }
    return WholeBatch(count: count, lengths: lengths, tokens: tokens)
  }

  public func share(_ share: Int, of count: Int) -> Batch? {
    let places = sharedPlaces(share, of: count, total: self.count)
    return places.isEmpty ? nil : selecting(places)
  }
}
