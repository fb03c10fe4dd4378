/// Examples that are fetched by their numbers: from a file, a database, or memory. Only their lengths have to be known
/// beforehand.
public protocol ExampleSource {
  /// Some examples together.
  associatedtype Batch: TrainingBatch
  /// The number of examples.
  var count: Int { get }
  /// The number of steps of an example, without reading it; 0 …
  func length(of example: Int) -> Int
  /// The examples of the given numbers, in that order, padded to the longest of them.
  ///
  /// - Throws: ``TrainingError`` when they cannot be read, made by ``TrainingError/init(_:_:)``.
  func batch(_ examples: [Int]) throws(TrainingError) -> Batch

  /// The examples of a batch that one of several processes learns from, of which there is one at least, and what of the
  /// whole batch it has to know to draw as one process that has all of it: by default the number of its examples.
  /// Values at single steps are dropped as by one process only where a share is padded as the whole batch would be.
  ///
  /// - Parameters:
  ///   - examples: their numbers.
  ///   - batch: the numbers of all examples of the batch.
  /// - Throws: ``TrainingError`` when they cannot be read.
  func share(_ examples: [Int], of batch: [Int]) throws(TrainingError) -> BatchShare<Batch>
}

extension ExampleSource {
  public func share(_ examples: [Int], of batch: [Int]) throws(TrainingError) -> BatchShare<Batch> {
    BatchShare(try self.batch(examples), of: WholeBatch(count: batch.count))
  }
}

/// Batches of sequences of about one length, each made when it is asked for: little padding, and no more in memory than
/// one batch and a number for each example.
///
///     let batches = LengthBatches(reviews, size: 32, seed: 1)
///     try Trainer(epochs: 5).fit(&model, optimizer: &optimizer, source: batches) { model, batch in … }
///
/// Each epoch draws an order of all examples from the seed, cuts it into pools of `pool` batches, sorts each pool by
/// length, cuts it into batches, and takes these in random order (as torchtext's BucketIterator does). Batch n of epoch
/// e follows from the seed, e and n alone: training that goes on in the middle of an epoch reads no batch twice.
public struct LengthBatches<Source: ExampleSource>: BatchSource {
  private let source: Source
  private let size: Int
  private let maximumSteps: Int?
  private let pool: Int
  private let seed: UInt64
  private let shuffles: Bool
  /// The examples of the epoch that has begun, batch after batch.
  private var order: any ExampleOrder
  private var batches: [Range<Int>] = []
  private var position = 0

  /// - Parameters:
  ///   - source: where the examples come from.
  ///   - size: the greatest number of examples in a batch.
  ///   - maximumSteps: the greatest number of steps in a batch, padding counted: long sequences come in smaller
  ///     batches. One that is longer alone is a batch of its own. nil does not limit them.
  ///   - pool: how many batches are sorted together: 1 does not sort, more have less padding and less chance.
  ///   - seed: what the order follows from.
  ///   - shuffles: whether each epoch has an order of its own; false takes the examples as they stand, sorted in pools.
  public init(
    _ source: Source, size: Int, maximumSteps: Int? = nil, pool: Int = 100, seed: UInt64 = 0, shuffles: Bool = true
  ) {
    self.init(
      source, size: size, maximumSteps: maximumSteps, pool: pool, seed: seed, shuffles: shuffles, order: OrderInMemory()
    )
  }

  /// - Parameter order: where the order of an epoch is held.
  package init(
    _ source: Source, size: Int, maximumSteps: Int? = nil, pool: Int = 100, seed: UInt64 = 0, shuffles: Bool = true,
    order: any ExampleOrder
  ) {
    require(size > 0, "the batch size is \(size), and must be positive")
    require(pool > 0, "the pool is \(pool) batches, and must be positive")
    require(maximumSteps ?? 1 > 0, "the steps in a batch are at most \(maximumSteps ?? 0), and must be positive")
    self.source = source
    self.size = size
    self.maximumSteps = maximumSteps
    self.pool = pool
    self.seed = seed
    self.shuffles = shuffles
    self.order = order
  }

  /// The number of batches where it does not depend on the order, without `maximumSteps`.
  public var batchCount: Int? {
    guard maximumSteps == nil else { return nil }
    let (pools, rest) = source.count.quotientAndRemainder(dividingBy: size * pool)
    return pools * pool + (rest + size - 1) / size
  }

  /// The number of batches of an epoch, whose order is drawn for it where it depends on that.
  package func count(ofEpoch epoch: Int) throws(TrainingError) -> Int {
    if let batchCount { return batchCount }
    var batches = self
    try batches.begin(epoch: epoch, at: 0)
    return batches.batches.count
  }

  public mutating func begin(epoch: Int, at position: Int) throws(TrainingError) {
    var generator = RandomGenerator(seed: seed &+ UInt64(epoch) &* 0x9E37_79B9_7F4A_7C15)
    order.begin(source.count)
    if shuffles { order.shuffle(using: &generator) }
    var batches: [Range<Int>] = []
    for start in stride(from: 0, to: source.count, by: size * pool) {
      var examples = order[start..<min(start + size * pool, source.count)].map { ($0, source.length(of: $0)) }
      if pool > 1 {
        // Examples of one length stay in their order.
        examples.sort { ($0.1, $0.0) < ($1.1, $1.0) }
        order.replace(at: start, with: examples.map(\.0))
      }
      batches += cut(examples.map(\.1), from: start)
    }
    if shuffles { batches.shuffle(using: &generator) }
    try order.check()
    self.batches = batches
    guard position <= batches.count else { throw .endsBefore(position, epoch: epoch) }
    self.position = position
  }

  /// The batches of a pool that is in order and begins at a place.
  private func cut(_ lengths: [Int], from first: Int) -> [Range<Int>] {
    var result: [Range<Int>] = []
    var start = first
    var longest = 0
    for (place, length) in zip(first..., lengths) {
      longest = max(longest, length)
      let count = place + 1 - start
      if count > size || count > 1 && count * longest > maximumSteps ?? .max {
        result.append(start..<place)
        start = place
        longest = length
      }
    }
    if start < first + lengths.count { result.append(start..<first + lengths.count) }
    return result
  }

  /// The examples of the next batch.
  private mutating func advance() throws(TrainingError) -> [Int] {
    let examples = order[batches[position]]
    try order.check()
    position += 1
    return examples
  }

  public mutating func next() throws(TrainingError) -> Source.Batch? {
    guard position < batches.count else { return nil }
    let examples = try advance()
    return try source.batch(examples)
  }

  public mutating func next(share: Int, of count: Int) throws(TrainingError) -> BatchShare<Source.Batch>? {
    guard position < batches.count else { return nil }
    let batch = try advance()
    let chosen = sharedPlaces(share, of: count, total: batch.count).map { batch[$0] }
    return chosen.isEmpty ? BatchShare(nil) : try source.share(chosen, of: batch)
  }
}
