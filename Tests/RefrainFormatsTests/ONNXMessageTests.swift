import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

/// Messages and their bytes, as the `onnx` package 1.23.2 for Python (`from onnx import *`) writes and reads them.
@Suite struct `Messages of ONNX` {
  /// Holds that reading and writing are what the package does.
  private func expect<Message: ProtocolMessage & Equatable>(_ message: Message, is digits: String) throws {
    let bytes = [UInt8](hexadecimal: digits)
    #expect(try Message(encoded: bytes) == message)
    #expect(message.encoded() == bytes)
  }

  ///     tensor = TensorProto(dims=[2, 3], data_type=99, float_data=[1.5, -2], int32_data=[-1, 2147483647, 7],
  ///       int64_data=[-9223372036854775808, 300], name="wß", raw_data=b"\0\xff\x80", double_data=[0.1],
  ///       uint64_data=[18446744073709551615, 0], data_location=1)
  ///     tensor.external_data.add(key="location", value="w.bin")
  ///     tensor.SerializeToString().hex()
  @Test func `hold tensors as the onnx package does`() throws {
    try expect(
      ONNXMessage.Tensor(
        shape: [2, 3], type: 99, floats: [1.5, -2], int32s: [-1, 2_147_483_647, 7], int64s: [.min, 300], name: "wß",
        bytes: [0, 0xFF, 0x80], doubles: [0.1], uint64s: [.max, 0],
        externalData: [ONNXMessage.Entry(key: "location", value: "w.bin")], location: ONNXMessage.Tensor.external),
      is: """
        08020803106322080000c03f000000c02a10ffffffffffffffffff01ffffffff07073a0c80808080808080808001ac02420377c39f4a0300
        ff8052089a9999999999b93f5a0bffffffffffffffffff01006a110a086c6f636174696f6e1205772e62696e7001
        """)
  }

  ///     attribute = AttributeProto(name="a", f=0, i=-1, s=b"\xff", floats=[0.5, -1], ints=[-1, 0, 300],
  ///       strings=[b"", b"x"], type=5, t=TensorProto(name="t"), g=GraphProto(name="g"))
  ///     node = attribute.g.node.add(op_type="If", input=["", "x"])
  ///     node.attribute.add(name="then_branch", type=5).g.output.add(name="y")
  ///     attribute.SerializeToString().hex()
  @Test func `hold attributes as the onnx package does`() throws {
    let branch = ONNXMessage.Attribute(
      name: "then_branch", graph: ONNXMessage.Graph(outputs: [ONNXMessage.ValueInfo(name: "y")]), kind: 5)
    let node = ONNXMessage.Node(inputs: ["", "x"], operation: "If", attributes: [branch])
    try expect(
      ONNXMessage.Attribute(
        name: "a", float: 0, integer: -1, text: [0xFF], tensor: ONNXMessage.Tensor(name: "t"),
        graph: ONNXMessage.Graph(nodes: [node], name: "g"), floats: [0.5, -1], integers: [-1, 0, 300],
        texts: [[], [0x78]], kind: ONNXMessage.Attribute.Kind.graph.rawValue),
      is: """
        0a0161150000000018ffffffffffffffffff012201ff2a0342017432270a220a000a0178220249662a170a0b7468656e5f6272616e6368
        320562030a0179a001051201673d0000003f3d000080bf40ffffffffffffffffff01400040ac024a004a0178a00105
        """)
  }

  ///     model = ModelProto(ir_version=8, producer_name="p", producer_version="1")
  ///     model.opset_import.add(version=17)
  ///     model.opset_import.add(domain="ai.onnx.ml", version=3)
  ///     model.metadata_props.add(key="k", value="v")
  ///     x = model.graph.input.add(name="x").type.tensor_type
  ///     x.elem_type = 1
  ///     x.shape.dim.add(dim_value=0)
  ///     x.shape.dim.add(dim_param="n")
  ///     x.shape.dim.add()
  ///     model.graph.output.add(name="y").type.tensor_type.elem_type = 99
  ///     model.graph.node.add(op_type="N", domain="d", name="n", input=["x", ""], output=["y"])
  ///     model.graph.initializer.add(name="w")
  ///     model.SerializeToString().hex()
  @Test func `hold models as the onnx package does`() throws {
    let shape = ONNXMessage.Shape(axes: [.init(size: 0), .init(name: "n"), .init()])
    let graph = ONNXMessage.Graph(
      nodes: [ONNXMessage.Node(inputs: ["x", ""], outputs: ["y"], name: "n", operation: "N", domain: "d")],
      initializers: [ONNXMessage.Tensor(name: "w")],
      inputs: [.init(name: "x", type: .init(tensor: .init(elementType: 1, shape: shape)))],
      outputs: [.init(name: "y", type: .init(tensor: .init(elementType: 99)))])
    let digits = """
      08081201701a01313a3b0a110a01780a001201791a016e22014e3a01642a034201775a160a017812110a0f0801120b0a0208000a0312016e
      0a0062090a017912040a02086342021011420e0a0a61692e6f6e6e782e6d6c100372060a016b120176
      """
    let model = try ONNXMessage.Model(encoded: [UInt8](hexadecimal: digits))
    #expect(model.formatVersion == 8 && model.producerName == "p" && model.producerVersion == "1")
    #expect(model.graph == graph)
    #expect(model.operatorSets.map(\.domain) == ["", "ai.onnx.ml"] && model.operatorSets.map(\.version) == [17, 3])
    #expect(model.metadata == [ONNXMessage.Entry(key: "k", value: "v")])
    #expect(model.encoded() == [UInt8](hexadecimal: digits))
  }

  ///     graph = GraphProto(name="g", doc_string="d")
  ///     graph.output.add(name="s").type.sequence_type.elem_type.tensor_type.elem_type = 1
  ///     graph.output.add(name="o").type.optional_type.elem_type.tensor_type.elem_type = 1
  ///     graph.sparse_initializer.add().dims.append(4)
  ///     graph.node.add(name="n", doc_string="d").device_configurations.add(pipeline_stage=2)
  ///     graph.quantization_annotation.add(tensor_name="q")
  ///     graph.value_info.add(name="v")
  ///     graph.SerializeToString().hex()
  @Test func `pass over what nothing here asks for`() throws {
    let digits = """
      0a0a1a016e32016452021802120167520164620d0a0173120822060a040a020801620d0a016f12084a060a040a0208016a030a017672030a01
      717a021804
      """
    let graph = try ONNXMessage.Graph(encoded: [UInt8](hexadecimal: digits))
    #expect(graph.name == "g" && graph.nodes == [ONNXMessage.Node(name: "n")])
    #expect(graph.outputs.map(\.name) == ["s", "o"] && graph.outputs.map(\.type?.other) == [.sequence, .optional])
    #expect(graph.outputs.allSatisfy { $0.type?.tensor == nil } && graph.sparseInitializers.count == 1)
    // A type is one of them, the last.
    let tensor: [UInt8] = [0x0A, 2, 8, 1]
    let sequence: [UInt8] = [0x22, 0]
    #expect(try ONNXMessage.ValueType(encoded: tensor + sequence) == .init(other: .sequence))
    #expect(try ONNXMessage.ValueType(encoded: sequence + tensor) == .init(tensor: .init(elementType: 1)))
  }

  @Test func `say what is wrong with a file`() {
    func problem(_ bytes: [UInt8]) -> String? {
      dataError { () throws(DataError) in try ONNXModel(bytes: bytes) }?.problem
    }
    #expect(problem([]) == "the file is empty")
    #expect(problem([8, 8]) == "this is no ONNX model: it has no version or no graph")
    #expect(problem([0x3A, 0]) == "this is no ONNX model: it has no version or no graph")
    #expect(problem([8, 8, 0x3A, 1]) == "this is no ONNX model: a field reaches beyond its end")
    #expect(problem([8, 8, 0x3A, 3, 0x12, 1, 0xFF]) == "this is no ONNX model: its messages cannot be decoded")
    let tensor = ONNXMessage.Tensor(type: 99, name: "w")
    let model = ONNXMessage.Model(
      formatVersion: 8, graph: .init(initializers: [tensor]), operatorSets: [.init(version: 17)])
    #expect(problem(model.encoded())?.contains("is of type number 99, which cannot be read") == true)
  }
}
