/// Linear regression that goes on learning: recursive least squares that forgets (Haykin, Adaptive Filter Theory,
/// chapter on the RLS algorithm). One step costs n² products.
struct OnlineRegression: Codable, Sendable, Equatable {
  /// One a feature.
  private(set) var weights: [Double]
  /// The inverse of the features' second moments, row by row.
  private var inverse: [Double]
  /// What a row counts for one step later.
  private let forgetting: Double

  /// - Parameters:
  ///   - count: The number of features **n**.
  ///   - spread: How far weights may be from 0 before anything is seen.
  init(count: Int, forgetting: Double = 0.9998, spread: Double = 10) {
    weights = Array(repeating: 0, count: count)
    inverse = Array(repeating: 0, count: count * count)
    for index in 0..<count { inverse[index * count + index] = spread }
    self.forgetting = forgetting
  }

  /// The sum of features times weights.
  func predict(_ features: [Double]) -> Double {
    var sum = 0.0
    for (weight, feature) in zip(weights, features) { sum += weight * feature }
    return sum
  }

  /// Moves the weights toward what would have been right.
  ///
  /// - Parameter error: The target less ``predict(_:)``; an outlier is to be clipped by the caller.
  mutating func learn(_ features: [Double], error: Double) {
    let count = weights.count
    var gains = Array(repeating: 0.0, count: count)
    var trace = 0.0
    inverse.withUnsafeMutableBufferPointer { inverse in
      var denominator = forgetting
      for row in 0..<count {
        var sum = 0.0
        for column in 0..<count { sum += inverse[row * count + column] * features[column] }
        gains[row] = sum
        denominator += sum * features[row]
      }
      for row in 0..<count {
        let gain = gains[row] / denominator
        weights[row] += gain * error
        for column in 0..<count {
          inverse[row * count + column] = (inverse[row * count + column] - gain * gains[column]) / forgetting
        }
        trace += inverse[row * count + row]
      }
      // Where features stand still, forgetting would let their inverse grow without bound.
      let limit = 1e4 * Double(count)
      guard trace > limit else { return }
      for index in inverse.indices { inverse[index] *= limit / trace }
    }
  }

  /// Whether all numbers are finite, and as many as there should be.
  func isSound(count: Int) -> Bool {
    weights.count == count && inverse.count == count * count && forgetting > 0 && forgetting <= 1
      && weights.allSatisfy(\.isFinite) && inverse.allSatisfy(\.isFinite)
  }
}
