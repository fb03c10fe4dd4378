/// How far each place in the season lies from the level, additively or as a factor: the medians, or with few seasons
/// the means, of the deviations from a moving average over one season (classical decomposition). They add up to 0, or
/// have a mean of 1.
///
/// - Parameters:
///   - values: The series from its start; NaN is missing.
///   - period: The steps of the season.
///   - isMultiplicative: Whether deviations are factors; the values must be positive.
func seasonalIndices(_ values: [Double], period: Int, isMultiplicative: Bool) -> [Double] {
  let neutral = isMultiplicative ? 1.0 : 0.0
  guard period > 1, values.count >= period else { return Array(repeating: neutral, count: period) }
  let average = centeredAverage(values, period: period)
  var deviations = [[Double]](repeating: [], count: period)
  for (index, value) in values.enumerated() where value.isFinite && average[index].isFinite {
    let level = average[index]
    if isMultiplicative {
      if abs(level) > 1e-12 { deviations[index % period].append(value / level) }
    } else {
      deviations[index % period].append(value - level)
    }
  }
  var indices = deviations.map { own in
    guard !own.isEmpty else { return neutral }
    let sorted = own.sorted()
    // The two outermost of many are left out: a trimmed mean.
    let cut = sorted.count >= 5 ? max(1, sorted.count / 8) : 0
    let kept = sorted[cut..<sorted.count - cut]
    return kept.reduce(0, +) / Double(kept.count)
  }
  let mean = indices.reduce(0, +) / Double(period)
  for index in indices.indices {
    if isMultiplicative { indices[index] /= abs(mean) > 1e-12 ? mean : 1 } else { indices[index] -= mean }
  }
  return indices
}

/// The centered moving average over one period. At the ends, where it is not known, the nearest one, moved on along the
/// slope of those next to it.
func centeredAverage(_ values: [Double], period: Int) -> [Double] {
  let count = values.count
  let half = period / 2
  guard count > 2 * half + 1 else {
    let line = Line(values)
    return values.indices.map { line.value(at: Double($0)) }
  }
  let isEven = period.isMultiple(of: 2)
  var averages = [Double](repeating: .nan, count: count)
  var first = count
  var last = -1
  for center in half..<count - half {
    var (sum, weights) = (0.0, 0.0)
    for index in center - half...center + half {
      let weight = isEven && (index == center - half || index == center + half) ? 0.5 : 1
      if values[index].isFinite {
        sum += weight * values[index]
        weights += weight
      }
    }
    guard weights > 0 else { continue }
    averages[center] = sum / weights
    first = min(first, center)
    last = max(last, center)
  }
  guard first <= last else { return averages }
  let span = max(1, min(period, last - first))
  let (rise, fall) = (
    last > first ? (averages[min(first + span, last)] - averages[first]) / Double(span) : 0,
    last > first ? (averages[last] - averages[max(last - span, first)]) / Double(span) : 0
  )
  for index in 0..<first { averages[index] = averages[first] - (rise.isFinite ? rise : 0) * Double(first - index) }
  for index in last + 1..<count { averages[index] = averages[last] + (fall.isFinite ? fall : 0) * Double(index - last) }
  return averages
}

/// The straight line of least squares through values at 0, 1, …; missing ones are left out.
struct Line {
  let slope: Double
  let intercept: Double
  let mean: Double

  init(_ values: some Collection<Double>) {
    var (count, x, y, xx, xy) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for (index, value) in values.enumerated() where value.isFinite {
      let place = Double(index)
      count += 1
      x += place
      y += value
      xx += place * place
      xy += place * value
    }
    let spread = count * xx - x * x
    mean = count > 0 ? y / count : 0
    slope = spread > 0 ? (count * xy - x * y) / spread : 0
    intercept = count > 0 ? mean - slope * x / count : 0
  }

  func value(at place: Double) -> Double { intercept + slope * place }
}
