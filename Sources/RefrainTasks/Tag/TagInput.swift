import RefrainData

/// What is handed to a trained tagger: columns, with or without tags, or plain text.
struct TagInput {
  private let part: DataSource.Part
  private let isTag: (String) -> Bool
  private let columns: TaggedColumns
  /// How many lines are looked at to find out what a file holds.
  private static let sample = 500

  /// - Parameters:
  ///   - part: The file.
  ///   - isTag: Whether a text is a tag that the model knows.
  ///   - columns: Which columns hold words and tags.
  init(_ part: DataSource.Part, isTag: @escaping (String) -> Bool, columns: TaggedColumns) {
    self.part = part
    self.isTag = isTag
    self.columns = columns
  }

  /// Adds the sentences.
  ///
  /// - Parameter input: What the file holds; nil is found out.
  func read(into sentences: inout TaggedSentences, as input: TagRequest.Input?) throws(DataError) {
    if case .file(let path) = part, isFolder(path) {
      return try sentences.read(part, columns, .optional)
    }
    // What is piped in can be read once.
    let source = DataSource([part.isLasting ? part : .bytes(try part.contents(), name: part.name)])
    var input = input
    if input == nil { input = try found(in: source) }
    if input == .columns { return try sentences.read(source.parts[0], columns, .optional) }
    let lines = try TextLines(source)
    var options = TextOptions(unit: .words, normalized: false, separation: .spaces)
    if input == .text {
      // Where punctuation stands apart from words already, it is not looked for.
      options.separation = nil
      options.separation = Tokenizer(learning: lines, options).options.separation
    }
    let tokenizer = Tokenizer(Vocabulary(tokens: []), options)
    let count = sentences.count
    for line in lines {
      let words = tokenizer.tokens(line)
      if !words.isEmpty { sentences.append(TaggedSentence(words: words)) }
    }
    try lines.checkUnchanged()
    try sentences.check()
    guard sentences.count > count else {
      throw DataError(.emptyFile, file: part.name, "there is no sentence in it", remedy: "write one a line")
    }
  }

  /// What a file holds. Columns are as many in every line, and either there is one, of words, with empty lines between
  /// sentences, or the model's tags stand in one of them, or they are divided by tabs. Where tags stand in most lines,
  /// a line in ten may have another number of columns: reading them says which.
  private func found(in source: DataSource) throws(DataError) -> TagRequest.Input {
    var counts: [Int: Int] = [:]
    var (hasGap, hasTab, lines, tagged) = (false, false, 0, 0)
    for line in try TextLines(source).prefix(Self.sample) {
      let fields = TaggedSentence.fields(of: line)
      guard let first = fields.first else {
        hasGap = hasGap || lines > 0
        continue
      }
      if first.hasPrefix("#") || first.hasPrefix("-DOCSTART-") { continue }
      lines += 1
      counts[fields.count, default: 0] += 1
      hasTab = hasTab || line.utf8.contains(0x09)
      let place = columns.tags.flatMap { Int($0) }.map { $0 - 1 } ?? fields.count - 1
      if fields.count > 1, fields.indices.contains(place), isTag(fields[place]) { tagged += 1 }
    }
    guard let (count, most) = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { return .text }
    guard most == lines || 10 * (lines - most) <= lines && 2 * tagged > lines else { return .text }
    return tagged > 0 || hasTab || count == 1 && hasGap && lines > 1 ? .columns : .text
  }
}
