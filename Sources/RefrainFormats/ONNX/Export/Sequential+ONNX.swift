import Refrain

extension Sequential: ONNXExportable {
  public var onnxObstacles: [String] {
    layers.enumerated().flatMap { index, layer in
      let obstacles = (layer as? any ONNXExportable)?.onnxObstacles ?? ["the layer \(kind(of: layer))"]
      return obstacles.map { "\($0) (layer \(index))" }
    }
  }

  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    var value = readsPadding && input.rank == inputShape.count ? graph.masked(input) : input
    for (index, layer) in layers.enumerated() {
      guard let layer = layer as? any ONNXExportable else { continue }
      value = layer.export(value, named: joined(name, "\(index)"), to: &graph)
    }
    return value
  }

  /// Whether what is given are indices for an ``Embedding``.
  var takesTokens: Bool {
    layers.first is Embedding || (layers.first as? Sequential)?.takesTokens ?? false
  }

  private func kind<L: Layer>(of layer: L) -> String { L.kind }
}
