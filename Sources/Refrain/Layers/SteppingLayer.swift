/// A layer that can take sequences part by part or step by step. What it must know of the steps before is its memory,
/// which lies with the caller: ``Streams`` and truncated backpropagation carry it.
public protocol SteppingLayer: Layer {
  /// What it carries from one step to the next; all its tensors are `[B, …]`.
  associatedtype Memory: TensorGroup = NoMemory

  /// Whether it can go step by step as it is configured; throws where an output depends on what comes later.
  func checkStepping() throws(LayerError)
  /// The memory before the first step of `batch` sequences.
  func initialMemory(batch: Int) -> Memory
  /// The output `[B, …]` for one step `[B, …]` of each sequence; a layer that returns its last step shows this one.
  func advance(_ memory: inout Memory, with step: Tensor) -> Tensor
  /// The output for the next part `[B, T, …]` of sequences of which `memory` knows the parts before.
  func callAsFunction(_ part: Tensor, steps: Steps, memory: inout Memory) -> Tensor
}

/// The memory of a layer whose output at a step depends on that step alone.
public struct NoMemory: TensorGroup {
  /// There is nothing to remember.
  public init() {}
  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {}
}

extension SteppingLayer where Memory == NoMemory {
  public func checkStepping() throws(LayerError) {}
  /// There is nothing to remember.
  public func initialMemory(batch: Int) -> NoMemory { NoMemory() }
  /// The output `[B, …]` for one step `[B, …]` of each sequence.
  public func advance(_ memory: inout NoMemory, with step: Tensor) -> Tensor { self(step) }
  /// The output for the next part `[B, T, …]` of the sequences.
  public func callAsFunction(_ part: Tensor, steps: Steps, memory: inout NoMemory) -> Tensor {
    self(part, steps: steps)
  }
}

extension Dense: SteppingLayer {}
extension Activate: SteppingLayer {}
extension Embedding: SteppingLayer {
  public func checkStepping() throws(LayerError) {
    if configuration.maskZero == true { throw maskingDoesNotStep("Embedding with maskZero") }
  }
}
extension Masking: SteppingLayer {
  public func checkStepping() throws(LayerError) { throw maskingDoesNotStep("Masking") }
}

/// Streams take a step of each sequence at every push.
private func maskingDoesNotStep(_ layer: String) -> LayerError {
  LayerError("\(layer): a stream has no absent steps; take the layer's masking away, and push only the steps there are")
}

extension Dropout: SteppingLayer {}
/// Taken part by part, what changes from the last step of one part to the first of the next is not penalized.
extension ActivationPenalty: SteppingLayer {}
extension LayerNorm: SteppingLayer {}

extension Sequential: SteppingLayer {
  /// The memories of the layers, from the first to the last.
  public struct Memory: TensorGroup {
    var layers: [any TensorGroup]

    public mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      for index in layers.indices { try layers[index].forEachTensor(under: "\(index)", body) }
    }
  }

  public func checkStepping() throws(LayerError) {
    for (index, layer) in layers.enumerated() {
      do throws(LayerError) {
        guard let layer = layer as? any SteppingLayer else {
          throw LayerError("\(kind(of: layer)): it needs the whole sequence, which a stream does not have")
        }
        try layer.checkStepping()
      } catch {
        throw LayerError("layer \(index): \(error.description)")
      }
    }
  }

  public func initialMemory(batch: Int) -> Memory {
    Memory(layers: layers.map { ($0 as? any SteppingLayer)?.initialMemory(batch: batch) ?? NoMemory() })
  }

  public func advance(_ memory: inout Memory, with step: Tensor) -> Tensor {
    taking(step, &memory) { layer, values, memory in
      func advanced<L: SteppingLayer>(_ layer: L) -> Tensor {
        withMemory(of: L.self, &memory) { layer.advance(&$0, with: values) }
      }
      return advanced(layer)
    }
  }

  public func callAsFunction(_ part: Tensor, steps: Steps, memory: inout Memory) -> Tensor {
    taking(cleared(part, steps), &memory) { layer, values, memory in
      func continued<L: SteppingLayer>(_ layer: L) -> Tensor {
        withMemory(of: L.self, &memory) { layer(values, steps: steps, memory: &$0) }
      }
      return continued(layer)
    }
  }

  /// Puts values through all layers, each with its memory.
  private func taking(
    _ input: Tensor, _ memory: inout Memory,
    _ body: (_ layer: any SteppingLayer, _ values: Tensor, _ memory: inout any TensorGroup) -> Tensor
  ) -> Tensor {
    var values = input
    for (index, layer) in layers.enumerated() {
      guard let layer = layer as? any SteppingLayer else { fatalError("\(kind(of: layer)) does not go step by step") }
      values = body(layer, values, &memory.layers[index])
    }
    return values
  }

  /// Takes the memory out while it changes: held twice, its tensors could not be written where they lie.
  private func withMemory<L: SteppingLayer>(
    of layer: L.Type, _ memory: inout any TensorGroup, _ body: (inout L.Memory) -> Tensor
  ) -> Tensor {
    guard var own = memory as? L.Memory else { fatalError("\(L.kind) is given another layer's memory") }
    memory = NoMemory()
    let output = body(&own)
    memory = own
    return output
  }

  private func kind<L: Layer>(of layer: L) -> String { L.kind }
}
