import RefrainData

/// A JSON value whose objects keep the order of their keys, which `JSONEncoder` does not.
enum JSON {
  case null
  case integer(any BinaryInteger)
  case number(Double)
  case text(String)
  case boolean(Bool)
  case array([JSON])
  case object([(key: String, value: JSON)])

  /// The value as text: what holds only simple values on one line, all else on a line each.
  func text(indent: String = "") -> String {
    switch self {
    case .null: "null"
    case .integer(let value): String(describing: value)
    // The fewest digits that give the same number again. JSON has no word for what is not finite.
    case .number(let value): value.isFinite ? "\(value)" : "null"
    case .text(let text): jsonText(text)
    case .boolean(let value): value ? "true" : "false"
    case .array(let values):
      Self.list(values.map { ("", $0) }, "[", "]", onOneLine: values.allSatisfy(\.isSimple), indent: indent)
    case .object(let pairs):
      Self.list(
        pairs.map { ("\(jsonText($0.key)): ", $0.value) }, "{", "}", onOneLine: pairs.allSatisfy(\.value.isSimple),
        indent: indent)
    }
  }

  private var isSimple: Bool {
    switch self {
    case .null, .integer, .number, .text, .boolean: true
    case .array, .object: false
    }
  }

  private static func list(
    _ items: [(key: String, value: JSON)], _ opening: String, _ closing: String, onOneLine: Bool, indent: String
  ) -> String {
    if onOneLine {
      return opening + items.map { $0.key + $0.value.text() }.joined(separator: ", ") + closing
    }
    let inner = indent + "  "
    let lines = items.map { inner + $0.key + $0.value.text(indent: inner) }
    return "\(opening)\n\(lines.joined(separator: ",\n"))\n\(indent)\(closing)"
  }
}

extension JSON: ExpressibleByDictionaryLiteral {
  init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(elements.map { (key: $0, value: $1) })
  }
}
