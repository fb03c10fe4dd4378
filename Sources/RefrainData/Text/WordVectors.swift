/// Vectors of words that others have learned, in the text formats of GloVe and word2vec: a word and its numbers on a
/// line, with spaces between them; word2vec's first line has the number of words and of numbers.
///
/// Only the vectors of words in a vocabulary are kept, so that a file of gigabytes is no burden.
public struct WordVectors: Sendable {
  /// How many numbers a word has.
  public let size: Int
  /// The vectors of the words of the vocabulary one after another, `[V, size]`; zero where the file has none.
  public let values: [Float]
  /// The tokens that have a vector.
  public let found: [Int]

  /// Reads the vectors of a vocabulary's words. A word that is there in small letters only gets those.
  ///
  /// - Throws: What ``TextLines/init(paths:)`` throws; `wrongFormat` with the line for one that is no vector.
  public init(contentsOf path: String, for vocabulary: Vocabulary) throws(DataError) {
    func fault(_ line: Int, _ problem: String) -> DataError {
      DataError(
        .wrongFormat, file: path, "line \(line): \(problem)",
        remedy: "name a file of vectors as text, as GloVe and word2vec write them")
    }
    var lowercased: [String: [Int]] = [:]
    for (index, token) in vocabulary.tokens.enumerated() { lowercased[token.lowercased(), default: []].append(index) }
    var size: Int?
    var values: [Float] = []
    var found = [Bool](repeating: false, count: vocabulary.count)
    let lines = try TextLines(paths: [path])
    for (number, line) in lines.enumerated() {
      let parts = line.split(separator: " ")
      if number == 0, parts.count == 2, parts.allSatisfy({ Int($0) != nil }) { continue }
      guard parts.count > 1 else {
        if parts.isEmpty { continue }
        throw fault(number + 1, "there is a word without numbers")
      }
      let width = size ?? parts.count - 1
      if size == nil {
        size = width
        do throws(DataError) {
          try MemoryBudget.current.take(shape: [vocabulary.count, width], for: "the vectors of the vocabulary")
        } catch { throw error.inFile(path) }
        values = [Float](repeating: 0, count: vocabulary.count * width)
      }
      // Some words of GloVe hold spaces.
      guard parts.count > width else { throw fault(number + 1, "there are \(parts.count - 1) numbers, not \(width)") }
      let word = parts.dropLast(width).joined(separator: " ")
      for index in lowercased[word.lowercased()] ?? [] where !found[index] || vocabulary.tokens[index] == word {
        for (place, text) in parts.suffix(width).enumerated() {
          guard let value = Float(text), value.isFinite else {
            throw fault(number + 1, "\(String(text).quoted) is not a number")
          }
          values[index * width + place] = value
        }
        found[index] = true
      }
    }
    try lines.checkUnchanged()
    guard let size else { throw DataError(.emptyFile, file: path, "there are no vectors", remedy: "name another file") }
    self.size = size
    self.values = values
    self.found = found.indices.filter { found[$0] }
  }
}
