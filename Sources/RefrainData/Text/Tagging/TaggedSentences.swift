/// Sentences whose words have tags, each made when it is asked for: of all of them together each different word and tag
/// is in memory, and what is longer than memory in a file without a name.
public struct TaggedSentences: RandomAccessCollection, Sendable {
  /// Some sentences of a store.
  private struct Part: Sendable {
    var store: SentenceStore
    /// nil is all of them.
    var rows: RowChoice?
    /// How many there are before.
    let start: Int

    var count: Int { rows?.count ?? store.count }
    func row(_ place: Int) -> Int { rows?[place] ?? place }
  }

  private var parts: [Part] = []

  /// None yet.
  public init() {}

  /// Sentences at hand.
  public init(_ sentences: some Sequence<TaggedSentence>) {
    for sentence in sentences { append(sentence) }
  }

  /// The first, which is 0.
  public var startIndex: Int { 0 }
  /// How many sentences there are.
  public var endIndex: Int { parts.last.map { $0.start + $0.count } ?? 0 }

  /// A sentence.
  public subscript(place: Int) -> TaggedSentence {
    let (part, row) = locate(place)
    return parts[part].store[row]
  }

  private func locate(_ place: Int) -> (part: Int, row: Int) {
    let part = parts.lastIndex { $0.start <= place } ?? 0
    return (part, parts[part].row(place - parts[part].start))
  }

  /// Adds a sentence.
  public mutating func append(_ sentence: TaggedSentence) {
    if parts.last?.rows != nil || parts.isEmpty { parts.append(Part(store: SentenceStore(), start: endIndex)) }
    parts[parts.count - 1].store.append(sentence)
  }

  /// How many words and tags a sentence has, without reading them.
  package func counts(of place: Int) -> (words: Int, tags: Int) {
    let (part, row) = locate(place)
    return parts[part].store.counts(of: row)
  }

  /// How many words all sentences have.
  package var wordCount: Int { indices.reduce(0) { $0 + counts(of: $1).words } }

  /// Some of the sentences.
  ///
  /// - Parameter places: Which ones, in ascending order.
  package func selecting(_ places: [Int]) -> TaggedSentences {
    choosing { part, range in RowChoice(places.filter { range.contains($0) }.map { part.row($0 - part.start) }) }
  }

  /// All sentences but some.
  ///
  /// - Parameter places: Which ones, in ascending order.
  package func leavingOut(_ places: [Int]) -> TaggedSentences {
    choosing { part, range in
      let own = places.filter { range.contains($0) }.map { $0 - part.start }
      guard part.rows != nil else { return RowChoice(allOf: part.count, but: own) }
      return RowChoice(RowChoice(allOf: part.count, but: own).map(part.row))
    }
  }

  private func choosing(_ choice: (Part, Range<Int>) -> RowChoice) -> TaggedSentences {
    var result = TaggedSentences()
    for part in parts {
      let rows = choice(part, part.start..<part.start + part.count)
      result.parts.append(Part(store: part.store, rows: rows, start: result.endIndex))
    }
    return result
  }

  /// The sentences of both.
  package static func + (first: TaggedSentences, second: TaggedSentences) -> TaggedSentences {
    var both = first
    for part in second.parts { both.parts.append(Part(store: part.store, rows: part.rows, start: both.endIndex)) }
    return both
  }

  /// Makes sure that all sentences could be kept, and read as far as they were asked for: to be called when they have
  /// served.
  ///
  /// - Throws: `diskFull`, `unwritableFile` or `unreadableFile`.
  public func check() throws(DataError) {
    for part in parts { try part.store.check() }
  }
}

extension TaggedSentences {
  /// The sentences of files of columns, as CoNLL's and CoNLL-U, and of folders with the files `seq.in`, `seq.out` and
  /// `label` (ATIS, SNIPS), in which a line is a sentence. Files may be larger than memory.
  ///
  /// Columns are divided by tabs, or else by spaces; a sentence ends at an empty line. `-DOCSTART-`, comments, and in
  /// CoNLL-U what is no word of its own (`3-4`, `5.1`) are passed over.
  ///
  /// - Throws: What reading ``TextLines`` throws; `wrongFormat` with the line for one that does not fit those before;
  ///   `noSuchColumn`; `emptyFile` when there is no sentence; `diskFull` or `unwritableFile`.
  public init(
    in source: DataSource, columns: TaggedColumns = TaggedColumns(), tags: TagDemand = .required
  ) throws(DataError) {
    self.init()
    for part in source.parts { try read(part, columns, tags) }
  }

  /// Adds the sentences of a file or folder.
  package mutating func read(
    _ part: DataSource.Part, _ columns: TaggedColumns, _ demand: TagDemand
  ) throws(DataError) {
    let count = count
    if case .file(let path) = part, isFolder(path) {
      try TaggedFolder(path: path).read(into: &self, demand)
    } else {
      var reader = ColumnReader(file: part.name, columns: columns, demand: demand)
      let lines = try TextLines(DataSource([part]))
      for (index, line) in lines.enumerated() {
        if let sentence = try reader.take(line, number: index + 1) { append(sentence) }
      }
      try lines.checkUnchanged()
      if let sentence = reader.finish() { append(sentence) }
    }
    try check()
    guard self.count > count else {
      throw DataError(
        .emptyFile, file: part.name, "there is no sentence in it",
        remedy: "give a word and its tag a line, and leave a line empty after each sentence")
    }
  }
}
