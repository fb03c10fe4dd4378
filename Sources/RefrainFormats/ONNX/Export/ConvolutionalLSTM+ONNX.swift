import Refrain

extension ConvolutionalLSTM: ONNXExportable {
  public var onnxObstacles: [String] { recurrent.onnxObstacles }

  /// The same cell over rows, in which the places and the channels are one axis.
  private var recurrent: Recurrent<Cell> {
    Recurrent(cell, returning: configuration.returning, direction: configuration.direction)
  }

  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    let output = recurrent.export(graph.reshaped(input, [0, 0, cell.inputSize]), named: name, to: &graph)
    let kept = configuration.returning == .everyStep ? [0, 0] : [0]
    return graph.reshaped(output, kept + cell.options.outputShape + [cell.hiddenMap.channels])
  }
}
