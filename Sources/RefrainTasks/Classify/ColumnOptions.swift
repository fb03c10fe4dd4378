import Refrain
import RefrainData

/// What may be decided of columns and the network that reads them, for every task that says something of rows.
public struct ColumnOptions: Codable, Sendable, Equatable, OptionTable {
  /// The column to learn; nil is found by its name or its values.
  public var target: String?
  /// The columns to read, each with its kind after a colon where it is not to be found; none means all others.
  public var inputs: [String] = []
  /// Where rows are steps of series: the columns that together say which series a row belongs to.
  public var id: [String] = []
  /// Where columns are steps of series: their names, or patterns such as `t*`, one a channel.
  public var series: [String] = []
  /// What stands before the decimals of numbers in tables; nil is a point.
  public var decimal: DecimalMark?
  /// What groups the thousands of numbers in tables; nil is nothing, unless ``decimal`` is said.
  public var thousands: DecimalMark?
  /// A file of examples to choose by while training; nil takes a part of the others.
  public var validation: String?
  /// How columns are read.
  public var settings = ColumnSettings()
  /// What becomes of the steps of a sequence; nil is left to the task.
  public var pooling: NetworkPlan.Pooling?
  /// Whether sequences are read from their beginning alone.
  public var readsForward = false
  /// The size of a token's vector; nil is left to the data.
  public var embeddingSize: Int?
  /// How many networks are trained, whose answers are averaged; nil is left to the data.
  public var members: Int?
  /// Whether networks are trained again on all examples, those kept aside too, as many epochs as were best; nil is not.
  public var refits: Bool?
  /// How many rows are learned from together; nil is left to how many there are.
  public var batch: BatchSize?
  /// What every task may be told.
  public var shared = SharedOptions()

  /// Everything left to the data.
  public init() {}

  /// What stands before decimals where it was said, or what groups thousands was.
  var decimalMark: DecimalMark? { decimal ?? thousands?.other }

  private var time: String? {
    get { settings.time }
    set { settings.time = newValue }
  }
  private var unit: TextUnit? {
    get { settings.unit }
    set { settings.unit = newValue }
  }
  private var vocabulary: Int? {
    get { settings.vocabularySize }
    set { settings.vocabularySize = newValue }
  }
  private var vectors: String? {
    get { settings.vectors }
    set { settings.vectors = newValue }
  }

  /// The options as they are typed.
  public static let options: [TaskOption<Self>] = own + FrameFormat.options.map { $0.within(\.settings.frames) }

  private static let own: [TaskOption<Self>] = [
    .column(
      "target", \.target, help: "The column to learn. (default: the one called label, or the only one that fits)"),
    .columns(
      "inputs", \.inputs,
      help: """
        The columns to read, such as text,age; a kind may follow a colon (age:category), one of \
        \(ColumnEncoders.all.map { $0.kind }.joined(separator: ", ")). (default: all but the target)
        """),
    .columns(
      "id", \.id,
      help: "Rows are steps: the columns that say of which series. (default: each row is an example)"),
    .column("time", \.time, help: "The column of the steps' times. (default: steps are counted)"),
    .columns(
      "series", \.series,
      help: """
        Columns are steps of a series: their names, such as 't*', or 'x*,y*' for two channels. (default: t0, t1, t2 … \
        where neighbors are alike)
        """),
    .decimalMark(
      \.decimal, help: "What stands before decimals in tables: . or , (default: a point)"
    ).ofReading(),
    .thousandsMark(
      \.thousands, decimal: \.decimal,
      help: "What groups thousands in tables: , or . (default: nothing; with --decimal the other mark may)"
    ).ofReading(),
    .text(
      "validation", \.validation, valueName: "file", choosesData: true,
      help: "Examples to end the training and to calibrate by. (default: one in ten of the others)"),
    .choice(
      "unit", \.unit, of: TextUnit.allCases.map { ($0.rawValue, $0) }, valueName: "unit",
      help: "What texts are cut into: words, characters or pieces. (default: words; characters where texts are names)"),
    .count(
      "vocabulary", \.vocabulary, in: 10...1_000_000,
      help: "The greatest number of words, characters or pieces. (default: 50000, 20000, 8000)"),
    TaskOption("keep-case", .flag, help: "Capital letters count. (default: not in words)") { options, _ in
      options.settings.keepsCase = true
    },
    .text(
      "vectors", \.vectors, valueName: "file",
      help: "Vectors of words to begin with, as GloVe or word2vec write them as text. (default: drawn at random)"),
    .count("embedding", \.embeddingSize, in: 1...4096, help: "The size of a token's vector. (default: from the data)"),
    .choice(
      "pooling", \.pooling, of: NetworkPlan.Pooling.allCases.map { ($0.rawValue, $0) }, valueName: "way",
      help: "What becomes of the steps of a text: attention, max or last. (default: attention)"),
    TaskOption("forward", .flag, help: "Read texts from their beginning alone. (default: from both ends)") {
      options, _ in options.readsForward = true
    },
    .count(
      "members", \.members, in: 1...20,
      help: "How many networks to train, whose answers are averaged. (default: from the data)"),
    .batchSize(\.batch, of: "rows", usually: "8, 16 or 32, from how many there are"),
    TaskOption(
      "refit", .flag,
      help: "Train again on all examples, those kept aside too, as many epochs as were best. (default: not)"
    ) { options, _ in options.refits = true },
  ]

  /// The same, with names of columns put together that have commas.
  func naming(_ columns: [String]) -> ColumnOptions {
    var options = self
    options.inputs = inputs.rejoined(among: columns)
    options.id = id.rejoined(among: columns)
    options.series = series.rejoined(among: columns)
    return options
  }

  /// How series stand in a table, where it is not one field a series.
  ///
  /// - Parameter target: The column to learn, if it is known.
  func layout(
    of records: Records, target: String?, notes: inout [String]
  ) throws(DataError) -> SeriesLayout? {
    guard !records.areFiles || id.isEmpty && series.isEmpty else {
      throw DataError(
        .wrongInput, "each file is a series by itself", remedy: "say neither of which series rows nor which columns are"
      )
    }
    if !id.isEmpty {
      guard series.isEmpty else {
        throw DataError(
          .wrongInput, "rows cannot be steps of series (id) and whole series (series) at once", remedy: "name one")
      }
      let names = inputs.map { InputColumns.name($0, in: records) }
      return try records.longSeries(id: id, time: settings.time, among: names, target: target, notes: &notes)
    }
    if !series.isEmpty { return try records.wideSeries(series) }
    guard inputs.isEmpty, !records.areFiles, !records.areSeries,
      let layout = records.likelySeries(without: target)
    else { return nil }
    if case .wide(let found) = layout {
      for one in found {
        for steps in one.channels {
          notes.append(
            "the columns \(steps[0].quoted) to \(steps[steps.count - 1].quoted) are taken for the steps of a series; "
              + "name them as inputs if each is by itself")
        }
      }
    }
    return layout
  }

  /// The sizes of the network for so many examples.
  func plan(_ columns: InputColumns, examples: Int) -> NetworkPlan {
    var plan = NetworkPlan()
    // There are few characters, and each is seen often: they are not learned by heart as words are. And of few series
    // or numbers a network that drops half of what it knows learns too little.
    if columns.readsCharacters { (plan.dropout, plan.wordDropout) = (0.2, 0) }
    if !columns.readsTexts, examples < 1000 { plan.dropout = 0.2 }
    plan.hiddenSize = shared.hidden ?? (examples < 1000 ? 32 : 64)
    plan.embeddingSize = embeddingSize ?? (examples < 1000 ? 32 : 64)
    if let cell = shared.cell { plan.cell = cell }
    if let layers = shared.layers { plan.layers = layers }
    if let dropout = shared.dropout {
      plan.dropout = dropout
      if dropout == 0 { plan.wordDropout = 0 }
    }
    if let pooling { plan.pooling = pooling }
    // A cell that is told the time since the step before cannot go back by it.
    plan.isBidirectional = !readsForward && !plan.readsTime
    return plan
  }

  /// Passes over the examples: more where they are few, and so many that there are updates enough.
  func epochs(_ columns: InputColumns, steps: Int, batches: Int) -> Int {
    let base = (columns.readsCharacters ? 18.0 : 12.0) * (120_000 / Double(max(1, steps))).squareRoot()
    let enough = min(Self.fewestUpdates / max(1, batches), Self.mostSteps / max(1, steps), 200)
    return shared.epochs ?? max(min(max(Int(base.rounded()), 4), 40), enough)
  }

  /// What few examples are gone through for, and for how many steps at most: long ones take their time.
  private static let (fewestUpdates, mostSteps) = (1600, 4_000_000)

  /// Networks whose answers are averaged: several where that takes minutes at most.
  func memberCount(steps: Int) -> Int { members ?? (steps < 500_000 ? 3 : 1) }

  /// What random choices follow from.
  var seed: UInt64 { shared.seed ?? 0 }
}
