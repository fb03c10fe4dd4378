import RefrainData

/// What rows are called beside their answers, where they are series or files.
struct AnswerNames: Sendable {
  let ids: [String]?
  let files: [String]?
}

/// Records that were read and checked for a task that says something of rows.
public struct LabelledRecords: Sendable {
  /// The rows.
  public private(set) var records: Records
  /// Rows to choose by while training; nil takes a part of the others.
  let validation: Records?
  /// The column of what is true; nil where it is not known.
  let target: Int?
  /// The columns to read, where that was decided.
  let choices: [InputColumns.Choice]
  /// How series stood in the files, where rows were made of them.
  var layout: SeriesLayout?
  /// What stands before the decimals of numbers in the files; nil where it was not said.
  var decimal: DecimalMark?
  /// The rows as numbers, and whose they are.
  private(set) var encoding: (columns: InputColumns.Identity, rows: EncodedRows)?

  /// What a task learns of a column.
  enum Learned {
    /// Words that come again and again.
    case classes
    case numbers

    /// Whether a column can be one that is learned.
    func fits(_ sample: ColumnSample) -> Bool {
      guard sample.distinct.count > 1, sample.missing == 0 else { return false }
      if self == .numbers { return NumberColumn.likelihood(of: sample) > 0 }
      return sample.distinct.count <= 1000
        && (CategoryColumn.likelihood(of: sample) > 0.3 || sample.values.count < 50 && sample.distinct.count < 6)
    }

    /// Whether a column that is called as such columns are is the one: what is wrong in some of its rows is told then.
    func isMeant(_ sample: ColumnSample) -> Bool {
      self == .classes || fits(sample) || sample.share { NumberColumn.number($0) != nil } > 0.5
    }
  }

  /// Reads what a task is trained on.
  static func training(
    from source: DataSource, _ options: ColumnOptions, learns: Learned = .classes
  ) throws(DataError) -> LabelledRecords {
    let named = [options.target, options.settings.time].compactMap(\.self) + options.inputs + options.id
    var records = try Records(source, columns: named, decimal: options.decimalMark)
    let options = options.naming(records.columns)
    let columns = records.lacksHeader ? named : records.columns
    var notes: [String] = []
    // Of rows that are steps the column to learn is found when they are put together, unless its name tells.
    let found = options.id.isEmpty ? try? findTarget(in: records, learns) : findLabel(in: records, learns, options)
    let place = try options.target.map { name throws(DataError) in try records.column(named: name) } ?? found
    let learned = place.map { records.columns[$0] }
    var layout = try options.layout(of: records, target: learned, notes: &notes)
    let all = records.columns
    if let layout { records = try records.arranged(layout, keeping: learned) }
    records.note(notes)
    let target: Int
    if let name = learned {
      target = try records.column(named: name)
    } else {
      var taken: Set<String> = []
      switch layout {
      case .long(let long): taken = Set(long.id + [long.time, records.columns.last].compactMap(\.self))
      case .wide(let wide): taken = Set(wide.map(\.name))
      case nil: break
      }
      target = try findTarget(in: records, learns, of: all, without: taken)
    }
    layout?.remove(records.columns[target])
    let choices = try InputColumns.choose(options.inputs, in: records, of: layout, without: target)
    var validation: Records?
    if let path = options.validation {
      var other = try Records(DataSource(paths: [path]), columns: columns, decimal: options.decimalMark)
      if let layout { other = try other.arranged(layout, keeping: records.columns[target]) }
      _ = try other.column(named: records.columns[target])
      validation = other
    }
    return LabelledRecords(
      records: records, validation: validation, target: target, choices: choices, layout: layout,
      decimal: options.decimalMark)
  }

  /// Reads what a trained task is to answer.
  ///
  /// - Parameter target: The column of what is true, which need not be there.
  static func answering(
    from source: DataSource, _ inputs: InputColumns, target: String
  ) throws(DataError) -> LabelledRecords {
    let names = inputs.encoders.map(\.name)
    var records = try Records(
      source, columns: (inputs.layout?.columns ?? names) + [target], takesFiles: inputs.readsFiles,
      takesFolders: inputs.readsClips, takesTables: inputs.readsTables, takesLines: inputs.lineColumn,
      decimal: inputs.decimal)
    if let layout = inputs.layout, !records.areSeries {
      records = try records.arranged(layout, keeping: target)
    }
    for name in names { _ = try records.column(named: name) }
    return LabelledRecords(
      records: records, validation: nil, target: try? records.column(named: target), choices: [],
      layout: inputs.layout, decimal: inputs.decimal)
  }

  /// Keeps the rows as the numbers that columns made of them, so that recordings and clips are read once, with what was
  /// mended in reading them.
  mutating func keep(_ rows: EncodedRows, of columns: InputColumns) {
    encoding = (columns.identity, rows)
    records.note(rows.notes)
  }

  /// The rows as numbers, where these columns have made them before.
  func kept(of columns: InputColumns) -> EncodedRows? {
    encoding.flatMap { $0.columns === columns.identity ? $0.rows : nil }
  }

  /// What each series is called where rows were made of steps; nil else.
  var ids: [String]? {
    guard case .long(let long) = layout else { return nil }
    let places = long.id.compactMap { try? records.column(named: $0) }
    return (0..<records.count).map { row in
      places.map { records.text(row: row, column: $0) ?? "" }.joined(separator: ", ")
    }
  }

  /// The path of each row where rows are files, and there are several; nil else.
  var files: [String]? {
    guard records.areFiles, records.count > 1, let place = try? records.column(named: Records.fileColumn) else {
      return nil
    }
    return (0..<records.count).map { records.text(row: $0, column: place) ?? "" }
  }

  /// What tells answers apart.
  var names: AnswerNames { AnswerNames(ids: ids, files: files) }

  /// What columns of labels are called.
  private static let usual = [
    "label", "labels", "target", "class", "category", "sentiment", "intent", "tag", "tags", "topic", "polarity", "y",
    "output", "rating", "score", "stars", "price", "value",
  ]

  /// The column that is called as labels are, in a table whose rows are steps.
  private static func findLabel(in records: Records, _ learned: Learned, _ options: ColumnOptions) -> Int? {
    let inputs = options.inputs.map { InputColumns.name($0, in: records) }
    let taken = Set((options.id + inputs + [options.settings.time].compactMap(\.self)).map { $0.lowercased() })
    let names = records.columns.map { $0.lowercased() }
    // What nothing but a label is called; others may be channels.
    return ["label", "labels", "target", "class"].filter { !taken.contains($0) }.lazy
      .compactMap { names.firstIndex(of: $0) }
      .first { learned.isMeant(Column(records, $0).sample) }
  }

  /// - Parameters:
  ///   - all: The columns of the file, where rows were made of several or of several columns.
  ///   - taken: Columns that are something else.
  private static func findTarget(
    in records: Records, _ learned: Learned, of all: [String]? = nil, without taken: Set<String> = []
  ) throws(DataError) -> Int {
    if records.areFiles { return try records.column(named: Records.labelColumn) }
    let names = records.columns.map { $0.lowercased() }
    for name in usual {
      guard let place = names.firstIndex(of: name), !taken.contains(records.columns[place]) else { continue }
      if learned.isMeant(Column(records, place).sample) { return place }
    }
    let fitting = records.columns.indices.filter {
      !taken.contains(records.columns[$0]) && learned.fits(Column(records, $0).sample)
    }
    if fitting.count == 1 { return fitting[0] }
    let others = (all ?? records.columns).filter { !taken.contains($0) }
    let shown = fitting.isEmpty ? others : fitting.map { records.columns[$0] }
    throw DataError(
      .noSuchColumn,
      "which column is to be learned is not clear: "
        + "\(shown.prefix(8).map(\.quoted).joined(separator: ", "))\(shown.count > 8 ? ", …" : "")",
      remedy: "name it as the target", setting: .target)
  }
}
