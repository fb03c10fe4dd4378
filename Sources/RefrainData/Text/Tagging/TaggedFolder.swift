import RefrainFoundation

/// A folder of sentences, a line each, in the files `seq.in` (words), `seq.out` (their tags) and `label` (what the
/// sentence is).
struct TaggedFolder {
  let path: String

  private func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : path + "/" + name }

  private func lines(_ name: String) throws(DataError) -> TextLines { try TextLines(paths: [file(name)]) }

  private func isThere(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

  /// Adds the sentences, with tags and labels where there are files of them.
  ///
  /// - Throws: `missingFile`; `wrongFormat` where the files do not have as many lines or words.
  func read(into sentences: inout TaggedSentences, _ demand: TagDemand) throws(DataError) {
    guard isThere("seq.in") else {
      throw DataError(
        .missingFile, file: path, "this folder has no file seq.in",
        remedy: "name a folder with the files seq.in, seq.out and label, or a file of columns")
    }
    let words = try lines("seq.in")
    let tags = demand == .required || isThere("seq.out") ? try lines("seq.out") : nil
    let labels = isThere("label") ? try lines("label") : nil
    for (name, others) in [("seq.out", tags), ("label", labels)] {
      guard let others, others.count != words.count else { continue }
      throw DataError(
        .wrongFormat, file: file(name), "there are \(others.count) lines, and \(words.count) in seq.in",
        remedy: "give every sentence a line in both")
    }
    var (tagLines, labelLines) = (tags?.makeIterator(), labels?.makeIterator())
    for (index, line) in words.enumerated() {
      let (tagLine, labelLine) = (tagLines?.next(), labelLines?.next())
      // A file that cannot be read any more is told of below.
      if tags != nil && tagLine == nil || labels != nil && labelLine == nil { break }
      let own = ColumnReader.fields(of: line).map { String($0) }
      if own.isEmpty, tagLine.map({ ColumnReader.fields(of: $0).isEmpty }) ?? true { continue }
      var sentence = TaggedSentence(words: own)
      if let tagLine {
        sentence.tags = ColumnReader.fields(of: tagLine).map { String($0) }
        guard sentence.tags.count == own.count else {
          throw DataError(
            .wrongFormat, file: file("seq.out"),
            "line \(index + 1): there are \(sentence.tags.count) tags for the \(own.count) words in seq.in",
            remedy: "give every word a tag")
        }
      }
      if let label = labelLine?.trimmed {
        guard !label.isEmpty else {
          throw DataError(
            .wrongFormat, file: file("label"), "line \(index + 1): the label is missing", remedy: "write one")
        }
        sentence.label = label
      }
      sentence.source = .init(file: file("seq.out"), lines: Array(repeating: index + 1, count: own.count))
      sentences.append(sentence)
    }
    for lines in [words, tags, labels] { try lines?.checkUnchanged() }
  }
}
