/// A tag that says where a word stands in a span, and of what type the span is: `B-NP`, `I-NP`, `O`; `B` and `I` alone
/// are of the type without a name.
package struct SpanTag: Equatable {
  /// Where a word stands in a span.
  package enum Position: Character {
    case begin = "B"
    case inside = "I"
    case end = "E"
    case single = "S"
    case outside = "O"
  }

  /// Where the word stands.
  package let position: Position
  /// The type of its span.
  package let type: Substring

  /// nil where it is none. `L`, `U` and `M` are other words for `E`, `S` and `I`.
  package init?(_ tag: Substring) {
    guard let first = tag.first else { return nil }
    let rest = tag.dropFirst()
    if first == "O" {
      guard rest.isEmpty else { return nil }
      (position, type) = (.outside, "")
      return
    }
    let others: [Character: Position] = ["L": .end, "U": .single, "M": .inside]
    guard let position = Position(rawValue: first) ?? others[first] else { return nil }
    guard rest.isEmpty || rest.first == "-" && rest.count > 1 else { return nil }
    (self.position, type) = (position, rest.dropFirst())
  }
}

/// Some words in a row that are one thing, such as a person's name.
public struct TagSpan: Sendable, Hashable {
  /// What it is, such as `PER`; empty where tags have no types.
  public let type: String
  /// The words, by their places.
  public let range: Range<Int>

  /// A span of some words.
  public init(type: String, range: Range<Int>) {
    self.type = type
    self.range = range
  }

  /// The spans of a sentence's tags by the rules of conlleval, CoNLL's program for evaluation: a span begins at `B` and
  /// `S`, after `E` and `S`, and wherever the type changes. So BIO, IOB1 and BIOES are read alike, and so are tags that
  /// fit none of them. What is no such tag is outside.
  public static func spans(of tags: some Collection<String>) -> [TagSpan] {
    var spans: [TagSpan] = []
    var open: (type: Substring, start: Int)?
    var previous = SpanTag.Position.outside
    func close(at end: Int) {
      if let span = open { spans.append(TagSpan(type: String(span.type), range: span.start..<end)) }
      open = nil
    }
    for (place, text) in tags.enumerated() {
      let tag = SpanTag(text[...])
      let position = tag?.position ?? .outside
      if position == .outside {
        close(at: place)
      } else if let tag {
        let begins =
          position == .begin || position == .single || previous == .end || previous == .single
          || open?.type != tag.type
        if begins {
          close(at: place)
          open = (tag.type, place)
        }
      }
      previous = position
    }
    close(at: tags.count)
    return spans
  }
}

/// How well spans were found, by conlleval's rules: a span counts as found when its type and all its words are right.
public struct SpanScores: Sendable, Equatable {
  /// Spans of one type, or of all.
  public struct Counts: Sendable, Equatable {
    /// How many there are.
    public var truth = 0
    /// How many were found, right or wrong.
    public var found = 0
    /// How many were found rightly.
    public var right = 0

    /// None.
    public init() {}

    /// The share of those found that are right; 0 when none was found.
    public var precision: Double { found == 0 ? 0 : Double(right) / Double(found) }
    /// The share of those there are that were found rightly; 0 when there is none.
    public var recall: Double { truth == 0 ? 0 : Double(right) / Double(truth) }
    /// The harmonic mean of precision and recall; 0 when nothing is right.
    public var f1: Double { right == 0 ? 0 : 2 * Double(right) / Double(truth + found) }
  }

  /// All spans.
  public private(set) var all = Counts()
  /// Those of each type.
  public private(set) var types: [String: Counts] = [:]
  /// How many words there are, and how many have the right tag.
  public private(set) var (words, rightWords) = (0, 0)

  /// Nothing yet.
  public init() {}

  /// The share of words that have the right tag; 0 when there is none.
  public var accuracy: Double { words == 0 ? 0 : Double(rightWords) / Double(words) }

  /// Adds a sentence.
  ///
  /// - Parameters:
  ///   - truth: The true tags.
  ///   - found: As many tags that were found.
  public mutating func add(truth: [String], found: [String]) {
    words += truth.count
    rightWords += zip(truth, found).count { $0 == $1 }
    let (actual, found) = (TagSpan.spans(of: truth), TagSpan.spans(of: found))
    let right = Set(actual)
    for span in actual { count(span) { $0.truth += 1 } }
    for span in found {
      count(span) { $0.found += 1 }
      if right.contains(span) { count(span) { $0.right += 1 } }
    }
  }

  private mutating func count(_ span: TagSpan, _ change: (inout Counts) -> Void) {
    change(&all)
    change(&types[span.type, default: Counts()])
  }
}
