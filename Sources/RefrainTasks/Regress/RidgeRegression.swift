import Refrain
import RefrainData

/// The baseline of regression: a linear model of what a row has (its numbers, its categories, the words in it, whatever
/// their order), with a penalty on its weights (Hoerl and Kennard 1970).
///
///     y = w x + b,    w and b with the least Σ (y − w x − b)² + λ ‖w‖²
///
/// The equations (XᵀX + λ) w = Xᵀy are solved by conjugate gradients, since x is mostly zeros; λ is that with the least
/// error on held-out rows.
struct RidgeRegression: TensorGroup {
  /// w, `[F]`
  private(set) var weight: Tensor
  /// b, `[1]`
  private(set) var bias: Tensor
  private let bag: BagFeatures

  /// Nothing learned yet; nil where there are no features, or too many.
  init?(_ columns: InputColumns) {
    bag = BagFeatures(columns)
    guard bag.size > 0, bag.size <= BagFeatures.limit else { return nil }
    weight = .zeros([bag.size])
    bias = .zeros([1])
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("weight", &weight)
    try body("bias", &bias)
  }

  /// What is said of rows.
  func values(_ rows: EncodedRows, _ places: some Sequence<Int>) -> [Float] {
    let (weights, bias) = (weight.values, bias.values[0])
    return places.map { place in
      bag.features(of: place, in: rows).reduce(bias) { $0 + $1.value * weights[Int($1.place)] }
    }
  }

  /// Learns of examples, whose targets are single numbers of mean 0 or so.
  ///
  /// - Parameter most: How many features are held in memory; nil is left to the machine.
  /// - Throws: Where they are more than that, and the file that they are in fails.
  mutating func fit(_ examples: ColumnExamples, heldOut: ColumnExamples, most: Int? = nil) throws(TaskError) {
    let bag = bag
    func equations(_ examples: ColumnExamples) -> RidgeEquations {
      RidgeEquations(
        rows: SparseRows(examples.places.lazy.map { bag.features(of: $0, in: examples.rows) }, most: most),
        targets: examples.targets, width: bag.size)
    }
    let (rows, others) = (equations(examples), equations(heldOut))
    try rows.rows.requireWhole()
    var weights = [Double](repeating: 0, count: bag.size + 1)
    var best = Double.infinity
    for penalty in others.rows.count == 0 ? [10] : [1000.0, 100, 10, 1, 0.1] {
      // The weights of the greater penalty are near those of the next.
      weights = rows.solution(penalty: penalty, from: weights)
      let error = others.error(of: weights)
      try rows.requireWhole()
      try others.requireWhole()
      guard error < best else { continue }
      best = error
      weight = Tensor(weights.dropLast().map { Float($0) })
      bias = Tensor([Float(weights[bag.size])])
    }
  }
}

/// Equations of rows, and a column of ones behind them.
private struct RidgeEquations {
  let rows: SparseRows
  let targets: LongArray<Float>
  let width: Int

  /// A row of X w.
  private func product(_ features: ArraySlice<SparseRows.Feature>, _ weights: [Double]) -> Double {
    features.reduce(weights[width]) { $0 + Double($1.value) * weights[Int($1.place)] }
  }

  /// Σ (w x − y)²
  func error(of weights: [Double]) -> Double {
    var sum = 0.0
    rows.forEachRow { row, features in
      let difference = product(features, weights) - Double(targets[row])
      sum += difference * difference
    }
    return sum
  }

  /// Xᵀ v, of which no more than a value is made at a time.
  private func transposedTimes(
    _ value: (_ row: Int, _ features: ArraySlice<SparseRows.Feature>) -> Double
  ) -> [Double] {
    var sums = [Double](repeating: 0, count: width + 1)
    rows.forEachRow { row, features in
      let value = value(row, features)
      for feature in features { sums[Int(feature.place)] += Double(feature.value) * value }
      sums[width] += value
    }
    return sums
  }

  func requireWhole() throws(TaskError) {
    try rows.requireWhole()
    try targets.requireWhole()
  }

  /// The weights with the least error and penalty.
  func solution(penalty: Double, from start: [Double]) -> [Double] {
    func product(_ weights: [Double]) -> [Double] {
      var product = transposedTimes { self.product($1, weights) }
      for place in 0..<width { product[place] += penalty * weights[place] }
      return product
    }
    func dot(_ one: [Double], _ other: [Double]) -> Double { zip(one, other).reduce(0) { $0 + $1.0 * $1.1 } }
    let right = transposedTimes { row, _ in Double(targets[row]) }
    var weights = start
    var residual = zip(right, product(weights)).map { $0 - $1 }
    var direction = residual
    var size = dot(residual, residual)
    let enough = 1e-12 * max(dot(right, right), .leastNormalMagnitude)
    for _ in 0..<200 where size > enough {
      let image = product(direction)
      let curvature = dot(direction, image)
      guard curvature > 0 else { break }
      let step = size / curvature
      for place in weights.indices {
        weights[place] += step * direction[place]
        residual[place] -= step * image[place]
      }
      let next = dot(residual, residual)
      for place in direction.indices { direction[place] = residual[place] + next / size * direction[place] }
      size = next
    }
    return weights
  }
}
