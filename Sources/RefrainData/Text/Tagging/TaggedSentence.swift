/// A sentence whose words have tags.
public struct TaggedSentence: Sendable, Equatable {
  /// The words as they are written.
  public var words: [String]
  /// A tag for each word; none where nothing is known of them.
  public var tags: [String]
  /// What the whole sentence is, such as an intent; nil where nothing is known of it.
  public var label: String?
  /// Where it came from, for messages.
  var source: Source?

  /// Where a sentence came from.
  struct Source: Sendable, Equatable {
    /// The file, and in a folder the file of the tags.
    var file: String
    /// The line of each word's tag, from 1.
    var lines: [Int]
  }

  /// A sentence.
  public init(words: [String], tags: [String] = [], label: String? = nil) {
    self.words = words
    self.tags = tags
    self.label = label
  }

  /// An error about the tag of a word, with its file and line where they are known.
  package func error(at word: Int, _ problem: String, remedy: String?) -> DataError {
    let line = source.flatMap { $0.lines.indices.contains(word) ? $0.lines[word] : nil }
    let place = line.map { "line \($0): " } ?? "word \(word + 1) of \(words.prefix(5).joined(separator: " ").quoted): "
    return DataError(.wrongFormat, file: source?.file, place + problem, remedy: remedy)
  }

  /// Whether two sentences say the same, wherever they came from.
  public static func == (first: TaggedSentence, second: TaggedSentence) -> Bool {
    first.words == second.words && first.tags == second.tags && first.label == second.label
  }
}

/// Which columns of a file hold words and tags.
public struct TaggedColumns: Codable, Sendable, Equatable {
  /// The column of words: its number from 1, or its name in CoNLL-U. nil is the first; in CoNLL-U `form`.
  public var words: String?
  /// The column of tags: its number from 1, or its name in CoNLL-U. nil is the last; in CoNLL-U `upos`.
  public var tags: String?

  /// Those where words and tags usually are.
  public init(words: String? = nil, tags: String? = nil) {
    self.words = words
    self.tags = tags
  }
}

/// Whether sentences are to have tags.
public enum TagDemand: Sendable {
  /// Each has them.
  case required
  /// They are read where the file has a column for them.
  case optional
}

extension TaggedSentence {
  /// The sentences that ``TaggedSentences/init(in:columns:tags:)`` reads, all in memory.
  ///
  /// - Throws: What that throws.
  public static func all(
    in source: DataSource, columns: TaggedColumns = TaggedColumns(), tags: TagDemand = .required
  ) throws(DataError) -> [TaggedSentence] {
    let sentences = try TaggedSentences(in: source, columns: columns, tags: tags)
    let all = Array(sentences)
    try sentences.check()
    return all
  }
}

extension TaggedSentence {
  /// The columns of a line: between tabs where it has any, else between spaces; none of an empty line.
  package static func fields(of line: String) -> [String] { ColumnReader.fields(of: line).map { String($0) } }
}
