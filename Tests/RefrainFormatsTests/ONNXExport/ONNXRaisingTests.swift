import Refrain
import RefrainData
import Testing

@testable import RefrainFormats

/// Graphs that no layer of Refrain exports, put together by hand.
@Suite struct `Nodes read as layers` {
  private typealias Builder = ONNXGraphBuilder

  private func layers(
    rank: Int = 3, _ body: (inout ONNXGraphBuilder, ONNXGraphValue) -> ONNXGraphValue
  ) throws -> [String] {
    var graph = try ONNXGraphBuilder(ONNXExportOptions())
    let shape: [Builder.Extent] = [.named("batch"), .named("time"), .fixed(3)]
    let input = graph.addInput("input", .float32, shape.suffix(rank))
    let output = body(&graph, input)
    graph.addOutput("output", output, Array(repeating: .named("size"), count: output.rank))
    return try ONNXLayers(ONNXModel(bytes: graph.bytes())).model.layers.map(kind)
  }

  /// An LSTM's results on an input with the batch first: `[T, D, B, H]` and `[D, B, H]`.
  private func lstm(
    _ graph: inout ONNXGraphBuilder, _ input: ONNXGraphValue, _ direction: String = "forward"
  ) -> [ONNXGraphValue] {
    let count = direction == "bidirectional" ? 2 : 1
    let (weight, recurrent) = (graph.weight("W", ramp([count, 8, 3])), graph.weight("R", ramp([count, 8, 2])))
    let operands = [graph.swappingBatchAndTime(input), weight, recurrent]
    return graph.add(
      "LSTM", operands, ranks: [4, 3], ["hidden_size": .integer(2), "direction": .text(direction)])
  }

  private func at(
    _ index: Int, _ graph: inout ONNXGraphBuilder, _ value: ONNXGraphValue, axis: Int
  ) -> ONNXGraphValue {
    graph.squeezed(graph.add("Gather", [value, graph.integers([index])], ["axis": .integer(axis)]), axis: axis)
  }

  @Test func `show the last step, be it the first in time`() throws {
    func kinds(_ direction: String, _ index: Int) throws -> [String] {
      try layers { graph, input in
        let outputs = graph.squeezed(lstm(&graph, input, direction)[0], axis: 1)
        return at(index, &graph, outputs, axis: 0)
      }
    }
    #expect(try kinds("forward", -1) == ["lstm"])
    #expect(try kinds("reverse", 0) == ["lstm"])
    #expect(throws: DataError.self) { try kinds("forward", 0) }
    #expect(throws: DataError.self) { try kinds("reverse", -1) }
    #expect(throws: DataError.self) { try kinds("forward", 1) }
  }

  @Test func `join directions in their order alone`() throws {
    func kinds(_ first: Int, _ second: Int, _ operation: String) throws -> [String] {
      try layers { graph, input in
        let state = lstm(&graph, input, "bidirectional")[1]
        let halves = [at(first, &graph, state, axis: 0), at(second, &graph, state, axis: 0)]
        return graph.add(operation, halves, operation == "Concat" ? ["axis": .integer(-1)] : [:])
      }
    }
    #expect(try kinds(0, 1, "Concat") == ["bidirectional-lstm"])
    #expect(try kinds(-2, -1, "Concat") == ["bidirectional-lstm"])
    #expect(try kinds(1, 0, "Add") == ["bidirectional-lstm"])
    #expect(throws: DataError.self) { try kinds(1, 0, "Concat") }
    #expect(throws: DataError.self) { try kinds(0, 0, "Add") }
    #expect(throws: DataError.self) { try kinds(0, 1, "Sub") }
  }

  @Test func `show no last step of both directions at once`() {
    #expect(throws: DataError.self) {
      try layers { graph, input in
        let outputs = graph.add(
          "Transpose", [lstm(&graph, input, "bidirectional")[0]], ["perm": .integers([2, 0, 1, 3])])
        return at(-1, &graph, graph.reshaped(outputs, [0, 0, -1]), axis: 1)
      }
    }
  }

  @Test func `have weights that fit`() throws {
    func kinds(_ size: Int, _ next: Int) throws -> [String] {
      try layers(rank: 2) { graph, input in
        let first = graph.matrixProduct(input, graph.weight("first", ramp([size, 5])))
        return graph.matrixProduct(first, graph.weight("second", ramp([next, 2])))
      }
    }
    #expect(try kinds(3, 5) == ["dense", "dense"])
    let error = #expect(throws: DataError.self) { try kinds(3, 4) }
    #expect(error?.code == .damagedFile)
    #expect(throws: DataError.self) {
      try layers(rank: 2) { graph, input in
        let first = graph.matrixProduct(input, graph.weight("first", ramp([3, 5])))
        return graph.add("LayerNormalization", [first, graph.weight("gain", ramp([4]))])
      }
    }
    #expect(throws: DataError.self) {
      try layers { graph, input in
        let first = graph.matrixProduct(input, graph.weight("first", ramp([3, 5])))
        return graph.swappingBatchAndTime(graph.squeezed(lstm(&graph, first)[0], axis: 1))
      }
    }
  }

  @Test func `name the first that is none`() throws {
    let error = #expect(throws: DataError.self) {
      try layers(rank: 2) { graph, input in
        let first = graph.matrixProduct(input, graph.weight("first", ramp([3, 5])))
        return graph.add("Tanh", [graph.add("Sqrt", [graph.add("Abs", [first])])])
      }
    }
    #expect(
      error?.description == "node 'node_1' (Abs): it is no layer, nor part of one; the graph can still be run")
  }
}
