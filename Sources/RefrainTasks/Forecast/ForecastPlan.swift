import Refrain
import RefrainData

/// Everything about a forecaster that is decided before training: from the data where the user left it open.
struct ForecastPlan: Codable, Sendable {
  let horizon: Int
  let context: Int
  /// The season that errors are measured by, and the seasonal-naive forecast repeats; 1 for none.
  let season: Int
  /// The season the network starts from; 1 where repeating the last value does better.
  let base: Int
  var folds: Int
  let cell: String
  let hiddenSize: Int
  let layers: Int
  /// Longer periods of the calendar, given to the network as waves.
  let cycles: [Int]
  let usesLogarithm: Bool
  /// A season longer than ``season`` that the simple methods know of, such as the week in hours.
  let longSeason: Int?
  var epochs: Int
  var batchSize: Int
  var batchesPerEpoch: Int
  let seed: UInt64

  /// Whether nothing is trained, because there is too little to learn from: the network stays the naive forecast.
  let isNaive: Bool?
  /// Whether there is a network beside the simple methods; nil, in files of older versions, is true.
  let hasNetwork: Bool?
  /// Whether the network that comes with the library forecasts alone; nil is false.
  let isZeroShot: Bool?
  /// Whether the past was never negative, so that the future is not either.
  var isNonnegative: Bool?
  /// Whether values are missing, so that the network is told which.
  var hasMask: Bool?
  /// The covariates; nil in files of older versions, and for none.
  var beside: [CovariateShape]?
  /// How many series are told apart as channels of one system, and their names; nil for none.
  var channels: Int?
  var channelNames: [String]?
  /// How newer rows are read; nil in files of older versions.
  var reading: SavedReading?
  /// What was assumed, a line each.
  var notes: [String]?
  /// How the recurrent layers are regularized; nil is not.
  var regularizers: RecurrentRegularizers?

  /// - Throws: ``ForecastError`` when the series is too short for what is asked.
  init(_ series: Series, _ configuration: Forecaster.Configuration) throws(ForecastError) {
    if let column = Cells.named(configuration.cell)?.lastColumn {
      throw ForecastError(
        "the cell '\(configuration.cell)' takes the last column for \(column), which a forecast has not",
        remedy: "choose another cell")
    }
    let count = series.count
    let frequency = series.frequency
    let usual = frequency.season > 1 ? frequency.season : Self.detectedSeason(series, configuration)
    if series.values.allSatisfy({ $0 == series.values[0] }), count > 1,
      let plan = ForecastPlan.naive(
        series, configuration, season: 1, note: "every value is \(plain(series.values[0]))")
    {
      self = plan
      return
    }
    var note: String?
    for season in Set([configuration.season ?? usual, 1]).sorted(by: >) {
      let notes = [note].compactMap(\.self)
      let plan = ForecastPlan(series, configuration, season: season, notes: notes)
      let isEnough =
        !configuration.isZeroShot && (configuration.namesNetwork || plan.windows(count) >= leastWindows)
      if plan.needed <= count, plan.context >= plan.base, isEnough {
        self = plan
        return
      }
      if configuration.context == nil,
        let plan = ForecastPlan.withoutNetwork(series, configuration, season: season, notes: notes)
      {
        self = plan
        return
      }
      if season > 1 { note = "\(count) rows are too few to learn a season of \(season) from: none is assumed" }
    }
    if configuration.context == nil,
      let plan = ForecastPlan.naive(
        series, configuration, season: 1, note: "\(count) rows are too few to train on")
    {
      self = plan
      return
    }
    let full = ForecastPlan(series, configuration, season: configuration.season ?? usual)
    let folds = "\(full.folds) backtest \(full.folds == 1 ? "fold" : "folds")"
    guard configuration.context != nil else {
      // The naive forecast takes least.
      let needed = max(2 * full.horizon + 1, full.folds * full.horizon + 2)
      let isLeast = full.horizon == 1 && full.folds == 1
      throw ForecastError(
        "\(series.place)\(series.subject) has \(count) \(count == 1 ? "row" : "rows"), and a horizon of \(full.horizon) with "
          + "\(folds) needs \(needed)",
        remedy: isLeast ? "give more rows" : "give more rows or a smaller horizon or number of folds",
        setting: isLeast ? nil : .horizons)
    }
    let needed = max(full.needed, full.base + 1)
    throw ForecastError(
      "\(series.place)\(series.subject) has \(count) rows, and a horizon of \(full.horizon) with a context of \(full.context) "
        + "and \(folds) needs \(needed)",
      remedy: "give more rows or a smaller horizon, context or number of folds", setting: .sizes)
  }

  /// The plan for a season, whether or not the series is long enough for it.
  private init(
    _ series: Series, _ configuration: Forecaster.Configuration, season: Int, notes: [String] = [],
    isNaive: Bool = false, hasNetwork: Bool = true
  ) {
    let count = series.count
    let frequency = series.frequency
    self.season = season
    // By default as far as all is known that is known ahead.
    let ahead = series.knownAhead.flatMap { $0 > 0 ? $0 : nil } ?? Int.max
    horizon = configuration.horizon ?? max(1, min(season > 1 ? season : 12, count / 5, ahead))
    folds = configuration.folds ?? max(1, min(10, count / 10 / horizon))
    seed = configuration.seed
    cell = configuration.cell
    layers = configuration.layers
    self.isNaive = isNaive
    self.hasNetwork = hasNetwork && !isNaive
    isZeroShot = configuration.isZeroShot && !isNaive ? true : nil
    self.notes = notes + (isZeroShot == true ? Self.zeroShotNotes(series) : [])

    let training = count - folds * horizon
    let held = series.values.prefix(max(0, training))
    isNonnegative = held.allSatisfy { $0 >= 0 }
    // A context shorter than a season cannot repeat it.
    let seasonal = Self.base(Array(held), season: season, horizon: horizon)
    let start = seasonal <= configuration.context ?? seasonal ? seasonal : 1
    base = start
    // Two seasons show what changes from one to the next; a long series can afford more.
    let least = max(2 * start, horizon, 24)
    let generous = training >= 60 * least ? 4 * least : training >= 20 * least ? 2 * least : least
    let affordable = max(2 * start, (training - horizon) / 2)
    let context =
      isNaive
      ? start
      : !hasNetwork
        ? max(start, min(season > 1 ? 2 * season : 12, (training - horizon) / 3))
        : configuration.context ?? max(start, min(generous, max(least, 192), affordable))
    self.context = context
    longSeason = Self.longSeason(series, season: season, training: training)
    cycles = frequency.candidateSeasons.filter {
      hasNetwork && !isNaive && $0 > max(season, context) && training >= 2 * $0
    }
    usesLogarithm = !isNaive && Self.growsWithLevel(Array(held), block: start > 1 ? start : 12, seasonal: start > 1)

    let windows = training - context - horizon + 1
    hiddenSize = isNaive || !hasNetwork ? 1 : configuration.hiddenSize ?? (count >= 5000 ? 48 : 32)
    batchSize = windows >= 2000 ? 64 : 32
    batchesPerEpoch = max(1, min(windows, 6400) / batchSize)
    epochs = configuration.epochs ?? max(1, (windows >= 2000 ? 800 : 600) / batchesPerEpoch)
  }

  private static func zeroShotNotes(_ series: Series) -> [String] {
    ["nothing was trained: the forecast is that of a network which learned from made-up series alone"]
      + (series.covariates.contains { $0.role == .past }
        ? ["that network looks at no covariates: those observed in the past do nothing"] : [])
      + (series.covariates.contains { $0.role == .future }
        ? ["what is known ahead moves the forecast as far as least squares found that it moved the past"] : [])
  }

  /// The plan that trains nothing, when there are rows enough for its backtest.
  private static func naive(
    _ series: Series, _ configuration: Forecaster.Configuration, season: Int, note: String
  ) -> ForecastPlan? {
    let count = series.count
    var plan = ForecastPlan(series, configuration, season: season, isNaive: true)
    let held = count - plan.folds * plan.horizon
    guard count >= 2 * plan.horizon + 1, held >= 2, held >= 2 * season, held > plan.base else { return nil }
    let repeated = plan.base > 1 ? "the last \(plan.base) values are" : "the last value is"
    plan = ForecastPlan(
      series, configuration, season: season,
      notes: ["\(note): nothing is trained, \(repeated) repeated, in an interval as wide as the errors of that were"],
      isNaive: true)
    return plan
  }

  /// The plan that forecasts with the simple methods alone, when there are rows enough for a backtest.
  private static func withoutNetwork(
    _ series: Series, _ configuration: Forecaster.Configuration, season: Int, notes: [String]
  ) -> ForecastPlan? {
    let plan = ForecastPlan(series, configuration, season: season, notes: notes, hasNetwork: false)
    let held = series.count - plan.folds * plan.horizon
    guard held >= max(8, 2 * season, plan.horizon + 1), held > plan.base else { return nil }
    return plan
  }

  /// A longer season that the calendar has, or seven of an index's, such as the week in half hours.
  private static func longSeason(_ series: Series, season: Int, training: Int) -> Int? {
    guard season > 1 else { return nil }
    let isIndex = series.frequency.unit == .index
    guard let long = isIndex ? 7 * season : series.frequency.candidateSeasons.first(where: { $0 > season }),
      long <= 1000, training >= 3 * long
    else { return nil }
    return !isIndex || detectSeason(Array(series.values.prefix(training).suffix(20 * long)), candidates: [long]) > 1
      ? long : nil
  }

  /// The season that the values show, of which none are held out for a backtest.
  private static func detectedSeason(_ series: Series, _ configuration: Forecaster.Configuration) -> Int {
    let count = series.count
    /// The rows before the backtest with a horizon.
    func training(_ horizon: Int) -> Int {
      let horizon = configuration.horizon ?? max(1, min(horizon, count / 5))
      return count - (configuration.folds ?? max(1, min(10, count / 10 / horizon))) * horizon
    }
    // The horizon follows from the season: it must not be shorter than what the season was found in.
    for limit in Set([count / 5, 12].map(training)).sorted() where limit > 0 {
      let season = detectSeason(Array(series.values.prefix(limit)))
      if season > 1, training(season) >= limit { return season }
    }
    return 1
  }

  /// The plan for several series: that of the longest, with a network as large as all of them together can teach.
  ///
  /// - Throws: ``ForecastError`` when the series differ in frequency or covariates, or are all too short.
  init(_ all: [Series], _ configuration: Forecaster.Configuration) throws(ForecastError) {
    guard let longest = all.max(by: { $0.count < $1.count }) else {
      throw ForecastError("there is no series to learn from; give one")
    }
    guard all.count > 1 else {
      try self.init(longest, configuration)
      note(all, areChannels: false)
      return
    }
    for series in all where series.covariates.map(\.name) != longest.covariates.map(\.name) {
      throw ForecastError(
        "\(series.place)series \((series.id ?? series.name).quoted) has other covariates than "
          + "\((longest.id ?? longest.name).quoted): one model takes series with the same",
        remedy: "give each all of them")
    }
    for series in all where series.frequency != longest.frequency {
      throw ForecastError(
        "\(series.place)series \((series.id ?? series.name).quoted) is \(series.frequency), "
          + "\((longest.id ?? longest.name).quoted) is \(longest.frequency): one model takes series of one frequency",
        remedy: "train a model for each frequency")
    }
    let varied = all.filter { series in !series.values.allSatisfy { $0 == series.values[0] } }
    let leading = varied.max { $0.count < $1.count } ?? longest
    var plan = try ForecastPlan(leading, configuration)
    func windows(_ plan: ForecastPlan) -> Int {
      all.reduce(0) { $0 + max(0, $1.count - plan.folds * plan.horizon - plan.context - plan.horizon + 1) }
    }
    if plan.hasNetwork == false, plan.isNaive != true, !configuration.isZeroShot, windows(plan) >= 200 {
      // Alone it would teach a network nothing, but there are others.
      var configuration = configuration
      configuration.context = plan.context
      if let other = try? ForecastPlan(leading, configuration), other.hasNetwork ?? true { plan = other }
    }
    let count = windows(plan)
    plan.batchSize = count >= 2000 ? 64 : 32
    plan.batchesPerEpoch = max(1, min(count, 12_800) / plan.batchSize)
    plan.epochs = configuration.epochs ?? max(2, (count >= 20_000 ? 2400 : 1000) / plan.batchesPerEpoch)
    plan.isNonnegative = all.allSatisfy { $0.values.allSatisfy { $0 >= 0 } }
    plan.note(all, areChannels: configuration.areChannels(all))
    self = plan
  }

  /// The plan for a series that is short beside those it was made for: with as many horizons of a backtest, and such a
  /// season, as it has rows for.
  func shortened(for series: Series) -> ForecastPlan {
    var plan = self
    plan.folds = max(1, min(folds, series.count / 3 / horizon))
    let held = max(1, series.count - plan.folds * horizon)
    plan.isNonnegative = series.values.prefix(held).allSatisfy { $0 >= 0 }
    return plan
  }

  /// The moments in the first `limit` rows from which the methods are compared.
  func rollingOrigins(limit: Int) -> RollingOrigins {
    if isZeroShot == true {
      return RollingOrigins(limit: limit, horizon: horizon, least: max(season > 1 ? season : 3, base + 1), most: 12)
    }
    let wanted = context + horizon + 3
    // A series too short for the network has the origins of the other ways.
    let forNetwork = (hasNetwork ?? true) && limit > wanted ? wanted : 0
    return RollingOrigins(
      limit: limit, horizon: horizon, least: max(season > 1 ? 2 * season : 5, base + 1, forNetwork))
  }

  /// The rows before which the horizons of the backtest begin.
  func folds(of series: Series) -> [Int] { (0..<folds).map { series.count - (folds - $0) * horizon } }

  /// The rows that the plan takes at least.
  private var needed: Int { max(context, season) + folds * horizon + horizon + 4 }

  /// The windows to learn from before the backtest.
  private func windows(_ count: Int) -> Int { count - folds * horizon - context - horizon + 1 }

  /// The season, or 1 where repeating the last value would have been closer over the training part.
  private static func base(_ values: [Double], season: Int, horizon: Int) -> Int {
    guard season > 1, values.count > 2 * season + horizon else { return values.count > 2 * season ? season : 1 }
    var (naive, seasonal) = (0.0, 0.0)
    for origin in stride(from: season, through: values.count - horizon, by: max(1, horizon / 2)) {
      for step in 0..<horizon {
        naive += abs(values[origin + step] - values[origin - 1])
        seasonal += abs(values[origin + step] - values[origin - season + step % season])
      }
    }
    return seasonal <= naive ? season : 1
  }

  /// Whether the movement of a positive series grows with its level, so that its logarithm moves evenly: the spread of
  /// blocks, or of steps within them, varies less after division by their mean (Guerrero 1993).
  private static func growsWithLevel(_ values: [Double], block: Int, seasonal: Bool) -> Bool {
    guard values.allSatisfy({ $0 > 0 }), values.count / block >= 4 else { return false }
    var (spreads, ratios): ([Double], [Double]) = ([], [])
    for start in stride(from: values.count % block, to: values.count, by: block) {
      let part = values[start..<start + block]
      let mean = part.reduce(0, +) / Double(block)
      let moves = seasonal ? part.map { $0 - mean } : zip(part.dropFirst(), part).map { $0 - $1 }
      let center = moves.reduce(0, +) / Double(moves.count)
      let spread = (moves.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(moves.count)).squareRoot()
      spreads.append(spread)
      ratios.append(spread / mean)
    }
    func variation(_ values: [Double]) -> Double {
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      return mean > 0 ? variance.squareRoot() / mean : 0
    }
    return variation(ratios) < 0.9 * variation(spreads)
  }
}

/// Fewer windows than this teach a network nothing but themselves.
private let leastWindows = 40

/// A number without decimals that say nothing.
private func plain(_ value: Double) -> String {
  value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
}

extension Forecaster.Configuration {
  /// Whether sizes of the network are given, so that whoever gave them wants one.
  var namesNetwork: Bool { context != nil || hiddenSize != nil || epochs != nil }
}

extension Series {
  /// The file and a colon, for a message.
  var place: String { file.map { $0 + ": " } ?? "" }
  /// The series, by its name among several.
  var subject: String { id.map { "series \($0.quoted)" } ?? "the series" }
}

extension Forecaster {
  /// Those of several series that are long enough to be forecast each by itself; the others are left out, which the
  /// notes of the first say.
  ///
  /// - Throws: ``ForecastError`` of the first where none is.
  public static func longEnough(
    _ all: [Series], for configuration: Configuration
  ) throws(ForecastError) -> [Series] {
    guard all.count > 1 else { return all }
    var (kept, notes): ([Series], [String]) = ([], [])
    var first: ForecastError?
    for series in all {
      do throws(ForecastError) {
        _ = try ForecastPlan(series, configuration)
        kept.append(series)
      } catch {
        guard error.setting == .horizons || error.setting == .sizes || error.setting == nil && series.count < 8 else {
          throw error
        }
        first = first ?? error
        notes.append(
          "series \((series.id ?? series.name).quoted) is left out: it has "
            + "\(series.count == 1 ? "1 row" : "\(series.count) rows"), too few for what is asked")
      }
    }
    guard let leading = kept.first else { throw first! }
    if notes.count > 20 { notes = notes.prefix(20) + ["\(notes.count - 20) more are left out"] }
    if !notes.isEmpty { kept[0] = leading.named(leading.id, notes: notes) }
    return kept
  }
}
