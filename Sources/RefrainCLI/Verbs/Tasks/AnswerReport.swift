import RefrainData

/// Answers, each an object of JSON, in one of the formats: all have the same fields.
struct AnswerReport {
  private let answers: [JSON]
  private let fields: [String]

  /// - Parameter fields: The names of the fields, where there may be no answer that shows them.
  init(_ answers: [JSON], fields: [String] = []) { (self.answers, self.fields) = (answers, fields) }

  /// The answers in a format, ended by a line break.
  ///
  /// - Parameter terminal: Where the text will be read; it decides over the colors of a table.
  func text(as format: OutputFormat, for terminal: Terminal) -> String {
    switch format {
    case .table:
      let page = Page(width: terminal.width, usesColor: terminal.usesColor)
      return page.grid([names] + rows(\.readable)).map { $0 + "\n" }.joined()
    case .csv: return ([names.map(csvField)] + rows(\.csv)).map { $0.joined(separator: ",") + "\n" }.joined()
    case .json: return JSON.array(answers).text() + "\n"
    case .jsonl: return answers.map { $0.line + "\n" }.joined()
    }
  }

  /// The names of all fields, in the order in which they first come.
  private var names: [String] {
    var names = fields
    for answer in answers { for (name, _) in answer.fields where !names.contains(name) { names.append(name) } }
    return names
  }

  private func rows(_ text: (JSON) -> String) -> [[String]] {
    let names = names
    return answers.map { answer in
      let fields = Dictionary(answer.fields) { first, _ in first }
      return names.map { name in fields[name].map(text) ?? "" }
    }
  }
}

extension JSON {
  /// The fields of an object; any other value is a field called `answer`.
  fileprivate var fields: [(String, JSON)] {
    if case .object(let fields) = self { fields.map { ($0.key, $0.value) } } else { [("answer", self)] }
  }

  private var isNumber: Bool { if case .number = self { true } else { false } }

  /// The value for people.
  fileprivate var readable: String {
    switch self {
    case .null: "–"
    case .text(let text): text.sanitized
    case .number(let value): significant(value)
    // Of many numbers, such as those of sample paths, the first.
    case .array(let values) where values.count > 12 && values.allSatisfy(\.isNumber):
      "[\(values.prefix(3).map(\.readable).joined(separator: ", ")), … \(values.count - 3) more]"
    // Of numbers by name, such as probabilities of classes, the greatest.
    case .object(let fields) where !fields.isEmpty && fields.allSatisfy(\.value.isNumber): Self.greatest(fields)
    default: line
    }
  }

  private static func greatest(_ fields: [(key: String, value: JSON)]) -> String {
    func number(_ json: JSON) -> Double { if case .number(let value) = json { value } else { .nan } }
    let most = 4
    let order = fields.indices.sorted { first, second in
      let (one, other) = (number(fields[first].value), number(fields[second].value))
      return one == other ? first < second : one > other
    }
    let texts = order.prefix(most).map { "\(fields[$0].key.sanitized) \(fields[$0].value.readable)" }
    let rest = fields.count > most ? ["… \(fields.count - most) more"] : []
    return (texts + rest).joined(separator: ", ")
  }

  /// The value as a field of CSV.
  fileprivate var csv: String {
    switch self {
    case .null: ""
    case .text(let text): csvField(text)
    case .number(let value): csvField(value)
    default: csvField(line)
    }
  }
}
