extension GRUResetBeforeCell: FusedCell {
  // The gates r, z, n, and r ⊙ h, by which R_n is multiplied.
  static let keptBlocks = 4
  static let inputBlocks = Gate.allCases.count
  // The other hidden state, r ⊙ h and z.
  static let scratchBlocks = 3

  var biases: (Tensor, Tensor?) { (bias, nil) }

  func packForward() -> Storage {
    let packed = Storage(count: kernels.resetBeforeGRUPackedSize(inputSize, hiddenSize))
    read(weightInput, weightHidden, bias) {
      kernels.resetBeforeGRUPack(inputSize, hiddenSize, $0, $1, $2, packed.pointer)
    }
    return packed
  }

  func forward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: ForwardBuffers) {
    kernels.resetBeforeGRUForward(
      buffers.rows, rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets,
      schedule.positions, inputSize, hiddenSize, buffers.input, inputSize, buffers.packed, buffers.hidden,
      buffers.scratch, buffers.output, hiddenSize, buffers.gates)
  }

  func backward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: BackwardBuffers) {
    kernels.resetBeforeGRUBackward(
      rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets, schedule.positions,
      hiddenSize, buffers.packed, buffers.gates, buffers.initial, buffers.output, hiddenSize, buffers.outputGradient,
      hiddenSize,
      buffers.hidden,
      buffers.scratch)
  }

  func gradients(_ kept: KeptSteps) -> [Tensor] {
    let gradients = kept.gradients([(kept.input, [0, 1, 2]), (kept.hidden, [0, 1]), (kept.block(3), [2])])
    let hidden = concatenate([gradients[1].weight, gradients[2].weight], axis: 0)
    return [gradients[0].weight, hidden, gradients[0].bias]
  }
}
