import RefrainData

/// How well scores put what is so before what is not, whatever the threshold.
struct RankingMeasures {
  /// The area under the receiver operating characteristic: how often of two examples the one that is so has the greater
  /// score, ties counting half. NaN where all examples are the same.
  var auc: Double { hits > 0 && misses > 0 ? pairs / (hits * misses) : .nan }
  /// The mean of the precision at each example that is so, ordered by score; examples of one score count together.
  var averagePrecision: Double { hits > 0 ? precisions / hits : .nan }

  /// How many examples are so, and are not, of those looked at; of pairs of both how many are in order.
  private var (hits, misses, pairs, precisions) = (0.0, 0.0, 0.0, 0.0)

  fileprivate init() {}

  /// - Parameters:
  ///   - scores: Of each example; what is not a number is below all.
  ///   - truth: Whether each is so.
  init(_ scores: [Double], _ truth: [Bool]) {
    var ties = Ties()
    for row in zip(scores, truth).map({ RankedRows.Row(score: $0, isSo: $1) }).sorted(by: RankedRows.Row.areInOrder) {
      ties.add(row, to: &self)
    }
    ties.finish(&self)
  }

  /// Those of examples that have one score.
  init(tied positives: Int, of count: Int) {
    if count > 0 { add(so: Double(positives), others: Double(count - positives)) }
  }

  /// Takes up the examples that have the next smaller score.
  fileprivate mutating func add(so own: Double, others: Double) {
    pairs += others * (hits + own / 2)
    hits += own
    misses += others
    precisions += own * hits / (hits + misses)
  }

  /// The examples of the score that was looked at last.
  fileprivate struct Ties {
    private var score = Double.nan
    private var (own, others) = (0.0, 0.0)

    mutating func add(_ row: RankedRows.Row, to measures: inout RankingMeasures) {
      if row.score != score { finish(&measures) }
      score = row.score
      if row.isSo { own += 1 } else { others += 1 }
    }

    mutating func finish(_ measures: inout RankingMeasures) {
      if own + others > 0 { measures.add(so: own, others: others) }
      (own, others) = (0, 0)
    }
  }
}

/// The scores of rows and whether they are so: 16 bytes a row, in a file where they are too many for memory.
struct RankedRows {
  fileprivate struct Row: BitwiseCopyable, Sendable {
    let score: Double
    let isSo: Bool

    init(score: Double, isSo: Bool) { (self.score, self.isSo) = (score.isNaN ? -.infinity : score, isSo) }

    static func areInOrder(_ one: Row, _ other: Row) -> Bool { one.score > other.score }
  }

  /// How many bytes a row takes.
  static var size: Int { MemoryLayout<Row>.stride }
  private var rows: LongArray<Row>

  /// - Parameter most: How many rows are held in memory.
  init(most: Int) { rows = LongArray(most: most) }

  mutating func add(score: Double, isSo: Bool) { rows.append(Row(score: score, isSo: isSo)) }

  /// - Throws: `diskFull`, `unwritableFile` or `unreadableFile`.
  func measures() throws(DataError) -> RankingMeasures {
    var (measures, ties) = (RankingMeasures(), RankingMeasures.Ties())
    try rows.forEachSorted(by: Row.areInOrder) { ties.add($0, to: &measures) }
    ties.finish(&measures)
    return measures
  }
}
