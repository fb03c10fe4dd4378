import Refrain

/// A network that is more than a chain of layers: its parts, and how operations on tensors join them.
///
/// It runs on named arrays, and other programs' formats are written from its trace: its mathematics is written once, in
/// ``callAsFunction(_:layers:)``.
///
///     struct Blend: TracedNetwork {
///       var recurrent: Recurrent<LSTMCell>, head: Dense
///       let inputs = [ModelPort(name: "input", type: .float32, shape: [nil, 24, 3])]
///       let outputs = [ModelPort(name: "output", type: .float32, shape: [nil, 2])]
///       func callAsFunction(_ inputs: [Tensor], layers: LayerCalls) -> [Tensor] {
///         [head(layers(recurrent, named: "recurrent", inputs[0]))]
///       }
///       …
///     }
public protocol TracedNetwork: Module, RunnableModel {
  /// The outputs for some inputs, both in the order of the ports, of which the first axis is the batch.
  ///
  /// The operations must not depend on the values of the inputs, and every row must be computed alone.
  ///
  /// - Parameter layers: What calls the layers that go through time step by step, all the recurrent ones; others may be
  ///   called as they are.
  func callAsFunction(_ inputs: [Tensor], layers: LayerCalls) -> [Tensor]
}

/// How a ``TracedNetwork`` calls its layers: plainly when it computes; when it is traced each call is taken down whole.
public struct LayerCalls {
  private let body: ((_ layer: any Layer, _ name: String, _ input: Tensor) -> Tensor)?
  private var prefix = ""
  /// Whether gradients are those of relevance: a function of one value that is no layer is that value times a constant.
  package var passesRelevance = false

  /// Calls the layers.
  public init() { body = nil }

  /// Does something else in a layer's place.
  package init(_ body: @escaping (_ layer: any Layer, _ name: String, _ input: Tensor) -> Tensor) { self.body = body }

  /// The same, for a part of the network whose names begin with `prefix`.
  package func under(_ prefix: String) -> LayerCalls {
    var calls = self
    calls.prefix += prefix + "."
    return calls
  }

  /// The output of a layer.
  ///
  /// - Parameters:
  ///   - layer: The layer.
  ///   - name: What its tensors' names begin with in the network's walk.
  ///   - input: What the layer is given, `[B, …]`.
  public func callAsFunction(_ layer: any Layer, named name: String, _ input: Tensor) -> Tensor {
    body.map { $0(layer, prefix + name, input) } ?? layer(input)
  }

  /// Shows what does something else in layers' places a layer of which more is wanted than its output, and which is
  /// therefore called beside it.
  package func show(_ layer: any Layer, named name: String, _ input: Tensor) { _ = body?(layer, prefix + name, input) }

  /// The output of a layer for sequences of several lengths; what does something else in its place sees whole ones.
  package func callAsFunction(_ layer: any Layer, named name: String, _ input: StepValues) -> StepValues {
    body.map { StepValues($0(layer, prefix + name, input.values)) } ?? layer(input)
  }
}

extension TracedNetwork {
  /// The outputs for arrays of Floats that fit the ports.
  ///
  /// - Throws: `wrongInput` when an input is missing, unknown, or does not fit.
  public func run(_ arrays: [String: NumericArray]) throws(DataError) -> [String: NumericArray] {
    try checkNames(arrays)
    let given = inputs.compactMap { port in arrays[port.name].map { (port: port, array: $0) } }
    let batch = given.first?.array.shape.first
    for (port, array) in given {
      let fits = zip(array.shape, port.shape).allSatisfy { $1 == nil || $0 == $1 }
      guard array.shape.count == port.shape.count, fits, array.shape.first == batch else {
        throw DataError(
          .wrongInput, "the input \(port.name.quoted) has shape \(array.shape), the model expects \(port.shapeText)",
          remedy: "reshape it")
      }
    }
    let results = self(given.map { Tensor($0.array.values.floats, shape: $0.array.shape) }, layers: LayerCalls())
    let named = zip(outputs, results).map { ($0.name, NumericArray($1.values, shape: $1.shape)) }
    return Dictionary(named) { first, _ in first }
  }
}
