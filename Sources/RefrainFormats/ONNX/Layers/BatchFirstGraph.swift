import Refrain
import RefrainData

extension ONNXModel {
  /// The graph's layers, and the graph itself with sequences as its layers have them.
  ///
  /// `isSwapped` says whether an input or an output of that graph is laid out otherwise than in the model.
  ///
  /// - Throws: `unsupportedContent` when the graph is not one layer after another.
  package func layersBatchFirst() throws(DataError) -> (
    layers: Sequential, graph: any RunnableModel, isSwapped: Bool, notes: [String]
  ) {
    let layers = try ONNXLayers(self)
    let notes = layers.isTimeFirst ? ["the graph has the time first; the layers take the batch first"] : []
    let graph = BatchFirstGraph(self, layers)
    return (layers.model, graph, graph.isSwapped, notes)
  }
}

/// A graph as its layers are, which have sequences with the batch first: what it has as `[T, B, …]` is `[B, T, …]`
/// here.
struct BatchFirstGraph: RunnableModel {
  private let graph: ONNXModel
  private let swappedInput: String?
  private let swappedOutput: String?

  init(_ graph: ONNXModel, _ layers: ONNXLayers) {
    self.graph = graph
    swappedInput = layers.isTimeFirst ? layers.input : nil
    swappedOutput = layers.isOutputTimeFirst ? layers.output : nil
  }

  /// Whether anything is laid out otherwise than in the graph.
  var isSwapped: Bool { swappedInput != nil || swappedOutput != nil }

  var inputs: [ModelPort] { graph.inputs.map { $0.name == swappedInput ? $0.swapped : $0 } }
  var outputs: [ModelPort] { graph.outputs.map { $0.name == swappedOutput ? $0.swapped : $0 } }

  func run(_ inputs: [String: NumericArray]) throws(DataError) -> [String: NumericArray] {
    var inputs = inputs
    if let name = swappedInput { inputs[name] = inputs[name]?.swapped }
    var outputs = try graph.run(inputs)
    if let name = swappedOutput { outputs[name] = outputs[name]?.swapped }
    return outputs
  }
}

extension ModelPort {
  /// The port with the first two axes swapped.
  fileprivate var swapped: ModelPort {
    var port = self
    if shape.count > 1 { port.shape.swapAt(0, 1) }
    return port
  }
}

extension NumericArray {
  /// The array with the first two axes swapped.
  fileprivate var swapped: NumericArray {
    guard shape.count > 1, shape.count <= ONNXOperators.mostAxes, elementCount(of: shape) == values.count else {
      return self
    }
    return ONNXValue(self).transposed([1, 0] + Array(shape.indices.dropFirst(2))).array
  }
}
