import RefrainFoundation

// The ARPA format: a heading with the numbers of n-grams, then the n-grams of each order, a line each: the decadic
// logarithm of the probability, the words, and that of the backoff weight.

extension NGramModel {
  /// Reads an ARPA file.
  ///
  /// - Throws: What reading a file throws; what ``init(arpa:file:)`` throws.
  public init(contentsOf path: String) throws(DataError) {
    try self.init(lines: TextLines(DataSource([.file(path)])), file: path)
  }

  /// Reads the bytes of an ARPA file.
  ///
  /// - Throws: `wrongFormat` for another kind of file, `damagedFile` with the line of what cannot be understood,
  ///   `notUTF8`.
  public init(arpa bytes: [UInt8], file: String? = nil) throws(DataError) {
    try self.init(
      lines: TextLines(DataSource([.bytes(bytes, name: file ?? "the language model")])), file: file)
  }

  private init(lines: TextLines, file: String?) throws(DataError) {
    var reader = ARPAReader(lines, file: file)
    let counts = try reader.heading()
    self.init(order: counts.count)
    for (index, count) in counts.enumerated() {
      try reader.section(index + 1)
      for _ in 0..<count {
        let entry = try reader.entry(length: index + 1, hasBackoff: index + 1 < counts.count)
        let words = entry.words.map { identifier(adding: $0) }
        let node = node(adding: words[...])
        guard logProbabilities[Int(node)].isNaN else {
          throw reader.fault("the n-gram \(entry.words.joined(separator: " ").quoted) stands twice")
        }
        set(node, logProbability: entry.logProbability, backoff: entry.backoff)
      }
    }
    try reader.ending()
    try lines.checkUnchanged()
  }

  /// Writes an ARPA file, whole or not at all.
  ///
  /// - Throws: What ``writeAtomically(_:to:)`` throws.
  public func write(to path: String) throws(DataError) { try writeAtomically(Array(arpa().utf8), to: path) }

  /// The text of an ARPA file. Numbers are written so that they are read as the same.
  public func arpa() -> String {
    let entries = grams.map { $0.filter { !logProbabilities[Int($0.node)].isNaN } }
    var text = "\\data\\\n"
    for (index, entries) in entries.enumerated() { text += "ngram \(index + 1)=\(entries.count)\n" }
    for (index, entries) in entries.enumerated() {
      text += "\n\\\(index + 1)-grams:\n"
      for entry in entries {
        let spelled = entry.words.map { words[Int($0)] }.joined(separator: " ")
        text += "\(logProbabilities[Int(entry.node)])\t\(spelled)"
        if index + 1 < order { text += "\t\(backoffs[Int(entry.node)])" }
        text += "\n"
      }
    }
    return text + "\n\\end\\\n"
  }
}

/// Goes through the lines of an ARPA file.
private struct ARPAReader {
  private let count: Int
  private var lines: TextLines.Iterator
  private let file: String?
  /// The line that comes next; nil at the end.
  private var first: String?
  /// How many lines have gone by.
  private var next = 0

  init(_ lines: TextLines, file: String?) {
    (count, self.lines, self.file) = (lines.count, lines.makeIterator(), file)
    first = self.lines.next()
  }

  /// Passes over a line.
  private mutating func pass() {
    first = lines.next()
    next += 1
  }

  func fault(_ problem: String) -> DataError {
    DataError(.damagedFile, file: file, "line \(next): \(problem)", remedy: "make the language model anew")
  }

  /// The next line that is not empty.
  private mutating func line() throws(DataError) -> String {
    while let line = first {
      pass()
      if !line.allSatisfy(\.isWhitespace) { return line }
    }
    throw fault("the file ends before \\end\\")
  }

  /// The number of n-grams of each order.
  mutating func heading() throws(DataError) -> [Int] {
    // What stands before the heading is a comment.
    while let line = first, !line.hasPrefix("\\data\\") { pass() }
    guard first != nil else {
      throw DataError(
        .wrongFormat, file: file, "this is no language model in ARPA format: it has no line \\data\\",
        remedy: "name a file that lmplz, ngram-count or Refrain wrote")
    }
    pass()
    var counts: [Int] = []
    while let line = first, !line.hasPrefix("\\") {
      pass()
      if line.allSatisfy(\.isWhitespace) { continue }
      let parts = line.drop { !$0.isNumber }.split(separator: "=").map { $0.filter { !$0.isWhitespace } }
      guard line.hasPrefix("ngram "), parts.count == 2, Int(parts[0]) == counts.count + 1, let count = Int(parts[1]),
        (0...1 << 28).contains(count), counts.count < 12
      else { throw fault("\(line.quoted) should be 'ngram \(counts.count + 1)=' and a number") }
      // A line is at least three bytes.
      guard count <= self.count else { throw fault("there are no \(count) lines in the file") }
      counts.append(count)
    }
    guard !counts.isEmpty else { throw fault("the heading names no n-grams") }
    return counts
  }

  mutating func section(_ length: Int) throws(DataError) {
    let line = try line()
    guard line.filter({ !$0.isWhitespace }) == "\\\(length)-grams:" else {
      throw fault("\(line.quoted) stands where '\\\(length)-grams:' is expected")
    }
  }

  mutating func entry(
    length: Int, hasBackoff: Bool
  ) throws(DataError) -> (logProbability: Float, words: [String], backoff: Float) {
    let line = try line()
    let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
    guard fields.count == length + 1 || hasBackoff && fields.count == length + 2 else {
      throw fault("\(line.quoted) is no \(length)-gram: a number, \(length) words, and perhaps a number")
    }
    guard let value = Float(fields[0]), !value.isNaN, value <= 0 else {
      throw fault("\(String(fields[0]).quoted) is no logarithm of a probability")
    }
    let backoff = fields.count == length + 2 ? Float(fields[length + 1]) : 0
    guard let backoff, backoff.isFinite else {
      throw fault("\(String(fields[length + 1]).quoted) is no logarithm of a weight")
    }
    return (max(value, -1e10), fields[1...length].map(String.init), backoff)
  }

  mutating func ending() throws(DataError) {
    guard try line().hasPrefix("\\end\\") else { throw fault("there are more n-grams than the heading says") }
  }
}
