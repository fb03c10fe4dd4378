import RefrainData

extension ONNXMessage.Node {
  /// A message for an operator of the standard; inputs left out at the end are not written.
  static func node(
    _ operation: String, _ name: String, _ inputs: [String], _ outputs: [String],
    _ attributes: [String: ONNXGraphBuilder.Attribute]
  ) -> ONNXMessage.Node {
    ONNXMessage.Node(
      inputs: Array(inputs.reversed().drop { $0.isEmpty }.reversed()), outputs: outputs, name: name,
      operation: operation, attributes: attributes.sorted { $0.key < $1.key }.map { .attribute($0.key, $0.value) })
  }

  /// The names of all that it takes, its bodies' values among them.
  var taken: [String] {
    inputs
      + attributes.flatMap { attribute in
        attribute.graph.map { $0.outputs.map(\.name) + $0.nodes.flatMap(\.taken) } ?? []
      }
  }
}

extension ONNXMessage.Attribute {
  /// A message for what an operator is told.
  static func attribute(_ name: String, _ value: ONNXGraphBuilder.Attribute) -> ONNXMessage.Attribute {
    var message = ONNXMessage.Attribute(name: name)
    let kind: Kind
    switch value {
    case .integer(let value): (kind, message.integer) = (.integer, value)
    case .float(let value): (kind, message.float) = (.float, value)
    case .text(let value): (kind, message.text) = (.text, ArraySlice(value.utf8))
    case .integers(let values): (kind, message.integers) = (.integers, values)
    case .floats(let values): (kind, message.floats) = (.floats, values)
    case .texts(let values): (kind, message.texts) = (.texts, values.map { ArraySlice($0.utf8) })
    case .graph(let body): (kind, message.graph) = (.graph, body.message)
    }
    message.kind = kind.rawValue
    return message
  }
}

extension ONNXMessage.ValueInfo {
  /// A message for an input or an output.
  static func port(
    _ name: String, _ type: ElementType, _ shape: [ONNXGraphBuilder.Extent]
  ) -> ONNXMessage.ValueInfo {
    let axes = shape.map { extent in
      switch extent {
      case .fixed(let size): ONNXMessage.Axis(size: size)
      case .named(let name): ONNXMessage.Axis(name: name)
      }
    }
    let tensor = ONNXMessage.TensorType(elementType: type.onnxType.rawValue, shape: ONNXMessage.Shape(axes: axes))
    return ONNXMessage.ValueInfo(name: name, type: ONNXMessage.ValueType(tensor: tensor))
  }
}

extension ElementType {
  /// ONNX's number for the type.
  var onnxType: ONNXMessage.DataType {
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
