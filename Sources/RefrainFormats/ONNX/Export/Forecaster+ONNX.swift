import Refrain
import RefrainData
import RefrainTasks

extension Forecaster {
  /// The network as the bytes of an ONNX file: from `input`, `[batch, context, I]`, to `output`, `[batch, horizon, 3]`,
  /// which are the 10 %, 50 % and 90 % quantiles.
  ///
  /// Input and output are in the network's unit, not in the series': the first feature is the series, scaled and less
  /// the mean of its last season in the context (its last value where there is no season), and so are the quantiles;
  /// then come the covariates, scaled, and the sine and cosine of each longer period.
  ///
  /// - Throws: `unsupportedContent` when the cell is none that a list of operations can tell.
  public func onnx(opset: Int = ONNXExportOptions().opset) throws(DataError) -> [UInt8] {
    try network.onnx(ONNXExportOptions(lengths: false, states: false, opset: opset), context: context)
  }
}

extension ForecastNetwork {
  fileprivate func onnx(_ options: ONNXExportOptions, context: Int) throws(DataError) -> [UInt8] {
    let recurrent = self.recurrent as? any ONNXExportable
    try ONNXGraphBuilder.check(recurrent?.onnxObstacles ?? ["the network's recurrent layers"])
    var graph = try ONNXGraphBuilder(options)
    let (horizon, quantiles) = (skip.shape[0], Self.quantiles.count)
    let input = graph.addInput(
      "input", .float32, [.named("batch"), .fixed(context), .fixed(skip.shape[1] / context)])

    // The season before, again and again.
    func slice(_ value: ONNXGraphValue, _ range: Range<Int>, axis: Int) -> ONNXGraphValue {
      graph.add(
        "Slice",
        [value] + [range.lowerBound, range.upperBound, axis].map { graph.integers([$0]) })
    }
    let series = graph.squeezed(slice(input, 0..<1, axis: 2), axis: 2)
    let season = slice(series, context - base..<context, axis: 1)
    let repeated = graph.add(
      "Concat", Array(repeating: season, count: (horizon + base - 1) / base), ["axis": .integer(1)])
    let naive = slice(repeated, 0..<horizon, axis: 1)

    let flat = graph.add("Flatten", [input], rank: 2, ["axis": .integer(1)])
    let linear = graph.matrixProduct(flat, graph.weight("skip.weight", skip.transposed))
    let last = recurrent?.export(input, named: "recurrent", to: &graph) ?? input
    let correction = graph.reshaped(head.export(last, named: "head", to: &graph), [0, horizon, quantiles])
    let output = graph.sum(graph.unsqueezed(graph.sum(naive, linear), axes: [2]), correction)
    graph.addOutput(
      "output", output, [.named("batch"), .fixed(horizon), .fixed(quantiles)], isFirst: true)
    return try graph.bytes()
  }
}
