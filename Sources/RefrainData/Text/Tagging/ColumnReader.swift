/// Reads sentences of which each line is a word with its columns.
struct ColumnReader {
  private let file: String
  private let columns: TaggedColumns
  private let demand: TagDemand
  private var layout: Layout?
  private var current = TaggedSentence(words: [])
  private var lines: [Int] = []

  /// How the lines of a file are divided, known from its first word.
  private struct Layout {
    let count: Int
    let words: Int
    /// nil where there are none.
    let tags: Int?
    let isUniversal: Bool
    /// The line it was found at.
    let line: Int
  }

  /// The names of the columns of CoNLL-U.
  private static let universalNames = [
    "id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc",
  ]

  init(file: String, columns: TaggedColumns, demand: TagDemand) {
    self.file = file
    self.columns = columns
    self.demand = demand
  }

  /// Takes the next line.
  ///
  /// - Returns: The sentence that it ends; nil where it ends none.
  mutating func take(_ line: String, number: Int) throws(DataError) -> TaggedSentence? {
    let fields = Self.fields(of: line)
    guard let first = fields.first else { return finish() }
    if first.hasPrefix("-DOCSTART-") { return finish() }
    if isComment(fields, isTabbed: line.utf8.contains(0x09)) { return nil }
    if layout == nil { layout = try found(fields, number) }
    guard let layout else { return nil }
    guard fields.count == layout.count else {
      throw fault(
        number,
        "there \(fields.count == 1 ? "is 1 column" : "are \(fields.count) columns"), and \(layout.count) in line "
          + "\(layout.line)", remedy: "give every word as many, divided by tabs or by spaces, and only these")
    }
    // A word of several, and one that is not written, are no words of the text.
    if layout.isUniversal, first.contains(where: { $0 == "-" || $0 == "." }) { return nil }
    guard !fields[layout.words].isEmpty else { throw fault(number, "the word is missing", remedy: "write one") }
    current.words.append(String(fields[layout.words]))
    if let tags = layout.tags {
      guard !fields[tags].isEmpty, !(layout.isUniversal && fields[tags] == "_" && demand == .required) else {
        throw fault(number, "the tag is missing", remedy: "write one, or choose another column")
      }
      current.tags.append(String(fields[tags]))
    }
    lines.append(number)
    return nil
  }

  /// Ends the sentence that was begun.
  ///
  /// - Returns: The sentence; nil where none was.
  mutating func finish() -> TaggedSentence? {
    guard !current.words.isEmpty else { return nil }
    current.source = .init(file: file, lines: lines)
    defer { (current, lines) = (TaggedSentence(words: []), []) }
    return current
  }

  /// The columns of a line: between tabs where it has any, else between spaces; none of an empty line.
  static func fields(of line: String) -> [Substring] {
    let bytes = line.utf8
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    guard bytes.contains(where: { !isBlank($0) }) else { return [] }
    guard bytes.contains(0x09) else { return bytes.split(separator: 0x20).map { Substring($0) } }
    return bytes.split(separator: 0x09, omittingEmptySubsequences: false).map { field in
      var field = field.drop { $0 == 0x20 }
      while field.last == 0x20 { field = field.dropLast() }
      return Substring(field)
    }
  }

  /// Whether a line that begins with `#` is no word: between sentences, unless it has as many columns as words have.
  private func isComment(_ fields: [Substring], isTabbed: Bool) -> Bool {
    guard fields[0].utf8.first == UInt8(ascii: "#"), current.words.isEmpty else { return false }
    // The sign alone before a tab is a word.
    if layout == nil, isTabbed, fields[0] == "#" { return false }
    guard let layout else { return fields.count < 2 || SpanTag(fields[fields.count - 1]) == nil }
    return layout.isUniversal || fields.count != layout.count
  }

  private func found(_ fields: [Substring], _ number: Int) throws(DataError) -> Layout {
    let isUniversal =
      fields.count == Self.universalNames.count && !fields[0].isEmpty
      && fields[0].utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E }
    func column(_ name: String?, _ usual: Int) throws(DataError) -> Int {
      guard let name else { return usual }
      if isUniversal, let index = Self.universalNames.firstIndex(of: name.lowercased()) { return index }
      if let index = Int(name), (1...fields.count).contains(index) { return index - 1 }
      let there = fields.count == 1 ? "1 column" : "\(fields.count) columns"
      throw DataError(
        .noSuchColumn, file: file, "line \(number): there is no column \(name.quoted); the line has \(there)",
        remedy: isUniversal
          ? "choose one of \(Self.universalNames.joined(separator: ", "))"
          : "choose a number from 1 to \(fields.count)")
    }
    let words = try column(columns.words, isUniversal ? 1 : 0)
    let hasTags = fields.count > 1 || demand == .required || columns.tags != nil
    let tags: Int? = hasTags ? try column(columns.tags, isUniversal ? 3 : fields.count - 1) : nil
    guard tags != words else {
      throw fault(
        number, fields.count == 1 ? "there is 1 column, a word without a tag" : "words and tags are one column",
        remedy: fields.count == 1 ? "give every line a word and its tag" : "choose another for one of them")
    }
    return Layout(count: fields.count, words: words, tags: tags, isUniversal: isUniversal, line: number)
  }

  private func fault(_ line: Int, _ problem: String, remedy: String) -> DataError {
    DataError(.wrongFormat, file: file, "line \(line): \(problem)", remedy: remedy)
  }
}
