import Refrain
import RefrainData

/// What an exported model is to have.
public struct ONNXExportOptions: Sendable, Hashable {
  /// Whether the model takes `lengths`, an int64 `[batch]`: how many steps each sequence of a padded batch has. Without
  /// them every sequence has all steps.
  public var lengths: Bool
  /// Whether the model takes the states before the first step and gives those after the last one, each
  /// `[directions, batch, size]`, so that a sequence can be continued: `initial.0.hidden_l0`, `final.0.hidden_l0`, ….
  /// Without them it begins with zeros or what is learned; with them, what is learned is the caller's to give.
  public var states: Bool
  /// The version of ONNX's operators; one of ``versions``.
  public var opset: Int

  /// The versions of ONNX's operators that can be written.
  public static let versions = 17...23

  /// A model of the input alone, unless more is asked for, in the version that the most programs read: other programs
  /// want every input that a graph has.
  public init(lengths: Bool = false, states: Bool = false, opset: Int = 17) {
    self.lengths = lengths
    self.states = states
    self.opset = opset
  }

  /// The version of the file's format that goes with the operators.
  var formatVersion: Int { [17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10][opset] ?? 11 }
}

/// What can become part of a graph of ONNX: a layer. A layer of your own may be one too.
public protocol ONNXExportable {
  /// What of it ONNX cannot express, such as `the layer masking`; empty where it can be exported.
  var onnxObstacles: [String] { get }

  /// Adds what it does to a graph.
  ///
  /// - Parameters:
  ///   - input: what it is given.
  ///   - name: what its tensors are called, such as `0` for the first layer.
  ///   - graph: where its operators go.
  /// - Returns: what it gives.
  func export(_ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder) -> ONNXGraphValue
}

extension ONNXExportable {
  public var onnxObstacles: [String] { [] }
}

extension Sequential {
  /// The model as the bytes of an ONNX file.
  ///
  /// Its input is `input`, `[batch, time, I]` (whole numbers `[batch, time]` where an ``Embedding`` comes first), its
  /// output `output`; where the options ask for them `lengths` and the initial states are inputs too, and the final
  /// states outputs. Batch and time may change from call to call.
  ///
  /// - Throws: `unsupportedContent` when ONNX cannot express a layer; all such layers are named. `wrongInput` when
  ///   the sizes of the model are not known.
  public func onnx(_ options: ONNXExportOptions = ONNXExportOptions()) throws(DataError) -> [UInt8] {
    let outputShape: [Int?]
    do throws(LayerError) {
      outputShape = try self.outputShape(for: inputShape)
    } catch {
      throw DataError(.wrongInput, "the model cannot be exported: \(error.description)")
    }
    try ONNXGraphBuilder.check(onnxObstacles)
    var graph = try ONNXGraphBuilder(options)
    let input = graph.addInput(
      "input", takesTokens ? .int64 : .float32, inputShape.enumerated().map { .axis($0, $1) })
    if hasSteps { graph.addLengths() }
    let output = export(input, named: "", to: &graph)
    graph.addOutput("output", output, outputShape.enumerated().map { .axis($0, $1) }, isFirst: true)
    return try graph.bytes()
  }

  /// Writes the model to an ONNX file, which appears whole or not at all.
  ///
  /// - Throws: What ``onnx(_:)`` and ``writeAtomically(_:to:)`` throw.
  public func writeONNX(to path: String, _ options: ONNXExportOptions = ONNXExportOptions()) throws(DataError) {
    try writeAtomically(try onnx(options), to: path)
  }
}
