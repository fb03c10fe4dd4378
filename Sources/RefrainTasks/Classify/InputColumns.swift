import Refrain
import RefrainData

/// The columns that a network reads, with what was learned of each.
struct InputColumns: Codable, Sendable {
  /// A column by its name.
  struct Input: Sendable {
    let name: String
    let encoder: any ColumnEncoder
  }

  let encoders: [Input]
  /// How series stand in files, where rows are made of several rows or columns.
  var layout: SeriesLayout?
  /// What stands before the decimals of numbers in tables; nil where it was not said.
  var decimal: DecimalMark?
  /// Tells columns that were learned or read apart from others, and is the same in copies.
  let identity = Identity()

  private enum CodingKeys: String, CodingKey { case encoders, layout, decimal }

  /// Is the same as itself alone.
  final class Identity: Sendable {}

  /// A column as it was asked for, or found.
  struct Choice: Sendable {
    var place: Int
    /// nil is found from the values.
    var kind: (any ColumnEncoder.Type)?
  }

  /// Which columns to read.
  ///
  /// - Parameters:
  ///   - names: Names, each with its kind after a colon where it is not to be found: `review,age:category`; none takes
  ///     all but the target.
  ///   - target: The column that is to be said.
  static func choose(_ names: [String], in records: Records, without target: Int?) throws(DataError) -> [Choice] {
    guard !names.isEmpty else {
      let others = records.columns.indices.filter { $0 != target }
      return others.map { Choice(place: $0) }
    }
    var choices: [Choice] = []
    for name in names {
      let (plain, kind) = Self.parts(name, in: records)
      let choice = Choice(place: try records.column(named: plain), kind: kind)
      guard choice.place != target, !choices.contains(where: { $0.place == choice.place }) else {
        throw DataError(
          .columnUsedTwice, "the column \(records.columns[choice.place].quoted) cannot be two things at once",
          remedy: "name it once, among the inputs or as the target")
      }
      choices.append(choice)
    }
    return choices
  }

  /// Which columns to read where rows may have been made of several: the series, and of what else was asked for.
  static func choose(
    _ names: [String], in records: Records, of layout: SeriesLayout?, without target: Int
  ) throws(DataError) -> [Choice] {
    guard let layout else { return try choose(names, in: records, without: target) }
    let series: [String]
    var ids: [String] = []
    switch layout {
    case .long(let long): (series, ids) = ([records.columns[records.columns.count - 1]], long.id)
    case .wide(let wide): series = wide.map(\.name)
    }
    guard !names.isEmpty else {
      return records.columns.indices.filter { $0 != target && !ids.contains(records.columns[$0]) }.map {
        Choice(place: $0, kind: series.contains(records.columns[$0]) ? SeriesColumn.self : nil)
      }
    }
    // Columns that have become the series are no columns any more.
    let others = names.filter { records.columns.contains(name($0, in: records)) }
    var choices = others.isEmpty ? [] : try choose(others, in: records, without: target)
    for name in series { choices.append(Choice(place: try records.column(named: name), kind: SeriesColumn.self)) }
    return choices
  }

  /// A column as it was asked for: its name, and its kind where that follows a colon.
  private static func parts(_ name: String, in records: Records) -> (name: String, kind: (any ColumnEncoder.Type)?) {
    guard (try? records.column(named: name)) == nil else { return (name, nil) }
    let parts = name.split(separator: ":")
    let kind = parts.count > 1 ? ColumnEncoders.named(String(parts[parts.count - 1])) : nil
    return (kind == nil ? name : parts.dropLast().joined(separator: ":"), kind)
  }

  /// The name of a column as it was asked for, without its kind.
  static func name(_ asked: String, in records: Records) -> String { parts(asked, in: records).name }

  /// Learns of some rows. A column of which nothing can be learned (nothing in it, the same everywhere, or a number for
  /// each row in turn) is left out.
  ///
  /// - Parameter notes: Takes up what is left out.
  init(
    learning records: Records, _ choices: [Choice], rows: RowChoice, _ settings: ColumnSettings, notes: inout [String]
  ) throws(DataError) {
    var encoders: [Input] = []
    let isChosen = choices.count < records.columns.count - 1
    for choice in choices {
      let column = Column(records, choice.place, choosing: rows)
      let sample = column.sample
      if choice.kind == nil, !isChosen, choices.count > 1, let problem = Self.uselessness(of: sample) {
        notes.append("the column \(column.name.quoted) is left out: \(problem)")
        continue
      }
      guard choices.count > 1 || choice.kind != nil || !sample.values.isEmpty else {
        throw DataError(
          .missingValue, column: column.name, "the column is empty, and there is no other to read", remedy: "fill it in"
        )
      }
      let kind = choice.kind ?? ColumnEncoders.kind(of: sample)
      if choice.kind == nil, !(kind is NumberColumn.Type), let reason = Self.oddity(of: sample) {
        notes.append("the column \(column.name.quoted) is read as \(kind.kind), not as numbers: \(reason)")
      }
      if kind is NumberColumn.Type, let (written, number) = Self.writtenOtherwise(sample) {
        let shown = number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
        notes.append("the column \(column.name.quoted) is read as numbers: \(written.shortened.quoted) is \(shown)")
      }
      if kind is NumberColumn.Type, let filler = FillerValue(in: sample.values.map { NumberColumn.number($0) ?? .nan })
      {
        notes.append(
          "the column \(column.name.quoted): \(filler.shown) stands in \(filler.count) of "
            + "\(sample.values.count) values looked at, \(filler.reason): if it means missing, leave it empty")
      }
      encoders.append(Input(name: column.name, encoder: try kind.init(learning: column, settings)))
    }
    guard !encoders.isEmpty else {
      throw DataError(.noSuchColumn, "there is no column to read besides the target", remedy: "add one")
    }
    self.encoders = encoders
  }

  /// The first number of a column that has something around it or between its digits.
  private static func writtenOtherwise(_ sample: ColumnSample) -> (String, Double)? {
    for text in sample.values where NumberColumn.plainNumber(text) == nil && !NumberColumn.isMissing(text) {
      if let number = NumberColumn.number(text) { return (text, number) }
    }
    return nil
  }

  /// Why a column that seems to hold numbers does not; nil for one that does not seem so.
  private static func oddity(of sample: ColumnSample) -> String? {
    func isNumber(_ text: String) -> Bool { NumberColumn.number(text) != nil || NumberColumn.isMissing(text) }
    guard !sample.holdsFiles else { return nil }
    if let comma = sample.values.first(where: { NumberColumn.withPoint($0) != nil }),
      sample.share({ isNumber($0) || NumberColumn.withPoint($0) != nil }) >= 0.8
    {
      return "\(comma.shortened.quoted) has a decimal comma in place of a point, which may be said (decimal)"
    }
    guard sample.share(isNumber) >= 0.8, let odd = sample.values.first(where: { !isNumber($0) }) else { return nil }
    return "\(odd.shortened.quoted) is none"
  }

  private static func uselessness(of sample: ColumnSample) -> String? {
    if sample.values.isEmpty { return "it is empty" }
    if sample.distinct.count == 1, sample.missing == 0, sample.values.count > 1 { return "it is the same everywhere" }
    let numbers = sample.values.compactMap { Int($0) }
    if numbers.count == sample.values.count, numbers.count > 20, sample.missing == 0,
      zip(numbers, numbers.dropFirst()).allSatisfy({ $0 < $1 }),
      ["", "id", "index", "nr", "no", "row", "unnamed: 0", "column 1"].contains(sample.name.lowercased())
    {
      return "it counts the rows"
    }
    return nil
  }

  /// The values of all rows.
  ///
  /// - Throws: `noSuchColumn` where the records lack one, or what an encoder throws.
  func encode(_ records: Records) throws(DataError) -> EncodedRows {
    var columns: [any EncodedColumn] = []
    // Tables of many columns hold no more in memory than those of few.
    let settings = LongArraySettings.current.shared(by: encoders.count)
    for input in encoders {
      let column = Column(records, try records.column(named: input.name))
      let encoded = LongArraySettings.$current.withValue(settings) {
        Result { () throws(DataError) in try input.encoder.encode(column) }
      }
      columns.append(try encoded.get())
    }
    try records.check()
    return EncodedRows(columns: columns, count: records.count)
  }

  /// What a report says.
  var summary: String { encoders.map { "\($0.name.shortened) (\($0.encoder.summary))" }.joined(separator: ", ") }

  /// How many features the baseline sees.
  var bagSize: Int { encoders.reduce(0) { $0 + $1.encoder.bagSize } }

  /// Whether series are read.
  var readsSeries: Bool { encoders.contains { $0.encoder is SeriesColumn } }

  /// Whether texts are read.
  var readsTexts: Bool { encoders.contains { $0.encoder is TextColumn } }

  /// Whether what is read is characters above all.
  var readsCharacters: Bool {
    let texts = encoders.compactMap { $0.encoder as? TextColumn }
    return !texts.isEmpty && texts.allSatisfy { $0.tokenizer.options.unit == .characters }
  }

  /// Whether rows may be files, and the name of the single column of text, which lines may be.
  var readsFiles: Bool { encoders.count == 1 && encoders[0].name == Records.fileColumn }
  /// Whether such files are clips of several frames, which folders of images may be too.
  var readsClips: Bool { readsFiles && (encoders[0].encoder as? FramesColumn)?.areStill == false }
  /// Whether such files are tables.
  var readsTables: Bool { readsFiles && (encoders[0].encoder as? SeriesColumn)?.tables != nil }
  var lineColumn: String? { encoders.count == 1 && encoders[0].encoder is TextColumn ? encoders[0].name : nil }
}

extension InputColumns.Input: Codable {
  private enum Key: String, CodingKey { case name, kind, learned }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: .name)
    try container.encode(type(of: self.encoder).kind, forKey: .kind)
    try container.encode(self.encoder, forKey: .learned)
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let kind = try container.decode(String.self, forKey: .kind)
    guard let type = ColumnEncoders.named(kind) else {
      throw DecodingError.dataCorruptedError(
        forKey: .kind, in: container, debugDescription: "there is no kind of column \(kind.quoted)")
    }
    func decode<Kind: ColumnEncoder>(_ type: Kind.Type) throws -> any ColumnEncoder {
      try container.decode(type, forKey: .learned)
    }
    self.init(name: try container.decode(String.self, forKey: .name), encoder: try decode(type))
  }
}

/// Rows as numbers, column by column.
struct EncodedRows: Sendable {
  let columns: [any EncodedColumn]
  let count: Int

  /// What was mended in reading the values, a line each.
  var notes: [String] { columns.flatMap(\.notes) }

  /// The steps of a row: those of its longest sequence.
  func length(of row: Int) -> Int { columns.reduce(0) { max($0, $1.length(of: row)) } }

  /// Some rows for a network.
  func inputs(_ rows: [Int]) throws(TrainingError) -> [StepValues] {
    var inputs: [StepValues] = []
    for column in columns { inputs.append(try column.batch(rows)) }
    return inputs
  }

  /// Makes sure that all that was asked for could be read.
  func requireWhole() throws(TaskError) {
    do throws(DataError) { for column in columns { try column.check() } } catch { throw TaskError(error) }
  }
}
