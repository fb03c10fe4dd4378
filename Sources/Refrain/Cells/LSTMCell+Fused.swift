extension LSTMCell: FusedCell {
  static let keptBlocks = Gate.allCases.count
  static let inputBlocks = Gate.allCases.count

  var biases: (Tensor, Tensor?) { (bias, nil) }

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
      buffers.output, hiddenSize, buffers.gates, buffers.keptCell)
  }

  func backward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: BackwardBuffers) {
    kernels.lstmBackward(
      rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets, schedule.positions,
      hiddenSize, buffers.packed, buffers.gates, buffers.keptCell, buffers.outputGradient, hiddenSize, buffers.hidden,
      buffers.cell)
  }

  func gradients(_ kept: KeptSteps) -> [Tensor] {
    let gates = Gate.allCases.map(\.rawValue)
    let gradients = kept.gradients([(kept.input, gates), (kept.hidden, gates)])
    return [gradients[0].weight, gradients[1].weight, gradients[0].bias]
  }
}
