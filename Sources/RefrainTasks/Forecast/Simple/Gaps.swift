/// Missing values of a series, taken for what they most likely were.
struct FilledGaps {
  /// The series with what lies between its neighbors, moved by the season, in place of each missing value. Before a
  /// barrier nothing is known of what comes after it.
  let values: [Double]
  /// For each position what its value would be taken for from the past alone: the last one seen, moved by the season;
  /// empty where nothing is missing.
  let carried: [Double]

  /// - Parameters:
  ///   - values: What stands where `observed` is false does not count.
  ///   - observed: Which values there are; empty for all.
  ///   - season: 1 for none.
  ///   - training: How many of the first values tell what the season is; nil for all.
  ///   - barriers: Rows before which forecasts begin.
  init(_ values: [Double], observed: [Bool], season: Int, training: Int? = nil, barriers: [Int] = []) {
    guard observed.contains(false), observed.contains(true) else {
      (self.values, carried) = (values, [])
      return
    }
    let gapped = zip(values, observed).prefix(training ?? values.count).map { $1 ? $0 : Double.nan }
    let usual =
      season > 1 && gapped.count >= 2 * season
      ? seasonalIndices(gapped, period: season, isMultiplicative: false).map { $0.isFinite ? $0 : 0 } : [0]
    func part(_ row: Int) -> Double { usual[row % usual.count] }
    var (filled, carried) = (values, values)
    var last: Int?
    var row = 0
    while row < values.count {
      guard !observed[row] else {
        last = row
        row += 1
        continue
      }
      let end = observed[row...].firstIndex(of: true) ?? values.count
      let before = last.map { values[$0] - part($0) }
      let after = end < values.count ? values[end] - part(end) : nil
      let known = before ?? after!
      // Up to the last barrier within, the past alone is known.
      let barrier = barriers.filter { $0 > row && $0 < end }.max() ?? row
      for place in row..<end {
        carried[place] = known + part(place)
        guard place >= barrier, let before, let after else {
          filled[place] = (place < barrier ? known : before ?? after!) + part(place)
          continue
        }
        let share = Double(place - barrier + 1) / Double(end - barrier + 1)
        filled[place] = before + (after - before) * share + part(place)
      }
      row = end
    }
    (self.values, self.carried) = (filled, carried)
  }
}
