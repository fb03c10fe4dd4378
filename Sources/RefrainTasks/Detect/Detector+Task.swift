import Refrain
import RefrainData

extension Detector: TaskModel {
  /// The word on the command line.
  public static let name = "detect"
  /// Its measures.
  public static let measures: [TaskMeasure] = [
    .more("nab"), .more("nabLowFalsePositives"), .more("nabLowFalseNegatives"), .more("f1"), .more("precision"),
    .more("recall"), .neither("alarms"),
  ]
  /// They are.
  public static let savesTraining = true
  /// Those of rows, and of what is to be foretold of them.
  public static let augmentations: [Augmentation.Kind] = [.noise, .scaling, .magnitudeWarp]
  /// What the task does.
  public static let purpose = "Find what is odd in a series, as it comes in."
  /// The word in model files.
  public static let kind = "detector"
  /// There are no labels to measure by.
  public static let measuresTraining = false
  /// Where only alarms are asked for, there may be none.
  public static let answerFields = Detection.fields

  /// Rows that were read, of one file each.
  public struct Examples: Sendable {
    /// The rows of each file.
    public var files: [ObservedRows]
    /// The windows of each file in which something was the matter, where they are known.
    public var windows: [[ClosedRange<Int>]]?

    /// Rows without labels.
    public init(_ files: [ObservedRows], windows: [[ClosedRange<Int>]]? = nil) {
      self.files = files
      self.windows = windows
    }
  }

  /// The rows of the first file; `-` is standard input.
  ///
  /// - Throws: What ``ObservedRows/init(_:options:)`` and reading the table throw; `wrongInput` when there is no file,
  ///   or more than one.
  public static func examples(
    from source: DataSource, _ configuration: Configuration
  ) throws(DataError) -> Examples {
    guard source.parts.count == 1 else {
      throw DataError(
        .wrongInput, file: source.parts.dropFirst().first?.name,
        source.isEmpty ? "there is no series to learn from" : "a detector learns from one file",
        remedy: "name one CSV file, or - for what is piped in")
    }
    return Examples([try configuration.reading.rows(in: source.parts[0], channels: configuration.channels)])
  }

  /// What was assumed of the rows.
  public static func notes(of examples: Examples) -> [String] { examples.files.flatMap(\.notes) }

  /// The rows of each file, which must have the channels that were trained on; with their labels, where these are
  /// given.
  public func examples(from source: DataSource, _ request: DetectionRequest) throws(DataError) -> Examples {
    guard !source.isEmpty else {
      throw DataError(
        .wrongInput, "there are no rows to judge", remedy: "name a CSV file, or - for what is piped in")
    }
    var files: [ObservedRows] = []
    for part in source.parts { files.append(try request.reading.rows(in: part, channels: plan.channels)) }
    guard let path = request.labels else { return Examples(files) }
    let labels = try DetectionLabels(contentsOf: path)
    return Examples(files, windows: try files.map { rows throws(DataError) in try labels.windows(of: rows) })
  }

  /// Trains on the rows of the first file; see ``train(on:configuration:_:)``.
  public static func train(
    on examples: Examples, _ configuration: Configuration, _ context: TrainingContext
  ) throws(TaskError) -> Detector {
    guard let rows = examples.files.first else { throw TaskError("there is no series to learn from; give one") }
    return try train(on: rows, configuration: configuration, context)
  }

  /// What there is to say of each row of each file, as if it came after those of the training; with
  /// ``DetectionRequest/onlyAlarms`` of the alarms alone.
  public func predict(_ examples: Examples, _ request: DetectionRequest) throws(TaskError) -> [Detection] {
    try detections(in: examples.files[...], request)
  }

  /// The same of a share of the files, of which each is a stream by itself.
  public func predict(
    _ examples: Examples, _ request: DetectionRequest, share: ExampleShare
  ) throws(TaskError) -> [Detection]? {
    try share.places(of: examples.files.count).map { places throws(TaskError) in
      try detections(in: examples.files[places], request)
    }
  }

  private func detections(
    in files: ArraySlice<ObservedRows>, _ request: DetectionRequest
  ) throws(TaskError) -> [Detection] {
    var all: [Detection] = []
    for rows in files {
      all += try detections(in: rows) { () throws(TaskError) in try TaskError.checkCancellation() }
    }
    return request.onlyAlarms ? all.filter(\.isAnomaly) : all
  }

  /// The benchmark's scores, and precision and recall of the alarms, beside those of random numbers and of a windowed
  /// Gaussian, which are given as many alarms.
  public func evaluate(on examples: Examples, _ request: DetectionRequest) throws(TaskError) -> TaskEvaluation {
    guard let windows = examples.windows else {
      throw TaskError(
        "how good alarms are is only known where it is known what was the matter",
        remedy: "give the labels, a JSON file of windows", setting: .labels)
    }
    let found = examples.files.map { rows in
      DetectionEvaluation.File(rows, detections: detections(in: rows), windows: [])
    }
    let files = zip(found, windows).map { file, windows in
      var file = file
      file.windows = windows
      return file
    }
    return DetectionEvaluation(files).evaluation
  }

  /// How far the scores of the rows are apart, and how many rows are an alarm to one of both alone.
  public func differences(
    to other: Detector, on examples: Examples, _ request: DetectionRequest
  ) throws(TaskError) -> [TaskEvaluation.Measure] {
    var request = request
    request.onlyAlarms = false
    let (own, others) = (try predict(examples, request), try other.predict(examples, request))
    let apart = zip(own, others).map { abs($0.score - $1.score) }
    let changed = zip(own, others).count { $0.isAnomaly != $1.isAnomaly }
    return [
      .init("rows", Double(own.count)),
      .init("meanScoreDifference", apart.reduce(0, +) / Double(max(1, apart.count))),
      .init("greatestScoreDifference", apart.max() ?? 0), .init("alarms", Double(own.count(where: \.isAnomaly))),
      .init("alarmsChanged", Double(changed)),
    ]
  }

  /// What is watched, by which networks, and how often a false alarm may come.
  public var facts: [(name: String, value: String)] {
    let size = plan.layers > 1 ? "\(plan.layers) layers, " : ""
    let networks = "\(plan.cell), \(size)\(plan.hiddenSize) units, \(networks.parameterCount) parameters"
    return [
      ("Series", "\(rowCount) rows, \(channels.count == 1 ? "1 channel" : "\(channels.count) channels")"),
      ("Steps", plan.season > 1 ? "season \(plan.season)" : "no season"),
      ("Model", "\(plan.method.rawValue): \(networks), seed \(plan.seed)"),
      ("Alarms", "false ones at most \(plan.rate)"),
    ] + notes.map { ("Note", $0) }
  }
}

/// What may be asked of a detector besides rows.
public struct DetectionRequest: TaskRequest {
  /// How rows are read, the labels, and which answers are given.
  public static let options: [TaskOption<Self>] =
    SeriesReadingOptions.rowOptions.map { $0.within(\.reading) } + [
      .text(
        "labels", \.labels, valueName: "file",
        help: "A JSON file of windows in which something was the matter, for 'refrain evaluate'."),
      TaskOption("only-alarms", .flag, help: "Answer with the alarms alone.") { request, _ in
        request.onlyAlarms = true
      },
    ]

  /// How rows are read from a table, which may be written otherwise than that of the training.
  public var reading = SeriesReadingOptions()
  /// The path of the labels; needed to evaluate.
  public var labels: String?
  /// Whether rows that are no alarm are left out.
  public var onlyAlarms = false

  /// Everything as it was in the training.
  public init() {}
}

extension SeriesReadingOptions {
  /// Those that are about rows, not about series that are evenly spaced.
  static let rowOptions = options.filter { ["time", "decimal", "thousands", "dates", "count-rows"].contains($0.name) }

  /// The rows of a table.
  func rows(in part: DataSource.Part, channels: [String]) throws(DataError) -> ObservedRows {
    let table = try part.table(format: format)
    var options = ObservedRows.Options()
    options.channels = table.names(channels)
    options.time = time
    options.countsRows = countsRows
    options.dates = dates
    return try ObservedRows(table, options: options)
  }
}

extension Detector.Configuration: TaskConfiguration {
  /// Columns, networks, and how often a false alarm may come.
  public static let options: [TaskOption<Self>] =
    [
      .columns(
        "target", \.channels, help: "The columns to watch, separated by commas. (default: all columns of numbers)")
    ] + SeriesReadingOptions.rowOptions.map { $0.within(\.reading) } + [
      TaskOption(
        "false-alarms", .value, valueName: "rate",
        help: """
          How often an alarm may be false: 1/week, 2/day, or 1/1000 for so many rows. (default: 1/1000)
          """
      ) { configuration, texts throws(OptionError) in
        guard let rate = FalseAlarmRate(texts[0]) else {
          throw OptionError(
            option: "false-alarms", "takes a rate such as 1/week, 2/day or 1/1000 (rows), not \(texts[0].quoted)")
        }
        configuration.falseAlarms = rate
      },
      .choice(
        "method", \.method, of: Detector.Method.allCases.map { ($0.rawValue, $0) }, valueName: "way",
        help: "What is compared with the rows: prediction, reconstruction or both. (default: both)"),
      .count(
        "season", \.season, in: 1...100_000,
        help: "After how many rows the series repeats; 1 for never. (default: a day, where the times tell)"),
      .count(
        "context", \.context, in: 2...10_000, help: "How many rows a training example has. (default: 48)"),
    ]

  /// Takes all but a dropout, which a detector has not.
  public mutating func choose(_ options: SharedOptions) throws(TaskError) {
    guard options.dropout == nil else { throw TaskError("a detector has no dropout; leave it out") }
    if let cell = options.cell { self.cell = cell }
    if let layers = options.layers { self.layers = layers }
    if let hidden = options.hidden { hiddenSize = hidden }
    if let epochs = options.epochs { self.epochs = epochs }
    if let seed = options.seed { self.seed = seed }
  }
}
