/// How well scores put what is so before what is not, whatever the threshold.
struct RankingMeasures {
  /// The area under the receiver operating characteristic: how often of two examples the one that is so has the greater
  /// score, ties counting half. NaN where all examples are the same.
  let auc: Double
  /// The mean of the precision at each example that is so, ordered by score; examples of one score count together.
  let averagePrecision: Double

  /// - Parameters:
  ///   - scores: Of each example; what is not a number is below all.
  ///   - truth: Whether each is so.
  init(_ scores: [Double], _ truth: [Bool]) {
    let order = zip(scores, truth).map { (score: $0.isNaN ? -.infinity : $0, isSo: $1) }.sorted { $0.score > $1.score }
    let positives = Double(truth.count { $0 })
    let negatives = Double(truth.count) - positives
    var (hits, misses, pairs, precisions) = (0.0, 0.0, 0.0, 0.0)
    var start = 0
    while start < order.count {
      let end = order[start...].firstIndex { $0.score < order[start].score } ?? order.count
      let own = Double(order[start..<end].count { $0.isSo })
      let others = Double(end - start) - own
      pairs += others * (hits + own / 2)
      hits += own
      misses += others
      precisions += own * hits / (hits + misses)
      start = end
    }
    auc = positives > 0 && negatives > 0 ? pairs / (positives * negatives) : .nan
    averagePrecision = positives > 0 ? precisions / positives : .nan
  }
}
