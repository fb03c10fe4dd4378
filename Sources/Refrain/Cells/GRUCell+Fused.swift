extension GRUCell: FusedCell {
  // The gates r, z, n, and R_n h + b_hn, whose gradient differs from n's by the reset gate.
  static let keptBlocks = 4
  static let inputBlocks = Gate.allCases.count

  func packForward() -> Storage {
    let packed = Storage(count: kernels.gruPackedSize(inputSize, hiddenSize))
    read(weightInput, weightHidden, bias) { input, hidden, bias in
      biasHidden.read { kernels.gruPack(inputSize, hiddenSize, input, hidden, bias, $0, packed.pointer) }
    }
    return packed
  }

  func forward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: ForwardBuffers) {
    kernels.gruForward(
      rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets, schedule.positions,
      inputSize, hiddenSize, buffers.input, inputSize, buffers.packed, buffers.hidden, buffers.scratch,
      buffers.output, hiddenSize, buffers.gates, buffers.keptHidden)
  }

  func backward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: BackwardBuffers) {
    kernels.gruBackward(
      rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets, schedule.positions,
      hiddenSize, buffers.packed, buffers.gates, buffers.keptHidden, buffers.output, hiddenSize, buffers.hidden)
  }

  func gradients(_ kept: KeptSteps, input: Tensor) -> [Tensor] {
    let size = hiddenSize
    let hidden = Tensor(weightHidden.shape) { target in
      kept.productWithHidden(0..<2, into: target)
      kept.productWithHidden(3..<4, into: target + 2 * size * size)
    }
    return [kept.product(0..<3, input: input), hidden, kept.sums(0..<3), kept.sums(3..<4)]
  }
}
