/// The sentences of some files: different words and tags once, and of each word of a sentence twelve bytes, in a file
/// where that is too long for memory.
struct SentenceStore: Sendable {
  private var words = TextTable()
  private var tags = TextTable()
  private var labels = TextTable()
  private var files = TextTable()
  private var wordNumbers = LongArray<Int32>()
  private var tagNumbers = LongArray<Int32>()
  private var lines = LongArray<Int32>()
  private var ends = LongArray<Ends>()

  /// Where a sentence ends, and what is said of it as a whole.
  private struct Ends {
    var words = 0
    var tags = 0
    var lines = 0
    /// The label's number; −1 is none.
    var label: Int32 = -1
    /// The file's; −1 is none.
    var file: Int32 = -1
  }

  /// How many sentences there are.
  var count: Int { ends.count }

  mutating func append(_ sentence: TaggedSentence) {
    for word in sentence.words { wordNumbers.append(words.number(of: word)) }
    for tag in sentence.tags { tagNumbers.append(tags.number(of: tag)) }
    var end = Ends()
    if let source = sentence.source {
      for line in source.lines { lines.append(Int32(clamping: line)) }
      end.file = files.number(of: source.file)
    }
    if let label = sentence.label { end.label = labels.number(of: label) }
    (end.words, end.tags, end.lines) = (wordNumbers.count, tagNumbers.count, lines.count)
    ends.append(end)
  }

  /// Where a sentence begins and where it ends.
  private func bounds(of sentence: Int) -> (start: Ends, end: Ends) {
    guard sentence > 0 else { return (Ends(), ends[0]) }
    let both = ends.nearby(sentence - 1..<sentence + 1)
    return (both[both.startIndex], both[both.startIndex + 1])
  }

  /// How many words and tags a sentence has.
  func counts(of sentence: Int) -> (words: Int, tags: Int) {
    let (start, end) = bounds(of: sentence)
    return (end.words - start.words, end.tags - start.tags)
  }

  subscript(sentence: Int) -> TaggedSentence {
    let (start, end) = bounds(of: sentence)
    // Where a file has failed what begins may seem to end before.
    func range(_ start: Int, _ end: Int) -> Range<Int> { start..<max(start, end) }
    var result = TaggedSentence(
      words: wordNumbers.nearby(range(start.words, end.words)).map { words[$0] },
      tags: tagNumbers.nearby(range(start.tags, end.tags)).map { tags[$0] },
      label: end.label < 0 ? nil : labels[end.label])
    if end.file >= 0 {
      result.source = .init(file: files[end.file], lines: lines.nearby(range(start.lines, end.lines)).map { Int($0) })
    }
    return result
  }

  /// - Throws: `diskFull`, `unwritableFile` or `unreadableFile`.
  func check() throws(DataError) {
    try wordNumbers.check()
    try tagNumbers.check()
    try lines.check()
    try ends.check()
  }
}

/// Different texts by their numbers.
private struct TextTable: Sendable {
  /// A text that equals another of the same bytes alone: as strings the two ways to write é are one.
  private struct Bytes: Hashable {
    let text: String

    static func == (left: Bytes, right: Bytes) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
      var text = text
      text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
  }

  private var texts: [String] = []
  private var numbers: [Bytes: Int32] = [:]

  subscript(number: Int32) -> String { texts[Int(number)] }

  /// The number of a text, which is a new one where the text is.
  mutating func number(of text: String) -> Int32 {
    let bytes = Bytes(text: text)
    if let number = numbers[bytes] { return number }
    let number = Int32(texts.count)
    texts.append(text)
    numbers[bytes] = number
    return number
  }
}
