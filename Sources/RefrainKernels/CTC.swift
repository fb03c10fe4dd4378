// Connectionist temporal classification: the forward-backward algorithm of one sequence, in log space (Graves et al.
// 2006).
//
// The S = 2U + 1 states of U labels are blank, label, blank, …, label, blank. A row of S values stands two floats
// behind the start of `stride` floats, and has at least two floats behind it; these neighbors hold `impossible`, so
// that the states that come from s − 1 and s − 2, or go to s + 1 and s + 2, are read without a question.
//
// Every row is taken relative to the greatest value of the row before it, so that numbers stay near zero, where Floats
// lie close together, however long the sequence is.

/// The logarithm of what cannot be: finite, so that differences of two of them are no NaN, and so small that a sum with
/// any score of a path is still far below all scores.
@inline(always) private var impossible: Float { -1e30 }

/// ln(eᵃ + eᵇ + eᶜ)
@inline(always) private func logSum(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector {
  let largest = maximum(maximum(a, b), c)
  let e = exponentialBelowZero(Rows<3>(a - largest, b - largest, c - largest, splat(0), splat(0), splat(0)))
  return largest + logarithm(e.v0 + e.v1 + e.v2)
}

extension KernelBuild {
  /// The logarithms of the forward variables α, emissions included, each row less the maxima of all rows before it.
  ///
  /// `alphas` is filled with `impossible` before. `maxima` is below −1e29 in the first row that no path comes to, after
  /// which nothing is written.
  ///
  /// Returns whether all rows were written.
  public static func ctcForward(_ arguments: CTCArguments) -> Bool {
    let (steps, states, stride) = (arguments.steps, arguments.states, arguments.stride)
    let (emissions, skips, alphas) = (arguments.emissions, arguments.skips, arguments.alphas)
    let maxima = arguments.maxima
    for state in 0..<smaller(states, 2) { alphas[2 &+ state] = emissions[2 &+ state] }
    for step in 0..<steps {
      let row = alphas + step &* stride
      if step > 0 {
        let before = row - stride
        let emission = emissions + step &* stride
        let shift = splat(maxima[step &- 1])
        var vectors = Vectors(states)
        while vectors.next() {
          let (s, lanes) = (vectors.index, vectors.lanes)
          let sum = logSum(
            load(before + 2 + s, lanes), load(before + 1 + s, lanes),
            load(before + s, lanes) + load(skips + 2 + s, lanes))
          store(sum + (load(emission + 2 + s, lanes) - shift), row + 2 + s, lanes)
        }
      }
      maxima[step] = maximum(states, row + 2)
      if maxima[step] < -1e29 { return false }
    }
    return true
  }

  /// How probable it is to be in each state at each step, given the labels: the rows add up to 1.
  ///
  /// The rows that `ctcForward` wrote to `alphas` go in, the probabilities come out.
  public static func ctcOccupancies(_ arguments: CTCArguments) {
    let (steps, states, stride) = (arguments.steps, arguments.states, arguments.stride)
    let (emissions, skips, alphas) = (arguments.emissions, arguments.skips, arguments.alphas)
    let scratch = arguments.scratch
    // Both are rows of the backward variables β, the second with the emissions of the step.
    let beta = scratch
    let ahead = scratch + stride
    for state in 0..<states { beta[2 &+ state] = state &+ 2 >= states ? 0 : impossible }
    var step = steps
    while step > 0 {
      step &-= 1
      let row = alphas + step &* stride
      var vectors = Vectors(states)
      while vectors.next() {
        let (s, lanes) = (vectors.index, vectors.lanes)
        store(load(row + 2 + s, lanes) + load(beta + 2 + s, lanes), row + 2 + s, lanes)
      }
      var shift = splat(maximum(states, row + 2))
      var total = splat(0)
      vectors = Vectors(states)
      while vectors.next() {
        let (s, lanes) = (vectors.index, vectors.lanes)
        let value = load(row + 2 + s, lanes, rest: -.infinity)
        let e = exponentialBelowZero(Rows<1>(value - shift)).v0
        total = total + e
        store(e, row + 2 + s, lanes)
      }
      scale(states, 1 / sumOfLanes(total), row + 2, row + 2)
      if step == 0 { return }
      // β of the step before.
      let emission = emissions + step &* stride
      vectors = Vectors(states)
      while vectors.next() {
        let (s, lanes) = (vectors.index, vectors.lanes)
        store(load(beta + 2 + s, lanes) + load(emission + 2 + s, lanes), ahead + 2 + s, lanes)
      }
      shift = splat(maximum(states, ahead + 2))
      vectors = Vectors(states)
      while vectors.next() {
        let (s, lanes) = (vectors.index, vectors.lanes)
        let sum = logSum(
          load(ahead + 2 + s, lanes), load(ahead + 3 + s, lanes),
          load(ahead + 4 + s, lanes) + load(skips + 4 + s, lanes))
        store(sum - shift, beta + 2 + s, lanes)
      }
    }
  }
}
