extension GRUCell: FusedCell {
  // The gates r, z, n, and R_n h + b_hn, whose gradient differs from n's by the reset gate.
  static let keptBlocks = 4
  static let inputBlocks = Gate.allCases.count

  var biases: (Tensor, Tensor?) { (bias, biasHidden) }

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
      buffers.output, hiddenSize, buffers.gates)
  }

  func backward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: BackwardBuffers) {
    kernels.gruBackward(
      rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets, schedule.positions,
      hiddenSize, buffers.packed, buffers.gates, buffers.initial, buffers.output, hiddenSize, buffers.outputGradient,
      hiddenSize,
      buffers.hidden)
  }

  func gradients(_ kept: KeptSteps) -> [Tensor] {
    let gradients = kept.gradients([(kept.input, [0, 1, 2]), (kept.hidden, [0, 1, 3])])
    let biasHidden = gradients[1].bias.slice(2 * hiddenSize..<3 * hiddenSize, axis: 0)
    return [gradients[0].weight, gradients[1].weight, gradients[0].bias, biasHidden]
  }
}
