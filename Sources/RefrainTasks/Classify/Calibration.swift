import RefrainFoundation

/// Makes probabilities say how often they are right: scores are divided by a temperature, which is the one with which
/// held-out examples are most probable (Guo, Pleiss, Sun and Weinberger 2017), but for what few of them leave open.
struct Calibration: Codable, Sendable, Equatable {
  /// Above 1 where the network was too sure of itself.
  var temperature = 1.0
  /// How many examples it was found from; 0 where there were too few.
  var examples = 0

  /// Fewer do not tell.
  private static let least = 20

  /// Nothing changed.
  init() {}

  /// The best temperature for scores of examples.
  ///
  /// - Parameter loss: The mean loss of all examples at a temperature.
  init(examples: Int, loss: (Double) -> Double) {
    guard examples >= Self.least else { return }
    // Golden sections of the logarithm of the temperature, in which the loss has one minimum.
    let ratio = (5.0.squareRoot() - 1) / 2
    var (low, high) = (log(0.2), log(10.0))
    var (first, second) = (high - ratio * (high - low), low + ratio * (high - low))
    var (firstLoss, secondLoss) = (loss(exp(first)), loss(exp(second)))
    for _ in 0..<30 {
      if firstLoss < secondLoss {
        (high, second, secondLoss) = (second, first, firstLoss)
        first = high - ratio * (high - low)
        firstLoss = loss(exp(first))
      } else {
        (low, first, firstLoss) = (first, second, secondLoss)
        second = low + ratio * (high - low)
        secondLoss = loss(exp(second))
      }
    }
    temperature = exp((low + high) / 2)
    self.examples = examples
  }

  /// Probabilities from scores: of one class each (softmax), or of each class by itself (logistic).
  func probabilities(_ scores: ArraySlice<Float>, areSeveral: Bool) -> [Double] {
    let scaled = scores.map { Double($0) / temperature }
    if areSeveral { return scaled.map { 1 / (1 + exp(-$0)) } }
    let greatest = scaled.max() ?? 0
    let powers = scaled.map { exp($0 - greatest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}

extension Calibration {
  /// The temperature with which held-out examples are most probable, where n examples count for what they say and one
  /// more for doubt: the truth is to be as probable as (n + 1) / (n + 2) (Platt 1999). A few rows that are all right
  /// would make a network sure of everything.
  ///
  /// - Parameters:
  ///   - scores: Of each example, class by class.
  ///   - truths: The classes of each.
  init(_ scores: [Float], _ labels: Labels, _ truths: [[Int]]) {
    self.init(examples: truths.count) { Self.loss(scores, labels, truths, temperature: $0) }
  }

  /// The cross entropy of held-out examples, summed, with the doubt of ``init(_:_:_:)``.
  func loss(_ scores: [Float], _ labels: Labels, _ truths: [[Int]]) -> Double {
    Self.loss(scores, labels, truths, temperature: temperature)
  }

  private static func loss(
    _ scores: [Float], _ labels: Labels, _ truths: [[Int]], temperature: Double
  ) -> Double {
    let width = labels.names.count
    let doubt = 1 / Double(truths.count + 2)
    return truths.indices.reduce(0) { sum, example in
      let own = scores[example * width..<(example + 1) * width].map { Double($0) / temperature }
      return sum + loss(own, truths[example], areSeveral: labels.areSeveral, doubt: doubt)
    }
  }

  /// Cross entropy, where the truth is to have 1 − `doubt` and what is not so the rest.
  private static func loss(_ scores: [Double], _ truth: [Int], areSeveral: Bool, doubt: Double) -> Double {
    guard !areSeveral else {
      return scores.indices.reduce(0) { sum, label in
        // log(1 + exp(s)) − t s, without powers of great numbers.
        let share = truth.contains(label) ? 1 - doubt : doubt
        return sum + max(scores[label], 0) - scores[label] * share + log(1 + exp(-abs(scores[label])))
      }
    }
    let greatest = scores.max() ?? 0
    let total = greatest + log(scores.reduce(0) { $0 + exp($1 - greatest) })
    let others = (scores.reduce(0, +) - scores[truth[0]]) / Double(max(1, scores.count - 1))
    return total - (1 - doubt) * scores[truth[0]] - doubt * others
  }
}
