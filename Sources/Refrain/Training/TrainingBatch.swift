/// Examples to learn from together, as ``Trainer`` sees them. ``Batch`` is one; a type of one's own may hold whatever
/// its loss reads: several inputs, pairs of sequences, images.
///
///     struct Pairs: TrainingBatch {
///       var left: Tensor, right: Tensor  // [B, T, I] each
///       var count: Int { left.shape[0] }
///     }
public protocol TrainingBatch: Sendable {
  /// The number of examples **B**.
  var count: Int { get }

  /// The weight of the batch in means over batches, in accumulated gradients and in ``GradientExchange``, where a loss
  /// does not give one; the number of examples by default.
  var weight: Double { get }

  /// The same of a window that ``window(_:of:)`` has cut; 0 for one past the end of all sequences. ``weight`` by
  /// default.
  var windowWeight: Double { get }

  /// What the loss of the batch, a mean, divides by, such as its number of valid steps: the weight of a share of the
  /// batch beside the others where several processes learn from it. ``weight`` by default.
  var lossWeight: Double { get }

  /// The examples that one of `count` processes learns from (``Trainer/group``); together the shares are the batch, and
  /// all windows of a batch give the same examples. nil where none is left. A type that does not say how stops there,
  /// unless a source makes the shares itself, as ``LengthBatches`` does.
  func share(_ share: Int, of count: Int) -> Self?

  /// What of the batch a process has to know that learns from a share of it, to draw as if it had all of it; the number
  /// of examples by default.
  var whole: WholeBatch { get }

  /// How many windows of at most `size` steps the batch is cut into along the time, for ``Trainer/truncation``. A type
  /// that does not say how stops there.
  func windowCount(of size: Int) -> Int

  /// The window of a number from 0, of which each is made when it is its turn: a batch may have millions. Every window
  /// goes on where the one before ends.
  func window(_ number: Int, of size: Int) -> Self

  /// The first part of the data that holds an infinite value or one that is not a number, such as
  /// `the input of the batch`; nil (the default) when there is none. It is asked once something went wrong.
  var firstNotFinite: String? { get }
}

extension TrainingBatch {
  public var weight: Double { Double(count) }
  public var windowWeight: Double { weight }
  public var firstNotFinite: String? { nil }

  public func windowCount(of size: Int) -> Int { unknownWindows() }
  public func window(_ number: Int, of size: Int) -> Self { unknownWindows() }

  private func unknownWindows() -> Never {
    fatalError(
      "\(Self.self) does not say how it is cut into windows of steps; write 'windowCount(of:)' and 'window(_:of:)', "
        + "or do not truncate")
  }

  /// All windows in their order, each made when it is asked for.
  public func windows(of size: Int) -> LazyMapCollection<Range<Int>, Self> {
    (0..<windowCount(of: size)).lazy.map { window($0, of: size) }
  }
}
