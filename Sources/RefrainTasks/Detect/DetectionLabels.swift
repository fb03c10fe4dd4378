import RefrainData
import RefrainFoundation

/// When something was the matter: for each file windows of time, as the Numenta benchmark writes them.
///
///     {"realKnownCause/nyc_taxi.csv": [["2014-10-30 15:30:00.000000", "2014-11-03 22:30:00.000000"], …], …}
///
/// For a single file the list of windows alone will do. Where rows are counted, windows are from count to count.
public struct DetectionLabels: Sendable {
  private let all: [(file: String, windows: [(first: String, last: String)])]
  private let path: String

  /// Reads a JSON file.
  ///
  /// - Throws: `missingFile`, `unreadableFile`, `damagedFile`, or `wrongFormat` for other JSON.
  public init(contentsOf path: String) throws(DataError) {
    let value: JSONValue
    do throws(DataError) { value = try JSONValue(readFile(path)) } catch { throw error.inFile(path) }
    self.path = path
    func windows(_ value: JSONValue) throws(DataError) -> [(first: String, last: String)] {
      func text(_ value: JSONValue) -> String? {
        value.string ?? value.number.flatMap { Int(exactly: $0) }.map { String($0) }
      }
      guard let list = value.array else { throw Self.unfit(path) }
      return try list.map { pair throws(DataError) in
        guard let ends = pair.array, ends.count == 2, let first = text(ends[0]), let last = text(ends[1]) else {
          throw Self.unfit(path)
        }
        return (first, last)
      }
    }
    switch value {
    case .array: all = [("", try windows(value))]
    case .object(let members):
      var found: [(file: String, windows: [(first: String, last: String)])] = []
      for (name, value) in members.sorted(by: { $0.key < $1.key }) { found.append((name, try windows(value))) }
      all = found
    default: throw Self.unfit(path)
    }
  }

  private static func unfit(_ path: String) -> DataError {
    DataError(
      .wrongFormat, file: path, "labels are windows of a first and a last time for each file",
      remedy: "write {\"data.csv\": [[\"2024-01-31 10:00\", \"2024-01-31 12:00\"]]}")
  }

  /// The windows of a file's rows, from 0.
  ///
  /// - Throws: `wrongInput` for a file that the labels do not name, `notATime` for a time that is none, or that lies
  ///   outside the rows.
  public func windows(of rows: ObservedRows) throws(DataError) -> [ClosedRange<Int>] {
    let name = rows.file ?? ""
    // The longest name that the path ends with, at a border of folders.
    let fitting = all.filter { $0.file.isEmpty || name == $0.file || name.hasSuffix("/" + $0.file) }
    guard let found = fitting.max(by: { $0.file.utf8.count < $1.file.utf8.count }) else {
      let base = String(name.split(separator: "/").last ?? "")
      throw DataError(
        .wrongInput, file: path, "there are no labels for \(name.quoted)",
        remedy: nearestName(to: base, among: all.map(\.file)).map { "is it \($0.quoted)?" }
          ?? "add them, an empty list where nothing was the matter")
    }
    let windows = try found.windows.map { window throws(DataError) -> ClosedRange<Int> in
      guard let first = try rows.firstRow(atOrAfter: window.first, path), first < rows.count,
        let last = try rows.firstRow(after: window.last, path), last > first
      else {
        throw DataError(
          .notATime, file: path,
          "no row of \(name.quoted) lies in the window from \(window.first.quoted) to \(window.last.quoted)",
          remedy: "give windows in which there are rows")
      }
      return first...last - 1
    }.sorted { $0.lowerBound < $1.lowerBound }
    // Windows that meet are one.
    return windows.reduce(into: []) { joined, window in
      if let last = joined.last, window.lowerBound <= last.upperBound {
        joined[joined.count - 1] = last.lowerBound...max(last.upperBound, window.upperBound)
      } else {
        joined.append(window)
      }
    }
  }
}

extension ObservedRows {
  fileprivate func firstRow(atOrAfter text: String, _ file: String) throws(DataError) -> Int? {
    let moment = try moment(text, file)
    return stamps.map { $0.firstIndex { $0.ticks >= moment } ?? count } ?? max(0, moment - 1)
  }

  fileprivate func firstRow(after text: String, _ file: String) throws(DataError) -> Int? {
    let moment = try moment(text, file)
    return stamps.map { ($0.lastIndex { $0.ticks <= moment } ?? -1) + 1 } ?? min(count, moment)
  }

  private func moment(_ text: String, _ file: String) throws(DataError) -> Int {
    guard let moment = stamps == nil ? Int(text) : TimeStamp.ticks(of: text) else {
      throw DataError(
        .notATime, file: file, "\(text.quoted) is not a \(stamps == nil ? "row" : "time")",
        remedy: stamps == nil ? "write counts of rows" : "write times like 2024-01-31 18:00:00")
    }
    return moment
  }
}
