import RefrainData

/// How the texts of a corpus become tokens, as far as it is not left to the task.
public struct CorpusOptions: OptionTable, Codable, Equatable {
  /// Units, vocabulary and spelling.
  public static let options: [TaskOption<Self>] = [
    .choice(
      "unit", \.unit, of: TextUnit.allCases.map { ($0.rawValue, $0) }, valueName: "unit",
      help: "What texts are cut into: words, characters, or pieces of words that are learned. (default: by the task)"),
    TaskOption("lowercase", .flag, help: "Make capital letters small ones. (default: they are kept)") { options, _ in
      options.isLowercased = true
    },
    .count(
      "vocabulary", \.vocabularySize, in: 8...1_000_000,
      help: "The greatest number of different tokens. (default: by the unit)"),
    .count(
      "minimum-count", \.minimumCount, in: 1...1_000_000,
      help: "How often a word has to occur in order not to be unknown. (default: once)"),
  ]

  /// What texts are cut into; nil is left to the task.
  public var unit: TextUnit?
  /// Whether capital letters become small ones.
  public var isLowercased = false
  /// The greatest number of different tokens; nil is left to the unit.
  public var vocabularySize: Int?
  /// How often a word has to occur in order not to be unknown; nil is once.
  public var minimumCount: Int?

  /// Everything left to the task.
  public init() {}

  /// The same for a ``Tokenizer``.
  ///
  /// - Parameter unit: The unit where none was chosen.
  func textOptions(orElse unit: TextUnit) -> TextOptions {
    TextOptions(
      unit: self.unit ?? unit, lowercased: isLowercased, vocabularySize: vocabularySize,
      minimumCount: minimumCount ?? 1)
  }
}
