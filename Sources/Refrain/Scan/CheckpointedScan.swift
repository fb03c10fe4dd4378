// Checkpointing of steps (Chen et al. 2016): in training, only the states between segments of a scan are kept, and the
// steps of a segment are computed a second time when the backward pass comes to them. It works for every cell, since a
// segment is a scan of its own.

extension RecurrentCell {
  /// All steps, of which the backward pass holds those of one segment at a time.
  ///
  /// - Parameters:
  ///   - interval: the steps of a segment.
  ///   - tape: the tape that asks for it.
  @_semantics("optimize.sil.specialize.generic.never")
  func checkpointedScan(
    _ input: Tensor, from state: State, along schedule: Schedule, masks: StepMasks, interval: Int, on tape: Tape
  ) -> (outputs: Tensor, state: State) {
    checkScan(input, from: state, along: schedule)
    let cell = mapTensors(\.detached)
    let packedInput = PackedRows(input.detached, schedule)
    let segments = schedule.segments(of: interval).map { ScanSegment(schedule, steps: $0, masks) }
    var boundaries: [State] = []
    var running = state.mapTensors(\.detached)
    let outputs = PackedRows.assembled(schedule, width: hiddenSize, segments.map(\.rows)) { index in
      let segment = segments[index]
      boundaries.append(running)
      let result = Recording.run(nil) {
        segment.scan(cell, packedInput[segment.rows], from: running)
      }
      running = result.state
      return result.outputs
    }
    let states = boundaries
    let recorded = tape.record(
      [outputs] + running.tensors, from: tensors + [input] + state.tensors
    ) { [running] gradients in
      let outputGradient = gradients[0].map { PackedRows($0, schedule) }
      var carried = zip(gradients.dropFirst(), running.tensors).map { $0 ?? .zeros($1.shape) }
      var weights: [Tensor] = []
      var inputGradients = [Tensor](repeating: Tensor(0), count: segments.count)
      for (index, segment) in segments.enumerated().reversed() {
        var point = ScanPoint(cell: cell, state: states[index], input: packedInput[segment.rows])
        point.walksInput = tape.slot(of: input) != nil
        // Nothing draws from it: masks are drawn before a scan.
        var generator = RandomGenerator(seed: 0)
        let found = valueAndGradient(at: point, training: tape.isTraining, using: &generator) { point in
          let result = segment.scan(point.cell, point.input, from: point.state)
          // The loss whose gradient by each result is the one that has come back to it.
          let terms =
            zip(result.state.tensors, carried).map { ($0 * $1).sum() }
            + (outputGradient.map { [(result.outputs * $0[segment.rows]).sum()] } ?? [])
          return terms.reduce(Tensor(0), +)
        }.gradient
        carried = found.state.tensors
        if weights.isEmpty {
          weights = found.cell.tensors
        } else {
          for (index, gradient) in found.cell.tensors.enumerated() { weights[index].add(gradient: gradient) }
        }
        if point.walksInput { inputGradients[index] = found.input }
      }
      let inputGradient = tape.slot(of: input).map { _ in
        PackedRows.assembled(schedule, width: inputSize, segments.map(\.rows)) { inputGradients[$0] }
      }
      return weights + [inputGradient] + carried
    }
    return (recorded[0], state.replacingTensors(Array(recorded.dropFirst())))
  }
}

/// Some steps of a schedule as a scan of their own, whose input and outputs are the packed rows of these steps.
private struct ScanSegment {
  let schedule: Schedule
  /// Its packed rows among those of the whole.
  let rows: Range<Int>
  let masks: StepMasks

  init(_ whole: Schedule, steps: Range<Int>, _ masks: StepMasks) {
    schedule = whole.segment(steps)
    rows = whole.rows(of: steps)
    self.masks = masks.slice(rows)
  }

  /// - Parameter input: `[1, N, I]`, the packed rows.
  /// - Returns: the outputs `[1, N, H]`, and the states after these steps.
  func scan<Cell: RecurrentCell>(
    _ cell: Cell, _ input: Tensor, from state: Cell.State
  ) -> (outputs: Tensor, state: Cell.State) {
    Cell.execution.scan(cell, input, state, schedule, masks)
  }
}

/// All that a segment is differentiated by.
private struct ScanPoint<Cell: RecurrentCell>: TensorGroup {
  var cell: Cell
  var state: Cell.State
  var input: Tensor
  /// Whether the gradient of the input is wanted.
  var walksInput = true

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try cell.forEachTensor(body)
    try state.forEachTensor(body)
    if walksInput { try body("input", &input) }
  }
}

/// A batch `[B, T, W]` seen as the packed rows of a schedule.
private struct PackedRows {
  private let values: Tensor
  private let positions: [Int]

  init(_ batch: Tensor, _ schedule: Schedule) {
    values = batch.reshaped([schedule.batch * schedule.time, batch.shape[batch.rank - 1]])
    positions = schedule.positions
  }

  /// Some packed rows, `[1, N, W]`.
  subscript(rows: Range<Int>) -> Tensor {
    values.gatheringRows(Array(positions[rows])).reshaped([1, rows.count, values.shape[1]])
  }

  /// The inverse: `[B, T, W]` from packed rows `[1, N, W]`, a part at a time, zero at steps that are not valid.
  static func assembled(
    _ schedule: Schedule, width: Int, _ parts: [Range<Int>], make: (_ part: Int) -> Tensor
  ) -> Tensor {
    Tensor(schedule.shape + [width]) { target in
      let places = schedule.batch * schedule.time
      if schedule.count < places { kernels.fill(places * width, 0, target) }
      for (index, rows) in parts.enumerated() {
        make(index).read { source in
          for (row, position) in schedule.positions[rows].enumerated() {
            kernels.copy(width, source + row * width, target + position * width)
          }
        }
      }
    }
  }
}

extension Schedule {
  /// The segments of at most `count` steps, in order.
  fileprivate func segments(of count: Int) -> [Range<Int>] {
    stride(from: 0, to: steps, by: count).map { $0..<min($0 + count, steps) }
  }
}

extension StepMasks {
  /// The masks of some packed rows.
  fileprivate func slice(_ rows: Range<Int>) -> StepMasks {
    var masks = self
    masks.keptHidden = keptHidden.map { $0.rank == 0 ? $0 : $0.slice(rows, axis: 0) }
    masks.keptCell = keptCell.map { $0.rank == 0 ? $0 : $0.slice(rows, axis: 0) }
    return masks
  }
}
