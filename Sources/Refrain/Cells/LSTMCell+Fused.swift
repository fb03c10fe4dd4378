extension LSTMCell: FusedCell {
  static let keptBlocks = Gate.allCases.count
  static let inputBlocks = Gate.allCases.count

  func packForward() -> Storage {
    let packed = Storage(count: kernels.lstmPackedSize(inputSize, hiddenSize))
    read(weightInput, weightHidden, bias) {
      kernels.lstmPack(inputSize, hiddenSize, $0, $1, $2, packed.pointer)
    }
    return packed
  }

  func forward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: ForwardBuffers) {
    kernels.lstmForward(
      rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets, schedule.positions,
      inputSize, hiddenSize, buffers.input, inputSize, buffers.packed, buffers.hidden, buffers.cell, buffers.scratch,
      buffers.output, hiddenSize, buffers.gates, buffers.keptHidden, buffers.keptCell)
  }

  func backward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: BackwardBuffers) {
    kernels.lstmBackward(
      rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets, schedule.positions,
      hiddenSize, buffers.packed, buffers.gates, buffers.keptCell, buffers.output, hiddenSize, buffers.hidden,
      buffers.cell)
  }

  func gradients(_ kept: KeptSteps, input: Tensor) -> [Tensor] {
    let gates = 0..<Self.keptBlocks
    let hidden = Tensor(weightHidden.shape) { kept.productWithHidden(gates, into: $0) }
    return [kept.product(gates, input: input), hidden, kept.sums(gates)]
  }
}
