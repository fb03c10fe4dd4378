/// Any JSON, for descriptions whose form others decide on.
package enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(Double)
  /// A whole number that is not negative and that no `Double` is.
  case whole(UInt64)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// Reads UTF-8 text, which messages call `name`. Arrays and objects may lie `depth` deep in each other.
  ///
  /// - Throws: `damagedFile`, with the place where the text is no JSON.
  package init(_ bytes: [UInt8], name: String = "the text", depth: Int = 64) throws(DataError) {
    do throws(JSONFault) {
      var scanner = JSONScanner(bytes: bytes[...])
      self = try scanner.readValue(depth: depth)
      try scanner.requireEnd()
    } catch {
      let problem =
        switch error {
        case .syntax(let position): "\(name) is no JSON at byte \(position), or nested more than \(depth) deep"
        case .meaning(let text): "\(name): \(text)"
        case .type(let type, _): "the type \(type.quoted) is not known"
        }
      throw DataError(.damagedFile, problem, remedy: "write the file again")
    }
  }

  /// The text, names sorted, without blanks.
  package var text: String { JSON(self).line }

  /// The member of this name; null where there is none, or where this is no object.
  package subscript(name: String) -> JSONValue {
    if case .object(let members) = self { members[name] ?? .null } else { .null }
  }

  /// The text of a string, or nil.
  package var string: String? { if case .string(let value) = self { value } else { nil } }
  /// The elements of an array, or nil.
  package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  /// The number, or nil.
  package var number: Double? { if case .number(let value) = nearest { value } else { nil } }
  /// The same, but a whole number that no `Double` is as the nearest that is one.
  package var nearest: JSONValue { if case .whole(let value) = self { .number(Double(value)) } else { self } }
  /// True, false or nil.
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The number where it is whole and of at most 31 bits, so that two of them can be multiplied.
  package var integer: Int? { number.flatMap { Int(exactly: $0) }.flatMap { abs($0) < 1 << 31 ? $0 : nil } }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(nilLiteral: ()) { self = .null }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(integerLiteral value: Int) { self = .number(Double(value)) }
  package init(floatLiteral value: Double) { self = .number(value) }
  package init(stringLiteral value: String) { self = .string(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements) { _, last in last })
  }
}
