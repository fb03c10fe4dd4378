/// What a recording says.
public struct Transcription: Sendable, Encodable, Equatable {
  /// One of its words.
  public struct Word: Sendable, Encodable, Equatable {
    /// The word.
    public var word: String
    /// When it begins, in seconds.
    public var start: Double
    /// When it ends, in seconds.
    public var end: Double
    /// How sure the network is of it, from 0 to 1: the geometric mean of the probabilities of its symbols, each where
    /// it is the greatest.
    public var confidence: Double
  }

  /// The path of the recording.
  public var audio: String
  /// What it says; empty where it could not be read.
  public var text: String
  /// How sure the network is, as of the words.
  public var confidence: Double
  /// The words with their times.
  public var words: [Word]
  /// What it should say, where that is known.
  public var reference: String?
  /// The words that are wrong, where that is known: `RUBOUT → ROBOT`, `− THE` for one that is missing, `+ A` for one
  /// too many.
  public var errors: [String]?
  /// Why it could not be read.
  public var problem: String?
}
