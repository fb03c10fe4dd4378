import RefrainKernels

extension RNNCell: FusedCell {
  static var kind: RecurrentKind? { Activation.isRectifier ? .reluRNN : .tanhRNN }
  static var keptBlocks: Int { 1 }
  static var inputBlocks: Int { 1 }

  var biases: (Tensor, Tensor?) { (bias, nil) }

  func gradients(_ kept: SavedSteps) -> [Tensor] {
    let gradients = kept.gradients([(kept.input, [0]), (kept.hidden, [0])])
    return [gradients[0].weight, gradients[1].weight, gradients[0].bias]
  }
}
