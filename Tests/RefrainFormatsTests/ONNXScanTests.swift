import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

@Suite struct `Loops of ONNX` {
  /// `total' = total + x`, shown as it is, over the first axis of what it goes through.
  private static let sum = scan(
    body: body(
      [node("Add", ["total", "x"], ["next"]), node("Identity", ["next"], ["shown"])], ["total", "x"], ["next", "shown"]),
    ["last", "all"])

  private func run(
    _ loop: ONNXMessage.Node, start: NumericArray = NumericArray([0, 0] as [Float], shape: [2]), _ values: NumericArray
  ) throws(DataError) -> [String: NumericArray] {
    try ONNXModel(bytes: model([loop])).run(["start": start, "values": values])
  }

  private func code(_ nodes: [ONNXMessage.Node], opset: Int = 17) -> DataError.Code? {
    dataError { () throws(DataError) in _ = try ONNXModel(bytes: model(nodes, opset: opset)) }?.code
  }

  @Test func `go through what there is, and through nothing`() throws {
    let all = try run(Self.sum, NumericArray([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2]))
    #expect(all["last"]?.values == .floats([9, 12]))
    #expect(all["all"]?.values == .floats([1, 2, 4, 6, 9, 12]) && all["all"]?.shape == [3, 2])
    let start = NumericArray([7, 8] as [Float], shape: [2])
    let none = try run(Self.sum, start: start, NumericArray([] as [Float], shape: [0, 2]))
    #expect(none["last"]?.values == .floats([7, 8]))
    #expect(none["all"]?.values == .floats([]))
  }

  @Test func `see no values but those made before them`() {
    func loop(_ operand: String) -> ONNXMessage.Node {
      Self.scan(
        body: Self.body(
          [Self.node("Add", ["total", operand], ["next"]), Self.node("Identity", ["x"], ["shown"])], ["total", "x"],
          ["next", "shown"]), ["last", "all"])
    }
    #expect(code([loop("values")]) == nil)
    for operand in ["last", "all", "nowhere", "next"] { #expect(code([loop(operand)]) == .damagedFile) }
    // What is made within stays there.
    #expect(code([Self.sum, Self.node("Relu", ["next"], ["y"])]) == .damagedFile)
    // A name of two things, and a body that shows what it has not.
    #expect(code([Self.sum, Self.sum]) == .damagedFile)
    let empty = Self.body([], ["total", "x"], ["total", "y"])
    #expect(code([Self.scan(body: empty, ["last", "all"])]) == .damagedFile)
  }

  @Test func `must fit their bodies`() {
    func changed(_ change: (inout ONNXMessage.Node) -> Void) -> DataError.Code? {
      var loop = Self.sum
      change(&loop)
      return code([loop])
    }
    func adding(_ name: String, _ values: [Int]) -> DataError.Code? {
      changed { $0.attributes.append(.attribute(name, .integers(values))) }
    }
    for count in [0, -1, 3, Int.max, Int.min] {
      #expect(changed { $0.attributes[1].integer = count } == .damagedFile)
    }
    #expect(changed { $0.attributes.remove(at: 0) } == .unsupportedContent)
    #expect(changed { $0.attributes.remove(at: 1) } == .unsupportedContent)
    #expect(changed { $0.attributes[0].graph = nil } == .unsupportedContent)
    #expect(changed { $0.attributes[0].graph?.inputs.removeLast() } == .damagedFile)
    #expect(changed { $0.attributes[0].graph?.outputs.removeAll() } == .damagedFile)
    #expect(changed { $0.attributes[0].graph?.nodes[0].operation = "Loop" } == .unsupportedContent)
    #expect(adding("scan_input_directions", [2]) == .unsupportedContent)
    #expect(adding("scan_input_directions", [0, 0]) == .unsupportedContent)
    #expect(adding("scan_output_axes", []) == .unsupportedContent)
    #expect(adding("scan_input_axes", [0]) == nil)
    #expect(code([Self.sum], opset: 8) == .unsupportedContent)
  }

  @Test func `of wrong values are refused when they run`() {
    func code(_ shape: [Int], _ change: (inout ONNXMessage.Node) -> Void = { _ in }) -> DataError.Code? {
      var loop = Self.sum
      change(&loop)
      let values = NumericArray([Float](repeating: 1, count: shape.reduce(1, *)), shape: shape)
      return dataError { () throws(DataError) in try run(loop, values) }?.code
    }
    #expect(code([3, 2]) == nil)
    for axis in [2, -3, Int.max, Int.min] {
      for name in ["scan_input_axes", "scan_output_axes"] {
        #expect(code([3, 2]) { $0.attributes.append(.attribute(name, .integers([axis]))) } == .wrongInput)
      }
    }
    // A state that grows by what is added to it.
    #expect(code([3, 3, 2]) == .wrongInput)
  }

  @Test func `end`() throws {
    let idle = Self.scan(
      body: Self.body([Self.node("Identity", ["total"], ["next"])], ["total", "x"], ["next"]), ["last"])
    var graph = try ONNXModel(bytes: model([idle, Self.node("Identity", ["values"], ["all"])]))
    func problem(_ shape: [Int]) -> String? {
      let values = NumericArray([Float](repeating: 1, count: shape.reduce(1, *)), shape: shape)
      let inputs = ["start": NumericArray([0] as [Float], shape: [1]), "values": values]
      return dataError { () throws(DataError) in try graph.run(inputs) }?.problem
    }
    #expect(problem([1 << 28, 0])?.contains("through nothing") == true)
    #expect(problem([1 << 40, 0])?.contains("impossible shape") == true)
    #expect(problem([5000, 1]) == nil)
    graph.largestValue = 10_000
    #expect(problem([5000, 1])?.contains("more nodes") == true)
  }

  @Test func `whose condition stays true end by a number`() throws {
    func loop(_ name: String, _ start: String, _ last: String) -> ONNXMessage.Node {
      let body = Self.body(
        [Self.node("Identity", ["going"], ["goes"]), Self.node("Identity", ["total"], ["next"])],
        ["iteration", "going", "total"], ["goes", "next"])
      return .node(
        "Loop", name, ["", "", start], [last], ["body": .graph(ONNXGraphBuilder.Body(message: body))])
    }
    var graph = try ONNXModel(bytes: model([loop("endless", "start", "last"), loop("other", "values", "all")]))
    #expect(graph.mostIterations == 1 << 22)
    graph.mostIterations = 1000
    let value = NumericArray([1] as [Float], shape: [1])
    for value in [value, NumericArray([] as [Float], shape: [0])] {
      let error = dataError { () throws(DataError) in try graph.run(["start": value, "values": value]) }
      #expect(error?.code == .wrongInput)
      #expect(
        error?.problem.contains("the loops of a run together may go around 1000 times, and it goes on") == true,
        "\(error as Any)")
    }
  }

  @Test func `stand within each other up to a bound`() {
    // Each takes what the model is given, and shows what the one within it makes.
    func nested(_ depth: Int) -> ONNXMessage.Node {
      var loop = Self.sum
      for level in 1..<depth {
        loop.outputs = ["last\(level)", "all\(level)"]
        loop = Self.scan(
          body: Self.body([loop], ["total\(level)", "x\(level)"], ["last\(level)", "all\(level)"]), ["last", "all"])
      }
      return loop
    }
    #expect(code([nested(7)]) == nil)
    #expect(code([nested(8)]) == .unsupportedContent)
    #expect(code([nested(10)]) == .unsupportedContent)
    #expect(code([nested(200)]) == .wrongFormat)
  }

  // MARK: - Messages

  private static func node(_ operation: String, _ inputs: [String], _ outputs: [String]) -> ONNXMessage.Node {
    .node(operation, "", inputs, outputs, [:])
  }

  private static func body(_ nodes: [ONNXMessage.Node], _ inputs: [String], _ outputs: [String]) -> ONNXMessage.Graph {
    ONNXMessage.Graph(nodes: nodes, inputs: inputs.map { .init(name: $0) }, outputs: outputs.map { .init(name: $0) })
  }

  /// A loop from `start` through `values`.
  private static func scan(body: ONNXMessage.Graph, _ outputs: [String]) -> ONNXMessage.Node {
    .node(
      "Scan", "loop", ["start", "values"], outputs,
      ["body": .graph(ONNXGraphBuilder.Body(message: body)), "num_scan_inputs": .integer(1)])
  }

  /// A model with the inputs `start` and `values`, and the outputs `last` and `all`.
  private func model(_ nodes: [ONNXMessage.Node], opset: Int = 17) -> [UInt8] {
    func port(_ name: String) -> ONNXMessage.ValueInfo {
      ONNXMessage.ValueInfo(name: name, type: .init(tensor: .init(elementType: 1)))
    }
    let graph = ONNXMessage.Graph(
      nodes: nodes, inputs: ["start", "values"].map(port), outputs: ["last", "all"].map(port))
    return ONNXMessage.Model(formatVersion: 8, graph: graph, operatorSets: [.init(version: opset)]).encoded()
  }
}
