import RefrainData

/// How near numbers come to the truth. Of each row only what it adds is kept.
struct RegressionMeasures {
  private let mean: Double
  private var own = Errors()
  private var baseline = Errors()
  private var linear: Errors?
  /// How many rows have an interval, and how many of these hold the truth.
  private var (bounded, held) = (0, 0)

  /// - Parameters:
  ///   - mean: That of the training, the first baseline.
  ///   - hasLinear: Whether there is a linear model, the second.
  init(mean: Double, hasLinear: Bool) {
    self.mean = mean
    linear = hasLinear ? Errors() : nil
  }

  /// Takes up rows.
  ///
  /// - Parameters:
  ///   - answers: What was said, and the interval if there is one.
  ///   - truth: What is so.
  ///   - linear: What a linear model says; nil where there is none.
  mutating func add(_ answers: [RegressionAnswer], truth: [Double], linear: [Double]?) {
    for (answer, truth) in zip(answers, truth) {
      own.add(answer.value, truth)
      baseline.add(mean, truth)
      guard let low = answer.low, let high = answer.high else { continue }
      bounded += 1
      if low <= truth, truth <= high { held += 1 }
    }
    if let linear { for (value, truth) in zip(linear, truth) { self.linear?.add(value, truth) } }
  }

  /// The measures of all rows.
  ///
  /// - Parameter truth: What is so of the rows that were taken up.
  func evaluation(_ truth: some Sequence<Double>) -> TaskEvaluation {
    let count = Double(max(1, own.count))
    let average = truth.reduce(0, +) / count
    let variance = truth.reduce(0) { $0 + ($1 - average) * ($1 - average) }
    var measures = own.measures(variance)
    if own.count > 0, bounded == own.count { measures.append(.init("coverage", Double(held) / count)) }
    var baselines = [TaskEvaluation.Baseline("mean", baseline.measures(variance))]
    if let linear { baselines.append(.init("linear", linear.measures(variance))) }
    return TaskEvaluation(
      task: Regressor.name, examples: own.count, measures: measures, baselines: baselines)
  }

  /// Sums of how far numbers are off.
  private struct Errors {
    private(set) var count = 0
    private var (sum, squares) = (0.0, 0.0)

    mutating func add(_ value: Double, _ truth: Double) {
      count += 1
      sum += abs(value - truth)
      squares += (value - truth) * (value - truth)
    }

    /// Mean absolute error, root mean squared error, and the share of the variance that is explained.
    func measures(_ variance: Double) -> [TaskEvaluation.Measure] {
      let count = Double(max(1, count))
      return [
        .init("mae", sum / count),
        .init("rmse", (squares / count).squareRoot()),
        // Of numbers that are all the same nothing can be explained.
        .init("r2", variance > 0 ? 1 - squares / variance : .nan),
      ]
    }
  }
}

extension RegressionMeasures {
  /// The measures of rows that are all at hand.
  static func evaluation(
    of answers: [RegressionAnswer], truth: [Double], mean: Double, linear: [Double]?
  ) -> TaskEvaluation {
    var measures = RegressionMeasures(mean: mean, hasLinear: linear != nil)
    measures.add(answers, truth: truth, linear: linear)
    return measures.evaluation(truth)
  }
}
