import RefrainKernels

extension LSTMVariantCell: FusedCell {
  static var kind: RecurrentKind? {
    switch Variant.self {
    case is NoInputGate.Type: .noInputGateLSTM
    case is NoForgetGate.Type: .noForgetGateLSTM
    case is NoOutputGate.Type: .noOutputGateLSTM
    case is NoInputActivation.Type: .noInputActivationLSTM
    case is NoOutputActivation.Type: .noOutputActivationLSTM
    case is CoupledGates.Type: .coupledGatesLSTM
    default: nil
    }
  }
  // The blocks, and the cell state that the output gate's peephole sees.
  static var keptBlocks: Int { Variant.blocks.count + 1 }
  static var inputBlocks: Int { Variant.blocks.count }

  var biases: (Tensor, Tensor?) { (bias, nil) }
  var parameters: [Tensor] { peepholes }
  static var parameterCount: Int { Variant.blocks.count - 1 }

  func gradients(_ kept: SavedSteps) -> [Tensor] {
    let blocks = Array(Variant.blocks.indices)
    let gradients = kept.gradients([(kept.input, blocks), (kept.hidden, blocks)])
    let peepholes = Variant.blocks.enumerated().filter { $0.element != .candidate }.map { block, gate in
      kept.peepholeGradient(block, by: gate == .output ? blocks.count : nil)
    }
    return [gradients[0].weight, gradients[1].weight, gradients[0].bias] + peepholes
  }
}
