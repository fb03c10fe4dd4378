import RefrainData

/// What a ``Tagger`` says of a sentence, a word or a span.
public enum TagAnswer: Encodable, Sendable {
  /// Of a sentence.
  case sentence(TaggedText)
  /// Of a word.
  case word(Word)
  /// Of a span.
  case span(Span)

  /// A word of a sentence.
  public struct Word: Encodable, Sendable, Equatable {
    /// The sentence, from 1.
    public let sentence: Int
    /// The word as it is written.
    public let word: String
    /// Its tag.
    public let tag: String
    /// How probable the tag is.
    public let probability: Double
  }

  /// A span of a sentence.
  public struct Span: Encodable, Sendable, Equatable {
    /// The sentence, from 1.
    public let sentence: Int
    /// What it is.
    public let type: String
    /// Its first word, from 0, and the one after its last.
    public let start, end: Int
    /// Its words.
    public let text: String
    /// How probable it is that these words, and no others beside them, are a span of this type.
    public let probability: Double
  }

  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .sentence(let answer): try answer.encode(to: encoder)
    case .word(let answer): try answer.encode(to: encoder)
    case .span(let answer): try answer.encode(to: encoder)
    }
  }
}

/// A sentence with its tags, as a ``Tagger`` finds them.
public struct TaggedText: Encodable, Sendable, Equatable {
  /// A span.
  public struct Span: Encodable, Sendable, Equatable {
    /// What it is, such as `PER`.
    public let type: String
    /// Its first word, from 0, and the one after its last.
    public let start, end: Int
    /// Its words.
    public let text: String
    /// How probable it is that these words, and no others beside them, are a span of this type.
    public let probability: Double
  }

  /// Another way to tag the sentence.
  public struct Alternative: Encodable, Sendable, Equatable {
    /// A tag for each word.
    public let tags: [String]
    /// How probable all of them are together.
    public let probability: Double
  }

  /// The words.
  public let words: [String]
  /// A tag for each word: those that are most probable together.
  public let tags: [String]
  /// How probable each tag is.
  public let probabilities: [Double]
  /// The spans; nil where tags say nothing of spans.
  public let spans: [Span]?
  /// What the sentence is; nil where nothing was learned of it.
  public let label: String?
  /// How probable the label is.
  public let labelProbability: Double?
  /// The most probable ways to tag the sentence, where they were asked for.
  public let alternatives: [Alternative]?
}
