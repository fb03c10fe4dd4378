/// A measure of predictions that is read, not trained on. It adds up over batches: its value over several batches is
/// exactly that over all of them at once.
///
/// Like a ``Loss`` it counts valid steps only, and weighs examples or steps by the weights it is given.
public struct Metric: Sendable {
  /// The name in histories and tables, such as `accuracy`.
  public let name: String
  /// The kind of prediction that it takes.
  public private(set) var prediction: PredictionKind
  /// The kind of prediction that it takes where that has one column, the score of "yes".
  var binaryPrediction: PredictionKind
  private let target: TargetKind
  private let sums: @Sendable (_ prediction: Tensor, _ target: Tensor, _ weights: [Float]) -> [Double]
  private let value: @Sendable (_ sums: [Double]) -> Double

  /// A metric from sums over rows.
  ///
  /// - Parameters:
  ///   - name: for histories and tables.
  ///   - target: what a target is made of.
  ///   - prediction: the kind of prediction that it takes.
  ///   - sums: takes the rows that count of the prediction `[N, F]` and of the target (`[N, F]`, or `[N, 1]` for single
  ///     values and class indices) and N weights, and gives what is added up over batches.
  ///   - value: makes the metric from these sums.
  public init(
    _ name: String, target: TargetKind = .values, prediction: PredictionKind = .values,
    sums: @escaping @Sendable (_ prediction: Tensor, _ target: Tensor, _ weights: [Float]) -> [Double],
    value: @escaping @Sendable (_ sums: [Double]) -> Double
  ) {
    self.name = name
    self.target = target
    self.prediction = prediction
    binaryPrediction = prediction
    self.sums = sums
    self.value = value
  }

  /// The metric of one batch; the shapes are those of ``Loss/callAsFunction(_:_:weights:lengths:targetLengths:)``.
  public func callAsFunction(
    _ prediction: Tensor, _ target: Tensor, weights: Tensor? = nil, lengths: [Int]? = nil
  ) -> Float {
    var total = Total(self)
    total.add(prediction, target, weights: weights, lengths: lengths)
    return total.value
  }

  /// A metric on its way through the batches.
  public struct Total: Sendable {
    /// What is measured.
    public let metric: Metric
    /// What was added up; nil before the first batch.
    var sums: [Double]?

    /// The total over nothing yet.
    public init(_ metric: Metric) { self.metric = metric }

    /// Adds a batch; the shapes are those of ``Loss/callAsFunction(_:_:weights:lengths:targetLengths:)``.
    public mutating func add(
      _ prediction: Tensor, _ target: Tensor, weights: Tensor? = nil, lengths: [Int]? = nil
    ) {
      let batch = PredictionRows(
        metric.target, prediction.detached, target, weights: weights, lengths: lengths, name: metric.name)
      guard batch.count > 0 else { return }
      let weights = batch.weights ?? Array(repeating: 1, count: batch.count)
      let added = metric.sums(batch.prediction, batch.target, weights)
      sums = sums.map { zip($0, added).map(+) } ?? added
    }

    /// The metric over all batches added; not a number when nothing was added.
    public var value: Float { sums.map { Float(metric.value($0)) } ?? .nan }
  }

  /// The metric where a prediction of one column is a logit if it is compared with 0.
  func comparing(with threshold: Float) -> Metric {
    var copy = self
    if threshold == 0 { copy.binaryPrediction = .logits }
    return copy
  }

  /// A metric that is the weighted mean of a measure of rows or values, put through `finish`.
  init(
    _ name: String, target: TargetKind = .values, prediction: PredictionKind = .values,
    finish: @escaping @Sendable (Double) -> Double = { $0 },
    meanOf measure: @escaping @Sendable (_ prediction: Tensor, _ target: Tensor) -> Tensor
  ) {
    self.init(name, target: target, prediction: prediction) { prediction, target, weights in
      let measured = measure(prediction, target)
      let width = measured.count / max(weights.count, 1)
      var (sum, total) = (0.0, 0.0)
      measured.withUnsafeValues { values in
        for (row, weight) in weights.enumerated() {
          var ofRow = 0.0
          for column in 0..<width { ofRow += Double(values[row * width + column]) }
          sum += Double(weight) * ofRow / Double(width)
          total += Double(weight)
        }
      }
      return [sum, total]
    } value: {
      finish($0[0] / $0[1])
    }
  }
}

// MARK: - Metrics of values

extension Metric {
  /// The mean of |y − t|.
  public static let meanAbsoluteError = Metric("mean absolute error") { abs($0 - $1) }

  /// The square root of the mean of (y − t)².
  public static let rootMeanSquaredError = Metric(
    "root mean squared error", finish: { $0.squareRoot() }, meanOf: { ($0 - $1).squared })

  /// The mean of 200 · |y − t| / (|y| + |t|), in percent; 0 where both are 0 (Makridakis 1993).
  public static let symmetricMeanAbsolutePercentageError = Metric("symmetric mean absolute percentage error") {
    let scale = abs($0) + abs($1)
    return select(scale, abs($0 - $1) * 200 / scale, Tensor(0))
  }
}
