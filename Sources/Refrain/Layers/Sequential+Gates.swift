/// A layer that can show the gates of one step, for looking inside a stream.
protocol GateShowing {
  /// The gates, each `[B, H]`, of the step that `memory` knows the steps before of; none for another layer's memory.
  func gates(of step: Tensor, from memory: any TensorGroup) -> [(name: String, value: Tensor)]
}

extension Recurrent: GateShowing {
  func gates(of step: Tensor, from memory: any TensorGroup) -> [(name: String, value: Tensor)] {
    guard let state = memory as? Cell.State else { return [] }
    return cell.gates(cell.project(step), state)
  }
}

extension Sequential {
  /// The gates of a step of streams, and what each recurrent layer shows after it under the name `hidden`, for looking
  /// inside. Nothing is changed. Of the levels of a stack only the outputs of the highest are shown.
  ///
  /// - Parameters:
  ///   - step: `[B, I]`, or `[B]` for tokens.
  ///   - memory: What the layers remember of the steps before.
  /// - Returns: For each gate the layer's place, the gate's name, and its values `[B, H]`.
  public func gates(of step: Tensor, from memory: Memory) -> [(layer: Int, name: String, value: Tensor)] {
    var shown: [(layer: Int, name: String, value: Tensor)] = []
    var values = step
    for (index, layer) in layers.enumerated() where index < memory.layers.count {
      func visit<L: SteppingLayer>(_ layer: L) -> Bool {
        guard var own = memory.layers[index] as? L.Memory else { return false }
        if let layer = layer as? any GateShowing {
          shown += layer.gates(of: values, from: own).map { (index, $0.name, $0.value) }
        }
        values = layer.advance(&own, with: values)
        if layer is any RecurrentLayer { shown.append((index, "hidden", values)) }
        return true
      }
      guard let layer = layer as? any SteppingLayer, visit(layer) else { return shown }
    }
    return shown
  }
}
