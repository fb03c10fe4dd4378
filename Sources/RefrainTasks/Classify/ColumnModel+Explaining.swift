import Refrain
import RefrainData

extension ColumnModel {
  /// Some rows as explanations take them.
  ///
  /// - Parameter explain: Says what is explained of a row, given its place, what it is called, its columns and the
  ///   networks.
  func explained(
    _ examples: LabelledRecords, _ choice: ExampleChoice,
    by explain: (_ row: Int, _ name: String, _ packed: PackedRow, _ networks: JoinedNetworks) -> ExplainedExample
  ) throws(TaskError) -> [ExplainedExample] {
    let names = RowNames(examples, columns)
    let places = try choice.places(of: examples.records.count, called: names.noun)
    let rows = try encoded(examples)
    let joined = JoinedNetworks(networks: networks)
    var explained: [ExplainedExample] = []
    for row in places {
      do throws(TrainingError) {
        let packed = try PackedRow(row, of: rows, columns, networks, in: examples.records)
        var one = explain(row, names.title(row), packed, joined)
        one.stepsOfLevel = packed.steps(ofLevel:)
        one.frames = packed.frames
        let pixels = packed.frames.reduce(0) { $0 + $1.clip.values.count * $1.copies.count }
        if pixels > 0 { one.rowsAtOnce = max(1, min(32, Self.mostPixels / pixels)) }
        explained.append(one)
      } catch {
        throw TaskError(error.description)
      }
    }
    return explained
  }

  /// So many pixels are seen at once: of each the convolutions keep about a hundred values.
  private static let mostPixels = 500_000
}

/// What explanations call rows.
struct RowNames {
  private let records: Records
  private let ids: [String]?
  private let shown: [Int]

  init(_ examples: LabelledRecords, _ columns: InputColumns) {
    (records, ids) = (examples.records, examples.ids)
    shown = columns.encoders.compactMap { try? examples.records.column(named: $0.name) }
  }

  /// Series are no rows of the file where its rows are their steps.
  var noun: String { ids == nil ? "row" : "series" }

  /// Its number, and what it is called where it has a name.
  func title(_ row: Int) -> String {
    var name = ids?[row]
    if records.areFiles, let column = try? records.column(named: Records.fileColumn) {
      name = records.text(row: row, column: column)
    }
    return "\(noun) \(row + 1)" + (name.map { " (\(excerpt($0, 60)))" } ?? "")
  }

  /// What stands in the row, as far as there is room for it.
  func text(_ row: Int) -> String {
    let texts = [ids?[row]].compactMap(\.self) + shown.compactMap { records.text(row: row, column: $0) }
    return excerpt(texts.joined(separator: " · "), 120)
  }
}
