import RefrainKernels

extension MinimalGatedCell: FusedCell {
  static let kind: RecurrentKind? = .minimalGatedUnit
  // The forget gate, the candidate, and f ⊙ h, by which R_h is multiplied; the last is for the backward pass.
  static let keptBlocks = 4
  static let inputBlocks = Gate.allCases.count
  static let stages = 2

  var biases: (Tensor, Tensor?) { (bias, nil) }

  func gradients(_ kept: SavedSteps) -> [Tensor] {
    let gradients = kept.gradients([(kept.input, [0, 1]), (kept.hidden, [0]), (kept.block(2), [1])])
    let hidden = concatenate([gradients[1].weight, gradients[2].weight], axis: 0)
    return [gradients[0].weight, hidden, gradients[0].bias]
  }
}
