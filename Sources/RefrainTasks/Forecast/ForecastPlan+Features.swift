import RefrainData

/// A covariate as a model knows it.
struct CovariateShape: Codable, Sendable, Hashable {
  let column: String
  /// The category that it is 1 for; nil for a column of numbers.
  let category: String?
  let role: Series.Covariate.Role
  /// The scale that all series share, of what never changes within one.
  let scaler: Scaler?

  init(_ covariate: Series.Covariate, scaler: Scaler? = nil) {
    (column, category, role) = (covariate.column, covariate.category, covariate.role)
    self.scaler = scaler
  }
}

/// How a model's series are read from a table, where newer rows must be read in the same way.
struct SavedReading: Codable, Sendable, Equatable {
  var isWide: Bool
  /// The columns that are series of a wide table; none for all.
  var columns: [String]
  var id: [String]
  var every: TimePeriod?
  var aggregate: Aggregate?
}

extension ForecastPlan {
  /// More series than this have no channel of their own: a network would learn little of each.
  static let mostChannels = 64

  /// When each covariate's values are known; in files of older versions all only once they were observed.
  func roles(count: Int) -> [Series.Covariate.Role] {
    beside?.map(\.role) ?? Array(repeating: .past, count: count)
  }

  /// The columns that are known at some time.
  func columns(_ role: Series.Covariate.Role) -> [String] {
    var seen: Set<String> = []
    return (beside ?? []).filter { $0.role == role && seen.insert($0.column).inserted }.map(\.column)
  }

  /// The categories of the columns that have such.
  var categories: [String: [String]] {
    var categories: [String: [String]] = [:]
    for shape in beside ?? [] { if let own = shape.category { categories[shape.column, default: []].append(own) } }
    return categories
  }

  /// How many features a step has.
  func featureCount(covariates: Int) -> Int {
    waves(covariates: covariates).upperBound + (hasMask == true ? 2 : 0)
  }

  /// Where among the features the waves of the calendar stand.
  func waves(covariates: Int) -> Range<Int> {
    let ahead = roles(count: covariates).count { $0 == .future }
    let first = 1 + covariates + ahead + (channels ?? 0)
    return first..<first + 2 * cycles.count
  }

  /// How many inputs the linear method has, the constant among them.
  func linearInputs(covariates: Int) -> Int {
    context * (1 + roles(count: covariates).count { $0 == .past }) + 2 * cycles.count + 1
  }

  /// The names of the features, in their order.
  func featureNames(_ memory: SeriesMemory) -> [String] {
    let names = memory.covariateNames
    let roles = roles(count: names.count)
    return [memory.name] + names
      + zip(names, roles).filter { $0.1 == .future }.map { "\($0.0), \(horizon) steps later" }
      + (0..<(channels ?? 0)).map { "channel \(channelNames?[$0] ?? "\($0 + 1)")" }
      + cycles.flatMap { ["sine of \($0) steps", "cosine of \($0) steps"] }
      + (hasMask == true ? ["is there", "steps since one was"] : [])
  }

  /// The channel of a series; nil for one that has none.
  func channel(of id: String?) -> Int? { id.flatMap { channelNames?.firstIndex(of: $0) } }

  /// The scalers of a series' covariates, by its first rows; categories and what never changes have their own.
  func covariateScalers(of series: Series, training: Int) -> [Scaler] {
    series.covariates.enumerated().map { index, covariate in
      if let scaler = beside?[index].scaler { return scaler }
      if covariate.category != nil { return Scaler(mean: 0, deviation: 1) }
      return .fit(on: covariate.values.prefix(training))
    }
  }

  /// Takes down what the series of a training have beside them.
  ///
  /// - Parameter areChannels: Whether each series is a channel of one system, so that the network is told which it
  ///   sees.
  mutating func note(_ all: [Series], areChannels: Bool) {
    guard let first = all.first else { return }
    hasMask = all.contains { $0.missingCount > 0 } ? true : nil
    let isScaledOtherwise = all.contains { series in
      let held = series.count - (all.count > 1 ? shortened(for: series) : self).folds * horizon
      return held > 0 && Backtest.scale(series, within: held, season: season).isWithoutOutliers
    }
    if isScaledOtherwise {
      notes = (notes ?? []) + ["MASE is scaled without the outliers of the past, by which any error would look small"]
    }
    if areChannels, all.count > 1, all.count <= Self.mostChannels {
      channels = all.count
      channelNames = all.map { $0.id ?? $0.name }
    }
    guard !first.covariates.isEmpty else { return }
    beside = first.covariates.enumerated().map { index, covariate in
      guard covariate.role == .fixed, covariate.category == nil else { return CovariateShape(covariate) }
      return CovariateShape(covariate, scaler: .fit(on: all.map { $0.covariates[index].values.first ?? 0 }))
    }
  }
}

extension Forecaster.Configuration {
  /// How newer rows are to be read; nil where they are read like any others.
  func saved(_ all: [Series]) -> SavedReading? {
    let isWide = areChannels(all) && all.count > 1
    guard isWide || reading.every != nil || !reading.id.isEmpty else { return nil }
    return SavedReading(
      isWide: isWide, columns: isWide && target != "all" ? targets(of: all) : [], id: reading.id, every: reading.every,
      aggregate: reading.aggregate)
  }

  /// Whether several series are channels of one system: columns of one table.
  func areChannels(_ all: [Series]) -> Bool { reading.isWide || target == "all" || targets(of: all).count > 1 }

  /// The columns that the target names, by the names of the series that were made of them.
  private func targets(of all: [Series]) -> [String] {
    target?.targetNames.rejoined(among: all.map(\.name)) ?? []
  }
}

extension [Series] {
  /// The same series, where what never changes within any of several is known for good.
  func findingFixedCovariates() -> [Series] {
    guard count > 1 else { return self }
    let fixed = self[0].covariates.indices.filter { index in
      allSatisfy { series in
        let values = series.covariates[index].values
        return values.allSatisfy { $0 == values[0] }
      }
    }
    // A category is fixed as a whole or not at all.
    let columns = Set(fixed.map { self[0].covariates[$0].column }).filter { column in
      self[0].covariates.indices.allSatisfy { self[0].covariates[$0].column != column || fixed.contains($0) }
    }
    guard !columns.isEmpty else { return self }
    return map { $0.with(fixed: columns) }
  }
}

extension Series {
  /// The same series, with covariates that never change.
  func with(fixed columns: Set<String>) -> Series {
    with(
      covariates: covariates.map { covariate in
        var covariate = covariate
        if columns.contains(covariate.column) { (covariate.role, covariate.future) = (.fixed, []) }
        return covariate
      })
  }

  /// For how many steps after the end all is known that is known ahead; nil where there is no such covariate.
  var knownAhead: Int? { covariates.filter { $0.role == .future }.map(\.future.count).min() }
}

extension SeriesMemory {
  /// Stops when the future of a covariate is not known as far as the forecast goes.
  func checkFuture(_ plan: ForecastPlan) throws(ForecastError) {
    for (index, shape) in (plan.beside ?? []).enumerated() where shape.role == .future {
      let known = ahead?[index].count ?? 0
      guard known < plan.horizon else { continue }
      let step = futureTimes.indices.contains(known) ? futureTimes[known] : "step \(known + 1)"
      // Which row of a file of the future it would be depends on how that is ordered.
      let row = futureFile == nil ? rowAfter.map { "row \($0 + known), " } ?? "" : ""
      throw ForecastError(
        "\((futureFile ?? fileName).map { $0 + ": " } ?? "")\(row)column \(shape.column): its value for \(step) is not "
          + "known, and the forecast goes \(plan.horizon) steps ahead",
        remedy: futureFile != nil
          ? "add rows for \(step) and after, or forecast \(known) steps"
          : known > 0
            ? "add rows with it and no value of \(name), or forecast \(known) steps"
            : "add rows with it after the last value of \(name)",
        setting: futureFile == nil ? .future : nil)
    }
  }
}
