import Refrain
import RefrainData

/// One of several words: each has a vector that is learned. What was not there when it was learned, or only once, has a
/// vector for all of its kind.
public struct CategoryColumn: ColumnEncoder {
  public static let kind = "category"
  /// The words that have a vector of their own, the most frequent first; 0 stands for all others.
  let words: [String]
  private let places: [String: Int]

  private enum Key: String, CodingKey { case words }

  /// More words than this are others.
  private static let limit = 10_000

  /// Short values that come again and again are words of a kind.
  public static func likelihood(of sample: ColumnSample) -> Double {
    guard !sample.holdsFiles, sample.share({ $0.utf8.count <= 64 }) > 0.99 else { return 0 }
    let share = Double(sample.distinct.count) / Double(max(1, sample.values.count))
    guard share <= 0.5 || sample.distinct.count <= 3 else { return 0 }
    return share <= 0.05 || sample.distinct.count <= 20 && share <= 0.3 ? 0.8 : 0.5 - share
  }

  public init(learning column: Column, _ settings: ColumnSettings) throws(DataError) {
    var counts: [String: Int] = [:]
    for row in 0..<column.count { if let text = column.text(row) { counts[text, default: 0] += 1 } }
    let frequent = counts.filter { $0.value > 1 || counts.count <= 10 }
    self.init(frequent.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.limit).map(\.key))
  }

  private init(_ words: [String]) {
    self.words = words
    places = Dictionary(words.enumerated().map { ($1, $0 + 1) }) { first, _ in first }
  }

  public init(from decoder: any Decoder) throws {
    self.init(try decoder.container(keyedBy: Key.self).decode([String].self, forKey: .words))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(words, forKey: .words)
  }

  public func encode(_ column: Column) throws(DataError) -> any EncodedColumn {
    var values = LongArray<Int32>()
    for row in 0..<column.count { values.append(Int32(column.text(row).flatMap { places[$0] } ?? 0)) }
    try values.check()
    return CategoryValues(places: values)
  }

  public func makePart(_ plan: NetworkPlan, using generator: inout RandomGenerator) -> any ColumnPart {
    CategoryPart(
      Embedding(
        vocabulary: words.count + 1, size: Self.size(words.count), dropout: plan.wordDropout, using: &generator))
  }

  private static func size(_ count: Int) -> Int { min(max(2, (count + 1) / 2), 16) }

  public func weightCount(_ plan: NetworkPlan) -> Double {
    Double(words.count + 1) * Double(Self.size(words.count))
  }

  public func unknown(like input: StepValues) -> StepValues? { input.map { .zeros($0.shape) } }

  public var bagSize: Int { words.count + 1 }
  public var summary: String { "\(words.count) categories" }
  public var content: Augmentation.Content? { .categories }

  public func changed(
    _ input: StepValues, by changes: Augmentations, using generator: inout RandomGenerator
  ) -> StepValues { input.map { changes.changed(categories: $0, using: &generator) } }
}

private struct CategoryValues: EncodedColumn {
  let places: LongArray<Int32>
  var count: Int { places.count }

  func length(of row: Int) -> Int { 0 }

  var holdsTokens: Bool { true }

  func batch(_ rows: [Int]) throws(TrainingError) -> StepValues {
    let own = rows.map { Int(places[$0]) }
    do throws(DataError) { try check() } catch { throw TrainingError(.unreadableData, error.description) }
    return StepValues(Tensor(own))
  }

  func bag(of row: Int) -> [(feature: Int, value: Float)] { [(Int(places[row]), 1)] }

  func check() throws(DataError) { try places.check() }
}

/// Vectors of categories.
private struct CategoryPart: ColumnPart {
  var embedding: Embedding

  init(_ embedding: Embedding) { self.embedding = embedding }

  var featureSize: Int { embedding.configuration.size }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try embedding.forEachTensor(under: "embedding", body) }

  func values(of input: StepValues) -> StepValues { embedding(input) }

  func callAsFunction(_ values: StepValues, layers: LayerCalls) -> Tensor { values.values }
}
