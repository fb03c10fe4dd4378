extension RecurrentCell {
  /// The loop over ``step(_:_:)`` that every scan equals.
  @_semantics("optimize.sil.specialize.generic.never")
  public func scanByLoop(
    _ input: Tensor, from state: State, along schedule: Schedule, masks: StepMasks = StepMasks()
  ) -> (outputs: Tensor, state: State) {
    var outputs: [Tensor] = []
    let final = loop(input, from: state, along: schedule, masks: masks) { _, _, state in outputs.append(state.output) }
    return (schedule.unpacked(outputs, rowShape: [hiddenSize]), final)
  }

  /// Takes all steps in the order of the schedule and shows each one.
  ///
  /// - Parameter visit: takes the projected input of the rows that still run, their state before the step and after it.
  /// - Returns: the state after each row's last valid step.
  @_semantics("optimize.sil.specialize.generic.never")
  func loop(
    _ input: Tensor, from state: State, along schedule: Schedule, masks: StepMasks = StepMasks(),
    visit: (_ projected: Tensor, _ before: State, _ after: State) -> Void
  ) -> State {
    let packed = input.reshaped([schedule.batch * schedule.time, inputSize]).gatheringRows(schedule.positions)
    let projected = project(packed)
    var running = state.mapTensors { $0.gatheringRows(schedule.order) }
    var runningRows = schedule.rows
    var finished: [State] = []
    func retire(downTo rows: Int) {
      guard rows < runningRows else { return }
      finished.append(running.mapTensors { $0.slice(rows..<runningRows, axis: 0) })
      running = running.mapTensors { $0.slice(0..<rows, axis: 0) }
      runningRows = rows
    }
    for (rows, offset) in zip(schedule.alive, schedule.offsets) {
      retire(downTo: rows)
      let packed = offset..<offset + rows
      let now = projected.slice(packed, axis: 0)
      // Slots of their own on the tape, so that a row's gradients are added in one order whether others retire at this
      // step or not.
      let before = running.mapTensors(\.apart)
      running = masks.isEmpty ? step(now, before) : step(now, before, under: masks, rows: packed)
      visit(now, before, running)
    }
    retire(downTo: 0)
    let pieces = finished.reversed().map(\.tensors)
    // A batch of no sequences leaves no pieces.
    let final = state.tensors.enumerated().map { index, initial in
      pieces.isEmpty ? initial : concatenate(pieces.map { $0[index] }, axis: 0).gatheringRows(schedule.ranks)
    }
    return state.replacingTensors(final)
  }
}

extension Schedule {
  /// The values of all steps `[B, T, …]`, or `[T, B, …]`, zero at steps that are not valid, from those of one step
  /// after another.
  ///
  /// - Parameter rowShape: the shape of the values of one row at one step.
  func unpacked(_ values: [Tensor], rowShape: [Int]) -> Tensor {
    guard !values.isEmpty else { return .zeros(shape + rowShape) }
    return concatenate(values, axis: 0).scatteringRows(to: positions, count: batch * time).reshaped(shape + rowShape)
  }
}
