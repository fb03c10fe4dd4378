extension RecurrentCell {
  /// A step as a trace, or nil where it cannot be traced.
  ///
  /// Its inputs are the input `[B, I]`, the tensors of the state before, and the masks in the order of `masks`, each in the
  /// shape of a step's rows; what is shared are the cell's tensors. Its outputs are what the cell shows, and the tensors
  /// of the state after.
  package func tracedStep(masks: [StepMasks.Kind] = []) -> Trace? {
    let state = initialState(batch: 1)
    let shapes = Dictionary(
      uniqueKeysWithValues: state.namedTensors.map { ($0.name, Array($0.tensor.shape.dropFirst())) })
    let states = state.tensors.map { Array($0.shape.dropFirst()) }
    return Trace.ofRows(
      [[inputSize]] + states + masks.map { shapes[$0.state] ?? [] }, shared: tensors
    ) { inputs in
      var inputs = inputs[...]
      let input = inputs.removeFirst()
      let before = state.replacingTensors(Array(inputs.prefix(states.count)))
      inputs = inputs.dropFirst(states.count)
      var values = StepMasks()
      for kind in masks { values[kind] = inputs.removeFirst() }
      let cell = replacingTensors(Array(inputs))
      let after = cell.step(cell.project(input), before, under: values, rows: 0..<input.shape[0])
      return [after.output] + after.tensors
    }
  }

  /// What a state shows, as a trace of its tensors, or nil where that cannot be traced.
  package func tracedOutput() -> Trace? {
    let state = initialState(batch: 1)
    return Trace.ofRows(state.tensors.map { Array($0.shape.dropFirst()) }, shared: []) {
      [state.replacingTensors($0).output]
    }
  }
}
