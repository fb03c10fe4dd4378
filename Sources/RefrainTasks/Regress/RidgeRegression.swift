import Refrain

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
  func values(_ rows: EncodedRows, _ places: [Int]) -> [Float] {
    let (weights, bias) = (weight.values, bias.values[0])
    return places.map { place in bag.features(of: place, in: rows).reduce(bias) { $0 + $1.value * weights[$1.feature] }
    }
  }

  /// Learns of examples, whose targets are single numbers of mean 0 or so.
  mutating func fit(_ examples: ColumnExamples, heldOut: ColumnExamples) {
    let rows = SparseRows(examples.places.map { bag.features(of: $0, in: examples.rows) }, width: bag.size)
    let targets = examples.targets.map { Double($0[0]) }
    let others = SparseRows(heldOut.places.map { bag.features(of: $0, in: heldOut.rows) }, width: bag.size)
    let otherTargets = heldOut.targets.map { Double($0[0]) }
    var weights = [Double](repeating: 0, count: bag.size + 1)
    var best = Double.infinity
    for penalty in others.count == 0 ? [10] : [1000.0, 100, 10, 1, 0.1] {
      // The weights of the greater penalty are near those of the next.
      weights = rows.ridge(targets, penalty: penalty, from: weights)
      let error = zip(others.times(weights), otherTargets).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      guard error < best else { continue }
      best = error
      weight = Tensor(weights.dropLast().map { Float($0) })
      bias = Tensor([Float(weights[bag.size])])
    }
  }
}

/// Rows that are mostly zeros, and a column of ones behind them.
private struct SparseRows {
  private let rows: [[(feature: Int, value: Float)]]
  private let width: Int

  init(_ rows: [[(feature: Int, value: Float)]], width: Int) { (self.rows, self.width) = (rows, width) }

  var count: Int { rows.count }

  /// X w
  func times(_ weights: [Double]) -> [Double] {
    rows.map { row in row.reduce(weights[width]) { $0 + Double($1.value) * weights[$1.feature] } }
  }

  /// Xᵀ v
  private func transposedTimes(_ values: [Double]) -> [Double] {
    var sums = [Double](repeating: 0, count: width + 1)
    for (row, value) in zip(rows, values) {
      for (feature, own) in row { sums[feature] += Double(own) * value }
      sums[width] += value
    }
    return sums
  }

  /// The weights with the least error and penalty.
  func ridge(_ targets: [Double], penalty: Double, from start: [Double]) -> [Double] {
    func product(_ weights: [Double]) -> [Double] {
      var product = transposedTimes(times(weights))
      for place in 0..<width { product[place] += penalty * weights[place] }
      return product
    }
    func dot(_ one: [Double], _ other: [Double]) -> Double { zip(one, other).reduce(0) { $0 + $1.0 * $1.1 } }
    let right = transposedTimes(targets)
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
