extension TrainingRun {
  /// The next batch, cut into windows where sequences are; of a group, this process' share of it.
  mutating func nextBatch() throws(TrainingError) -> CutBatch<Task.Batch>? {
    guard let group = together?.group else {
      return try source.next().map { CutBatch($0, size: trainer.truncation) }
    }
    guard let size = trainer.truncation else {
      return try source.next(share: group.rank, of: group.count).map { CutBatch($0) }
    }
    // All have as many windows, whatever is left of their shares.
    return try source.next().map { CutBatch($0, size: size, share: (group.rank, group.count)) }
  }

  /// The window of a batch to begin with: the first, unless a saved training has come to another.
  mutating func goOn(
    _ task: inout Task, _ model: Model, in batch: CutBatch<Task.Batch>
  ) throws(TrainingError) -> Int {
    guard let number = position.window else { return 0 }
    guard number < batch.count else { throw .endsBefore(number, "window", epoch: position.epoch) }
    guard let window = batch.window(number).batch else { return number }
    let tensors = (carried.take() ?? []).map { tensor in
      // Its rows are those of the batch.
      guard let share = batch.share, tensor.rank > 0 else { return tensor }
      return tensor.gatheringRows(sharedPlaces(share.rank, of: share.count, total: tensor.shape[0]))
    }
    guard task.carry(tensors, of: model, on: window) else {
      throw TrainingError(
        .stateDoesNotFit,
        "this training cannot go on from the state given: what it carries from one window of a batch to the next is "
          + "not what the loss carries")
    }
    return number
  }
}

/// A batch that is learned from window by window, or whole; of a group, one process' share of it.
struct CutBatch<Batch: TrainingBatch> {
  private let batch: Batch?
  /// Of which batch this is a share, where it was cut before.
  private let whole: WholeBatch?
  /// The steps of a window; nil does not cut.
  private let size: Int?
  /// The share that is taken of each window; nil takes all.
  let share: (rank: Int, count: Int)?
  /// How many windows there are.
  let count: Int

  init(_ batch: Batch, size: Int?, share: (rank: Int, count: Int)? = nil) {
    (self.batch, whole, self.size, self.share) = (batch, nil, size, share)
    count = size.map { batch.windowCount(of: $0) } ?? 1
  }

  /// A share that is not cut.
  init(_ share: BatchShare<Batch>) {
    (batch, whole, size, self.share, count) = (share.batch, share.whole, nil, nil, 1)
  }

  /// A window, made when it is its turn, or this process' share of it.
  func window(_ number: Int) -> BatchShare<Batch> {
    guard let size, let window = batch?.window(number, of: size) else { return BatchShare(batch, of: whole) }
    guard let share else { return BatchShare(window) }
    return BatchShare(window.share(share.rank, of: share.count), of: window.whole)
  }
}
