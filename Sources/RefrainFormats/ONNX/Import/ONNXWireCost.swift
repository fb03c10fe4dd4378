import RefrainData

/// What decoding a message of ONNX would cost, found without decoding it: a forged file of a megabyte holds half a
/// million empty nodes, each of which is hundreds of bytes in memory.
struct ONNXWireCost {
  private let bytes: UnsafeRawBufferPointer
  private var cost = 0
  private let budget: Int

  /// What is allowed at least, so that small files of nothing but nodes pass.
  private static let floor = 32 << 20
  /// About what a message, a text or a run of numbers costs besides its bytes.
  private static let costOfMessage = 256
  private static let costOfText = 24
  /// Nodes within the graphs of attributes may be nested so deeply.
  private static let deepest = 32

  /// Makes sure that the bytes are well-formed, and that decoding them costs no more than ten times their size.
  static func check(_ bytes: UnsafeRawBufferPointer) throws(DataError) {
    var counter = ONNXWireCost(bytes: bytes, budget: max(floor, 10 * bytes.count))
    try counter.count(.model, 0..<bytes.count, depth: 0)
  }

  private init(bytes: UnsafeRawBufferPointer, budget: Int) {
    self.bytes = bytes
    self.budget = budget
  }

  /// The kinds of messages, and of fields that are none.
  private enum Content {
    case model, graph, node, attribute, tensor, sparse, valueInfo, type, tensorType, elementType, mapType, shape
    case function, training
    /// A message whose fields are texts and numbers.
    case flat
    /// A message that may hold others, which nothing here reads.
    case opaque
    case text
    /// A run of whole numbers.
    case packed

    /// What stands in a field of this.
    func content(of field: UInt64) -> Content {
      switch (self, field) {
      case (.model, 7), (.attribute, 6), (.attribute, 11), (.training, 1), (.training, 2): .graph
      case (.graph, 1), (.function, 7): .node
      case (.node, 5), (.function, 11): .attribute
      case (.graph, 5), (.attribute, 5), (.attribute, 10), (.sparse, 1), (.sparse, 2): .tensor
      case (.graph, 15), (.attribute, 22), (.attribute, 23): .sparse
      case (.graph, 11), (.graph, 12), (.graph, 13), (.function, 12): .valueInfo
      case (.valueInfo, 2), (.attribute, 14), (.attribute, 15), (.elementType, 1), (.mapType, 2): .type
      case (.type, 1), (.type, 8): .tensorType
      case (.type, 4), (.type, 9): .elementType
      case (.type, 5): .mapType
      case (.tensorType, 2): .shape
      case (.model, 25): .function
      case (.model, 20): .training
      case (.model, 8), (.model, 14), (.graph, 16), (.node, 9), (.tensor, 3), (.tensor, 13), (.tensor, 16),
        (.valueInfo, 4), (.type, 7), (.shape, 1), (.function, 9), (.function, 14), (.training, 3), (.training, 4):
        .flat
      case (.model, 26), (.graph, 14), (.node, 10): .opaque
      case (.tensor, 1), (.tensor, 4), (.tensor, 5), (.tensor, 7), (.tensor, 10), (.tensor, 11), (.attribute, 7),
        (.attribute, 8), (.sparse, 3):
        .packed
      default: .text
      }
    }
  }

  private mutating func count(_ message: Content, _ range: Range<Int>, depth: Int) throws(DataError) {
    guard depth <= Self.deepest else { throw damaged("its messages are nested more than \(Self.deepest) deep") }
    var at = range.lowerBound
    while at < range.upperBound {
      let key = try varint(&at, range.upperBound)
      let field = key >> 3
      switch key & 7 {
      case 0:
        _ = try varint(&at, range.upperBound)
        try spend(8)
      case 1: try skip(8, &at, range.upperBound)
      case 5: try skip(4, &at, range.upperBound)
      case 2:
        let length = try varint(&at, range.upperBound)
        guard field > 0, length <= UInt64(range.upperBound - at) else {
          throw damaged("a field reaches beyond its end")
        }
        let content = at..<at + Int(length)
        at = content.upperBound
        switch message.content(of: field) {
        case .text: try spend(Self.costOfText + content.count)
        // A number takes a byte or more there, and eight in memory.
        case .packed: try spend(Self.costOfText + 8 * content.count)
        case .opaque: try spend(Self.costOfMessage * (1 + content.count / 2))
        case let inner:
          try spend(Self.costOfMessage)
          try count(inner, content, depth: depth + 1)
        }
      default: throw damaged("byte \(at) begins no field")
      }
    }
  }

  private mutating func spend(_ amount: Int) throws(DataError) {
    cost += amount
    guard cost <= budget else { throw damaged("its messages would need more than ten times its size in memory") }
  }

  private mutating func skip(_ count: Int, _ at: inout Int, _ end: Int) throws(DataError) {
    guard end - at >= count else { throw damaged("it ends within a field") }
    at += count
    try spend(count)
  }

  private func varint(_ at: inout Int, _ end: Int) throws(DataError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard at < end else { throw damaged("it ends within a field") }
      let byte = bytes[at]
      at += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw damaged("a number is longer than ten bytes")
  }

  private func damaged(_ problem: String) -> DataError { .notONNX(problem) }
}

extension DataError {
  /// The bytes are not those of a model in ONNX.
  static func notONNX(_ problem: String) -> DataError {
    DataError(
      .wrongFormat, "this is no ONNX model: \(problem)", remedy: "name a file that ends in .onnx, or export it again")
  }
}
