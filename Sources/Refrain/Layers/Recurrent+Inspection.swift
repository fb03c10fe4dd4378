/// All that went on in a recurrent layer while it read a batch, for looking inside.
public struct Inspection<State: TensorGroup>: Sendable {
  /// The outputs, `[B, T, H]`.
  public let outputs: Tensor
  /// The state after every step: the cell's tensors with the axes `[B, T, …]` in the place of `[B, …]`; zero at steps
  /// that are not valid.
  public let states: State
  /// The gates of every step by name, each `[B, T, H]`; none where the cell shows none.
  public let gates: [(name: String, value: Tensor)]

  /// The gate of this name, `[B, T, H]`, or nil.
  public func gate(_ name: String) -> Tensor? { gates.first { $0.name == name }?.value }
}

extension Recurrent {
  /// Reads a batch by the readable step and keeps the state and the gates of every one; of zoneout the expectation.
  ///
  /// - Parameters:
  ///   - input: `[B, T, I]`, `[T, B, I]` where `steps` say so, or one sequence `[T, I]`, which is a batch of one.
  ///   - steps: lengths, gaps, resets and the layout.
  ///   - state: the state before the first step; nil means the layer's own.
  public func inspect(_ input: Tensor, steps: Steps = Steps(), from state: State? = nil) -> Inspection<State> {
    let (batch, schedule) = plan(input, steps)
    let initial = schedule.entering(state ?? initialMemory(batch: schedule.batch), initial: initialMemory(batch: 1))
    var (outputs, states) = ([Tensor](), [[Tensor]](repeating: [], count: initial.tensors.count))
    var gates: [[(name: String, value: Tensor)]] = []
    let masks = regularization.masks(for: initial, along: schedule) ?? StepMasks()
    _ = cell.loop(batch, from: initial, along: schedule, masks: masks) { projected, before, after in
      outputs.append(after.output)
      for (index, tensor) in after.tensors.enumerated() { states[index].append(tensor) }
      gates.append(cell.gates(projected, before))
    }
    let all = zip(states, initial.tensors).map { schedule.unpacked($0, rowShape: Array($1.shape.dropFirst())) }
    return Inspection(
      outputs: schedule.unpacked(outputs, rowShape: [cell.hiddenSize]), states: initial.replacingTensors(all),
      gates: (gates.first ?? []).enumerated().map { index, gate in
        (gate.name, schedule.unpacked(gates.map { $0[index].value }, rowShape: Array(gate.value.shape.dropFirst())))
      })
  }
}
