import RefrainData

/// How near numbers come to the truth.
struct RegressionMeasures {
  let evaluation: TaskEvaluation

  /// - Parameters:
  ///   - answers: What was said, and the interval if there is one.
  ///   - truth: What is so.
  ///   - mean: That of the training, the first baseline.
  ///   - linear: What a linear model says; nil where there is none.
  init(_ answers: [RegressionAnswer], truth: [Double], mean: Double, linear: [Double]?) {
    var measures = Self.errors(answers.map(\.value), truth)
    let bounds = answers.compactMap { answer in answer.low.flatMap { low in answer.high.map { (low, $0) } } }
    if !truth.isEmpty, bounds.count == truth.count {
      let held = zip(bounds, truth).count { $0.0 <= $1 && $1 <= $0.1 }
      measures.append(.init("coverage", Double(held) / Double(truth.count)))
    }
    var baselines = [
      TaskEvaluation.Baseline("mean", Self.errors(Array(repeating: mean, count: truth.count), truth))
    ]
    if let linear { baselines.append(.init("linear", Self.errors(linear, truth))) }
    evaluation = TaskEvaluation(
      task: Regressor.name, examples: truth.count, measures: measures, baselines: baselines)
  }

  /// Mean absolute error, root mean squared error, and the share of the variance that is explained.
  private static func errors(_ values: [Double], _ truth: [Double]) -> [TaskEvaluation.Measure] {
    let count = Double(max(1, truth.count))
    let mean = truth.reduce(0, +) / count
    let squares = zip(values, truth).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let variance = truth.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return [
      .init("mae", zip(values, truth).reduce(0) { $0 + abs($1.0 - $1.1) } / count),
      .init("rmse", (squares / count).squareRoot()),
      // Of numbers that are all the same nothing can be explained.
      .init("r2", variance > 0 ? 1 - squares / variance : .nan),
    ]
  }
}
