import RefrainKernels

extension GRUCell: FusedCell {
  static let kind: RecurrentKind? = .gru
  // The gates r, z, n, and R_n h + b_hn, whose gradient differs from n's by the reset gate.
  static let keptBlocks = 4
  static let inputBlocks = Gate.allCases.count

  var biases: (Tensor, Tensor?) { (bias, biasHidden) }

  func gradients(_ kept: SavedSteps) -> [Tensor] {
    let gradients = kept.gradients([(kept.input, [0, 1, 2]), (kept.hidden, [0, 1, 3])])
    let biasHidden = gradients[1].bias.slice(2 * hiddenSize..<3 * hiddenSize, axis: 0)
    return [gradients[0].weight, gradients[1].weight, gradients[0].bias, biasHidden]
  }
}
