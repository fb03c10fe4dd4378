import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

/// Graphs that ask for memory or time without end, most of them by values that have no elements.
@Suite struct `The memory of ONNX models` {
  private func run(
    _ nodes: [Onnx_NodeProto], _ inputs: [String: NumericArray], budget: Int = 1 << 30
  ) -> DataError.Code? { problem(nodes, inputs, budget: budget)?.code }

  private func problem(_ nodes: [Onnx_NodeProto], _ inputs: [String: NumericArray], budget: Int) -> DataError? {
    var model = Onnx_ModelProto()
    model.irVersion = 8
    var set = Onnx_OperatorSetIdProto()
    set.version = 17
    model.opsetImport = [set]
    model.graph.node = nodes
    model.graph.input = inputs.sorted { $0.key < $1.key }.map { name, array in
      var port = Onnx_ValueInfoProto()
      port.name = name
      port.type.tensorType.elemType = Int32(array.type.onnxType.rawValue)
      return port
    }
    var output = Onnx_ValueInfoProto()
    output.name = "y"
    output.type.tensorType.elemType = 1
    model.graph.output = [output]
    let bytes: [UInt8] = (try? model.serializedBytes()) ?? []
    return dataError { () throws(DataError) in
      let model = try ONNXModel(bytes: bytes)
      let result = MemoryBudget(budget).run { Result { () throws(DataError) in try model.run(inputs) } }
      _ = try result.get()
    }
  }

  private func node(
    _ operation: String, _ inputs: [String], _ outputs: [String] = ["y"],
    _ attributes: [String: ONNXGraphBuilder.Attribute] = [:]
  ) -> Onnx_NodeProto { .node(operation, "", inputs, outputs, attributes) }

  @Test func `is not taken by values without elements`() {
    let shape = NumericArray([1 << 46, 0], shape: [2])
    let turned = NumericArray([0, 1 << 46], shape: [2])
    let make = node("ConstantOfShape", ["s"], ["v"])
    #expect(run([make, node("Identity", ["v"])], ["s": shape]) == .wrongInput)
    for shape in [shape, turned] {
      #expect(run([make, node("Concat", ["v", "v"], ["y"], ["axis": .integer(1)])], ["s": shape]) == .wrongInput)
      let nothing = NumericArray([Float](), shape: [0])
      #expect(
        run([node("Reshape", ["x", "s"], ["y"], ["allowzero": .integer(1)])], ["s": shape, "x": nothing]) == .wrongInput
      )
    }
    let input = NumericArray([Float](), shape: [1 << 46, 0])
    #expect(run([node("Relu", ["x"])], ["x": input]) == .wrongInput)
    let small = NumericArray([1 << 10, 0], shape: [2])
    #expect(run([make, node("Identity", ["v"])], ["s": small]) == nil)
  }

  @Test func `is that of whole numbers and of the places by which they are picked, before they are made`() {
    let count = 1 << 20
    let size = NumericArray([count], shape: [1])
    let one = NumericArray([7], shape: [1])
    let many = NumericArray(Array(repeating: 0, count: count), shape: [count])
    let cases: [(node: Onnx_NodeProto, inputs: [String: NumericArray], bytes: Int)] = [
      (node("Expand", ["x", "s"]), ["x": one, "s": size], 8),
      (node("Tile", ["x", "s"]), ["x": one, "s": size], 16),
      (node("Gather", ["x", "i"]), ["x": one, "i": many], 16),
      (node("GatherElements", ["x", "i"]), ["x": one, "i": many], 24),
      (node("Concat", ["i", "x"], ["y"], ["axis": .integer(0)]), ["x": one, "i": many], 24),
      (
        node("Range", ["x", "s", "t"]),
        [
          "x": NumericArray([0], shape: []), "s": NumericArray([count], shape: []), "t": NumericArray([1], shape: []),
        ], 8
      ),
    ]
    for (node, inputs, bytes) in cases {
      let refused = problem([node], inputs, budget: bytes * count - (1 << 16))
      #expect(refused?.code == .overMemoryBudget, "\(node.opType)")
      // Not once it is there.
      #expect(refused?.description.contains("a value of shape [") == true, "\(node.opType): \(refused as Any)")
      #expect(problem([node], inputs, budget: 2 * bytes * count) == nil, "\(node.opType)")
    }
  }

  @Test func `is that of all values together`() {
    let size = NumericArray([1 << 20], shape: [1])
    let zero = NumericArray([0 as Float], shape: [1])
    // Eight values of 4 MB that all live until they are joined.
    let names = (0..<8).map { "v\($0)" }
    let many = names.map { node("Expand", ["x", "s"], [$0]) } + [node("Sum", names)]
    #expect(run(many, ["s": size, "x": zero], budget: 64 << 20) == nil)
    #expect(run(many, ["s": size, "x": zero], budget: 24 << 20) == .overMemoryBudget)
    // One after another they take no more than two.
    let chain = [node("Expand", ["x", "s"], ["v0"])] + (1..<40).map { node("Neg", ["v\($0 - 1)"], ["v\($0)"]) }
    #expect(run(chain + [node("Relu", ["v39"])], ["s": size, "x": zero], budget: 24 << 20) == nil)
    #expect(
      run([node("Expand", ["x", "s"])], ["s": NumericArray([1 << 26], shape: [1]), "x": zero], budget: 1 << 20)
        == .overMemoryBudget)
  }
}
