import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

/// Graphs that no layer of Refrain exports, put together by hand.
@Suite struct `Nodes read as layers` {
  private typealias Builder = ONNXGraphBuilder

  private func layers(
    rank: Int = 3, _ body: (inout ONNXGraphBuilder, ONNXGraphValue) -> ONNXGraphValue
  ) throws -> [String] {
    var graph = try ONNXGraphBuilder(ONNXExportOptions(lengths: true, states: true))
    let shape: [Builder.Extent] = [.named("batch"), .named("time"), .fixed(3)]
    let input = graph.addInput("input", .float32, shape.suffix(rank))
    let output = body(&graph, input)
    graph.addOutput("output", output, Array(repeating: .named("size"), count: output.rank), isFirst: true)
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

  @Test(arguments: ["Concat", "Add", "Mul"], [true, false])
  func `are two layers that go in two directions, also through steps in reverse`(
    operation: String, everyStep: Bool
  ) throws {
    func model(reversing: Bool, back: Bool = true, swapped: Bool = false) throws -> ONNXModel {
      var graph = try ONNXGraphBuilder(ONNXExportOptions())
      let input = graph.addInput("input", .float32, [.named("batch"), .named("time"), .fixed(3)])
      func reversed(_ value: ONNXGraphValue, axis: Int, _ graph: inout ONNXGraphBuilder) -> ONNXGraphValue {
        let bounds = [[-1], [-1 << 62], [axis], [-1]].map { graph.integers($0) }
        return graph.add("Slice", [value] + bounds, rank: value.rank)
      }
      func one(_ name: String, _ direction: String, _ value: ONNXGraphValue) -> ONNXGraphValue {
        let weights = [graph.weight(name + "W", ramp([1, 8, 3])), graph.weight(name + "R", ramp([1, 8, 2]) * 0.5)]
        let results = graph.add(
          "LSTM", [graph.swappingBatchAndTime(value)] + weights, ranks: [4, 3],
          ["hidden_size": .integer(2), "direction": .text(direction)])
        return everyStep
          ? graph.swappingBatchAndTime(graph.squeezed(results[0], axis: 1)) : graph.squeezed(results[1], axis: 0)
      }
      let forward = one("a", "forward", input)
      var backward: ONNXGraphValue
      if reversing {
        backward = one("b", "forward", reversed(input, axis: 1, &graph))
        if everyStep, back { backward = reversed(backward, axis: 1, &graph) }
      } else {
        backward = one("b", "reverse", input)
      }
      let output = graph.add(
        operation, swapped ? [backward, forward] : [forward, backward],
        operation == "Concat" ? ["axis": .integer(-1)] : [:])
      graph.addOutput("output", output, Array(repeating: .named("size"), count: output.rank), isFirst: true)
      return try ONNXModel(bytes: graph.bytes())
    }
    for reversing in [true, false] {
      let graph = try model(reversing: reversing)
      let layers = try ONNXLayers(graph).model
      #expect(layers.layers.map(kind) == ["bidirectional-lstm"])
      let input = ramp([2, 4, 3])
      expectClose(layers(input), try graph(input), "\(reversing)", within: .exported)
      if operation == "Concat" {
        #expect(throws: DataError.self) { try ONNXLayers(model(reversing: reversing, swapped: true)) }
      } else {
        #expect(try ONNXLayers(model(reversing: reversing, swapped: true)).model.layers.count == 1)
      }
    }
    // What stays in reverse is no layer's output.
    if everyStep {
      #expect(throws: DataError.self) { try ONNXLayers(model(reversing: true, back: false)) }
    }
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

  /// Two LSTM layers of width 3 on an input, `[T, B, 3]`, and the input itself with the time first.
  private func levels(
    _ graph: inout ONNXGraphBuilder, _ input: ONNXGraphValue, _ direction: String = "forward"
  ) -> [ONNXGraphValue] {
    var values = [graph.swappingBatchAndTime(input)]
    for _ in 0..<2 {
      let operands = [
        values[values.count - 1], graph.weight("W", ramp([1, 12, 3])), graph.weight("R", ramp([1, 12, 3])),
      ]
      let outputs = graph.add(
        "LSTM", operands, ranks: [4], ["hidden_size": .integer(3), "direction": .text(direction)])[0]
      values.append(graph.squeezed(outputs, axis: 1))
    }
    return values
  }

  @Test func `are connected to the level right below alone`() throws {
    func kinds(_ first: Int, _ second: Int, _ direction: String = "forward") throws -> [String] {
      try layers { graph, input in
        let values = levels(&graph, input, direction)
        return graph.swappingBatchAndTime(graph.sum(values[first], values[second]))
      }
    }
    #expect(try kinds(1, 2) == ["stacked-lstm"])
    #expect(try kinds(2, 1) == ["stacked-lstm"])
    #expect(throws: DataError.self) { try kinds(0, 2) }
    #expect(throws: DataError.self) { try kinds(0, 1) }
    #expect(throws: DataError.self) { try kinds(2, 2) }
    #expect(throws: DataError.self) { try kinds(1, 2, "reverse") }
  }

  @Test func `are a highway when the gate looks at the level below`() throws {
    func kinds(_ seen: Int, _ from: Int, _ size: Int = 3) throws -> [String] {
      try layers { graph, input in
        let values = levels(&graph, input)
        let sums = graph.matrixProduct(values[seen], graph.weight("gate", ramp([3, size])))
        let gate = graph.add("Sigmoid", [graph.sum(sums, graph.weight("bias", ramp([size])))])
        let change = graph.product(gate, graph.difference(values[2], values[from]))
        return graph.swappingBatchAndTime(graph.sum(values[1], change))
      }
    }
    #expect(try kinds(1, 1) == ["stacked-lstm"])
    #expect(throws: DataError.self) { try kinds(2, 1) }
    #expect(throws: DataError.self) { try kinds(1, 0) }
    #expect(throws: DataError.self) { try kinds(1, 1, 1) }
  }

  /// Which steps of a value have more than `limit` numbers that are not 2.
  private func there(
    _ graph: inout ONNXGraphBuilder, _ values: ONNXGraphValue, limit: Int = 0, axis: Int = -1
  ) -> ONNXGraphValue {
    let isOther = graph.add("Not", [graph.add("Equal", [values, graph.scalar(2)], type: .bool)])
    let ones = graph.add("Cast", [isOther], type: .int64, ["to": .integer(7)])
    let counts = graph.add("ReduceSum", [ones, graph.integers([axis])], rank: 2, ["keepdims": .integer(0)])
    return graph.add("Greater", [counts, graph.integers([limit])], type: .bool)
  }

  @Test func `find steps in what has been masked before`() throws {
    func kinds(filling: Float) throws -> [String] {
      try layers { graph, input in
        let first = graph.unsqueezed(there(&graph, input), axes: [2])
        let masked = graph.select(first, input, graph.scalar(0))
        let second = graph.unsqueezed(there(&graph, masked), axes: [2])
        return graph.select(second, masked, graph.scalar(filling))
      }
    }
    #expect(try kinds(filling: 0) == ["masking", "masking"])
    #expect(throws: DataError.self) { try kinds(filling: 1) }
  }

  @Test func `find steps as Masking does, or not at all`() throws {
    func kinds(
      filling: Float = 0, limit: Int = 0, axis: Int = -1, isMasked: Bool = true, others: Bool = false
    ) throws -> [String] {
      try layers { graph, input in
        let values = others ? graph.matrixProduct(input, graph.weight("W", ramp([3, 3]))) : input
        let there = self.there(&graph, values, limit: limit, axis: axis)
        let kept = graph.add("Cast", [there], type: .int32, ["to": .integer(6)])
        let lengths = graph.add("ReduceSum", [kept, graph.integers([1])], rank: 1, ["keepdims": .integer(0)])
        let masked = isMasked ? graph.select(graph.unsqueezed(there, axes: [2]), input, graph.scalar(filling)) : input
        let (weight, recurrent) = (graph.weight("W", ramp([1, 8, 3])), graph.weight("R", ramp([1, 8, 2])))
        let operands = [graph.swappingBatchAndTime(masked), weight, recurrent, nil, lengths]
        return graph.squeezed(graph.add("LSTM", operands, ranks: [4, 3], ["hidden_size": .integer(2)])[1], axis: 0)
      }
    }
    #expect(try kinds() == ["masking", "lstm"])
    #expect(throws: DataError.self) { try kinds(filling: 1) }
    #expect(throws: DataError.self) { try kinds(limit: 1) }
    #expect(throws: DataError.self) { try kinds(axis: 1) }
    #expect(throws: DataError.self) { try kinds(isMasked: false) }
    #expect(throws: DataError.self) { try kinds(others: true) }
  }

  @Test func `are convolutions as far as Refrain has them`() throws {
    func kinds(_ attributes: [String: Builder.Attribute], channels: Int = 3) throws -> [String] {
      try layers { graph, input in
        let turned = graph.add("Transpose", [input], ["perm": .integers([0, 2, 1])])
        let sums = graph.add("Conv", [turned, graph.weight("W", ramp([2, channels, 4]))], attributes)
        return graph.add("Transpose", [sums], ["perm": .integers([0, 2, 1])])
      }
    }
    #expect(try kinds([:]) == ["conv-1d"])
    #expect(try kinds(["pads": .integers([1, 2])]) == ["conv-1d"])
    #expect(try kinds(["pads": .integers([3, 0]), "strides": .integers([2])]) == ["conv-1d"])
    #expect(throws: DataError.self) { try kinds(["pads": .integers([2, 1])]) }
    #expect(throws: DataError.self) { try kinds(["pads": .integers([1, 2]), "strides": .integers([2])]) }
    #expect(throws: DataError.self) { try kinds(["dilations": .integers([2])]) }
    #expect(throws: DataError.self) { try kinds(["auto_pad": .text("SAME_UPPER")]) }
    #expect(throws: DataError.self) { try kinds(["strides": .integers([1 << 40])]) }
    #expect(throws: DataError.self) { try kinds(["group": .integer(3)], channels: 1) }
    #expect(throws: DataError.self) { try kinds([:], channels: 4) }
  }

  @Test func `are the exact GELU in whatever order`() throws {
    func kinds(_ order: [Int], root: Float = 2, isInner: Bool = true) throws -> [String] {
      try layers(rank: 2) { graph, x in
        let scaled = graph.add("Div", [x, graph.scalar(root.squareRoot())])
        let sum = graph.sum(graph.scalar(1), graph.add("Erf", [scaled]))
        let factors = [x, sum, graph.scalar(0.5)]
        let inner = graph.product(factors[order[0]], factors[order[1]])
        let rest = factors[order[2]]
        return isInner ? graph.product(inner, rest) : graph.product(rest, inner)
      }
    }
    for order in [[0, 1, 2], [1, 0, 2], [0, 2, 1], [2, 0, 1], [1, 2, 0], [2, 1, 0]] {
      #expect(try kinds(order) == ["activate"])
      #expect(try kinds(order, isInner: false) == ["activate"])
    }
    #expect(throws: DataError.self) { try kinds([0, 1, 2], root: 3) }
    #expect(throws: DataError.self) { try kinds([0, 0, 2]) }
  }

  @Test func `are connected through an LSTM with one state and one set of weights`() throws {
    func kinds(memory index: Int = 2, sharing: Bool = true, isLower: Bool = true) throws -> [String] {
      try layers { graph, input in
        func weights() -> [ONNXGraphValue] {
          [("W", [1, 12, 3]), ("R", [1, 12, 3]), ("B", [1, 24])].map { graph.weight($0, ramp($1)) }
        }
        let values = levels(&graph, input)
        let shared = weights()
        func step(_ y: ONNXGraphValue, _ states: [ONNXGraphValue?], _ weights: [ONNXGraphValue]) -> [ONNXGraphValue] {
          let operands = [graph.reshaped(y, [1, -1, 3])] + weights + [nil] + states
          return graph.add("LSTM", operands, ranks: [4, 3, 3], ["hidden_size": .integer(3)])
        }
        func like(_ y: ONNXGraphValue, _ rows: ONNXGraphValue) -> ONNXGraphValue {
          graph.add("Reshape", [rows, graph.add("Shape", [y], rank: 1, type: .int64)], rank: 3)
        }
        let first = step(values[1], [], shared)
        graph.addOutput("cell", first[2], Array(repeating: .named("size"), count: 3))
        let below = like(values[1], first[1])
        // The second level of the stack reads what the first one gives.
        let operands = [below, graph.weight("W", ramp([1, 12, 3], 1)), graph.weight("R", ramp([1, 12, 3], 2))]
        let y = graph.squeezed(graph.add("LSTM", operands, ranks: [4], ["hidden_size": .integer(3)])[0], axis: 1)
        let hidden = graph.reshaped(isLower ? below : values[1], [1, -1, 3])
        let second = step(y, [hidden, first[index]], sharing ? shared : weights())
        return graph.swappingBatchAndTime(like(y, second[1]))
      }
    }
    #expect(try kinds() == ["stacked-lstm"])
    #expect(throws: DataError.self) { try kinds(memory: 1) }
    #expect(throws: DataError.self) { try kinds(sharing: false) }
    #expect(throws: DataError.self) { try kinds(isLower: false) }
  }

  @Test func `are attention pooling where the scores are those of the values`() throws {
    func kinds(isOfValues: Bool = true, axis: Int = 1, size: Int = 2) throws -> [String] {
      try layers { graph, input in
        let values = graph.matrixProduct(input, graph.weight("values", ramp([3, 3])))
        let sums = graph.matrixProduct(isOfValues ? values : input, graph.weight("hidden", ramp([3, 2])))
        let scores = graph.matrixProduct(graph.add("Tanh", [sums]), graph.weight("score", ramp([size, 1])))
        let weights = graph.add("Softmax", [scores], ["axis": .integer(axis)])
        let turned = graph.add("Transpose", [weights], ["perm": .integers([0, 2, 1])])
        return graph.squeezed(graph.matrixProduct(turned, values), axis: 1)
      }
    }
    #expect(try kinds() == ["dense", "attention-pooling"])
    #expect(throws: DataError.self) { try kinds(isOfValues: false) }
    #expect(throws: DataError.self) { try kinds(axis: 2) }
    #expect(throws: DataError.self) { try kinds(size: 4) }
  }
}
