import RealModule

extension Metric {
  /// The part of rows whose class is right: predictions `[…, C]` against class indices `[…]` or one-hot rows `[…, C]`.
  /// A prediction of one column is taken for the logit of "yes"; see ``accuracy(threshold:)`` for probabilities.
  public static let accuracy = Metric("accuracy", target: .classes) { prediction, target in
    Tensor(zip(classes(prediction, threshold: 0), labels(target)).map { $0 == $1 ? 1 : 0 })
  }.comparing(with: 0)

  /// The part of values on the right side: predictions above `threshold` (0 for logits, 0.5 for probabilities) against
  /// targets above 0.5, value by value.
  public static func accuracy(threshold: Float) -> Metric {
    Metric("accuracy") { prediction, target in
      equal(greater(prediction, Tensor(threshold)), greater(target, Tensor(0.5)))
    }
  }

  /// The part of rows whose class is among the `count` with the highest scores; ties count as among them.
  public static func topAccuracy(_ count: Int) -> Metric {
    require(count > 0, "top accuracy: the number of classes is \(count), and must be positive")
    return Metric("top-\(count) accuracy", target: .classes) { prediction, target in
      let columns = prediction.shape[1]
      let labels = labels(target)
      return prediction.withUnsafeValues { scores in
        Tensor(
          labels.enumerated().map { row, label -> Float in
            require(label < columns, "top accuracy: the class \(label) is outside \(columns) classes")
            let own = scores[row * columns + label]
            let better = (0..<columns).reduce(0) { $0 + (scores[row * columns + $1] > own ? 1 : 0) }
            return better < count ? 1 : 0
          })
      }
    }
  }

  /// e to the mean cross entropy of logits `[…, C]`: among how many equally likely classes the model seems to choose.
  public static let perplexity = Metric(
    "perplexity", target: .classes, prediction: .logits, finish: { .exp($0) }, meanOf: Loss.crossEntropyOfRows)

  /// Of the rows predicted to be of the class `label`, the part that is; 0 when there are none.
  ///
  /// - Parameters:
  ///   - label: a class. A prediction of one column knows classes 0 and 1.
  ///   - threshold: above which a prediction of one column means 1: 0 for logits, 0.5 for probabilities.
  public static func precision(of label: Int, threshold: Float = 0) -> Metric {
    hits(labelled("precision", label), label, threshold) { $0.found / ($0.found + $0.wrong) }
  }

  /// Of the rows that are of the class `label`, the part predicted to be; 0 when there are none. Parameters as for
  /// ``precision(of:threshold:)``.
  public static func recall(of label: Int, threshold: Float = 0) -> Metric {
    hits(labelled("recall", label), label, threshold) { $0.found / ($0.found + $0.missed) }
  }

  /// The harmonic mean of ``precision(of:threshold:)`` and ``recall(of:threshold:)``.
  public static func f1(of label: Int, threshold: Float = 0) -> Metric {
    hits(labelled("F1", label), label, threshold) { 2 * $0.found / (2 * $0.found + $0.wrong + $0.missed) }
  }

  /// ``precision(of:threshold:)`` of class 1.
  public static let precision: Metric = precision(of: 1)
  /// ``recall(of:threshold:)`` of class 1.
  public static let recall: Metric = recall(of: 1)
  /// ``f1(of:threshold:)`` of class 1.
  public static let f1: Metric = f1(of: 1)

  /// Of the class 1, which is the one that is looked for, the name alone.
  private static func labelled(_ name: String, _ label: Int) -> String { label == 1 ? name : "\(name) of \(label)" }

  private typealias Hits = (found: Double, wrong: Double, missed: Double)

  private static func hits(
    _ name: String, _ label: Int, _ threshold: Float, _ ratio: @escaping @Sendable (Hits) -> Double
  ) -> Metric {
    Metric(name, target: .classes) { prediction, target, weights in
      var sums = [0.0, 0.0, 0.0]
      for ((guess, truth), weight) in zip(zip(classes(prediction, threshold: threshold), labels(target)), weights) {
        switch (guess == label, truth == label) {
        case (true, true): sums[0] += Double(weight)
        case (true, false): sums[1] += Double(weight)
        case (false, true): sums[2] += Double(weight)
        case (false, false): break
        }
      }
      return sums
    } value: { sums in
      let value = ratio((sums[0], sums[1], sums[2]))
      return value.isNaN ? 0 : value
    }.comparing(with: threshold)
  }

  /// The class of each row `[N, C]`: the highest score, or for one column whether it is above the threshold.
  private static func classes(_ prediction: Tensor, threshold: Float) -> [Int] {
    prediction.shape[1] > 1 ? prediction.argmax() : prediction.values.map { $0 > threshold ? 1 : 0 }
  }

  /// The class of each row of class indices `[N, 1]` or one-hot rows `[N, C]`.
  private static func labels(_ target: Tensor) -> [Int] {
    guard target.shape[1] == 1 else { return target.argmax() }
    do throws(NoIndex) { return try target.indices(below: .max) } catch {
      fatalError("the target \(error.value) is no class index")
    }
  }
}
