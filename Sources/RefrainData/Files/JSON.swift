/// JSON to be written: objects keep the order of their keys, which `JSONEncoder` does not. What is read is a
/// ``JSONValue``.
package enum JSON {
  case null
  case bool(Bool)
  /// A whole number, of any size.
  case integer(any BinaryInteger)
  case number(Double)
  case text(String)
  case array([JSON])
  case object([(key: String, value: JSON)])

  /// The value as text: what holds only simple values on one line, all else on a line each.
  package func text(indent: String = "") -> String {
    switch self {
    case .array(let values):
      Self.list(values.map { ("", $0) }, "[", "]", onOneLine: values.allSatisfy(\.isSimple), indent: indent)
    case .object(let pairs):
      Self.list(
        pairs.map { ("\(jsonText($0.key)): ", $0.value) }, "{", "}", onOneLine: pairs.allSatisfy(\.value.isSimple),
        indent: indent)
    default: line
    }
  }

  /// The value on one line, without blanks between its parts.
  package var line: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): String(describing: value)
    // The fewest digits that give the same number again. JSON has no word for what is not finite.
    case .number(let value): value.isFinite ? "\(value)" : "null"
    case .text(let text): jsonText(text)
    case .array(let values): "[" + values.map(\.line).joined(separator: ",") + "]"
    case .object(let pairs): "{" + pairs.map { jsonText($0.key) + ":" + $0.value.line }.joined(separator: ",") + "}"
    }
  }

  private var isSimple: Bool {
    switch self {
    case .null, .bool, .integer, .number, .text: true
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
  package init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(elements.map { (key: $0, value: $1) })
  }
}

extension JSON {
  /// The value that was read, the names of objects sorted.
  package init(_ value: JSONValue) {
    self =
      switch value {
      case .null: .null
      case .bool(let value): .bool(value)
      case .number(let value): Int(exactly: value).map { .integer($0) } ?? .number(value)
      case .whole(let value): .integer(value)
      case .string(let text): .text(text)
      case .array(let elements): .array(elements.map { JSON($0) })
      case .object(let members):
        .object(members.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSON($0.value)) })
      }
  }
}
