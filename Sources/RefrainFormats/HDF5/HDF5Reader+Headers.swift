import RefrainData

// The headers of objects: messages, one after another, in one block or several.

extension HDF5Reader {
  /// A message of an object header.
  struct Message {
    enum Kind: Int {
      case dataspace = 0x1
      case linkInfo = 0x2
      case datatype = 0x3
      case link = 0x6
      case externalFiles = 0x7
      case layout = 0x8
      case filters = 0xB
      case attribute = 0xC
      case continuation = 0x10
      case symbolTable = 0x11
      case attributeInfo = 0x15
    }

    var kind: Kind?
    var place: Int
    var count: Int
    /// Whether what it says is elsewhere.
    var isShared: Bool
  }

  /// The messages of the object header at a place.
  mutating func messages(at header: Int, _ path: String) throws(DataError) -> [Message] {
    try enter(header, count: 16)
    if bytes[header...].starts(with: "OHDR".utf8) { return try laterMessages(at: header, path) }
    guard bytes[header] == 1 else { throw .damagedHDF5("\(path.quoted) has no header") }
    var messages: [Message] = []
    var blocks = [(place: header + 16, count: try number(UInt32.self, at: header + 8))]
    while let (start, count) = blocks.popLast() {
      try enter(start, count: count)
      var place = start
      while place + 8 <= start + count {
        let message = Message(
          kind: .init(rawValue: try number(UInt16.self, at: place)), place: place + 8,
          count: try number(UInt16.self, at: place + 2), isShared: bytes[place + 4] & 2 != 0)
        try enter(message.place, count: message.count)
        try add(message, to: &messages, &blocks, path)
        place = message.place + message.count
      }
    }
    return messages
  }

  /// The messages of a header of the second version.
  private mutating func laterMessages(at header: Int, _ path: String) throws(DataError) -> [Message] {
    guard bytes[header + 4] == 2 else { throw .damagedHDF5("\(path.quoted) has no header") }
    let flags = Int(bytes[header + 5])
    var start = header + 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
    let width = 1 << (flags & 3)
    let size = try number(ofBytes: width, at: start)
    start += width
    // Where a message's values begin: after kind, size and flags, and the order in which it was made.
    let lead = 4 + (flags & 4 != 0 ? 2 : 0)
    var messages: [Message] = []
    var blocks = [(place: start, count: size)]
    while let (start, count) = blocks.popLast() {
      try enter(start, count: count)
      var place = start
      var end = start + count
      // Every block but the first has a signature and a checksum of its own.
      if start != header, bytes[start...].starts(with: "OCHK".utf8), count >= 8 { (place, end) = (start + 4, end - 4) }
      while place + lead <= end {
        let message = Message(
          kind: .init(rawValue: Int(bytes[place])), place: place + lead,
          count: try number(UInt16.self, at: place + 1), isShared: bytes[place + 3] & 2 != 0)
        guard message.place + message.count <= end else { break }
        try enter(message.place, count: message.count)
        try add(message, to: &messages, &blocks, path)
        place = message.place + message.count
      }
    }
    return messages
  }

  private func add(
    _ message: Message, to messages: inout [Message], _ blocks: inout [(place: Int, count: Int)], _ path: String
  ) throws(DataError) {
    guard let kind = message.kind else { return }
    if message.isShared, kind == .dataspace || kind == .datatype {
      throw .unsupportedHDF5("\(path.quoted) shares what it says of its type")
    }
    if kind == .continuation, message.count >= 16 {
      blocks.append((try number(UInt64.self, at: message.place), try number(UInt64.self, at: message.place + 8)))
    } else {
      messages.append(message)
    }
  }
}

extension [HDF5Reader.Message] {
  /// The first message of a kind.
  func first(_ kind: HDF5Reader.Message.Kind) -> HDF5Reader.Message? { first { $0.kind == kind } }
}
