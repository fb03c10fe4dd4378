import RealModule

/// The Theta method (Assimakopoulos and Nikolopoulos 2000) as a state space (Fiorucci et al. 2016, its standard model):
/// simple exponential smoothing that leans on the straight line of least squares, A + B t.
///
///     ŷ_t = l_{t−1} + (1 − 1/θ) (A (1 − α)^{t−1} + B (1 − (1 − α)^t) / α)
///     l_t = α y_t + (1 − α) l_{t−1}
struct Theta: Codable, Sendable, Equatable {
  /// How fast the level follows.
  var alpha: Double
  /// How far the curvature of the series is stretched; 2 is the standard.
  var theta: Double
  /// l₀
  var initialLevel: Double

  init(alpha: Double, theta: Double = 2, initialLevel: Double) {
    self.alpha = alpha
    self.theta = theta
    self.initialLevel = initialLevel
  }

  /// Learns α and the first level from the squares of one-step errors. These are a quadratic function of the level, so
  /// that only α is searched for, by golden sections.
  init(fitting values: [Double], theta: Double = 2) {
    let trial = { (alpha: Double) -> (loss: Double, model: Theta) in
      var model = Theta(alpha: alpha, theta: theta, initialLevel: 0)
      // The errors with l₀ are those without less l₀ (1 − α)^{t−1}.
      let errors = zip(values, model.fitted(values)).map { $0 - $1 }
      var (fading, product, square) = (1.0, 0.0, 0.0)
      for error in errors {
        product += fading * error
        square += fading * fading
        fading *= 1 - alpha
      }
      model.initialLevel = product / square
      fading = 1
      var loss = 0.0
      for (index, error) in errors.enumerated() where index > 2 || errors.count < 8 {
        let rest = error - model.initialLevel * .pow(1 - alpha, Double(index))
        loss += rest * rest
      }
      return (loss, model)
    }
    let ratio = 0.618_033_988_749_895
    var (low, high) = (0.02, 0.99)
    var (left, right) = (trial(high - ratio * (high - low)), trial(low + ratio * (high - low)))
    for _ in 0..<18 {
      if left.loss <= right.loss {
        high = right.model.alpha
        right = left
        left = trial(high - ratio * (high - low))
      } else {
        low = left.model.alpha
        left = right
        right = trial(low + ratio * (high - low))
      }
    }
    self = left.loss <= right.loss ? left.model : right.model
  }

  /// The part of the line in the forecast of the value at a position from 1.
  private func lean(_ line: Line, _ position: Int) -> Double {
    let faded = Double.pow(1 - alpha, Double(position - 1))
    // The line counts positions from 0, the formula from 1.
    let intercept = line.value(at: -1)
    return (1 - 1 / theta) * (intercept * faded + line.slope * (1 - faded * (1 - alpha)) / alpha)
  }

  /// The forecast of each value from those before it.
  func fitted(_ values: [Double]) -> [Double] {
    let line = Line(values)
    var level = initialLevel
    return values.enumerated().map { index, value in
      let expected = level + lean(line, index + 1)
      level = alpha * value + (1 - alpha) * level
      return expected
    }
  }

  /// What is expected after the values.
  func forecast(continuing values: [Double], horizon: Int) -> [Double] {
    let line = Line(values)
    var level = values.reduce(initialLevel) { alpha * $1 + (1 - alpha) * $0 }
    return (0..<horizon).map { step in
      let expected = level + lean(line, values.count + step + 1)
      level = alpha * expected + (1 - alpha) * level
      return expected
    }
  }
}
