import RefrainData

/// The classes there are, and how they are written in a column.
struct Labels: Codable, Sendable, Equatable {
  /// The classes: numbers by their values, then texts by their letters.
  let names: [String]
  /// Whether a row may have several, or none.
  let areSeveral: Bool
  /// What stands between several; nil where they are lists of JSON.
  let separator: String?

  /// More classes than this are no classes.
  private static let limit = 5_000

  /// Finds the classes in a column.
  ///
  /// - Parameter separator: What stands between several labels of a row; nil means that there is one, unless they are
  ///   lists of JSON.
  /// - Throws: `missingValue` with the row that has no label, `wrongInput` where there is one class, or one for every
  ///   row.
  init(_ column: Column, separator: String?) throws(DataError) {
    let isList = column.sample.share { $0.hasPrefix("[") && $0.hasSuffix("]") } > 0.99
    areSeveral = separator != nil || isList
    self.separator = separator
    var counts: [String: Int] = [:]
    for row in 0..<column.count {
      for label in try Self.labels(in: column, row: row, areSeveral: areSeveral, separator: separator) {
        counts[label, default: 0] += 1
      }
      guard counts.count <= Self.limit else {
        throw DataError(
          .wrongInput, column: column.name, "there are more than \(Self.limit) different labels",
          remedy: "name a column with fewer different values")
      }
    }
    guard counts.count > 1 || areSeveral && counts.count == 1 else {
      throw DataError(
        .constantSeries, column: column.name,
        (column.count == 1 ? "the only row has" : "all \(column.count) rows have")
          + " the label \((counts.keys.first ?? "").quoted), so that there is nothing to tell apart",
        remedy: "add rows of another class, or name another column of labels")
    }
    guard areSeveral || column.count < 20 || counts.count * 2 <= column.count else {
      throw DataError(
        .wrongInput, column: column.name, "there are \(counts.count) different labels in \(column.count) rows",
        remedy: "name a column with fewer different values")
    }
    names = Self.ordered(counts.keys)
  }

  /// Labels in the one order that they have, however they are given: numbers by their values, then texts.
  static func ordered(_ labels: some Sequence<String>) -> [String] {
    labels.map { (label: $0, number: NumberColumn.plainNumber($0) ?? .infinity) }
      .sorted { ($0.number, $0.label) < ($1.number, $1.label) }.map(\.label)
  }

  /// The label or labels of a row, each once.
  ///
  /// - Throws: `missingValue` where there is none and must be one.
  private static func labels(
    in column: Column, row: Int, areSeveral: Bool, separator: String?
  ) throws(DataError) -> [String] {
    let text = column.text(row)?.trimmingBlanks ?? ""
    guard areSeveral else {
      guard !text.isEmpty else {
        throw column.fault(.missingValue, row: row, "the label is missing", remedy: "add it, or remove the row")
      }
      return [text]
    }
    if let separator {
      return once(text.split(separator: separator).map { String($0).trimmingBlanks }.filter { !$0.isEmpty })
    }
    guard !text.isEmpty else { return [] }
    guard let list = (try? JSONValue(Array(text.utf8)))?.array else {
      throw column.fault(.wrongFormat, row: row, "\(text.quoted) is no list", remedy: #"write ["a", "b"]"#)
    }
    return once(list.map { $0.string ?? $0.text })
  }

  private static func once(_ labels: [String]) -> [String] {
    var seen: Set<String> = []
    return labels.filter { seen.insert($0).inserted }
  }

  /// The places of a column's labels among the classes; −1 is a label that is none of them.
  func places(in column: Column) throws(DataError) -> [[Int]] {
    let sets = try sets(in: column)
    let places = (0..<sets.count).map { sets[$0] }
    try sets.check()
    return places
  }

  /// The same, four bytes a row.
  func sets(in column: Column) throws(DataError) -> ClassSets {
    let known = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    var sets = ClassSets()
    for row in 0..<column.count {
      let labels = try Self.labels(in: column, row: row, areSeveral: areSeveral, separator: separator)
      sets.append(labels.map { known[$0] ?? -1 })
    }
    return sets
  }

  /// What is true of a row, for a loss: its class, or 0 and 1 for each.
  func target(_ places: [Int]) -> [Float] {
    guard areSeveral else { return [Float(places[0])] }
    var values = [Float](repeating: 0, count: names.count)
    for place in places where place >= 0 { values[place] = 1 }
    return values
  }
}

extension String {
  /// The text without white space around it.
  fileprivate var trimmingBlanks: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
