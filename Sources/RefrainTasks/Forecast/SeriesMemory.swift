import RefrainData

/// The end of a series, as much of it as a forecast and its chart need: it is saved with the model.
struct SeriesMemory: Codable, Sendable {
  let name: String
  /// The name of the file, without its folder; nil when the series did not come from one.
  let fileName: String?
  /// How many rows the series had, and the time of the first.
  let rowCount: Int
  let firstTime: String
  let frequency: String
  let covariateNames: [String]
  /// The first time of the series that was trained on.
  let origin: TimeStamp
  /// The position of the first kept value since `origin`.
  let firstPosition: Int
  let times: [String]
  let values: [Double]
  let covariates: [[Double]]
  let futureTimes: [String]
  /// Which values there are; nil for all.
  let observed: [Bool]?
  /// What is known of the covariates after the end; nil for nothing.
  let ahead: [[Double]]?
  /// How many values of the whole series are missing; nil for none.
  let missingCount: Int?
  /// The number of the row after the last value in the file; nil when the series did not come from one.
  let rowAfter: Int?
  /// The file that tells the future of the covariates; nil where that is the series' own.
  let futureFile: String?

  init(_ series: Series, plan: ForecastPlan) {
    self.init(series, plan: plan, origin: series.times.start, offset: 0)
  }

  /// - Parameter offset: The position of the series' first value since `origin`.
  private init(_ series: Series, plan: ForecastPlan, origin: TimeStamp, offset: Int) {
    let kept = min(
      series.count, max(plan.context, 6 * plan.horizon, 2 * plan.season, plan.isNaive == true ? 0 : SimpleMethod.reach))
    let first = series.count - kept
    name = series.name
    fileName = series.file?.split(separator: "/").last.map(String.init)
    rowCount = series.count
    firstTime = series.times.text(at: 0)
    frequency = series.frequency.description
    covariateNames = series.covariates.map(\.name)
    self.origin = origin
    firstPosition = offset + first
    times = (first..<series.count).map { series.times.text(at: $0) }
    values = Array(series.values[first...])
    covariates = series.covariates.map { Array($0.values[first...]) }
    futureTimes = (0..<plan.horizon).map { series.times.text(at: series.count + $0) }
    observed = series.observed.isEmpty ? nil : Array(series.observed[first...])
    ahead =
      series.knownAhead == nil ? nil : series.covariates.map { Array($0.future.prefix(plan.horizon)) }
    missingCount = series.missingCount > 0 ? series.missingCount : nil
    rowAfter = series.rowNumber(of: series.count - 1).map { $0 + 1 }
    futureFile = series.knownAhead == nil ? nil : series.futureFile?.split(separator: "/").last.map(String.init)
  }

  /// The position of a series' first value since `origin`, when this is its end.
  func origin(of series: Series) -> Int { firstPosition - (series.count - values.count) }

  /// The end of a newer series in place of this one.
  ///
  /// - Parameter least: How many rows it must have.
  func replaced(
    by series: Series, plan: ForecastPlan, scaler: Scaler, least: Int
  ) throws(ForecastError) -> SeriesMemory {
    try checkFit(series, plan: plan)
    guard series.count >= least else {
      throw ForecastError(
        "\(series.place)the series has \(series.count) rows, and the model looks back \(least)",
        remedy: "give more rows")
    }
    let memory = SeriesMemory(series, plan: plan, origin: origin, offset: position(of: series))
    try Self.check(memory.values, of: series, from: series.count - memory.values.count, scaler: scaler)
    return memory
  }

  /// Stops when a series has another frequency than this one, or other covariates.
  func checkFit(_ series: Series, plan: ForecastPlan) throws(ForecastError) {
    guard series.frequency.description == frequency else {
      throw ForecastError(
        "\(series.place)the series is \(series.frequency), the model was trained on one that is \(frequency)")
    }
    guard series.covariates.map(\.name) == covariateNames else {
      let names = covariateNames.isEmpty ? "none" : covariateNames.map { "'\($0)'" }.joined(separator: ", ")
      throw ForecastError(
        "\(series.place)the model was trained with other covariates", remedy: "give those it knows: \(names)",
        setting: .covariates(plan.columns(.past) + plan.columns(.fixed)))
    }
  }

  /// Stops when a value of a series, of which these are those from `first` on, has no logarithm that is needed.
  static func check(
    _ values: [Double], of series: Series, from first: Int, scaler: Scaler
  ) throws(ForecastError) {
    guard scaler.transform != .identity, let position = values.firstIndex(where: { $0 < 0 }) else { return }
    let place = first + position
    let row = series.rowNumber(of: place).map { "row \($0), column \(series.name): " } ?? "value \(place + 1): "
    throw ForecastError(
      "\(series.place)\(row)\(values[position]) is negative, and the model takes logarithms, having seen positive "
        + "values only", remedy: "train a model on this series")
  }

  /// How many steps after `origin` a series starts; negative when it starts before.
  private func position(of series: Series) -> Int {
    let frequency = series.frequency
    func steps(_ from: TimeStamp, _ to: TimeStamp) -> Int {
      var high = 1
      while frequency.advance(from, by: high) <= to { high *= 2 }
      var low = 0
      while high - low > 1 {
        let middle = (low + high) / 2
        if frequency.advance(from, by: middle) <= to { low = middle } else { high = middle }
      }
      return low
    }
    let start = series.times.start
    return start >= origin ? steps(origin, start) : -steps(start, origin)
  }
}
