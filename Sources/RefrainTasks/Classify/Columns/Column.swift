import RefrainData

/// A column of some rows of records.
public struct Column: Sendable {
  /// What it is a column of.
  public let records: Records
  /// Its place in the records.
  public let place: Int
  /// Which rows of the records it has; nil is all.
  private let rows: RowChoice?

  /// A column of some rows, or of all.
  public init(_ records: Records, _ place: Int, rows: [Int]? = nil) {
    self.init(records, place, choosing: rows.map(RowChoice.init))
  }

  init(_ records: Records, _ place: Int, choosing rows: RowChoice?) {
    self.records = records
    self.place = place
    self.rows = rows
  }

  /// The name.
  public var name: String { records.columns[place] }
  /// How many rows there are.
  public var count: Int { rows?.count ?? records.count }
  /// Whether the values are paths of files that are rows themselves, as in a folder.
  public var holdsFiles: Bool { records.areFiles && name == Records.fileColumn }

  /// The text of a row, from 0, as it stands in the file; nil where there is none.
  public func text(_ row: Int) -> String? { records.text(row: rows?[row] ?? row, column: place) }

  /// The path that a row, from 0, names: one that does not begin with a slash begins in the folder of the file that the
  /// row stands in. nil where the row names none.
  public func path(_ row: Int) -> String? {
    guard let text = text(row), !text.isEmpty else { return nil }
    guard !holdsFiles, !text.hasPrefix("/"), let file = records.place(of: rows?[row] ?? row).file,
      let slash = file.lastIndex(of: "/")
    else { return text }
    return file[...slash] + text
  }

  /// An error at a row, from 0.
  public func fault(
    _ code: DataError.Code, row: Int, _ problem: String, remedy: String? = nil
  ) -> DataError {
    records.fault(code, row: rows?[row] ?? row, column: place, problem, remedy: remedy)
  }

  /// Some of the values, evenly spread over the rows.
  public var sample: ColumnSample {
    let stride = max(1, count / ColumnSample.limit)
    var sample = ColumnSample(name: name, holdsFiles: holdsFiles)
    for row in Swift.stride(from: 0, to: count, by: stride) { sample.add(text(row)) }
    return sample
  }
}

/// Some values of a column, for telling of which kind it is.
public struct ColumnSample: Sendable {
  /// About how many values are looked at.
  static let limit = 2000

  /// The column's name.
  public let name: String
  /// Whether the values are paths of files that are rows themselves.
  public let holdsFiles: Bool
  /// The values that are not missing.
  public private(set) var values: [String] = []
  /// How many are missing.
  public private(set) var missing = 0
  /// The different values.
  public private(set) var distinct: Set<String> = []

  init(name: String, holdsFiles: Bool) {
    self.name = name
    self.holdsFiles = holdsFiles
  }

  mutating func add(_ text: String?) {
    guard let text, !text.isEmpty else {
      missing += 1
      return
    }
    values.append(text)
    distinct.insert(text)
  }

  /// The share of the values that fulfill a condition; 0 of none.
  public func share(_ isSo: (String) -> Bool) -> Double {
    values.isEmpty ? 0 : Double(values.count(where: isSo)) / Double(values.count)
  }

  /// The share of the values that are paths with one of these endings, in small letters without a point.
  public func shareOfFiles(endingIn endings: Set<String>) -> Double {
    share { text in
      text.split(separator: ".").last.map { endings.contains($0.lowercased()) } == true && text.contains(".")
    }
  }
}
