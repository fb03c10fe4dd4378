import Foundation

/// Makes probabilities say how often they are right: scores are divided by a temperature, which is the one with which
/// held-out examples are most probable (Guo, Pleiss, Sun and Weinberger 2017).
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
