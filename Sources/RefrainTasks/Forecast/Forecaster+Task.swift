import Refrain
import RefrainData

extension Forecaster: TaskModel {
  /// The word on the command line.
  public static let name = "forecast"
  /// Its measures.
  public static let measures: [TaskMeasure] = [
    .less("mase"), .less("smape"), .less("rmse"), .neither("coverage"),
  ]
  /// They are.
  public static let savesTraining = true
  /// Those of a context, and of what is to be foretold of it.
  public static let augmentations: [Augmentation.Kind] = [.noise, .scaling, .magnitudeWarp]
  /// What the task does.
  public static let purpose = "Forecast a series of numbers."
  /// The word in files of before the name of the task stood there.
  public static let formerKinds = ["forecaster"]

  /// The series of the first file, one or many; `-` is standard input.
  ///
  /// - Throws: What ``Series/all(in:options:)`` and reading the table throw; `wrongInput` when there is no file, or
  ///   more than one.
  public static func examples(
    from source: DataSource, _ configuration: Configuration
  ) throws(DataError) -> [Series] {
    guard let part = try source.onlyPart() else {
      throw DataError(
        .wrongInput, "there is no series to learn from", remedy: "name a CSV file, or - for what is piped in")
    }
    return try configuration.reading.allSeries(in: part, configuration.options)
  }

  /// What was assumed of the series, each note once.
  public static func notes(of examples: [Series]) -> [String] {
    var said: Set<String> = []
    return examples.flatMap(\.notes).filter { said.insert($0).inserted }
  }

  /// The series of the first file, which must have the target and the covariates that were trained on; none where no
  /// file is named, for which the series that was trained on is continued.
  public func examples(from source: DataSource, _ request: ForecastRequest) throws(DataError) -> [Series] {
    guard let part = try source.onlyPart() else { return [] }
    let all = try reading(request.reading).allSeries(in: part) { options(request.reading, in: $0) }
    guard members.count > 1 || all.count == 1 else {
      throw DataError(
        .wrongInput, file: part.name, "there are \(all.count) series, and the model was trained on one",
        remedy: "choose one", setting: all.first.map { .only($0.id ?? $0.name) })
    }
    return all.map(fitting)
  }

  /// How newer rows are read: as those of the training, where nothing else is said.
  package func reading(_ given: SeriesReadingOptions) -> SeriesReadingOptions {
    guard let saved = plan.reading else { return given }
    var reading = given
    reading.isWide = given.isWide || saved.isWide
    reading.every = given.every ?? saved.every
    reading.aggregate = given.aggregate ?? saved.aggregate
    if reading.id.isEmpty { reading.id = saved.id }
    return reading
  }

  /// What is taken from a table of newer rows.
  package func options(_ given: SeriesReadingOptions, in table: Table) -> Series.Options {
    let isWide = plan.reading?.isWide == true
    let past = plan.beside == nil ? covariates : plan.columns(.past) + plan.columns(.fixed)
    var options = reading(given).options(
      target: isWide ? nil : seriesName, covariates: past, future: plan.columns(.future), in: table)
    if isWide { options.columns = plan.reading?.columns ?? [] }
    options.categories = plan.categories
    return options
  }

  /// A newer series with the covariates in the order and the roles of the training.
  package func fitting(_ series: Series) -> Series { series.with(fixed: Set(plan.columns(.fixed))) }

  /// What comes next in each series, or in the one that was trained on where there is none.
  public func predict(_ examples: [Series], _ request: ForecastRequest) throws(TaskError) -> [Forecast.Point] {
    let chosen = examples.isEmpty ? try members(called: request.reading.only) : []
    return try points(examples[...], chosen[...], request)
  }

  /// What comes next in each series of a share.
  public func predict(
    _ examples: [Series], _ request: ForecastRequest, share: ExampleShare
  ) throws(TaskError) -> [Forecast.Point]? {
    if let places = share.places(of: examples.count) { return try points(examples[places], [], request) }
    guard examples.isEmpty else { return nil }
    let chosen = try members(called: request.reading.only)
    return try share.places(of: chosen.count).map { places throws(TaskError) in
      try points([], chosen[places], request)
    }
  }

  /// What comes next in newer series, or in some of those that were trained on.
  private func points(
    _ examples: ArraySlice<Series>, _ members: ArraySlice<ForecastMember>, _ request: ForecastRequest
  ) throws(TaskError) -> [Forecast.Point] {
    let (levels, samples) = (request.levels, request.samples ?? 0)
    var points: [Forecast.Point] = []
    for member in members {
      points += try forecast(of: member, levels: levels, samples: samples).sampledPoints
    }
    for series in examples {
      try TaskError.checkCancellation()
      points += try forecast(continuing: series, levels: levels, samples: samples).sampledPoints
    }
    guard let shape = request.shape else { return points }
    for index in points.indices { points[index].shape = shape }
    return points
  }

  /// The errors of forecasts of the last horizons of a series, each from what came before it.
  public func evaluate(on examples: [Series], _ request: ForecastRequest) throws(TaskError) -> TaskEvaluation {
    guard !examples.isEmpty else {
      throw TaskError("there is no series to be evaluated on; name a file whose last rows are known")
    }
    let backtests = try examples.map { series throws(TaskError) in try backtest(on: series) }
    let finite = backtests.filter(\.isFinite)
    return evaluation(of: finite.isEmpty ? [backtests[0]] : finite)
  }

  /// The errors of the backtest; nil when training was stopped before they were known.
  public var evaluation: TaskEvaluation? {
    let backtests = members.compactMap(\.backtest)
    return backtests.isEmpty ? nil : evaluation(of: backtests)
  }

  /// The mean over series, of which there is at least one; its examples are the steps forecast in all of them.
  private func evaluation(of backtests: [Backtest]) -> TaskEvaluation {
    let backtest = Backtest(meanOf: backtests) ?? backtests[0]
    func measures(_ errors: Backtest.Errors) -> [TaskEvaluation.Measure] {
      [.init("mase", errors.mase), .init("smape", errors.smape)]
    }
    return TaskEvaluation(
      task: Self.name, examples: backtests.reduce(0) { $0 + $1.folds * horizon },
      measures: [
        .init("mase", backtest.mase), .init("smape", backtest.smape), .init("rmse", backtest.rmse),
        .init("coverage", backtest.coverage),
      ],
      baselines: [
        .init("seasonalNaive", measures(backtest.seasonalNaive)), .init("naive", measures(backtest.naive)),
      ])
  }

  /// What is forecast, how far, and by which network.
  public var facts: [(name: String, value: String)] {
    let size = [
      layers > 1 ? "\(layers) layers" : nil, "\(hiddenSize) units", "\(training.parameters) parameters",
      "seed \(training.seed)",
    ]
    let shares = methods.map { "\($0.name) \(Int(($0.weight * 100).rounded())) %" }
    let model = hasNetwork ? ([cell] + size.compactMap(\.self)).joined(separator: ", ") : nil
    let rows = members.reduce(0) { $0 + $1.memory.rowCount }
    let series =
      members.count > 1
      ? "\(members.count) series, \(seriesName), \(rows) rows, \(frequency)"
      : "\(seriesName), \(rowCount) rows, \(frequency), from \(firstTime)"
    return [
      ("Series", series),
      ("Steps", "horizon \(horizon), context \(context), \(season > 1 ? "season \(season)" : "no season")"),
      ("Methods", isNaive ? "repeats what was" : shares.joined(separator: ", ")),
    ] + (model.map { [("Model", $0)] } ?? []) + notes.map { ("Note", $0) }
  }

  /// From contexts to quantiles, in the network's own unit.
  public var network: (any TracedNetwork)? { forecastNetwork }
}

/// What may be asked of a forecaster besides a series.
public struct ForecastRequest: TaskRequest {
  /// How series are read from a table, which may be written otherwise than that of the training.
  public static let options: [TaskOption<Self>] =
    (SeriesReadingOptions.options + [.every]).map { $0.within(\.reading) } + [
      .levels("levels", \.levels), .shape("shape", \.shape),
      .count(
        "samples", \.samples, in: 1...Forecaster.mostSamples,
        help: "Give so many sample paths too: at each step an array of their values. (default: none)"),
    ]

  /// How series are read from a table.
  public var reading = SeriesReadingOptions()
  /// The shares of truths that intervals are to hold, in percent, besides 80.
  public var levels: [Double] = []
  /// How the fields of an answer are named.
  public var shape: Forecast.Shape?
  /// How many sample paths are drawn; none by default.
  public var samples: Int?

  /// The column of times, which may go by another name than in the training; by default the first that holds times.
  public var time: String? {
    get { reading.time }
    set { reading.time = newValue }
  }

  /// Everything as it was in the training.
  public init() {}
}

extension Forecast {
  /// The steps, each with the values of the sample paths at it.
  fileprivate var sampledPoints: [Point] {
    points.enumerated().map { step, point in
      var point = point
      point.samples = samples.map { $0[step] }
      return point
    }
  }
}

/// The bounds of intervals under their names, such as `lower95` and `upper95`.
package func bounds(of intervals: [Forecast.Interval]) -> [(name: String, value: Double)] {
  intervals.flatMap { interval in
    let level = interval.level == interval.level.rounded() ? "\(Int(interval.level))" : "\(interval.level)"
    return [("lower" + level, interval.lower), ("upper" + level, interval.upper)]
  }
}

extension TaskOption {
  /// How the fields of a forecast are named.
  static func shape(_ name: String, _ place: WritableKeyPath<Target, Forecast.Shape?> & Sendable) -> TaskOption {
    .choice(
      name, place, of: Forecast.Shape.allCases.map { ($0.rawValue, $0) }, valueName: "shape",
      help: "The names of the fields: refrain, or nixtla for unique_id, ds and so on. (default: refrain)")
  }

  /// Levels of intervals, in percent, between commas.
  static func levels(_ name: String, _ place: WritableKeyPath<Target, [Double]> & Sendable) -> TaskOption {
    TaskOption(
      name, .value, valueName: "50,95",
      help: "Shares of truths that intervals are to hold, in percent, separated by commas. (default: 80)"
    ) { target, texts throws(OptionError) in
      let levels = texts[0].split(separator: ",", omittingEmptySubsequences: false).map { part in
        Double(part.filter { $0 != " " && $0 != "%" })
      }
      guard levels.allSatisfy({ $0.map { $0 > 0 && $0 < 100 } ?? false }) else {
        throw OptionError(option: name, "takes numbers between 0 and 100 with commas between, not \(texts[0].quoted)")
      }
      target[keyPath: place] = Array(Set(levels.compactMap(\.self))).sorted()
    }
  }
}

extension Forecaster.Configuration: TaskConfiguration {
  /// Columns, and steps of the forecast.
  public static let options: [TaskOption<Self>] =
    [
      .column(
        "target", \.target,
        help: """
          The column to forecast; 'refrain forecast' takes several between commas, or all. (default: the last column of \
          numbers)
          """),
      .columns(
        "past", \.covariates,
        help: "Columns observed beside the target that help to foretell it, separated by commas. (default: none)"),
      .columns(
        "future", \.future,
        help: """
          Columns beside the target that are known ahead, such as holidays, in rows after its last value or in \
          --future-file. (default: none)
          """),
      .columns("covariates", \.covariates, help: "The same as --past."),
    ] + SeriesReadingOptions.options.map { $0.within(\.reading).ofReading() } + [
      .count(
        "horizon", \.horizon, in: 1...100_000, help: "How many steps to forecast. (default: one season)"
      ).ofMeasure(),
      .count(
        "context", \.context, in: 1...100_000,
        help: "How many past steps the network sees. (default: from the series' length)"),
      .count(
        "season", \.season, in: 1...100_000,
        help: "After how many steps the series repeats; 1 for never. (default: from the times and the values)"
      ).ofMeasure(),
      .count(
        "backtest", \.folds, in: 1...1000,
        help: """
          How many times to forecast held-out time, to learn how good the forecast is. (default: from the series' length)
          """
      ).ofMeasure(),
      .levels("levels", \.levels),
      TaskOption(
        "zero-shot", .flag,
        help: "Train nothing: forecast by the network that comes with Refrain, which learned from made-up series."
      ) { configuration, _ in configuration.isZeroShot = true },
    ]

  /// What is taken from a table.
  package func options(_ table: Table) -> Series.Options {
    reading.options(target: target, covariates: covariates, future: future, in: table)
  }

  /// Takes what is brought together over steps of time, where a training has no other use for the word.
  public mutating func choose(every text: String) throws(OptionError) {
    reading.every = try TaskOption<SeriesReadingOptions>.period(text)
  }

  /// Takes all but a dropout, which a forecaster has not.
  public mutating func choose(_ options: SharedOptions) throws(TaskError) {
    guard options.dropout == nil else { throw TaskError("a forecaster has no dropout; leave it out") }
    let network: [Any?] = [options.cell, options.layers, options.hidden, options.epochs]
    guard !isZeroShot || context == nil && network.allSatisfy({ $0 == nil }) else {
      throw TaskError(
        "with a zero-shot forecast nothing is trained: there is no network whose cell, context, sizes or epochs could be "
          + "chosen", remedy: "leave those out")
    }
    if let cell = options.cell { self.cell = cell }
    if let layers = options.layers { self.layers = layers }
    if let hidden = options.hidden { hiddenSize = hidden }
    if let epochs = options.epochs { self.epochs = epochs }
    if let seed = options.seed { self.seed = seed }
  }
}

extension DataSource {
  /// The one file; nil where nothing was named.
  ///
  /// - Throws: `wrongInput` for more than one.
  fileprivate func onlyPart() throws(DataError) -> Part? {
    guard parts.count < 2 else {
      throw DataError(
        .wrongInput, file: parts[1].name, "a forecast takes one file, not \(parts.count)", remedy: "name one")
    }
    return parts.first
  }
}
