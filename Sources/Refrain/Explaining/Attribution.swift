import RealModule

/// How much each value of an input has to do with a number that a network says of it.
///
/// An attribution is no cause: it says what this network made of this input, not what would happen in the world.
public struct Attribution: Sendable {
  /// The parts, shaped as the input, `[T, I]`.
  public var values: Tensor
  /// The score of the input.
  public var score: Float
  /// The score of what the input is compared with; 0 where a method compares with nothing.
  public var baselineScore: Float
  /// Parts of the score that belong to no value of the input, such as biases; none for most methods.
  public var others: [(name: String, value: Float)] = []

  /// The sum of all parts.
  public var sum: Float { Float(values.values.reduce(0.0) { $0 + Double($1) }) }

  /// What is missing for the parts to be the difference of the two scores: 0 for a method that is complete.
  public var gap: Float {
    Float(Double(score) - Double(baselineScore) - Double(sum) - others.reduce(0.0) { $0 + Double($1.value) })
  }

  /// The parts of each step, summed over its features.
  public var steps: [Float] { values.rank == 2 ? values.sum(axes: [1]).values : values.values }
  /// The parts of each feature, summed over the steps.
  public var features: [Float] { values.rank == 2 ? values.sum(axes: [0]).values : values.values }
}

/// The methods, for any differentiable score. A score takes many inputs at once, `[N, T, I]`, and gives a number for
/// each, `[N]`; a row must depend on its own input alone.
///
///     let score = { (inputs: Tensor) in model(inputs).at(0, axis: 1) }
///     let parts = Attribution.integratedGradients(of: score, at: x, from: .zeros(x.shape))
///     print(parts.steps, parts.gap)
extension Attribution {
  /// A number for each of many inputs.
  public typealias Score = (_ inputs: Tensor) -> Tensor

  /// Integrated gradients (Sundararajan, Taly and Yan 2017): the gradient along the straight way from the baseline to
  /// the input, times the way. Complete, up to the quadrature, whose error is ``gap``.
  ///
  /// - Parameters:
  ///   - score: What is explained.
  ///   - input: `[T, I]`.
  ///   - baseline: Where the way begins, of the same shape.
  ///   - points: How many points of the way are evaluated, by the Gauss–Legendre rule.
  ///   - rows: How many of them at once: more take more memory. nil takes 32, or fewer of long sequences.
  public static func integratedGradients(
    of score: Score, at input: Tensor, from baseline: Tensor, points: Int = 50, rows: Int? = nil
  ) -> Attribution {
    require(input.shape == baseline.shape, "a baseline of shape \(baseline.shape) for an input of \(input.shape)")
    let rows = rows ?? min(32, max(1, 32_000 / max(input.shape[0], 1)))
    require(points > 0 && rows > 0, "\(points) points, \(rows) at once: there must be at least one")
    let way = input - baseline
    let (places, weights) = gaussLegendre(points)
    var mean = Tensor.zeros(input.shape)
    for start in stride(from: 0, to: points, by: rows) {
      let range = start..<min(start + rows, points)
      let inputs = stack(range.map { baseline + way * Float(places[$0]) })
      let gradient = gradient(of: score, at: inputs)
      for (row, point) in range.enumerated() { mean += gradient.at(row, axis: 0) * Float(weights[point]) }
    }
    return with(mean * way, score, input, baseline)
  }

  /// The gradient at the input times its distance from the baseline: integrated gradients by one point, exact only
  /// where the score is linear in between.
  public static func gradientTimesInput(of score: Score, at input: Tensor, from baseline: Tensor) -> Attribution {
    require(input.shape == baseline.shape, "a baseline of shape \(baseline.shape) for an input of \(input.shape)")
    let gradient = gradient(of: score, at: stack([input])).at(0, axis: 0)
    return with(gradient * (input - baseline), score, input, baseline)
  }

  private static func with(
    _ values: Tensor, _ score: Score, _ input: Tensor, _ baseline: Tensor
  ) -> Attribution {
    let scores = score(stack([input, baseline])).values
    return Attribution(values: values.detached, score: scores[0], baselineScore: scores[1])
  }

  /// The gradient of each input's own score, of the inputs' shape.
  static func gradient(of score: Score, at inputs: Tensor) -> Tensor {
    valueAndGradient(at: inputs, training: false) { score($0).sum() }.gradient
  }

  /// Places and weights of Gauss and Legendre's rule on 0 … 1, exact for polynomials up to the degree 2 n − 1.
  static func gaussLegendre(_ count: Int) -> (places: [Double], weights: [Double]) {
    var (places, weights) = ([Double](), [Double]())
    for index in 0..<count {
      // Newton's method on the Legendre polynomial, from Tricomi's estimate of its root.
      var x = Double.cos(.pi * (Double(index) + 0.75) / (Double(count) + 0.5))
      var slope = 1.0
      for _ in 0..<100 {
        var (before, value) = (1.0, x)
        for degree in 2...max(count, 2) where degree <= count {
          let n = Double(degree)
          (before, value) = (value, ((2 * n - 1) * x * value - (n - 1) * before) / n)
        }
        slope = Double(count) * (x * value - before) / (x * x - 1)
        let change = value / slope
        x -= change
        if abs(change) < 1e-15 { break }
      }
      places.append((1 - x) / 2)
      weights.append(1 / ((1 - x * x) * slope * slope))
    }
    return (places, weights)
  }
}
