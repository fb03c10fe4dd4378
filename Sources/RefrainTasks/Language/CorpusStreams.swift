import Refrain

/// A text of tokens cut into `rows` streams of equal length, which are read side by side: row r reads the tokens
/// r · L ..< (r + 1) · L, and at each learns the one after it. What is left over by the cut is not read.
///
/// The text is there once, however many windows there are; each of them, and its tensors, is made when it is asked for.
struct CorpusStreams: TrainingBatch {
  let text: TokenText
  /// How many streams the text is cut into.
  private let rows: Int
  /// Which of them are read.
  private var chosen: [Int]
  /// The tokens of a stream.
  let length: Int
  /// Which of its steps are read.
  private(set) var steps: Range<Int>
  /// How many steps the first window has; nil means as many as the others.
  private let first: Int?
  /// Whether it is to be judged by, and not learned from.
  let isValidation: Bool

  init(_ text: TokenText, rows: Int, first: Int? = nil, isValidation: Bool = false) {
    self.text = text
    self.rows = rows
    self.first = first
    self.isValidation = isValidation
    chosen = Array(0..<rows)
    length = max(0, (text.count - 1) / rows)
    steps = 0..<length
  }

  /// The number of streams that are read.
  var count: Int { chosen.count }
  var windowWeight: Double { Double(count * steps.count) }

  func share(_ share: Int, of count: Int) -> CorpusStreams? {
    var streams = self
    streams.chosen = sharedPlaces(share, of: count, total: chosen.count).map { chosen[$0] }
    return streams.chosen.isEmpty ? nil : streams
  }

  var whole: WholeBatch {
    WholeBatch(count: count, lengths: Array(repeating: steps.count, count: count), tokens: [input.integers ?? []])
  }

  /// How many windows there are at most.
  static func windowCount(of text: TokenText, rows: Int, size: Int) -> Int {
    ((text.count - 1) / rows + size - 1) / size + 1
  }

  func windowCount(of size: Int) -> Int {
    guard !steps.isEmpty else { return 0 }
    return 1 + (max(0, steps.count - firstCount(of: size)) + size - 1) / size
  }

  func window(_ number: Int, of size: Int) -> CorpusStreams {
    let first = firstCount(of: size)
    let start = steps.lowerBound + (number == 0 ? 0 : first + (number - 1) * size)
    var window = self
    window.steps = start..<min(start + (number == 0 ? first : size), steps.upperBound)
    return window
  }

  /// How many steps the first window has, unless there are fewer.
  private func firstCount(of size: Int) -> Int { min(first ?? size, size) }

  /// The tokens that are read, `[count, steps]`.
  var input: Tensor { tokens(from: 0) }
  /// The token after each, `[count, steps]`.
  var target: Tensor { tokens(from: 1) }

  private func tokens(from offset: Int) -> Tensor {
    var values: [Float] = []
    values.reserveCapacity(count * steps.count)
    for row in chosen {
      let start = row * length + offset
      for token in text[start + steps.lowerBound..<start + steps.upperBound] { values.append(Float(token)) }
    }
    return Tensor(values, shape: [count, steps.count])
  }
}

/// The text of an epoch as one batch of streams, whose first window has another length in each, so that the cuts
/// between windows fall elsewhere.
struct CorpusSource: BatchSource {
  let text: TokenText
  let rows: Int
  let size: Int
  let seed: UInt64
  private var batch: CorpusStreams?

  init(_ text: TokenText, rows: Int, size: Int, seed: UInt64) {
    (self.text, self.rows, self.size, self.seed) = (text, rows, size, seed)
  }

  var batchCount: Int? { 1 }

  mutating func begin(epoch: Int, at position: Int) throws(TrainingError) {
    var generator = RandomGenerator(seed: seed &+ UInt64(epoch) &* 0x9E37_79B9_7F4A_7C15)
    batch = position > 0 ? nil : CorpusStreams(text, rows: rows, first: 1 + generator.integer(below: size))
  }

  mutating func next() -> CorpusStreams? { batch.take() }
}
