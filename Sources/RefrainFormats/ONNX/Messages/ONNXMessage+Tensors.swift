import RefrainData

extension ONNXMessage {
  /// `TensorProto`: numbers, as bytes or in one of the fields of numbers.
  struct Tensor: ProtocolMessage, Hashable {
    var shape: [Int] = []
    /// The number of a ``DataType``, or of one that nobody knows.
    var type: Int32?
    var floats: [Float] = []
    /// Numbers of up to 32 bits, truth values, and the bits of 16-bit floats.
    var int32s: [Int32] = []
    var int64s: [Int] = []
    var name = ""
    /// A part of the file's bytes.
    var bytes: ArraySlice<UInt8>?
    var doubles: [Double] = []
    /// Numbers of 32 and of 64 bits without a sign.
    var uint64s: [UInt64] = []
    /// Where in another file the values are.
    var externalData: [Entry] = []
    var location: Int32?

    /// `DataLocation`: in another file.
    static let external: Int32 = 1

    mutating func visit(_ fields: inout ProtocolCoder) {
      fields.numbers(1, &shape, packed: false)
      fields.number(2, &type)
      fields.numbers(4, &floats, packed: true)
      fields.numbers(5, &int32s, packed: true)
      fields.numbers(7, &int64s, packed: true)
      fields.text(8, &name)
      fields.bytes(9, &bytes)
      fields.numbers(10, &doubles, packed: true)
      fields.numbers(11, &uint64s, packed: true)
      fields.messages(13, &externalData)
      fields.number(14, &location)
    }
  }

  /// `TensorProto.DataType`: the standard's types of elements; messages name them.
  enum DataType: Int32 {
    case undefined = 0
    case float = 1
    case uint8 = 2
    case int8 = 3
    case uint16 = 4
    case int16 = 5
    case int32 = 6
    case int64 = 7
    case string = 8
    case bool = 9
    case float16 = 10
    case double = 11
    case uint32 = 12
    case uint64 = 13
    case complex64 = 14
    case complex128 = 15
    case bfloat16 = 16
    case float8E4M3Fn = 17
    case float8E4M3Fnuz = 18
    case float8E5M2 = 19
    case float8E5M2Fnuz = 20
    case uint4 = 21
    case int4 = 22
    case float4E2M1 = 23
    case float8E8M0 = 24
    case uint2 = 25
    case int2 = 26
    case float6E2M3 = 27
    case float6E3M2 = 28
  }

  /// `ValueInfoProto`: an input or an output.
  struct ValueInfo: ProtocolMessage, Hashable {
    var name = ""
    var type: ValueType?

    mutating func visit(_ fields: inout ProtocolCoder) {
      fields.text(1, &name)
      fields.message(2, &type)
    }
  }

  /// `TypeProto`: a tensor, or something else.
  struct ValueType: ProtocolMessage, Hashable {
    var tensor: TensorType?
    /// What it is, where it is no tensor.
    var other: Other?

    /// The fields of types that are no tensors.
    enum Other: Int, CaseIterable {
      case sequence = 4
      case map = 5
      case opaque = 7
      case sparseTensor = 8
      case optional = 9
    }

    mutating func visit(_ fields: inout ProtocolCoder) {
      if fields.message(1, &tensor) { other = nil }
      for kind in Other.allCases {
        var content = other == kind ? Unread() : nil
        if fields.message(kind.rawValue, &content) { (tensor, other) = (nil, kind) }
      }
    }
  }

  /// `TypeProto.Tensor`
  struct TensorType: ProtocolMessage, Hashable {
    /// The number of a ``DataType``, or of one that nobody knows.
    var elementType: Int32?
    /// Nil where the tensor may have any.
    var shape: Shape?

    mutating func visit(_ fields: inout ProtocolCoder) {
      fields.number(1, &elementType)
      fields.message(2, &shape)
    }
  }

  /// `TensorShapeProto`
  struct Shape: ProtocolMessage, Hashable {
    var axes: [Axis] = []

    mutating func visit(_ fields: inout ProtocolCoder) { fields.messages(1, &axes) }
  }

  /// `TensorShapeProto.Dimension`: its size, or a name for one that differs from run to run.
  struct Axis: ProtocolMessage, Hashable {
    var size: Int?
    var name = ""

    mutating func visit(_ fields: inout ProtocolCoder) {
      if fields.number(1, &size) { name = "" }
      if fields.text(2, &name) { size = nil }
    }
  }
}
