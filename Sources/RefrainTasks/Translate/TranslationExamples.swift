import RefrainData

/// Texts, and what is to be made of them.
public struct TranslationExamples: Sendable {
  /// Texts one after another: the lines of files, a column of a table, or at hand. They are read when they are asked
  /// for.
  public enum Texts: Sequence, Sendable {
    /// The lines of files.
    case lines(TextLines)
    /// A column of a table.
    case column(Table, Table.Column)
    /// At hand.
    case values([String])

    /// How many texts there are.
    public var count: Int {
      switch self {
      case .lines(let lines): lines.count
      case .column(let table, _): table.rowCount
      case .values(let values): values.count
      }
    }

    /// The texts from the first on.
    public func makeIterator() -> AnyIterator<String> {
      switch self {
      case .lines(let lines): return AnyIterator(lines.makeIterator())
      case .values(let values): return AnyIterator(values.makeIterator())
      case .column(let table, let column):
        var rows = (0..<table.rowCount).makeIterator()
        return AnyIterator { rows.next().map { table.text(row: $0, column: column) } }
      }
    }

    /// Where a text stands, for messages.
    func place(of text: Int) -> String {
      switch self {
      case .lines(let lines):
        let place = lines.place(of: text)
        return "\(place.file), line \(place.line)"
      case .column(let table, let column):
        return "\(table.file.map { $0 + ", " } ?? "")row \(table.rowNumber(text)), column \(column.name)"
      case .values: return "text \(text + 1)"
      }
    }

    /// The most bytes of a text: what the network makes of its tokens is in memory at once.
    static let longest = 1 << 16

    /// - Throws: `wrongInput` for a text of more bytes.
    func checkLengths() throws(DataError) {
      for (index, text) in enumerated() where text.utf8.count > Self.longest {
        throw DataError(
          .wrongInput, "\(place(of: index)): the text has \(text.utf8.count) bytes, more than \(Self.longest)",
          remedy: "cut it into sentences, a line each")
      }
    }
  }

  /// Sources with what is to be made of each.
  public struct Pairs: Sendable {
    /// The sources.
    public var sources: Texts
    /// What is to be made of them; nil where it is not known.
    public var targets: Texts?

    /// Sources, with as many targets where they are known.
    public init(_ sources: Texts, _ targets: Texts? = nil) { (self.sources, self.targets) = (sources, targets) }
  }

  /// What is to be learned from, answered or measured.
  public var pairs: Pairs
  /// What a training is judged by; nil keeps some of the pairs aside.
  public var validation: Pairs?

  /// Pairs, and others to judge by.
  public init(_ pairs: Pairs, validation: Pairs? = nil) { (self.pairs, self.validation) = (pairs, validation) }
}

/// Which columns of a table are sources and targets.
public struct PairColumns: OptionTable, Codable, Equatable {
  /// The names of the two columns.
  public static let options: [TaskOption<Self>] = [
    .column(
      "source", \.source, help: "The column of a table that is read. (default: the first that is not the target)"),
    .column(
      "target", \.target,
      help: "The column of a table that is to be written. (default: the first that is not the source)"),
  ]

  /// The column that is read; nil is the first that is not the target.
  public var source: String?
  /// The column that is to be written; nil is the first that is not the source.
  public var target: String?

  /// The first two columns.
  public init() {}

  /// The columns of pairs that come from a table.
  init(of pairs: TranslationExamples.Pairs) {
    if case .column(_, let column) = pairs.sources { source = column.name }
    if case .column(_, let column) = pairs.targets { target = column.name }
  }

  /// The pairs of a table, or of two files with a line each; the sources of one file of lines.
  ///
  /// - Parameters:
  ///   - parts: One or two files.
  ///   - needsTargets: Whether sources alone are too little.
  ///   - learned: The columns of the training, which hold where none are named: sources alone where its target is not
  ///     there.
  /// - Throws: `wrongInput` for another number of files, or files that do not have as many lines as each other;
  ///   `columnUsedTwice` where source and target are one column.
  func pairs(
    _ parts: [DataSource.Part], needsTargets: Bool, learned: PairColumns = PairColumns()
  ) throws(DataError) -> TranslationExamples.Pairs {
    guard (1...2).contains(parts.count) else {
      throw DataError(
        .wrongInput, "\(parts.count) files were given",
        remedy: "name a file of sources and one with as many lines of targets, or one table with a column of each")
    }
    let names = parts.map { $0.name.onOneLine }
    guard parts.count == 1 else {
      let (sources, targets) = (try TextLines(DataSource([parts[0]])), try TextLines(DataSource([parts[1]])))
      guard sources.count == targets.count else {
        throw DataError(
          .wrongInput, "\(names[0]) has \(sources.count) lines and \(names[1]) has \(targets.count)",
          remedy: "line n of one file must belong to line n of the other; give files of as many lines")
      }
      return .init(.lines(sources), .lines(targets))
    }
    if Self.isTable(names[0]) {
      let table = try parts[0].table(format: Table.Format(gathersTimes: false))
      let columns = try chosen(in: table, learned)
      guard let target = columns.target else {
        guard !needsTargets else { throw Self.lacksColumn(table) }
        return .init(.column(table, columns.source))
      }
      return .init(.column(table, columns.source), .column(table, target))
    }
    // A file that is not there is said to be missing, whatever else is.
    let sources = try TextLines(DataSource(parts))
    guard !needsTargets else {
      throw DataError(
        .wrongInput, file: names[0], "there are sources alone",
        remedy: "name a second file with as many lines of targets, or a table (.csv, .tsv) with a column of each")
    }
    return .init(.lines(sources))
  }

  /// The columns of a table that are named, or were learned, or come first.
  private func chosen(
    in table: Table, _ learned: PairColumns
  ) throws(DataError) -> (source: Table.Column, target: Table.Column?) {
    func column(_ name: String?) throws(DataError) -> Table.Column? {
      try name.map { name throws(DataError) in try table.column(named: name) }
    }
    let wanted = try column(target)
    let known = wanted ?? learned.target.flatMap { try? table.column(named: $0) }
    // The only column of a table is read, whatever it is called.
    let named = try column(source ?? (table.columns.count > 1 ? learned.source : nil))
    guard let source = named ?? table.columns.first(where: { $0 != known }) else { throw Self.lacksColumn(table) }
    guard source != wanted else {
      throw DataError(
        .columnUsedTwice, file: table.file, "the column \(source.name.quoted) cannot be both source and target",
        remedy: "name two columns")
    }
    let other = known ?? (learned.target == nil ? table.columns.first { $0 != source } : nil)
    return (source, other == source ? nil : other)
  }

  private static func lacksColumn(_ table: Table) -> DataError {
    DataError(
      .noSuchColumn, file: table.file, "there is one column, \(table.columns[0].name.quoted), and two are needed",
      remedy: "give a column of sources and one of targets")
  }

  /// Whether a file is a table, by its name.
  private static func isTable(_ name: String) -> Bool {
    let lowered = name.lowercased()
    return [".csv", ".tsv", ".csv.gz", ".tsv.gz"].contains { lowered.hasSuffix($0) }
  }
}
