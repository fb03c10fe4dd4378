import Refrain

extension ForecastNetwork {
  /// Makes the network the naive forecast that its plan repeats, with bounds from the errors that this forecast made in
  /// the first `limit` rows: the root of their mean square, times the quantile of Student's distribution for as many
  /// errors as there were. Steps with few errors take those of the first step, growing as a random walk's do.
  mutating func becomeNaive(_ windows: ForecastWindows, within limit: Int, plan: ForecastPlan) {
    head.weight = .zeros(head.weight.shape)
    skip = .zeros(skip.shape)
    var bounds: [Float] = []
    var first: (spread: Float, count: Int)?
    var widest: Float = 0
    for step in 0..<plan.horizon {
      var squares: Float = 0
      var count = 0
      for origin in stride(from: plan.base, to: limit - step, by: 1) {
        let error = windows.value(at: origin + step) - windows.value(at: origin - plan.base + step % plan.base)
        squares += error * error
        count += 1
      }
      let own: (spread: Float, count: Int)? = count > 0 ? ((squares / Float(count)).squareRoot(), count) : nil
      first = first ?? own
      var (spread, samples) = own ?? (0, 0)
      if count < 8, let first {
        let seasons = Float(step / plan.base + 1)
        (spread, samples) = (max(spread, first.spread * seasons.squareRoot()), first.count)
      }
      widest = max(widest, spread * Self.studentQuantile(degrees: samples))
      bounds.append(widest)
    }
    head.bias = Tensor(bounds.flatMap { [-$0, 0, $0] }, shape: head.bias.shape)
  }

  /// The 90 % quantile of Student's distribution, from the normal one's by Cornish and Fisher's expansion.
  private static func studentQuantile(degrees: Int) -> Float {
    let z: Float = 1.281_551_6
    let v = Float(max(degrees, 1))
    let first = (z * z * z + z) / (4 * v)
    let second = (5 * z * z * z * z * z + 16 * z * z * z + 3 * z) / (96 * v * v)
    return z + first + second
  }
}
