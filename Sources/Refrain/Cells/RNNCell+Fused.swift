extension RNNCell: FusedCell {
  static var keptBlocks: Int { 1 }
  static var inputBlocks: Int { 1 }

  var biases: (Tensor, Tensor?) { (bias, nil) }

  func packForward() -> Storage {
    let packed = Storage(count: kernels.rnnPackedSize(inputSize, hiddenSize))
    read(weightInput, weightHidden, bias) {
      kernels.rnnPack(inputSize, hiddenSize, $0, $1, $2, packed.pointer)
    }
    return packed
  }

  func forward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: ForwardBuffers) {
    kernels.rnnForward(
      Activation.isRectifier, rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets,
      schedule.positions, inputSize, hiddenSize, buffers.input, inputSize, buffers.packed, buffers.hidden,
      buffers.scratch, buffers.output, hiddenSize, buffers.gates)
  }

  func backward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: BackwardBuffers) {
    kernels.rnnBackward(
      Activation.isRectifier, rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets,
      schedule.positions, hiddenSize, buffers.packed, buffers.gates, buffers.outputGradient, hiddenSize,
      buffers.hidden)
  }

  func gradients(_ kept: KeptSteps) -> [Tensor] {
    let gradients = kept.gradients([(kept.input, [0]), (kept.hidden, [0])])
    return [gradients[0].weight, gradients[1].weight, gradients[0].bias]
  }
}
