extension RecurrentCell {
  /// A step as a trace.
  ///
  /// Its inputs are the input `[B, I]`, the tensors of the state before, and the masks in their order, each in the
  /// shape of a step's rows; what is shared are the cell's tensors, and then the masks that are one number. Its outputs
  /// are what the cell shows, and the tensors of the state after.
  ///
  /// - Parameter masks: the masks, and whether each is one number for everything.
  /// - Throws: where the step depends on the values, or has an operation that cannot be done again.
  @_semantics("optimize.sil.specialize.generic.never")
  package func tracedStep(
    masks: [(kind: StepMasks.Kind, isShared: Bool)] = []
  ) throws(Trace.Refusal) -> Trace {
    let state = initialState(batch: 1)
    let states = state.tensors.map { Array($0.shape.dropFirst()) }
    let rowMasks = masks.filter { !$0.isShared }
    let maskShapes = rowMasks.map { mask in
      state.tensor(mask.kind.state).map { Array($0.shape.dropFirst()) } ?? []
    }
    let shared = masks.filter(\.isShared)
    return try Trace.ofRows(
      [[inputSize]] + states + maskShapes, shared: tensors + shared.map { _ in Tensor(0.5) }
    ) { inputs in
      var inputs = inputs[...]
      func take(_ count: Int) -> [Tensor] {
        defer { inputs = inputs.dropFirst(count) }
        return Array(inputs.prefix(count))
      }
      let input = take(1)[0]
      let before = state.replacingTensors(take(states.count))
      var values = StepMasks()
      for (mask, value) in zip(rowMasks, take(rowMasks.count)) { values[mask.kind] = value }
      let cell = replacingTensors(take(tensors.count))
      for (mask, value) in zip(shared, take(shared.count)) { values[mask.kind] = value }
      let after = cell.step(cell.project(input), before, under: values, rows: 0..<input.shape[0])
      return [after.output] + after.tensors
    }
  }

  /// What a state shows, as a trace of its tensors.
  @_semantics("optimize.sil.specialize.generic.never")
  package func tracedOutput() throws(Trace.Refusal) -> Trace {
    let state = initialState(batch: 1)
    return try Trace.ofRows(state.tensors.map { Array($0.shape.dropFirst()) }, shared: []) {
      [state.replacingTensors($0).output]
    }
  }
}
