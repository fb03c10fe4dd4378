/// Where the times of a column lie: evenly, or evenly but for what is common (clocks that are seconds late, holidays,
/// months that end on different days).
struct TimeGrid: Hashable, Sendable {
  var frequency: Frequency
  /// Where a time lies on the grid, and its position; the future is counted from there.
  var anchor: TimeStamp
  var anchorPosition = 0
  /// The times themselves where the grid does not give them.
  var observed: [TimeStamp]?
  /// What was assumed.
  var notes: [String] = []

  init(_ frequency: Frequency, anchor: TimeStamp) {
    self.frequency = frequency
    self.anchor = anchor
  }

  /// The grid on which all times lie evenly.
  init(_ stamps: [TimeStamp], layout: TimeLayout) throws(Frequency.Irregularity) {
    anchor = stamps[0]
    if layout.isElapsed {
      try Frequency.checkOrder(stamps)
      frequency = try Frequency.even(stamps, in: .microsecond)
    } else {
      frequency = try Frequency.infer(stamps, isIndex: layout.isIndex)
    }
  }

  /// The grid for times that `irregularity` keeps from lying evenly.
  ///
  /// - Throws: The irregularity, when nothing common explains it.
  init(
    _ stamps: [TimeStamp], layout: TimeLayout, despite irregularity: Frequency.Irregularity
  ) throws(Frequency.Irregularity) {
    switch irregularity {
    case .unsorted, .repeated, .partsOfYear: throw irregularity
    case .gap, .uneven: break
    }
    guard !layout.isIndex, stamps.count >= 4,
      let grid = layout.isElapsed
        ? TimeGrid(jittered: stamps)
        : TimeGrid(holidays: stamps) ?? TimeGrid(months: stamps) ?? TimeGrid(jittered: stamps)
    else { throw irregularity }
    self = grid
  }

  private init(_ frequency: Frequency, anchor: TimeStamp, _ stamps: [TimeStamp], note: String) {
    self.frequency = frequency
    self.anchor = anchor
    anchorPosition = stamps.count - 1
    observed = stamps
    notes = [note]
  }

  /// Working days of which few are missing: at most one in sixteen, and two weeks in a row.
  private init?(holidays stamps: [TimeStamp]) {
    let unit = Frequency.Unit.businessDay
    guard stamps.count >= 20, stamps.allSatisfy({ $0.timeOfDay == stamps[0].timeOfDay && unit.contains($0) }) else {
      return nil
    }
    let ordinals = stamps.map(unit.ordinal)
    let steps = zip(ordinals.dropFirst(), ordinals).map { $0 - $1 }
    let missing = ordinals.last! - ordinals[0] + 1 - stamps.count
    guard missing > 0, missing * 16 <= stamps.count, steps.max()! <= 11, let first = steps.firstIndex(where: { $0 > 1 })
    else {
      return nil
    }
    let style = TimeStyle(layout: TimeLayout("Y-m-d"))
    let day = style.text(for: unit.stamp(ordinal: ordinals[first] + 1, like: stamps[0]))
    let days =
      missing == 1 ? "1 working day is missing (\(day))" : "\(missing) working days are missing (the first is \(day))"
    self.init(Frequency(unit), anchor: stamps.last!, stamps, note: "\(days): taken for holidays")
  }

  /// One time in every month, or in every so many, on days that vary.
  private init?(months stamps: [TimeStamp]) {
    let dates = stamps.map(\.date)
    let steps = zip(dates.dropFirst(), dates).map { $0.months - $1.months }
    guard let step = steps.first, step > 0, steps.allSatisfy({ $0 == step }) else { return nil }
    let days = zip(stamps.dropFirst(), stamps).map { $0.dayNumber - $1.dayNumber }
    guard days.allSatisfy({ $0 >= step * 30 - 12 && $0 <= step * 31 + 12 }),
      stamps.allSatisfy({ $0.timeOfDay == stamps[0].timeOfDay })
    else { return nil }
    let sorted = dates.map(\.day).sorted()
    let areBusinessDays = dates.allSatisfy { $0.weekday < 5 }
    let unit: Frequency.Unit =
      sorted[0] >= 20 && areBusinessDays
      ? .monthly(on: .lastBusinessDay)
      : sorted.last! <= 10 && areBusinessDays ? .monthly(on: .firstBusinessDay) : .month(day: sorted[sorted.count / 2])
    self.init(
      Frequency(unit, every: step), anchor: stamps.last!, stamps,
      note: "the days of the month vary; one time in each is counted"
    )
  }

  /// Times that lie near the hours, minutes or so that a clock would show, at most a tenth of the step away.
  private init?(jittered stamps: [TimeStamp]) {
    let steps = zip(stamps.dropFirst(), stamps).map { $0.ticks - $1.ticks }.sorted()
    let median = steps[steps.count / 2]
    guard let step = Self.clockSteps.min(by: { abs($0 - median) < abs($1 - median) }), abs(step - median) * 20 <= step
    else {
      return nil
    }
    // The phase: where within the step the middle time lies, to a round part of it.
    let residues = stamps.map { stamp -> Int in
      let rest = stamp.ticks - stamps[0].ticks - Self.rounded(stamp.ticks - stamps[0].ticks, to: step)
      return rest
    }.sorted()
    var origin = stamps[0].ticks + residues[residues.count / 2]
    let grain =
      step >= TimeStamp.hour ? TimeStamp.minute : step >= TimeStamp.minute ? TimeStamp.second : max(step / 10, 1)
    let coarse = step
    for size in [coarse, grain] where abs(origin - Self.rounded(origin, to: size)) * 20 <= step {
      origin = Self.rounded(origin, to: size)
      break
    }
    var worst = 0
    for (position, stamp) in stamps.enumerated() {
      // A clock that is late by more than a tenth, or a time too many or too few, is no jitter.
      let distance = abs(stamp.ticks - (origin + position * step))
      guard distance * 10 <= step else { return nil }
      worst = max(worst, distance)
    }
    let frequency =
      step % TimeStamp.day == 0 ? Frequency(.day, every: step / TimeStamp.day) : Frequency(.microsecond, every: step)
    let size = worst >= TimeStamp.second ? "\(worst / TimeStamp.second) s" : "\(worst / 1000) ms"
    let last = TimeStamp(ticks: origin + (stamps.count - 1) * step)
    self.init(
      frequency, anchor: last, stamps, note: "the times are up to \(size) off an even clock; read as \(frequency)")
  }

  private static func rounded(_ ticks: Int, to step: Int) -> Int {
    (ticks * 2 + step).flooredQuotient(by: 2 * step) * step
  }

  /// The steps of clocks.
  private static let clockSteps: [Int] = {
    let seconds = [1, 2, 5, 10, 15, 20, 30].map { $0 * TimeStamp.second }
    let minutes = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30].map { $0 * TimeStamp.minute }
    let hours = [1, 2, 3, 4, 6, 8, 12, 24, 48, 168].map { $0 * TimeStamp.hour }
    let milliseconds = [1, 2, 5, 10, 20, 40, 50, 100, 200, 250, 500].map { $0 * 1000 }
    return milliseconds + seconds + minutes + hours
  }()
}

extension Frequency {
  /// Throws when a time does not lie after the one before it.
  static func checkOrder(_ stamps: [TimeStamp]) throws(Irregularity) {
    for index in 1..<stamps.count where stamps[index] <= stamps[index - 1] {
      throw stamps[index] == stamps[index - 1] ? .repeated(at: index) : .unsorted(at: index)
    }
  }

  /// Months from years with decimals, in units of 10⁻⁹; January is .0, a month a twelfth, and what a part of a month is
  /// over (the middle of it) is dropped.
  static func months(ofDecimalYears ticks: [Int]) throws(Irregularity) -> [TimeStamp] {
    let years = ticks.map { Double($0) / 1e9 }
    let steps = zip(years.dropFirst(), years).map { $0 - $1 }.sorted()
    if let step = steps.isEmpty ? nil : abs(steps[steps.count / 2]), step > 0, step < 0.99 {
      let parts = (1 / step).rounded()
      guard [2, 3, 4, 6, 12].contains(parts) else { throw .partsOfYear(parts < 1e9 ? Int(parts) : 0) }
    }
    return years.map { year in
      // 0.083 and 0.08 are less than a twelfth, and 59 days of 365 less than two.
      TimeStamp(ticks: CivilDate(months: Int((year * 12 + 0.1).rounded(.down)), day: 1).daysSince1970 * TimeStamp.day)
    }
  }
}
