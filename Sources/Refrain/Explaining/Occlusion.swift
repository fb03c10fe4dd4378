extension Attribution {
  /// By how much the score falls when parts of the input are replaced by the baseline, each part alone (Zeiler and
  /// Fergus 2014). It needs no gradient; the parts do not add up to the score where they act together.
  ///
  /// - Parameters:
  ///   - score: What is explained.
  ///   - input: `[T, I]`.
  ///   - baseline: What takes the parts' place.
  ///   - parts: Which values each part consists of, by their index in row-major order.
  ///   - rows: How many inputs are run at once.
  /// - Returns: For each part, the score of the input less that without the part.
  public static func occlusion(
    of score: Score, at input: Tensor, by baseline: Tensor, parts: [[Int]], rows: Int = 32
  ) -> [Float] {
    requireSame(input, baseline)
    let whole = score(stack([input])).values[0]
    return scores(of: score, replacing: parts, in: input, by: baseline, rows: rows).map { whole - $0 }
  }

  /// Occlusion of each step, or of windows of steps where there are more than `most`: every step of a window gets an
  /// equal share.
  public static func occlusionOfSteps(
    of score: Score, at input: Tensor, by baseline: Tensor, most: Int = 256
  ) -> [Float] {
    let (time, features) = (input.shape[0], input.shape[1])
    let windows = windows(of: time, atMost: most)
    let parts = windows.map { window in Array(window.lowerBound * features..<window.upperBound * features) }
    let falls = occlusion(of: score, at: input, by: baseline, parts: parts)
    return zip(windows, falls).flatMap { window, fall in
      [Float](repeating: fall / Float(window.count), count: window.count)
    }
  }

  /// Occlusion of each feature at all steps.
  public static func occlusionOfFeatures(of score: Score, at input: Tensor, by baseline: Tensor) -> [Float] {
    let (time, features) = (input.shape[0], input.shape[1])
    let parts = (0..<features).map { feature in (0..<time).map { $0 * features + feature } }
    return occlusion(of: score, at: input, by: baseline, parts: parts)
  }

  /// Consecutive steps in at most so many windows of nearly one size.
  package static func windows(of time: Int, atMost most: Int) -> [Range<Int>] {
    let count = min(time, most)
    return (0..<count).map { $0 * time / count..<($0 + 1) * time / count }
  }

  /// Stops where one cannot take the other's place.
  static func requireSame(_ input: Tensor, _ baseline: Tensor) {
    require(input.shape == baseline.shape, "a baseline of shape \(baseline.shape) for an input of \(input.shape)")
  }

  /// The score of the input with each set of values in turn replaced by the baseline's.
  static func scores(
    of score: Score, replacing sets: [[Int]], in input: Tensor, by baseline: Tensor, rows: Int = 32
  ) -> [Float] {
    let other = baseline.values
    var scores: [Float] = []
    for start in stride(from: 0, to: sets.count, by: rows) {
      let inputs = sets[start..<min(start + rows, sets.count)].map { set in
        var copy = input
        copy.withUnsafeMutableValues { values in for index in set { values[index] = other[index] } }
        return copy
      }
      scores += score(stack(inputs)).values
    }
    return scores
  }
}
