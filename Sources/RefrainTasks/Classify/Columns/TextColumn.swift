import Refrain
import RefrainData

/// Texts: tokens, their vectors, recurrent layers. Files of text in a folder are texts too.
public struct TextColumn: ColumnEncoder {
  public static let kind = "text"
  let tokenizer: Tokenizer
  /// The vectors to begin with; not saved, for they have become weights.
  private let vectors: WordVectors?
  /// The longest text that is read whole; of a longer one the middle is left out.
  let limit: Int
  /// The size of vectors that were given.
  private let vectorSize: Int?

  private enum Key: String, CodingKey { case tokenizer, limit, vectorSize }

  private static let endings: Set<String> = ["txt", "text", "md", "eml", "html", "htm"]

  public static func likelihood(of sample: ColumnSample) -> Double {
    if sample.holdsFiles { return sample.shareOfFiles(endingIn: endings) }
    return 0.4
  }

  public init(learning column: Column, _ settings: ColumnSettings) throws(DataError) {
    let texts = Texts(column)
    var options = TextOptions(unit: settings.unit ?? texts.unit, vocabularySize: settings.vocabularySize)
    options.lowercased = !(settings.keepsCase ?? (options.unit == .characters))
    // A word that was seen once says nothing, and stands for all that were never seen.
    options.minimumCount = options.unit == .pieces || column.count < 200 ? 1 : 2
    tokenizer = Tokenizer(learning: texts, options)
    try texts.check()
    if let path = settings.vectors {
      vectors = try WordVectors(contentsOf: path, for: tokenizer.vocabulary)
    } else {
      vectors = nil
    }
    vectorSize = vectors?.size
    limit = options.unit == .words ? 512 : 1024
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    tokenizer = try container.decode(Tokenizer.self, forKey: .tokenizer)
    limit = try container.decode(Int.self, forKey: .limit)
    vectorSize = try container.decodeIfPresent(Int.self, forKey: .vectorSize)
    vectors = nil
    guard limit > 1, 1...4096 ~= vectorSize ?? 1 else {
      throw DecodingError.dataCorruptedError(
        forKey: .limit, in: container, debugDescription: "a size of texts cannot be")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(tokenizer, forKey: .tokenizer)
    try container.encode(limit, forKey: .limit)
    try container.encodeIfPresent(vectorSize, forKey: .vectorSize)
  }

  public func encode(_ column: Column) throws(DataError) -> any EncodedColumn {
    var sequences = TokenSequences()
    let texts = Texts(column)
    for text in texts {
      let tokens = shortened(tokenizer.encode(text))
      sequences.append(tokens.isEmpty ? [Vocabulary.end] : tokens)
    }
    try texts.check()
    try sequences.check()
    return TextValues(sequences: sequences)
  }

  /// How a text begins and how it ends says most of it.
  private func shortened<Token>(_ tokens: [Token]) -> [Token] {
    tokens.count > limit ? Array(tokens.prefix(limit - limit / 4) + tokens.suffix(limit / 4)) : tokens
  }

  public func names(row: Int, of column: Column, shape: [Int]) -> ColumnNames {
    let text = Texts(column, rows: row..<row + 1).first { _ in true } ?? ""
    let tokens = shortened(tokenizer.tokens(text))
    return ColumnNames(steps: tokens.isEmpty ? ["(nothing)"] : tokens)
  }

  public func unknown(like input: StepValues) -> StepValues? {
    input.map { .zeros($0.shape) + Float(Vocabulary.unknown) }
  }

  public func makePart(_ plan: NetworkPlan, using generator: inout RandomGenerator) -> any ColumnPart {
    TextPart(
      plan, vocabulary: tokenizer.vocabulary.count, size: vectorSize ?? plan.embeddingSize, vectors: vectors,
      using: &generator)
  }

  public func weightCount(_ plan: NetworkPlan) -> Double {
    let size = vectorSize ?? plan.embeddingSize
    return Double(tokenizer.vocabulary.count) * Double(size) + SequencePart.weightCount(plan, inputSize: size)
  }

  public var content: Augmentation.Content? { tokenizer.options.unit == .characters ? .characters : .words }

  public func changed(
    _ input: StepValues, by changes: Augmentations, using generator: inout RandomGenerator
  ) -> StepValues {
    let own = changes.only(content?.kinds ?? [])
    guard !own.isEmpty else { return input }
    return own.changed(texts: input, vocabulary: tokenizer.vocabulary.count, using: &generator)
  }

  public var bagSize: Int { tokenizer.vocabulary.count }

  public var summary: String {
    "text, \(tokenizer.vocabulary.count - Vocabulary.specials.count) \(tokenizer.options.unit.rawValue)"
  }
}

/// The texts of a column: its values, or the contents of its files, each read when it is asked for.
private struct Texts: Sequence {
  private let column: Column
  private let rows: Range<Int>
  private let failure = Failure()

  /// Why the texts ended early.
  private final class Failure {
    var error: DataError?
  }

  /// - Parameter rows: Which rows; nil is all.
  init(_ column: Column, rows: Range<Int>? = nil) {
    self.column = column
    self.rows = rows ?? 0..<column.count
  }

  /// Goes through the texts. Where a file cannot be read they end; ``check()`` tells.
  func makeIterator() -> AnyIterator<String> {
    var row = rows.lowerBound
    return AnyIterator {
      guard row < rows.upperBound else { return nil }
      defer { row += 1 }
      guard column.holdsFiles else { return column.text(row) ?? "" }
      do throws(DataError) {
        let lines = try TextLines(paths: [column.text(row) ?? ""])
        let text = lines.joined(separator: "\n")
        try lines.checkUnchanged()
        return text
      } catch {
        failure.error = failure.error ?? error
        row = rows.upperBound - 1
        return nil
      }
    }
  }

  /// Makes sure that all texts could be read.
  func check() throws(DataError) {
    if let error = failure.error { throw error }
  }

  /// Characters where texts are single words, such as names; else words.
  var unit: TextUnit {
    var (texts, words, bytes) = (0, 0, 0)
    for text in prefix(2000) {
      texts += 1
      words += text.split(whereSeparator: \.isWhitespace).count
      bytes += text.utf8.count
    }
    return Double(words) < 1.6 * Double(texts) && bytes < 24 * texts ? .characters : .words
  }
}

private struct TextValues: EncodedColumn {
  let sequences: TokenSequences
  var count: Int { sequences.count }

  func length(of row: Int) -> Int { sequences.length(of: row) }

  var holdsTokens: Bool { true }

  func batch(_ rows: [Int]) throws(TrainingError) -> StepValues {
    let lengths = rows.map { sequences.length(of: $0) }
    let time = lengths.max() ?? 0
    var values = [Float](repeating: Float(Vocabulary.padding), count: rows.count * time)
    for (number, row) in rows.enumerated() {
      for (step, token) in sequences[row].enumerated() { values[number * time + step] = Float(token) }
    }
    do throws(DataError) { try check() } catch { throw TrainingError(.unreadableData, error.description) }
    return StepValues(Tensor(values, shape: [rows.count, time]), steps: Steps(lengths: lengths))
  }

  func bag(of row: Int) -> [(feature: Int, value: Float)] {
    var features: [(feature: Int, value: Float)] = []
    for token in sequences[row].sorted() where features.last.map({ $0.feature != Int(token) }) ?? true {
      features.append((Int(token), 1))
    }
    return features
  }

  func check() throws(DataError) { try sequences.check() }
}

/// Vectors of tokens, recurrent layers over them, and beside these the mean of the vectors, to which order means
/// nothing.
private struct TextPart: ColumnPart {
  var embedding: Embedding
  var sequence: SequencePart
  let dropout: Float

  init(
    _ plan: NetworkPlan, vocabulary: Int, size: Int, vectors: WordVectors?, using generator: inout RandomGenerator
  ) {
    embedding = Embedding(vocabulary: vocabulary, size: size, dropout: plan.wordDropout, using: &generator)
    if let vectors {
      var weights = embedding.weight.values
      for token in vectors.found {
        weights.replaceSubrange(
          token * size..<(token + 1) * size, with: vectors.values[token * size..<(token + 1) * size])
      }
      embedding.weight = Tensor(weights, shape: [vocabulary, size])
    }
    sequence = SequencePart(plan, inputSize: size, using: &generator)
    dropout = plan.dropout
  }

  var featureSize: Int { sequence.featureSize + embedding.configuration.size }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try embedding.forEachTensor(under: "embedding", body)
    try sequence.forEachTensor(under: "sequence", body)
  }

  func values(of input: StepValues) -> StepValues { embedding(input) }

  func callAsFunction(_ vectors: StepValues, layers: LayerCalls) -> Tensor {
    concatenate([sequence(vectors, layers: layers), GlobalPooling1D(.average)(vectors).values], axis: 1)
  }
}
