import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

/// Graphs that ask for memory or time without end, most of them by values that have no elements.
@Suite struct `The memory of ONNX models` {
  private func run(
    _ nodes: [ONNXMessage.Node], _ inputs: [String: NumericArray], budget: Int = 1 << 30
  ) -> DataError.Code? { problem(nodes, inputs, budget: budget)?.code }

  private func problem(_ nodes: [ONNXMessage.Node], _ inputs: [String: NumericArray], budget: Int) -> DataError? {
    func port(_ name: String, _ type: ElementType) -> ONNXMessage.ValueInfo {
      ONNXMessage.ValueInfo(name: name, type: .init(tensor: .init(elementType: type.onnxType.rawValue)))
    }
    let graph = ONNXMessage.Graph(
      nodes: nodes, inputs: inputs.sorted { $0.key < $1.key }.map { port($0.key, $0.value.type) },
      outputs: [port("y", .float32)])
    let bytes = ONNXMessage.Model(formatVersion: 8, graph: graph, operatorSets: [.init(version: 17)]).encoded()
    return dataError { () throws(DataError) in
      let model = try ONNXModel(bytes: bytes)
      let result = MemoryBudget(budget).run { Result { () throws(DataError) in try model.run(inputs) } }
      _ = try result.get()
    }
  }

  private func node(
    _ operation: String, _ inputs: [String], _ outputs: [String] = ["y"],
    _ attributes: [String: ONNXGraphBuilder.Attribute] = [:]
  ) -> ONNXMessage.Node { .node(operation, "", inputs, outputs, attributes) }

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
    let cases: [(node: ONNXMessage.Node, inputs: [String: NumericArray], bytes: Int)] = [
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
      #expect(refused?.code == .overMemoryBudget, "\(node.operation)")
      // Not once it is there.
      #expect(refused?.description.contains("a value of shape [") == true, "\(node.operation): \(refused as Any)")
      #expect(problem([node], inputs, budget: 2 * bytes * count) == nil, "\(node.operation)")
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
