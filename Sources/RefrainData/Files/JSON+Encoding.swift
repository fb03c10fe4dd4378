/// `Encodable` values as ``JSON``, with the keys in the order in which they are encoded.
extension JSON {
  /// - Throws: What the value's `encode(to:)` throws.
  package init(encoding value: some Encodable) throws {
    let target = JSONTarget()
    try value.encode(to: JSONTargetEncoder(target: target, codingPath: []))
    self = target.json
  }
}

/// A place in the tree that is being made.
private final class JSONTarget {
  private enum Kind { case value, array, object }

  private var kind = Kind.value
  private var value = JSON.null
  private var elements: [JSONTarget] = []
  private var keys: [String] = []

  var json: JSON {
    switch kind {
    case .value: value
    case .array: .array(elements.map(\.json))
    case .object: .object(zip(keys, elements).map { (key: $0, value: $1.json) })
    }
  }

  var count: Int { elements.count }

  func set(_ value: JSON) { self.value = value }
  func becomeArray() { kind = .array }
  func becomeObject() { kind = .object }

  func appended() -> JSONTarget {
    elements.append(JSONTarget())
    return elements[elements.count - 1]
  }

  func member(_ key: String) -> JSONTarget {
    if let index = keys.firstIndex(of: key) { return elements[index] }
    keys.append(key)
    return appended()
  }

  /// A value that may be one that JSON knows.
  func encode<T: Encodable>(_ value: T, at path: [any CodingKey]) throws {
    switch value {
    case let value as Bool: set(.bool(value))
    case let value as String: set(.text(value))
    case let value as Double: set(.number(value))
    // The shortest digits of a Float, not those of the Double it widens to.
    case let value as Float: set(.number(Double("\(value)") ?? .nan))
    case let value as any BinaryInteger: set(.integer(value))
    default: try value.encode(to: JSONTargetEncoder(target: self, codingPath: path))
    }
  }
}

private struct JSONTargetEncoder: Encoder, SingleValueEncodingContainer {
  let target: JSONTarget
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    target.becomeObject()
    return KeyedEncodingContainer(JSONObjectContainer<Key>(target: target, codingPath: codingPath))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    target.becomeArray()
    return JSONArrayContainer(target: target, codingPath: codingPath)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  func encodeNil() { target.set(.null) }
  func encode<T: Encodable>(_ value: T) throws { try target.encode(value, at: codingPath) }
}

private struct JSONObjectContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let target: JSONTarget
  let codingPath: [any CodingKey]

  private func encoder(_ key: any CodingKey) -> JSONTargetEncoder {
    JSONTargetEncoder(target: target.member(key.stringValue), codingPath: codingPath + [key])
  }

  func encodeNil(forKey key: Key) { target.member(key.stringValue).set(.null) }
  func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    try target.member(key.stringValue).encode(value, at: codingPath + [key])
  }
  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> { encoder(key).container(keyedBy: type) }
  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { encoder(key).unkeyedContainer() }
  func superEncoder() -> any Encoder {
    JSONTargetEncoder(target: target.member("super"), codingPath: codingPath)
  }
  func superEncoder(forKey key: Key) -> any Encoder { encoder(key) }
}

private struct JSONArrayContainer: UnkeyedEncodingContainer {
  let target: JSONTarget
  let codingPath: [any CodingKey]
  var count: Int { target.count }

  private func encoder() -> JSONTargetEncoder {
    JSONTargetEncoder(target: target.appended(), codingPath: codingPath)
  }

  func encodeNil() { target.appended().set(.null) }
  func encode<T: Encodable>(_ value: T) throws { try target.appended().encode(value, at: codingPath) }
  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    encoder().container(keyedBy: type)
  }
  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { encoder().unkeyedContainer() }
  func superEncoder() -> any Encoder { encoder() }
}
