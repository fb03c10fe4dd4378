import RefrainKernels

extension GRUResetBeforeCell: FusedCell {
  static let kind: RecurrentKind? = .resetBeforeGRU
  // The gates r, z, n, and r ⊙ h, by which R_n is multiplied.
  static let keptBlocks = 4
  static let inputBlocks = Gate.allCases.count
  static let stages = 2

  var biases: (Tensor, Tensor?) { (bias, nil) }

  func gradients(_ kept: SavedSteps) -> [Tensor] {
    let gradients = kept.gradients([(kept.input, [0, 1, 2]), (kept.hidden, [0, 1]), (kept.block(3), [2])])
    let hidden = concatenate([gradients[1].weight, gradients[2].weight], axis: 0)
    return [gradients[0].weight, hidden, gradients[0].bias]
  }
}
