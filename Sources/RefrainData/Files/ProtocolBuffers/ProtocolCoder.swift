/// A message of Protocol Buffers (https://protobuf.dev/programming-guides/encoding). Its fields are named once, for
/// reading and for writing:
///
///     struct Node: ProtocolMessage {
///       var inputs: [String] = []
///       var name = ""
///
///       mutating func visit(_ fields: inout ProtocolCoder) {
///         fields.texts(1, &inputs)
///         fields.text(3, &name)
///       }
///     }
package protocol ProtocolMessage {
  /// One in which no field is set.
  init()

  /// Hands each field to the coder with its number, the lowest first, as they are to be written. In reading this is
  /// called once for every field that there is, and the call with its number takes it. Fields that are not named are
  /// passed over.
  mutating func visit(_ fields: inout ProtocolCoder)
}

extension ProtocolMessage {
  /// Reads a message.
  ///
  /// What it takes is bounded before it is taken: a forged megabyte holds half a million empty messages, each of which
  /// is a hundred bytes in memory.
  ///
  /// - Throws: `wrongFormat` when the bytes are no message, would take more than ten times their size (and 32 MB) in
  ///   memory, or are nested too deep.
  package init(encoded bytes: [UInt8]) throws(DataError) {
    self.init()
    var coder = ProtocolCoder(reading: bytes)
    coder.read(&self, in: 0..<bytes.count)
    if let problem = coder.reader.problem { throw DataError(.wrongFormat, problem) }
  }

  /// The bytes of the message: its fields in the order in which they are visited.
  package func encoded() -> [UInt8] {
    var coder = ProtocolCoder()
    var message = self
    message.visit(&coder)
    coder.writer.beginWriting()
    message.visit(&coder)
    return coder.writer.bytes
  }
}

/// Takes the fields of a message as they are visited, to read them or to write them.
///
/// In reading a call returns whether it took the field that is read. A message may so have one of several fields alone:
///
///     if fields.number(1, &size) { name = "" }
///     if fields.text(2, &name) { size = nil }
///
/// A field of another kind than its call is passed over, as one whose number nobody knows. There is no error to catch
/// within a message: after the first fault nothing more is read, and ``ProtocolMessage/init(encoded:)`` throws.
package struct ProtocolCoder {
  fileprivate var reader: ProtocolReader
  fileprivate var writer = ProtocolWriter()
  private let isReading: Bool
  /// In how many messages the one stands that is read.
  private var depth = 0
  private static let deepest = 32

  fileprivate init() {
    reader = ProtocolReader([])
    isReading = false
  }

  fileprivate init(reading bytes: [UInt8]) {
    reader = ProtocolReader(bytes)
    isReading = true
  }

  // MARK: - Texts and bytes

  /// A text, written where it is not empty.
  @discardableResult package mutating func text(_ field: Int, _ value: inout String) -> Bool {
    guard isReading else {
      if !value.isEmpty { writer.text(field, value) }
      return false
    }
    guard let text = reader.text(field) else { return false }
    value = text
    return true
  }

  /// Texts.
  package mutating func texts(_ field: Int, _ values: inout [String]) {
    if !isReading {
      for value in values { writer.text(field, value) }
    } else if let text = reader.text(field) {
      values.append(text)
    }
  }

  /// Bytes, which in reading are a part of those of the message, and no copy.
  package mutating func bytes(_ field: Int, _ value: inout ArraySlice<UInt8>?) {
    if !isReading {
      if let value { writer.content(field, value) }
    } else if let content = reader.content(field) {
      value = content
    }
  }

  /// Several runs of bytes.
  package mutating func bytes(_ field: Int, _ values: inout [ArraySlice<UInt8>]) {
    if !isReading {
      for value in values { writer.content(field, value) }
    } else if let content = reader.content(field) {
      values.append(content)
    }
  }

  // MARK: - Messages

  /// A message. Where it is given several times, what is given later is added to it.
  @discardableResult package mutating func message<Message: ProtocolMessage>(
    _ field: Int, _ value: inout Message?
  ) -> Bool {
    guard isReading else {
      if let value { write(field, value) }
      return false
    }
    guard let content = reader.message(field) else { return false }
    // Taken out, so that nothing is copied.
    var message = value.take() ?? Message()
    read(&message, in: content)
    value = message
    return true
  }

  /// Messages.
  package mutating func messages<Message: ProtocolMessage>(_ field: Int, _ values: inout [Message]) {
    if !isReading {
      for value in values { write(field, value) }
    } else if let content = reader.message(field) {
      var message = Message()
      read(&message, in: content)
      values.append(message)
    }
  }

  fileprivate mutating func read<Message: ProtocolMessage>(_ message: inout Message, in content: Range<Int>) {
    guard depth <= Self.deepest else { return reader.fail("its messages are nested more than \(Self.deepest) deep") }
    depth += 1
    reader.position = content.lowerBound
    while reader.readField(upTo: content.upperBound) { message.visit(&self) }
    depth -= 1
  }

  private mutating func write<Message: ProtocolMessage>(_ field: Int, _ message: Message) {
    var message = message
    let place = writer.begin(field)
    message.visit(&self)
    writer.end(place)
  }

  // MARK: - Numbers

  /// A whole number (`int64`), or nil where there is none.
  @discardableResult package mutating func number(_ field: Int, _ value: inout Int?) -> Bool { one(field, &value) }

  /// A whole number of 32 bits (`int32`, or the number of an enumeration's case).
  @discardableResult package mutating func number(_ field: Int, _ value: inout Int32?) -> Bool { one(field, &value) }

  /// A number (`float`).
  @discardableResult package mutating func number(_ field: Int, _ value: inout Float?) -> Bool { one(field, &value) }

  /// A number (`double`).
  @discardableResult package mutating func number(_ field: Int, _ value: inout Double?) -> Bool { one(field, &value) }

  /// Numbers (`int64`), read in one run or singly, whatever `packed` says, and written in one run where it is true.
  package mutating func numbers(_ field: Int, _ values: inout [Int], packed: Bool) { many(field, &values, packed) }

  /// Numbers (`int32`).
  package mutating func numbers(_ field: Int, _ values: inout [Int32], packed: Bool) { many(field, &values, packed) }

  /// Numbers (`uint64`).
  package mutating func numbers(_ field: Int, _ values: inout [UInt64], packed: Bool) { many(field, &values, packed) }

  /// Numbers (`float`).
  package mutating func numbers(_ field: Int, _ values: inout [Float], packed: Bool) { many(field, &values, packed) }

  /// Numbers (`double`).
  package mutating func numbers(_ field: Int, _ values: inout [Double], packed: Bool) { many(field, &values, packed) }

  private mutating func one<Number: ProtocolNumber>(_ field: Int, _ value: inout Number?) -> Bool {
    guard isReading else {
      if let value { writer.number(field, value) }
      return false
    }
    guard let number: Number = reader.number(field) else { return false }
    value = number
    return true
  }

  private mutating func many<Number: ProtocolNumber>(_ field: Int, _ values: inout [Number], _ packed: Bool) {
    if isReading {
      reader.numbers(field, &values)
    } else if packed, !values.isEmpty {
      let place = writer.begin(field)
      for value in values { writer.number(value) }
      writer.end(place)
    } else {
      for value in values { writer.number(field, value) }
    }
  }
}
