/// How much summaries have of reference summaries: recall-oriented understudy for gisting evaluation (Lin 2004), as the
/// F measure, which is the harmonic mean of precision and recall, in the mean over all texts.
public struct ROUGE: Sendable, Equatable {
  /// Of single tokens.
  public var one: Double
  /// Of pairs of tokens.
  public var two: Double
  /// Of the longest run of tokens that both have in one order, with others between them.
  public var longest: Double

  /// The measures of texts against one reference each, from 0 to 1; of no texts they are 0.
  public init(
    _ texts: some Sequence<String>, references: some Sequence<String>, tokens: BLEU.Tokens = .international
  ) {
    var (sums, count) = ([0.0, 0.0, 0.0], 0.0)
    for (text, reference) in zip(texts, references) {
      let (found, wanted) = (tokens.cut(text), tokens.cut(reference))
      for size in 1...2 {
        let (own, known) = (BLEU.runs(of: found, size), BLEU.runs(of: wanted, size))
        let common = own.reduce(0) { $0 + min($1.value, known[$1.key] ?? 0) }
        sums[size - 1] += Self.measure(common, max(0, found.count - size + 1), max(0, wanted.count - size + 1))
      }
      sums[2] += Self.measure(Self.longestCommon(found, wanted), found.count, wanted.count)
      count += 1
    }
    let divisor = max(count, 1)
    (one, two, longest) = (sums[0] / divisor, sums[1] / divisor, sums[2] / divisor)
  }

  private static func measure(_ common: Int, _ found: Int, _ wanted: Int) -> Double {
    common == 0 ? 0 : 2 * Double(common) / Double(found + wanted)
  }

  /// The length of the longest common subsequence.
  private static func longestCommon(_ first: [String], _ second: [String]) -> Int {
    var row = [Int](repeating: 0, count: second.count + 1)
    for token in first {
      var diagonal = 0
      for (index, other) in second.enumerated() {
        let above = row[index + 1]
        row[index + 1] = token == other ? diagonal + 1 : max(above, row[index])
        diagonal = above
      }
    }
    return row[second.count]
  }
}
