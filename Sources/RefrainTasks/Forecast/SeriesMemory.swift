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

  init(_ series: Series, plan: ForecastPlan) {
    self.init(series, plan: plan, origin: series.times.start, offset: 0)
  }

  /// - Parameter offset: The position of the series' first value since `origin`.
  private init(_ series: Series, plan: ForecastPlan, origin: TimeStamp, offset: Int) {
    let kept = min(series.count, max(plan.context, 6 * plan.horizon, 2 * plan.season))
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
  }

  /// The position of a series' first value since `origin`, when this is its end.
  func origin(of series: Series) -> Int { firstPosition - (series.count - values.count) }

  /// The end of a newer series in place of this one.
  func replaced(by series: Series, plan: ForecastPlan) throws(ForecastError) -> SeriesMemory {
    let place = series.file.map { $0 + ": " } ?? ""
    guard series.frequency.description == frequency else {
      throw ForecastError(
        "\(place)the series is \(series.frequency), the model was trained on one that is \(frequency)")
    }
    guard series.covariates.map(\.name) == covariateNames else {
      let names = covariateNames.isEmpty ? "none" : covariateNames.joined(separator: ",")
      throw ForecastError("\(place)the model was trained with other covariates; give --covariates \(names)")
    }
    guard series.count >= plan.context else {
      throw ForecastError(
        "\(place)the series has \(series.count) rows, and the model looks back \(plan.context); give more rows")
    }
    return SeriesMemory(series, plan: plan, origin: origin, offset: position(of: series))
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
