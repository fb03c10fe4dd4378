import RefrainData

/// The classes there are, and how they are written in a column.
struct Labels: Codable, Sendable, Equatable {
  /// The classes in the order of their names; numbers in that of their values.
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
          remedy: "name the column of labels; numbers are learned by the task regress")
      }
    }
    guard counts.count > 1 || areSeveral && counts.count == 1 else {
      throw DataError(
        .constantSeries, column: column.name,
        "all \(column.count) rows have the label \((counts.keys.first ?? "").quoted), so that there is nothing to tell apart",
        remedy: "add rows of another class, or name another column of labels")
    }
    guard areSeveral || column.count < 20 || counts.count * 2 <= column.count else {
      throw DataError(
        .wrongInput, column: column.name, "there are \(counts.count) different labels in \(column.count) rows",
        remedy: "name the column of labels; numbers are learned by the task regress")
    }
    names = counts.keys.sorted { first, second in
      if let one = Double(first), let other = Double(second), one != other { return one < other }
      return first < second
    }
  }

  /// The label or labels of a row.
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
      return text.split(separator: separator).map { String($0).trimmingBlanks }.filter { !$0.isEmpty }
    }
    guard !text.isEmpty else { return [] }
    guard let list = (try? JSONValue(Array(text.utf8)))?.array else {
      throw column.fault(.wrongFormat, row: row, "\(text.quoted) is no list", remedy: #"write ["a", "b"]"#)
    }
    return list.map { $0.string ?? $0.text }
  }

  /// The places of a column's labels among the classes; a label that is none of them is left out of several, and −1
  /// where there is one.
  func places(in column: Column) throws(DataError) -> [[Int]] {
    let known = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    var places: [[Int]] = []
    places.reserveCapacity(column.count)
    for row in 0..<column.count {
      let labels = try Self.labels(in: column, row: row, areSeveral: areSeveral, separator: separator)
      places.append(areSeveral ? labels.compactMap { known[$0] } : [known[labels[0]] ?? -1])
    }
    return places
  }

  /// What is true of a row, for a loss: its class, or 0 and 1 for each.
  func target(_ places: [Int]) -> [Float] {
    guard areSeveral else { return [Float(places[0])] }
    var values = [Float](repeating: 0, count: names.count)
    for place in places { values[place] = 1 }
    return values
  }
}

extension String {
  /// The text without white space around it.
  fileprivate var trimmingBlanks: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
