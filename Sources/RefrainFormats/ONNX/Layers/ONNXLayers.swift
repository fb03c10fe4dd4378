import Refrain
import RefrainData

/// A graph of ONNX, said in Refrain's layers.
///
///     let layers = try ONNXLayers(ONNXModel(contentsOf: "speech.onnx"))
///     let scores = layers.model(features)
///
/// Chains of layers are understood as PyTorch and Refrain itself write them: recurrent operators, alone, in stacks with
/// connections and in both directions, dense layers, embeddings, convolutions over time, attention pooling, masking,
/// layer normalization and dropout. A state that the graph takes as an input is the caller's, through
/// ``Sequential/callAsFunction(_:steps:memory:)``.
public struct ONNXLayers: Sendable {
  /// The layers with the graph's weights.
  public let model: Sequential
  /// The name of the graph's input that the layers take.
  public let input: String
  /// The name of the graph's output that they give.
  public let output: String
  /// Whether the graph takes sequences as `[T, B, …]`; the layers always have them as `[B, T, …]`.
  public let isTimeFirst: Bool
  /// Whether the graph gives sequences as `[T, B, …]`.
  public let isOutputTimeFirst: Bool

  /// Finds the layers in a graph.
  ///
  /// - Throws: `unsupportedContent`, which names the first node that is no layer; `damagedFile` where the weights of
  ///   two layers do not fit each other.
  public init(_ model: ONNXModel) throws(DataError) {
    guard let input = model.graph.inputs.first(where: { !$0.port.isOptional }), let output = model.graph.outputs.first
    else { throw DataError(.unsupportedContent, "the graph has no input that layers could take") }
    (self.input, self.output) = (input.port.name, output.port.name)
    var layerImport = ONNXLayerImport(model, input: input, isTimeFirst: false)
    layerImport.run()
    isTimeFirst = layerImport.wantsTimeFirst
    if isTimeFirst {
      layerImport = ONNXLayerImport(model, input: input, isTimeFirst: true)
      layerImport.run()
    }
    let found = try layerImport.layers(upTo: output)
    isOutputTimeFirst = found.isTimeFirst
    let layers = try ImportedStack.layers(found.layers)
    self.model = try Self.model(of: layers, for: input, isTimeFirst: isTimeFirst)
  }

  /// The model, once its layers are known to fit each other.
  private static func model(
    of layers: [any Layer], for input: ONNXPort, isTimeFirst: Bool
  ) throws(DataError) -> Sequential {
    var shape = Array(input.port.shape.dropFirst())
    if isTimeFirst, !shape.isEmpty { shape[0] = input.port.shape[0] }
    if let size = layers.first?.inputSize, let last = shape.last { shape[shape.count - 1] = last ?? size }
    guard elementCount(of: shape.compactMap(\.self)) ?? .max <= 1 << 28 else {
      throw DataError(
        .unsupportedContent, "the graph's input of shape \(input.port.shape.map { $0 ?? -1 }) is too large")
    }
    // Sequences of any length, unless a layer wants to know it.
    var flexible = shape
    if flexible.count > (input.port.type.isFloat ? 1 : 0) { flexible[0] = nil }
    do throws(LayerError) {
      return try model(of: layers, for: flexible)
    } catch {
      do throws(LayerError) {
        return try model(of: layers, for: shape)
      } catch {
        throw DataError(
          .damagedFile, "the graph's layers do not fit each other: \(error.description)",
          remedy: "the graph may still be run as it is")
      }
    }
  }

  private static func model(of layers: [any Layer], for inputShape: [Int?]) throws(LayerError) -> Sequential {
    var generator = RandomGenerator(seed: 0)
    var model = Sequential(exampleShape: inputShape, layers: [], using: &generator)
    model.layers = layers
    var shape = model.configuration.inputShape
    for layer in layers {
      let next = try layer.outputShape(for: shape)
      if let size = layer.inputSize, shape.count < 2 || shape[shape.count - 1] != size {
        throw LayerError("weights for an input of size \(size) do not fit one of shape \(shape.map { $0 ?? -1 })")
      }
      shape = next
    }
    return model
  }
}

extension Sequential {
  /// The layers of a graph of ONNX; see ``ONNXLayers``. They have the batch first, also where the graph has the time.
  ///
  /// - Throws: What ``ONNXLayers/init(_:)`` throws.
  public init(onnx model: ONNXModel) throws(DataError) { self = try ONNXLayers(model).model }
}

extension Layer {
  /// The size that the weights of a layer want at the end of the input; nil where it has none or takes any.
  fileprivate var inputSize: Int? {
    switch self {
    case let layer as Dense: layer.weight.shape[1]
    case let layer as LayerNorm: layer.weight.count
    case let layer as Conv1D: layer.weight.shape[2]
    case let layer as AttentionPooling: layer.hidden.weight.shape[1]
    case let layer as any ImportedRecurrentLayer: layer.cellInputSize
    default: nil
    }
  }
}

/// A recurrent layer that says what its cell reads.
protocol ImportedRecurrentLayer {
  var cellInputSize: Int { get }
}

extension Recurrent: ImportedRecurrentLayer {
  var cellInputSize: Int { cell.inputSize }
}

extension Bidirectional: ImportedRecurrentLayer {
  var cellInputSize: Int { forward.cell.inputSize }
}

extension Stacked: ImportedRecurrentLayer {
  var cellInputSize: Int { (levels.first as? any ImportedRecurrentLayer)?.cellInputSize ?? 0 }
}
