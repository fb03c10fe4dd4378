import RefrainKernels

extension LSTMCell: FusedCell {
  static let kind: RecurrentKind? = .lstm
  static let keptBlocks = Gate.allCases.count
  static let inputBlocks = Gate.allCases.count

  var biases: (Tensor, Tensor?) { (bias, nil) }

  func gradients(_ kept: SavedSteps) -> [Tensor] {
    let gates = Gate.allCases.map(\.rawValue)
    let gradients = kept.gradients([(kept.input, gates), (kept.hidden, gates)])
    return [gradients[0].weight, gradients[1].weight, gradients[0].bias]
  }
}
