import Refrain

extension BatchNorm: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    let scale = weight / sqrt(variance + configuration.epsilon)
    let product = graph.product(input, graph.weight(joined(name, "scale"), scale))
    let output = graph.sum(product, graph.weight(joined(name, "shift"), bias - mean * scale))
    return input.rank > 2 ? graph.masked(output) : output
  }
}

extension ParametricReLU: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue { graph.add("PRelu", [input, graph.weight(joined(name, "weight"), weight)]) }
}

extension GaussianNoise: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue { input }
}

extension RepeatVector: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    graph.steps = ONNXSteps()
    let step = graph.add("Unsqueeze", [input, graph.integers([1])], rank: 3)
    return graph.add("Expand", [step, graph.integers([1, configuration.count, 1])], rank: 3)
  }
}

extension Permute: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    let values = input.rank > 2 ? graph.masked(input) : input
    if configuration.order.first != 1 { graph.steps = ONNXSteps() }
    return graph.add("Transpose", [values], ["perm": .integers([0] + configuration.order)])
  }
}

/// Windows of a padded batch begin and end with the batch, and not with each sequence, where padding is `same`; then,
/// and where the mean of fewer steps is meant, a graph without lengths is exact.
extension Pooling1D: ONNXExportable {
  public var onnxObstacles: [String] {
    configuration.padding == .same && configuration.stride > 1
      ? ["pooling with padding 'same' and a stride above 1"] : []
  }

  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    let (size, stride, reach) = (configuration.size, configuration.stride, configuration.size - 1)
    let pads = configuration.padding == .same ? [reach / 2, reach - reach / 2] : [0, 0]
    let x = graph.add("Transpose", [graph.masked(input)], ["perm": .integers([0, 2, 1])])
    let isMaximum = configuration.function == .maximum
    let pooled = graph.add(
      isMaximum ? "MaxPool" : "AveragePool", [x],
      ["kernel_shape": .integers([size]), "pads": .integers(pads), "strides": .integers([stride])])
    let output = graph.add("Transpose", [pooled], ["perm": .integers([0, 2, 1])])
    let lengths = graph.lengths.map { lengths -> ONNXGraphValue in
      guard configuration.padding == .valid else { return lengths }
      let room = graph.add("Max", [graph.difference(lengths, graph.integers([size - stride])), graph.integers([0])])
      return stride == 1 ? room : graph.add("Div", [room, graph.integers([stride])])
    }
    graph.steps = ONNXSteps(lengths: lengths)
    return graph.masked(output)
  }
}

extension GlobalPooling1D: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    defer { graph.steps = ONNXSteps() }
    let axis = graph.integers([1])
    let mask = graph.mask(of: input)
    if configuration.function == .average {
      let sums = graph.add("ReduceSum", [graph.masked(input), axis], rank: 2, ["keepdims": .integer(0)])
      guard let mask else {
        return reduced("ReduceMean", input, to: &graph)
      }
      let ones = graph.add("Cast", [mask], type: .float32, ["to": .integer(1)])
      let count = graph.add("ReduceSum", [ones, axis], rank: 2, ["keepdims": .integer(0)])
      return graph.add("Div", [sums, graph.add("Max", [count, graph.scalar(1)])])
    }
    var values = input
    if let mask { values = graph.select(mask, input, graph.scalar(-3.4e38)) }
    return reduced("ReduceMax", values, to: &graph)
  }

  /// A reduction over the time; since operator set 18 the axes are an input.
  private func reduced(
    _ operation: String, _ values: ONNXGraphValue, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    graph.options.opset < 18
      ? graph.add(operation, [values], rank: 2, ["axes": .integers([1]), "keepdims": .integer(0)])
      : graph.add(operation, [values, graph.integers([1])], rank: 2, ["keepdims": .integer(0)])
  }
}
