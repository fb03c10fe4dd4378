extension GRUResetBeforeCell: FusedCell {
  // The gates r, z, n, and r ⊙ h, by which R_n is multiplied.
  static let keptBlocks = 4
  static let inputBlocks = Gate.allCases.count
  // The other hidden state, r ⊙ h and z.
  static let scratchBlocks = 3

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
      buffers.scratch, buffers.output, hiddenSize, buffers.gates, buffers.keptHidden)
  }

  func backward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: BackwardBuffers) {
    kernels.resetBeforeGRUBackward(
      rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets, schedule.positions,
      hiddenSize, buffers.packed, buffers.gates, buffers.keptHidden, buffers.output, hiddenSize, buffers.hidden,
      buffers.scratch)
  }

  func gradients(_ kept: KeptSteps, input: Tensor) -> [Tensor] {
    let size = hiddenSize
    let hidden = Tensor(weightHidden.shape) { target in
      kept.productWithHidden(0..<2, into: target)
      kept.product(2..<3, block: 3, into: target + 2 * size * size)
    }
    return [kept.product(0..<3, input: input), hidden, kept.sums(0..<3)]
  }
}
