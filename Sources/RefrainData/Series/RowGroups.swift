/// The rows of a table as positions in time: one row each, or all rows that lie within one step.
struct RowGroups {
  var axis: TimeAxis
  /// The columns of the times.
  var columns: [Table.Column]
  var source: TimeSource?
  /// For each position its rows, the oldest first; none where the time was put in.
  var rows: [[Int]]
  /// What was assumed.
  var notes: [String]

  /// One row, or none, for each position.
  init(_ finding: TimeFinding, rowCount: Int) {
    axis = finding.axis
    columns = finding.columns
    source = finding.source
    rows = finding.axis.places(rowCount: rowCount).map { $0.map { [$0] } ?? [] }
    notes = finding.notes + finding.axis.notes
  }

  /// The rows brought together over steps of time; they may be in any order and any distance.
  ///
  /// - Parameter dropsPart: Whether a first and a last step that seem to be cut off are left out, as for sums.
  /// - Throws: `irregularTimes` where nothing holds times, or one lies far from all others.
  init(
    _ source: TimeSource?, every period: TimePeriod, order: DateOrder?, dropsPart: Bool, file: String?
  ) throws(DataError) {
    guard let source, let reading = try TimeAxis.moments(of: source, order: order), !reading.stamps.isEmpty else {
      throw DataError(
        .irregularTimes, file: file, "no column holds times, and rows are to be brought together by time",
        remedy: "name the column of times", setting: .time)
    }
    let count = reading.stamps.count
    let places = (0..<count).sorted { (reading.stamps[$0], $0) < (reading.stamps[$1], $1) }
    let ordinals = places.map { period.ordinal(of: reading.stamps[$0]) }
    let (first, last) = (ordinals[0], ordinals[count - 1])
    guard last - first < 200 * count + 1000 else {
      // The largest jump is where one of them stands wrong.
      let jumps = zip(ordinals.dropFirst(), ordinals).map { later, earlier in later - earlier }
      let jump = 1 + jumps.indices.max { jumps[$0] < jumps[$1] }!
      let row = reading.isNewestFirst ? count - 1 - places[jump] : places[jump]
      throw source.table.fault(
        .irregularTimes, row: row, column: source.columns[0],
        "\(source.shown(row)) lies \(jumps[jump - 1]) steps of \(period.text) after the time before "
          + "it, and there are \(count) rows", remedy: "correct the time, or choose a longer step")
    }
    var groups = [[Int]](repeating: [], count: last - first + 1)
    for (place, ordinal) in zip(places, ordinals) {
      groups[ordinal - first].append(reading.isNewestFirst ? count - 1 - place : place)
    }
    var notes = ["rows brought together to \(period.frequency): \(groups.count) from \(count)"]
    if reading.isNewestFirst { notes.append("the newest row is first: turned around") }
    var start = first
    if dropsPart, groups.count > 2 {
      let sizes = groups.map(\.count).sorted()
      let usual = sizes[sizes.count / 2]
      // A step with half as many rows as is usual is one of which a part is missing.
      if groups[groups.count - 1].count * 2 < usual {
        groups.removeLast()
        notes.append("the last step has but a part of its rows, and is left out")
      }
      if groups[0].count * 2 < usual {
        groups.removeFirst()
        start += 1
        notes.append("the first step has but a part of its rows, and is left out")
      }
    }
    axis = TimeAxis(
      name: source.name, grid: TimeGrid(period.frequency, anchor: period.start(of: start)), count: groups.count,
      style: reading.style)
    columns = source.columns
    self.source = source
    rows = groups
    self.notes = notes.map { "column \(source.name.shortened): \($0)" }
  }
}
