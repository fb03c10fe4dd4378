import Refrain
import RefrainFoundation

/// Ways to score rows that cost nothing.
enum DetectionBaselines {
  /// Numbers drawn at random.
  static func random(count: Int, seed: UInt64) -> [Double] {
    var generator = RandomGenerator(seed: seed)
    return (0..<count).map { _ in Double(generator.uniform()) }
  }

  /// How far into the tail of a normal distribution each value lies whose mean and deviation are those of a window of
  /// values before it: the benchmark's windowed Gaussian detector, with its window of 6,400 rows that moves by 100.
  ///
  /// - Parameter values: NaN where missing, which scores 0.
  /// - Returns: 1 less the probability of the tail. As the benchmark's files, to 12 decimals.
  static func windowedGaussian(_ values: [Double], size: Int = 6400, step: Int = 100) -> [Double] {
    var window: [Double] = []
    var waiting: [Double] = []
    var (mean, deviation) = (0.0, 1.0)
    func measure() {
      mean = window.reduce(0, +) / Double(window.count)
      let square = window.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(window.count)
      deviation = square > 0 ? square.squareRoot() : 1e-6
    }
    // While the window fills, sums do in place of going through it at each row.
    var (sum, square, origin) = (0.0, 0.0, 0.0)
    return values.map { value in
      guard value.isFinite else { return 0 }
      var score = 0.0
      if !window.isEmpty {
        // The benchmark's own √2.
        let tail = erfc(abs(value - mean) / deviation / 1.4142) / 2
        score = ((1 - tail) * 1e12).rounded() / 1e12
        // Where values are so large that their squares are no numbers.
        if !score.isFinite { score = 0 }
      }
      if window.count < size {
        if window.isEmpty { origin = value }
        window.append(value)
        sum += value - origin
        square += (value - origin) * (value - origin)
        let count = Double(window.count)
        mean = origin + sum / count
        let variance = square / count - (sum / count) * (sum / count)
        deviation = variance > 0 ? variance.squareRoot() : 1e-6
      } else {
        waiting.append(value)
        if waiting.count == step {
          window = Array(window.dropFirst(step)) + waiting
          waiting = []
          measure()
        }
      }
      return score
    }
  }
}
