import RealModule

/// What a linear chain adds to the scores of the steps, in double precision and in the forms in which sums over all
/// paths are computed; −∞ is what constraints forbid.
///
/// With log α of one step known, that of the next is
///
///     log α'(j) = e(j) + log Σᵢ exp(log α(i) + A(i, j)) = e(j) + m + a + log Σᵢ exp(log α(i) − m) · exp(A(i, j) − a)
///
/// where m and a are the greatest log α and the greatest A. The second factor is the same at every step, so that a step
/// takes K exponentials in place of K². Where a sum is so small that its terms may have vanished, it is computed from
/// its logarithms: the result is exact to the last digits whatever the scores are.
struct ChainPotentials: Sendable {
  /// The number of tags **K**.
  let tagCount: Int
  /// A, `[K, K]`, from the row's tag to the column's.
  let transitions: [Double]
  /// `[K]`
  let start: [Double]
  /// `[K]`
  let end: [Double]
  /// exp(A − a), `[K, K]`.
  let factors: [Double]
  /// Its transpose.
  private let transposedFactors: [Double]
  /// a, the greatest of A.
  let shift: Double

  /// Sums below this are computed from their logarithms.
  private static let least = 1e-200
  /// The greatest factor that is multiplied with products of two numbers up to 1.
  static let greatest = 1e200

  init(transitions: Tensor, start: Tensor, end: Tensor, constraints: TransitionConstraints? = nil) {
    let count = start.count
    require(
      constraints.map { $0.tagCount == count } ?? true,
      "constraints of \(constraints?.tagCount ?? 0) tags for a chain of \(count)")
    func doubles(_ tensor: Tensor, _ allows: (TransitionConstraints, Int) -> Bool) -> [Double] {
      tensor.detached.values.enumerated().map { index, value in
        constraints.map { allows($0, index) } ?? true ? Double(value) : -.infinity
      }
    }
    tagCount = count
    let all = doubles(transitions) { $0.allows($1 % count, after: $1 / count) }
    self.transitions = all
    self.start = doubles(start) { $0.allowsStart($1) }
    self.end = doubles(end) { $0.allowsEnd($1) }
    let greatest = all.max() ?? 0
    let shift = greatest.isFinite ? greatest : 0
    self.shift = shift
    let factors = all.map { Double.exp($0 - shift) }
    self.factors = factors
    transposedFactors = (0..<count * count).map { factors[$0 % count * count + $0 / count] }
  }

  /// The step as doubles.
  @inline(__always)
  static func load(_ scores: UnsafePointer<Float>, _ count: Int, _ target: UnsafeMutablePointer<Double>) {
    for tag in 0..<count { target[tag] = Double(scores[tag]) }
  }

  /// log α of every step, and the logarithm of the sum over all paths.
  ///
  /// - Parameters:
  ///   - scores: e, `[T, K]`.
  ///   - steps: T, at least 1.
  ///   - alphas: `[T, K]`, written.
  ///   - scratch: 2 K numbers.
  func forward(
    _ scores: UnsafePointer<Float>, steps: Int, _ alphas: UnsafeMutablePointer<Double>,
    scratch: UnsafeMutablePointer<Double>
  ) -> Double {
    let count = tagCount
    for tag in 0..<count { alphas[tag] = start[tag] + Double(scores[tag]) }
    for step in 1..<max(steps, 1) {
      let previous = UnsafePointer(alphas + (step - 1) * count)
      let next = alphas + step * count
      sum(previous, factors, scratch: scratch, next) { from, to in previous[from] + transitions[from * count + to] }
      for tag in 0..<count { next[tag] += Double(scores[step * count + tag]) }
    }
    let last = alphas + (steps - 1) * count
    for tag in 0..<count { scratch[tag] = last[tag] + end[tag] }
    return Self.logarithmOfSum(count) { scratch[$0] }
  }

  /// log β of every step.
  ///
  /// - Parameters: those of ``forward(_:steps:_:scratch:)``, with 3 K numbers of scratch.
  func backward(
    _ scores: UnsafePointer<Float>, steps: Int, _ betas: UnsafeMutablePointer<Double>,
    scratch: UnsafeMutablePointer<Double>
  ) {
    let count = tagCount
    let reached = scratch + 2 * count
    for tag in 0..<count { betas[(steps - 1) * count + tag] = end[tag] }
    for step in (0..<steps - 1).reversed() {
      let next = betas + (step + 1) * count
      for tag in 0..<count { reached[tag] = next[tag] + Double(scores[(step + 1) * count + tag]) }
      sum(UnsafePointer(reached), transposedFactors, scratch: scratch, betas + step * count) { from, to in
        reached[from] + transitions[to * count + from]
      }
    }
  }

  /// For each tag `to` the logarithm of Σ exp(`term(from, to)`), of which the terms are `logarithms[from]` and the
  /// logarithm of `factors[from, to]` together.
  @inline(__always)
  private func sum(
    _ logarithms: UnsafePointer<Double>, _ factors: [Double], scratch: UnsafeMutablePointer<Double>,
    _ result: UnsafeMutablePointer<Double>, _ term: (_ from: Int, _ to: Int) -> Double
  ) {
    let count = tagCount
    var greatest = -Double.infinity
    for tag in 0..<count { greatest = max(greatest, logarithms[tag]) }
    guard greatest > -.infinity else {
      for tag in 0..<count { result[tag] = -.infinity }
      return
    }
    for tag in 0..<count { scratch[tag] = .exp(logarithms[tag] - greatest) }
    for tag in 0..<count { result[tag] = 0 }
    factors.withUnsafeBufferPointer { factors in
      guard var row = factors.baseAddress else { return }
      for from in 0..<count {
        let weight = scratch[from]
        for to in 0..<count { result[to] += weight * row[to] }
        row += count
      }
    }
    let offset = greatest + shift
    for tag in 0..<count {
      let sum = result[tag]
      result[tag] = sum > Self.least ? .log(sum) + offset : Self.logarithmOfSum(count) { term($0, tag) }
    }
  }

  /// log Σ exp(`term`), −∞ where there is nothing but −∞.
  @inline(__always)
  static func logarithmOfSum(_ count: Int, _ term: (Int) -> Double) -> Double {
    var greatest = -Double.infinity
    for index in 0..<count { greatest = max(greatest, term(index)) }
    guard greatest.isFinite else { return greatest }
    var sum = 0.0
    for index in 0..<count { sum += .exp(term(index) - greatest) }
    return .log(sum) + greatest
  }

  /// The score of a path.
  func score(of tags: some Collection<Int>, _ scores: UnsafePointer<Float>) -> Double {
    var sum = 0.0
    var previous: Int?
    for (step, tag) in tags.enumerated() {
      sum += Double(scores[step * tagCount + tag])
      sum += previous.map { transitions[$0 * tagCount + tag] } ?? start[tag]
      previous = tag
    }
    return sum + (previous.map { end[$0] } ?? 0)
  }
}
