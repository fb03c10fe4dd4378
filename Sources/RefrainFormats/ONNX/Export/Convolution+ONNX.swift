import Refrain

/// ONNX has no output of no steps: without padding a batch must be as long as the kernel.
extension Conv1D: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    let reach = configuration.kernel - 1
    let pads =
      switch configuration.padding {
      case .valid: [0, 0]
      case .same: [reach / 2, reach - reach / 2]
      case .causal: [reach, 0]
      }
    // ONNX has the channels before the time.
    let x = graph.add("Transpose", [graph.masked(input)], ["perm": .integers([0, 2, 1])])
    let operands = [
      x, graph.weight(joined(name, "weight"), weight.transposed([0, 2, 1])),
      graph.weight(joined(name, "bias"), bias),
    ]
    let sums = graph.add(
      "Conv", operands,
      [
        "kernel_shape": .integers([configuration.kernel]), "pads": .integers(pads),
        "strides": .integers([configuration.stride]),
      ])
    let output = graph.add("Transpose", [sums], ["perm": .integers([0, 2, 1])])
    graph.steps = ONNXSteps(lengths: graph.lengths.map { outputLengths($0, to: &graph) })
    return graph.masked(configuration.activation.export(output, to: &graph))
  }

  /// ``outputLength(_:)`` of each sequence.
  private func outputLengths(_ lengths: ONNXGraphValue, to graph: inout ONNXGraphBuilder) -> ONNXGraphValue {
    let stride = configuration.stride
    // The number that a length is more than, so that rounding down gives what is wanted.
    let less = configuration.padding == .valid ? configuration.kernel - stride : 1 - stride
    let room = graph.add("Max", [graph.difference(lengths, graph.integers([less])), graph.integers([0])])
    return stride == 1 ? room : graph.add("Div", [room, graph.integers([stride])])
  }
}
