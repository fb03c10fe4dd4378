import Refrain

extension Embedding: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    let indices = input.type == .int64 ? input : graph.add("Cast", [input], type: .int64, ["to": .integer(7)])
    if configuration.maskZero == true {
      let zero = graph.squeezed(graph.integers([0]), axis: 0)
      graph.keepSteps(where: graph.add("Not", [graph.add("Equal", [indices, zero], type: .bool)]))
    }
    return graph.add(
      "Gather", [graph.weight(joined(name, "weight"), weight), indices], rank: input.rank + 1, type: .float32)
  }
}

extension Masking: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    let isOther = graph.add("Not", [graph.add("Equal", [input, graph.scalar(configuration.value)], type: .bool)])
    let ones = graph.add("Cast", [isOther], type: .int64, ["to": .integer(7)])
    let count = graph.add("ReduceSum", [ones, graph.integers([-1])], rank: 2, ["keepdims": .integer(0)])
    graph.keepSteps(where: graph.add("Greater", [count, graph.integers([0])], type: .bool))
    return graph.masked(input)
  }
}

extension Activate: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue { function.export(input, to: &graph) }
}

extension LayerNorm: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    let operands = [
      input, graph.weight(joined(name, "weight"), weight), graph.weight(joined(name, "bias"), bias),
    ]
    return graph.add(
      "LayerNormalization", operands, ["axis": .integer(-1), "epsilon": .float(configuration.epsilon)])
  }
}

extension Dropout: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue { input }
}

extension ActivationPenalty: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue { input }
}

extension Flatten: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue { graph.add("Flatten", [input], rank: 2, ["axis": .integer(1)]) }
}

extension Reshape: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue { graph.reshaped(input, [0] + configuration.shape) }
}

extension AttentionPooling: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    let values = graph.masked(input)
    let seen = hidden.export(values, named: name, to: &graph)
    let scores = graph.matrixProduct(seen, graph.weight(joined(name, "weight_score"), weightScore.transposed))
    var weights = scores
    let mask = graph.mask(of: scores)
    // A score so low that e to its power is 0, and finite: without a valid step it stands alone.
    if let mask { weights = graph.select(mask, scores, graph.scalar(-1e30)) }
    weights = graph.add("Softmax", [weights], ["axis": .integer(1)])
    if let mask { weights = graph.select(mask, weights, graph.scalar(0)) }
    let context = graph.matrixProduct(graph.add("Transpose", [weights], ["perm": .integers([0, 2, 1])]), values)
    graph.steps = ONNXSteps()
    return graph.squeezed(context, axis: 1)
  }
}
