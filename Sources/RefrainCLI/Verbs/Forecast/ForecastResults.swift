import RefrainData
import RefrainTasks

/// What is written of a report, in the form that was asked for: what processes that share the series hand to the first.
struct ForecastPart {
  /// How forecasts are written.
  struct Form {
    var format: OutputFormat
    /// How columns and fields are named.
    var shape: Forecast.Shape
    /// Where a table will be read.
    var terminal: Terminal
  }

  /// What the series is called, where there are several.
  fileprivate let label: String?
  /// The report in its format: a text; of CSV the header and the rows; of shapes of other programs the rows' fields.
  fileprivate let content: JSON
  /// Whether its training came to its end.
  let isComplete: Bool
  /// What there is to say of its training, a line each, by whoever is handed it.
  var notes: [String] = []

  init(_ report: ForecastReport, _ form: Form) {
    label = report.label
    isComplete = report.forecaster.isComplete
    content =
      switch (form.format, form.shape) {
      case (.table, _): .text(report.table(for: form.terminal))
      case (_, .nixtla):
        .array(report.nixtlaRows.map { .object([("unique_id", .text(report.uniqueID))] + $0) })
      case (.csv, _): .array(([report.csvHeader] + report.csvRows).map { .text($0) })
      case (.json, _): report.json
      case (.jsonl, _): .text(report.jsonLines)
      }
  }

  /// What is handed to another process.
  var json: JSON {
    [
      "label": label.map { .text($0) } ?? .null, "content": content, "isComplete": .bool(isComplete),
      "notes": .array(notes.map { .text($0) }),
    ]
  }

  /// What another process has handed over; nil where it cannot be that.
  init?(_ json: JSON) {
    guard case .object(let fields) = json, fields.count == 4, case .bool(let isComplete) = fields[2].value,
      case .array(let notes) = fields[3].value
    else { return nil }
    (label, content, self.isComplete) = (fields[0].value.text, fields[1].value, isComplete)
    self.notes = notes.compactMap(\.text)
  }
}

/// The reports on one series or on several.
struct ForecastResults {
  /// At least one.
  private let parts: [ForecastPart]
  private let form: ForecastPart.Form

  init(_ parts: [ForecastPart], _ form: ForecastPart.Form) { (self.parts, self.form) = (parts, form) }

  /// The results, ended by a line break. Those of several series follow each other in a table, have a first column `id`
  /// in CSV, a field `id` in JSON lines, and are an array in JSON.
  var text: String {
    let contents = parts.map(\.content)
    switch (form.format, form.shape) {
    case (.table, _): return contents.compactMap(\.text).joined(separator: "\n")
    case (.jsonl, .refrain): return contents.compactMap(\.text).joined()
    case (.json, .refrain): return (contents.count > 1 ? JSON.array(contents) : contents[0]).text() + "\n"
    case (.csv, .refrain):
      let rows = parts.enumerated().flatMap { number, part in
        part.content.elements.compactMap(\.text).enumerated().dropFirst(number == 0 ? 0 : 1).map { line, text in
          parts.count == 1 ? text : line == 0 ? "id," + text : csvField(part.label ?? "") + "," + text
        }
      }
      return rows.map { $0 + "\n" }.joined()
    case (_, .nixtla): return nixtla(contents.flatMap(\.elements))
    }
  }

  /// Forecasts as other programs read them.
  private func nixtla(_ rows: [JSON]) -> String {
    switch form.format {
    case .json: return JSON.array(rows).text() + "\n"
    case .jsonl: return rows.map { $0.line + "\n" }.joined()
    case .csv, .table:
      let fields = rows.map(\.fields)
      let header = fields.first?.map(\.key).joined(separator: ",") ?? ""
      return ([header] + fields.map { $0.map { Self.field($0.value) }.joined(separator: ",") }).map { $0 + "\n" }
        .joined()
    }
  }

  private static func field(_ value: JSON) -> String {
    switch value {
    case .text(let text): csvField(text)
    case .number(let number): csvField(number)
    default: ""
    }
  }
}

extension JSON {
  fileprivate var text: String? { if case .text(let text) = self { text } else { nil } }
  fileprivate var elements: [JSON] { if case .array(let elements) = self { elements } else { [] } }
  fileprivate var fields: [(key: String, value: JSON)] { if case .object(let fields) = self { fields } else { [] } }
}
