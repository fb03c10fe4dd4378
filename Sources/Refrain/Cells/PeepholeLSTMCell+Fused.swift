import RefrainKernels

extension PeepholeLSTMCell: FusedCell {
  static let kind: RecurrentKind? = .peepholeLSTM
  // The gates, and the cell state that the output gate's peephole sees.
  static let keptBlocks = 5
  static let inputBlocks = Gate.allCases.count

  var biases: (Tensor, Tensor?) { (bias, nil) }
  var parameters: [Tensor] { [peepholeInput, peepholeForget, peepholeOutput] }
  static var parameterCount: Int { 3 }

  func gradients(_ kept: SavedSteps) -> [Tensor] {
    let gates = Gate.allCases.map(\.rawValue)
    let gradients = kept.gradients([(kept.input, gates), (kept.hidden, gates)])
    return [
      gradients[0].weight, gradients[1].weight, gradients[0].bias, kept.peepholeGradient(Gate.input.rawValue),
      kept.peepholeGradient(Gate.forget.rawValue), kept.peepholeGradient(Gate.output.rawValue, by: gates.count),
    ]
  }
}
