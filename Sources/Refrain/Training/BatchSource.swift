/// Gives the batches of one epoch after another, each made when it is asked for.
///
/// A trained epoch and a position in it say exactly what comes next, so that training which was interrupted goes on as
/// if it had not been. ``LengthBatches`` and any `Sequence` of batches, through ``SequenceSource``, are sources.
public protocol BatchSource<Element> {
  /// A batch.
  associatedtype Element: TrainingBatch

  /// The number of batches in an epoch; nil where it is not known.
  var batchCount: Int? { get }

  /// Begins an epoch, or goes on in the middle of one.
  ///
  /// - Parameters:
  ///   - epoch: from 0.
  ///   - position: how many of its batches have been learned from already.
  /// - Throws: ``TrainingError`` when the data cannot be read, or does not have as many batches.
  mutating func begin(epoch: Int, at position: Int) throws(TrainingError)

  /// The next batch of the epoch, or nil after the last.
  ///
  /// - Throws: ``TrainingError`` when the data cannot be read.
  mutating func next() throws(TrainingError) -> Element?

  /// One of `count` processes' share of the next batch, or nil after the last. The share of the whole batch by default;
  /// a source that fetches its examples one by one need not fetch those of others.
  ///
  /// - Throws: ``TrainingError`` when the data cannot be read.
  mutating func next(share: Int, of count: Int) throws(TrainingError) -> BatchShare<Element>?
}

/// A sequence of batches that is gone through anew in each epoch.
///
/// Where training goes on from a saved state, an iterator is made for each epoch that has passed, so that a sequence
/// that draws an order of its own for each has drawn as before.
public struct SequenceSource<Base: Sequence>: BatchSource where Base.Element: TrainingBatch {
  private let base: Base
  private var iterator: Base.Iterator?
  private var begun = 0

  /// The batches of `base`, epoch by epoch.
  public init(_ base: Base) { self.base = base }

  public var batchCount: Int? { base.underestimatedCount > 0 ? base.underestimatedCount : nil }

  public mutating func begin(epoch: Int, at position: Int) throws(TrainingError) {
    repeat {
      iterator = base.makeIterator()
      begun += 1
    } while begun <= epoch
    for _ in 0..<position where iterator?.next() == nil { throw .endsBefore(position, epoch: epoch) }
  }

  public mutating func next() -> Base.Element? { iterator?.next() }
}

/// Examples in memory, in batches of one size, each epoch in an order of its own.
struct ShuffledExamples: BatchSource {
  private let examples: Batch
  private let size: Int
  private let shuffles: Bool
  private var generator: RandomGenerator
  private var drawn = 0
  private var order: [Int]?
  private var start = 0

  init(_ examples: Batch, size: Int, shuffles: Bool, seed: UInt64) {
    self.examples = examples
    self.size = size
    self.shuffles = shuffles
    generator = RandomGenerator(seed: seed)
  }

  var batchCount: Int? { (examples.count + size - 1) / size }

  mutating func begin(epoch: Int, at position: Int) throws(TrainingError) {
    if shuffles {
      // The order of an epoch is what the generator draws after those of the epochs before.
      repeat {
        order = generator.permutation(examples.count)
        drawn += 1
      } while drawn <= epoch
    }
    guard position <= batchCount ?? 0 else { throw .endsBefore(position, epoch: epoch) }
    start = position * size
  }

  mutating func next() -> Batch? {
    guard start < examples.count else { return nil }
    let range = start..<min(start + size, examples.count)
    start = range.upperBound
    return order.map { examples.selecting(Array($0[range])) } ?? examples.slice(range)
  }
}

extension TrainingError {
  /// The error of data that has become shorter since a state was saved.
  static func endsBefore(_ position: Int, _ what: String = "batch", epoch: Int) -> TrainingError {
    TrainingError(
      .stateDoesNotFit,
      "training is to go on after \(what) \(position) of epoch \(epoch + 1), and there are fewer; give it the same data"
    )
  }
}
