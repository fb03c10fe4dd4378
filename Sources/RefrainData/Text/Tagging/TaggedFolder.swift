import Foundation

/// A folder of sentences, a line each, in the files `seq.in` (words), `seq.out` (their tags) and `label` (what the
/// sentence is).
struct TaggedFolder {
  let path: String

  static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  private func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : path + "/" + name }

  private func lines(_ name: String) throws(DataError) -> [String] {
    let lines = try TextLines(paths: [file(name)])
    let texts = Array(lines)
    try lines.checkUnchanged()
    return texts
  }

  private func isThere(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

  /// The sentences, with tags and labels where there are files of them.
  ///
  /// - Throws: `missingFile`; `wrongFormat` where the files do not have as many lines or words.
  func sentences(_ demand: TagDemand) throws(DataError) -> [TaggedSentence] {
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
    var sentences: [TaggedSentence] = []
    for (index, line) in words.enumerated() {
      let own = ColumnReader.fields(of: line).map { String($0) }
      if own.isEmpty, tags.map({ ColumnReader.fields(of: $0[index]).isEmpty }) ?? true { continue }
      var sentence = TaggedSentence(words: own)
      if let tags {
        sentence.tags = ColumnReader.fields(of: tags[index]).map { String($0) }
        guard sentence.tags.count == own.count else {
          throw DataError(
            .wrongFormat, file: file("seq.out"),
            "line \(index + 1): there are \(sentence.tags.count) tags for the \(own.count) words in seq.in",
            remedy: "give every word a tag")
        }
      }
      if let label = labels?[index].trimmingCharacters(in: .whitespaces) {
        guard !label.isEmpty else {
          throw DataError(
            .wrongFormat, file: file("label"), "line \(index + 1): the label is missing", remedy: "write one")
        }
        sentence.label = label
      }
      sentence.source = .init(file: file("seq.out"), lines: Array(repeating: index + 1, count: own.count))
      sentences.append(sentence)
    }
    return sentences
  }
}
