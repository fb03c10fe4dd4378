import RefrainData

/// Texts to learn from, to judge or to go on from.
public struct LanguageExamples: Sendable {
  /// Texts by lines; nil where there are prompts alone.
  public var lines: TextLines?
  /// Texts to judge a training by; nil keeps the last tenth of ``lines`` aside.
  public var validation: TextLines?
  /// What a model is to go on from.
  public var prompts: [String]

  /// Texts, or prompts.
  public init(_ lines: TextLines? = nil, validation: TextLines? = nil, prompts: [String] = []) {
    (self.lines, self.validation, self.prompts) = (lines, validation, prompts)
  }

  /// What is learned from, and what is judged by.
  func parts() throws(TaskError) -> (training: Excerpt, held: Excerpt) {
    guard let lines else { throw TaskError("there is no text to learn from; give one") }
    if let validation { return (Excerpt(lines), Excerpt(validation)) }
    // By characters and not by lines, which may be short at one end.
    var characters = 0
    lines.forEachLength { length in
      characters += length + 1
      return true
    }
    var (sum, count) = (0, 0)
    lines.forEachLength { length in
      sum += length + 1
      if sum > characters - characters / 10, count > 0 { return false }
      count += 1
      return true
    }
    return (Excerpt(lines, 0..<count), Excerpt(lines, count..<lines.count))
  }
}

/// Some of the lines of a text.
struct Excerpt: Sequence {
  private let lines: TextLines
  private let range: Range<Int>

  init(_ lines: TextLines, _ range: Range<Int>? = nil) {
    self.lines = lines
    self.range = range ?? 0..<lines.count
  }

  func makeIterator() -> AnyIterator<String> {
    var (iterator, left) = (lines.makeIterator(), range.count)
    iterator.skip(range.lowerBound)
    return AnyIterator {
      guard left > 0 else { return nil }
      left -= 1
      return iterator.next()
    }
  }
}
