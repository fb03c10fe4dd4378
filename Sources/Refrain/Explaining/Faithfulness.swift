/// Whether attributions say what the network does: the score as steps are taken out of the input, or put into the
/// baseline, those with the greatest parts first, beside random orders (Samek et al. 2017; Petsiuk et al. 2018).
public struct Faithfulness: Sendable {
  /// The score after so many parts: the first is with none, the last with all, scaled so that the baseline's is 0 and
  /// the input's 1.
  public struct Curve: Sendable, Equatable {
    /// By the attribution's order.
    public var ordered: [Float]
    /// The mean over random orders.
    public var random: [Float]
    /// The means of both curves: of deletion less is better, of insertion more.
    public var areas: (ordered: Float, random: Float) { (Self.area(ordered), Self.area(random)) }

    private static func area(_ values: [Float]) -> Float {
      guard values.count > 1 else { return values.first ?? 0 }
      let inner = values.dropFirst().dropLast().reduce(0, +)
      return (inner + (values[0] + values[values.count - 1]) / 2) / Float(values.count - 1)
    }
  }

  /// From the input to the baseline.
  public var deletion: Curve
  /// From the baseline to the input.
  public var insertion: Curve

  /// Measures an attribution.
  ///
  /// - Parameters:
  ///   - steps: The part of each step.
  ///   - score: What was explained.
  ///   - input: `[T, I]`.
  ///   - baseline: What takes the steps' place.
  ///   - most: At most so many windows of steps are moved.
  ///   - orders: How many random orders are tried.
  ///   - seed: What they follow from.
  /// - Returns: nil where input and baseline have the same score, or there is one step.
  public init?(
    of steps: [Float], for score: Attribution.Score, at input: Tensor, from baseline: Tensor, most: Int = 32,
    orders: Int = 10, seed: UInt64 = 0
  ) {
    Attribution.requireSame(input, baseline)
    let ends = score(stack([baseline, input])).values
    let range = ends[1] - ends[0]
    guard abs(range) > 1e-6 * max(abs(ends[0]), abs(ends[1])), range.isFinite, steps.count > 1 else { return nil }
    let features = input.shape[1]
    let windows = Attribution.windows(of: steps.count, atMost: most)
    // Where the score fell below the baseline's, the steps that made it fall come first.
    let parts = windows.map { window in window.reduce(Float(0)) { $0 + steps[$1] } * (range < 0 ? -1 : 1) }
    let order = parts.indices.sorted { (parts[$0], $1) > (parts[$1], $0) }
    var generator = RandomGenerator(seed: seed)
    let all = [order] + (0..<orders).map { _ in generator.permutation(windows.count) }
    func sets(_ order: [Int]) -> [[Int]] {
      var set: [Int] = []
      return [[]]
        + order.map { window in
          set += windows[window].lowerBound * features..<windows[window].upperBound * features
          return set
        }
    }
    func curve(replacing input: Tensor, by other: Tensor) -> Curve {
      let curves = all.map { order in
        Attribution.scores(of: score, replacing: sets(order), in: input, by: other).map { ($0 - ends[0]) / range }
      }
      let mean = curves[0].indices.map { index in
        curves.dropFirst().reduce(Float(0)) { $0 + $1[index] } / Float(max(orders, 1))
      }
      return Curve(ordered: curves[0], random: mean)
    }
    deletion = curve(replacing: input, by: baseline)
    insertion = curve(replacing: baseline, by: input)
  }
}

/// How alike two orders are.
public enum RankCorrelation {
  /// Spearman's rank correlation of two lists of one length, −1 … 1; ties have their mean rank, and NaN stands for
  /// lists of one value.
  public static func spearman(_ first: [Float], _ second: [Float]) -> Float {
    require(first.count == second.count, "\(first.count) and \(second.count) values have no rank correlation")
    return pearson(ranks(first), ranks(second))
  }

  /// Pearson's correlation; NaN where one list does not vary.
  public static func pearson(_ first: [Float], _ second: [Float]) -> Float {
    let count = Double(max(first.count, 1))
    let means = (first.reduce(0.0) { $0 + Double($1) } / count, second.reduce(0.0) { $0 + Double($1) } / count)
    var (product, squares) = (0.0, (0.0, 0.0))
    for (x, y) in zip(first, second) {
      let (a, b) = (Double(x) - means.0, Double(y) - means.1)
      product += a * b
      squares = (squares.0 + a * a, squares.1 + b * b)
    }
    guard squares.0 > 0, squares.1 > 0 else { return .nan }
    return Float(product / (squares.0 * squares.1).squareRoot())
  }

  private static func ranks(_ values: [Float]) -> [Float] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Float](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      for place in start..<end { ranks[order[place]] = Float(start + end - 1) / 2 }
      start = end
    }
    return ranks
  }
}
