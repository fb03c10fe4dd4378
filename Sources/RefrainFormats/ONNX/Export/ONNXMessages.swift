import RefrainData
import RefrainFoundation

extension Onnx_NodeProto {
  /// A message for an operator of the standard; inputs left out at the end are not written.
  static func node(
    _ operation: String, _ name: String, _ inputs: [String], _ outputs: [String],
    _ attributes: [String: ONNXGraphBuilder.Attribute]
  ) -> Onnx_NodeProto {
    var node = Onnx_NodeProto()
    node.opType = operation
    node.name = name
    node.input = Array(inputs.reversed().drop { $0.isEmpty }.reversed())
    node.output = outputs
    node.attribute = attributes.sorted { $0.key < $1.key }.map { .attribute($0.key, $0.value) }
    return node
  }

  /// The names of all that it takes, its bodies' values among them.
  var taken: [String] {
    input + attribute.flatMap { $0.hasG ? $0.g.output.map(\.name) + $0.g.node.flatMap(\.taken) : [] }
  }
}

extension Onnx_AttributeProto {
  /// A message for what an operator is told.
  static func attribute(_ name: String, _ value: ONNXGraphBuilder.Attribute) -> Onnx_AttributeProto {
    var message = Onnx_AttributeProto()
    message.name = name
    switch value {
    case .integer(let value): (message.type, message.i) = (.int, Int64(value))
    case .float(let value): (message.type, message.f) = (.float, value)
    case .text(let value): (message.type, message.s) = (.string, Data(value.utf8))
    case .integers(let values): (message.type, message.ints) = (.ints, values.map(Int64.init))
    case .floats(let values): (message.type, message.floats) = (.floats, values)
    case .texts(let values): (message.type, message.strings) = (.strings, values.map { Data($0.utf8) })
    case .graph(let body): (message.type, message.g) = (.graph, body.message)
    }
    return message
  }
}

extension Onnx_ValueInfoProto {
  /// A message for an input or an output.
  static func port(
    _ name: String, _ type: ElementType, _ shape: [ONNXGraphBuilder.Extent]
  ) -> Onnx_ValueInfoProto {
    var message = Onnx_ValueInfoProto()
    message.name = name
    message.type.tensorType.elemType = Int32(type.onnxType.rawValue)
    message.type.tensorType.shape.dim = shape.map { extent in
      var dimension = Onnx_TensorShapeProto.Dimension()
      switch extent {
      case .fixed(let size): dimension.dimValue = Int64(size)
      case .named(let name): dimension.dimParam = name
      }
      return dimension
    }
    return message
  }
}

extension ElementType {
  /// ONNX's number for the type.
  var onnxType: Onnx_TensorProto.DataType {
    switch self {
    case .bool: .bool
    case .uint8: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .uint32: .uint32
    case .int32: .int32
    case .int64: .int64
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .float32: .float
    case .float64: .double
    }
  }
}
