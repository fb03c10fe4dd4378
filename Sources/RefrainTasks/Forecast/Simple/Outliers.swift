/// The values with outliers in place of which stands what is usual there: those that lie far from the median of their
/// neighbors (and from their season) by the measure of all deviations, where they are few and stand alone.
///
/// - Parameter season: The steps of the season; 1 for none.
func withoutOutliers(_ values: [Double], season: Int) -> [Double] {
  let count = values.count
  guard count >= 8 else { return values }
  let reach = 3
  func median(_ part: [Double]) -> Double {
    let sorted = part.sorted()
    return sorted.isEmpty
      ? .nan : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
  // What the season adds: the median at each place of how far values lie from the median of a season around them.
  var usual = [Double](repeating: 0, count: max(season, 1))
  if season > 1, count >= 3 * season {
    var places = [[Double]](repeating: [], count: season)
    // Of a long series the newest part tells enough.
    let first = max(0, count - max(12 * season, 1500)) / season * season
    var block = first
    while block + season <= count {
      let middle = median(Array(values[block..<block + season]))
      for step in 0..<season { places[step].append(values[block + step] - middle) }
      block += season
    }
    usual = places.map(median)
  }
  let adjusted = values.indices.map { values[$0] - usual[$0 % usual.count] }
  var expected = [Double](repeating: 0, count: count)
  for index in 0..<count {
    let low = max(0, min(index - reach, count - 2 * reach - 1))
    var neighbors = Array(adjusted[low..<min(count, low + 2 * reach + 1)])
    neighbors.remove(at: index - low)
    expected[index] = median(neighbors)
  }
  let deviations = (0..<count).map { abs(adjusted[$0] - expected[$0]) }
  let sorted = deviations.sorted()
  let typical = max(sorted[count / 2], sorted[count * 3 / 4] * 0.5)
  guard typical > 0 else { return values }
  let limit = 15 * typical
  let far = (0..<count).filter { deviations[$0] > limit }
  // What is common is no outlier; nor is what stands beside another far value: the level may have shifted.
  guard !far.isEmpty, far.count <= max(1, count / 100) else { return values }
  var result = values
  for index in far where !far.contains(index - 1) && !far.contains(index + 1) {
    // At the very end there is no telling, unless it is beyond all measure.
    let isLast = index >= count - 2
    guard !isLast || deviations[index] > 3 * limit else { continue }
    result[index] = expected[index] + usual[index % usual.count]
  }
  return result
}
