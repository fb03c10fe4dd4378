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
      var choice: Choice
      if let place = try? records.column(named: name) {
        choice = Choice(place: place)
      } else {
        let parts = name.split(separator: ":")
        let kind = parts.count > 1 ? ColumnEncoders.named(String(parts[parts.count - 1])) : nil
        choice = Choice(
          place: try records.column(named: kind == nil ? name : parts.dropLast().joined(separator: ":")), kind: kind)
      }
      guard choice.place != target, !choices.contains(where: { $0.place == choice.place }) else {
        throw DataError(
          .columnUsedTwice, "the column \(records.columns[choice.place].quoted) cannot be two things at once",
          remedy: "name it once, among the inputs or as the target")
      }
      choices.append(choice)
    }
    return choices
  }

  /// Learns of some rows. A column of which nothing can be learned (nothing in it, the same everywhere, or a number for
  /// each row in turn) is left out.
  ///
  /// - Parameter notes: Takes up what is left out.
  init(
    learning records: Records, _ choices: [Choice], rows: [Int], _ settings: ColumnSettings, notes: inout [String]
  ) throws(DataError) {
    var encoders: [Input] = []
    let isChosen = choices.count < records.columns.count - 1
    for choice in choices {
      let column = Column(records, choice.place, rows: rows)
      let sample = column.sample
      if choice.kind == nil, !isChosen, choices.count > 1, let problem = Self.uselessness(of: sample) {
        notes.append("the column \(column.name.quoted) is left out: \(problem)")
        continue
      }
      let kind = choice.kind ?? ColumnEncoders.kind(of: sample)
      encoders.append(Input(name: column.name, encoder: try kind.init(learning: column, settings)))
    }
    guard !encoders.isEmpty else {
      throw DataError(.noSuchColumn, "there is no column to read besides the target", remedy: "add one")
    }
    self.encoders = encoders
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
    for input in encoders {
      columns.append(try input.encoder.encode(Column(records, try records.column(named: input.name))))
    }
    return EncodedRows(columns: columns, count: records.count)
  }

  /// What a report says.
  var summary: String { encoders.map { "\($0.name.shortened) (\($0.encoder.summary))" }.joined(separator: ", ") }

  /// How many features the baseline sees.
  var bagSize: Int { encoders.reduce(0) { $0 + $1.encoder.bagSize } }

  /// Whether rows may be files, and the name of the single column of text, which lines may be.
  var readsFiles: Bool { encoders.count == 1 && encoders[0].name == Records.fileColumn }
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

  /// The steps of a row: those of its longest sequence.
  func length(of row: Int) -> Int { columns.reduce(0) { max($0, $1.length(of: row)) } }

  /// Some rows for a network.
  func inputs(_ rows: [Int]) throws(TrainingError) -> [StepValues] {
    var inputs: [StepValues] = []
    for column in columns { inputs.append(try column.batch(rows)) }
    return inputs
  }
}
