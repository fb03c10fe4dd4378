/// The tokens there are, each under an index. The first four are special: ``padding``, ``unknown``, ``begin`` and
/// ``end``.
public struct Vocabulary: Sendable {
  /// The index that fills up short texts.
  public static let padding = 0
  /// The index of all tokens that are not in a vocabulary.
  public static let unknown = 1
  /// The index that stands before a text.
  public static let begin = 2
  /// The index that stands behind a text.
  public static let end = 3
  /// The texts of the special tokens. One that occurs in a text, as `<unk>` does in the Penn Treebank, is that token.
  public static let specials = ["<pad>", "<unk>", "<s>", "</s>"]

  /// All tokens, special ones first.
  public let tokens: [String]
  /// How often each token was seen.
  public let counts: [Int]
  private let indices: [String: Int32]

  /// A vocabulary of what was counted: most frequent first, those that are equally frequent in the order of their text.
  ///
  /// - Parameters:
  ///   - counts: How often each token was seen.
  ///   - size: The greatest number of tokens, special ones counted.
  ///   - minimumCount: Tokens that were seen less often are left out.
  public init(counts: [String: Int], size: Int? = nil, minimumCount: Int = 1) {
    let kept = counts.filter { $0.value >= minimumCount && !Self.specials.contains($0.key) }
    let sorted = kept.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let ordered = sorted.prefix(max(0, (size ?? .max) - Self.specials.count))
    self.init(
      ordered: ordered.map(\.key),
      counts: Self.specials.map { counts[$0] ?? 0 } + ordered.map(\.value))
  }

  /// A vocabulary of tokens in an order of one's own, which special ones are put before; a token that stands twice
  /// counts once.
  public init(tokens: some Sequence<String>) {
    var seen = Set(Self.specials)
    let ordered = tokens.filter { seen.insert($0).inserted }
    self.init(
      ordered: ordered, counts: Array(repeating: 0, count: Self.specials.count + ordered.count))
  }

  /// - Parameters:
  ///   - ordered: Tokens that are all different, without special ones.
  ///   - counts: How often each was seen, special ones first.
  init(ordered: [String], counts: [Int]) {
    tokens = Self.specials + ordered
    self.counts = counts
    indices = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, Int32($0)) })
  }

  /// How many tokens there are, special ones counted.
  public var count: Int { tokens.count }

  /// The index of a token; ``unknown`` when it is not there.
  public func index(of token: String) -> Int { indices[token].map(Int.init) ?? Self.unknown }

  /// Whether a token has an index of its own.
  public func contains(_ token: String) -> Bool { indices[token] != nil }

  /// The token of an index; that of ``unknown`` where there is no such index.
  public func token(at index: Int) -> String {
    tokens.indices.contains(index) ? tokens[index] : tokens[Self.unknown]
  }
}

extension Vocabulary: Equatable {
  /// Whether both have the same tokens and counts in the same order.
  public static func == (first: Vocabulary, second: Vocabulary) -> Bool {
    first.tokens == second.tokens && first.counts == second.counts
  }
}

extension Vocabulary: Codable {
  private enum Key: String, CodingKey { case tokens, counts }

  /// Tokens and counts, without the texts of the special ones.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(Array(tokens.dropFirst(Self.specials.count)), forKey: .tokens)
    try container.encode(counts, forKey: .counts)
  }

  /// - Throws: A `DecodingError` when tokens are there twice, or counts do not belong to them.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let tokens = try container.decode([String].self, forKey: .tokens)
    let counts = try container.decode([Int].self, forKey: .counts)
    guard counts.count == tokens.count + Self.specials.count, counts.allSatisfy({ $0 >= 0 }),
      Set(tokens).union(Self.specials).count == counts.count
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .tokens, in: container, debugDescription: "a vocabulary has a token twice, or one without a count")
    }
    self.init(ordered: tokens, counts: counts)
  }
}
