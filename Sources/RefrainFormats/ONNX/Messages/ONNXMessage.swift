import RefrainData

/// The messages of a file in ONNX, with the fields that are read or written here and their numbers in
/// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
enum ONNXMessage {
  /// `ModelProto`: the file.
  struct Model: ProtocolMessage {
    /// The version of the format.
    var formatVersion: Int?
    var producerName = ""
    var producerVersion = ""
    var graph: Graph?
    var operatorSets: [OperatorSet] = []
    var metadata: [Entry] = []

    mutating func visit(_ fields: inout ProtocolCoder) {
      fields.number(1, &formatVersion)
      fields.text(2, &producerName)
      fields.text(3, &producerVersion)
      fields.message(7, &graph)
      fields.messages(8, &operatorSets)
      fields.messages(14, &metadata)
    }
  }

  /// `OperatorSetIdProto`: of which version the operators of a domain are.
  struct OperatorSet: ProtocolMessage {
    /// Empty for the standard's own.
    var domain = ""
    var version: Int?

    mutating func visit(_ fields: inout ProtocolCoder) {
      fields.text(1, &domain)
      fields.number(2, &version)
    }
  }

  /// `StringStringEntryProto`: a text under a name.
  struct Entry: ProtocolMessage, Hashable {
    var key = ""
    var value = ""

    mutating func visit(_ fields: inout ProtocolCoder) {
      fields.text(1, &key)
      fields.text(2, &value)
    }
  }

  /// `GraphProto`: nodes in the order in which they run, and what stands around them.
  struct Graph: ProtocolMessage, Hashable {
    var nodes: [Node] = []
    var name = ""
    var initializers: [Tensor] = []
    var inputs: [ValueInfo] = []
    var outputs: [ValueInfo] = []
    var sparseInitializers: [Unread] = []

    mutating func visit(_ fields: inout ProtocolCoder) {
      fields.messages(1, &nodes)
      fields.text(2, &name)
      fields.messages(5, &initializers)
      fields.messages(11, &inputs)
      fields.messages(12, &outputs)
      fields.messages(15, &sparseInitializers)
    }
  }

  /// `NodeProto`: an operator, by its name, with the names of what it takes and gives.
  struct Node: ProtocolMessage, Hashable {
    /// Empty where an optional one is left out.
    var inputs: [String] = []
    var outputs: [String] = []
    var name = ""
    var operation = ""
    var attributes: [Attribute] = []
    /// Empty for the standard's own operators.
    var domain = ""

    mutating func visit(_ fields: inout ProtocolCoder) {
      fields.texts(1, &inputs)
      fields.texts(2, &outputs)
      fields.text(3, &name)
      fields.text(4, &operation)
      fields.messages(5, &attributes)
      fields.text(7, &domain)
    }
  }

  /// `AttributeProto`: what an operator is told; the field of its type is set.
  struct Attribute: ProtocolMessage, Hashable {
    var name = ""
    var float: Float?
    var integer: Int?
    var text: ArraySlice<UInt8>?
    @Boxed var tensor: Tensor?
    @Boxed var graph: Graph?
    var floats: [Float] = []
    var integers: [Int] = []
    var texts: [ArraySlice<UInt8>] = []
    /// The number of a ``Kind``, or of one that is not read.
    var kind: Int32?

    /// `AttributeType`
    enum Kind: Int32 {
      case float = 1
      case integer = 2
      case text = 3
      case tensor = 4
      case graph = 5
      case floats = 6
      case integers = 7
      case texts = 8
    }

    mutating func visit(_ fields: inout ProtocolCoder) {
      fields.text(1, &name)
      fields.number(2, &float)
      fields.number(3, &integer)
      fields.bytes(4, &text)
      fields.message(5, &tensor)
      fields.message(6, &graph)
      fields.numbers(7, &floats, packed: false)
      fields.numbers(8, &integers, packed: false)
      fields.bytes(9, &texts)
      fields.number(20, &kind)
    }
  }

  /// A message of which no more is asked than whether it is there.
  struct Unread: ProtocolMessage, Hashable {
    mutating func visit(_ fields: inout ProtocolCoder) {}
  }
}

/// A part of a message that is seldom there: by reference, so that it takes no room where it is not.
@propertyWrapper struct Boxed<Content> {
  /// At most one.
  private var contents: [Content] = []

  init(wrappedValue: Content?) { self.wrappedValue = wrappedValue }

  var wrappedValue: Content? {
    get { contents.first }
    set { contents = newValue.map { [$0] } ?? [] }
    // Taken out, so that what is changed in it is not copied.
    _modify {
      var content = contents.popLast()
      defer { if let content { contents.append(content) } }
      yield &content
    }
  }
}

extension Boxed: Equatable where Content: Equatable {}
extension Boxed: Hashable where Content: Hashable {}
extension Boxed: Sendable where Content: Sendable {}
