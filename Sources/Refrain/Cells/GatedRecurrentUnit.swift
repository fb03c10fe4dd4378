/// What the forms of the gated recurrent unit have in common. They differ in where the reset gate stands and in their
/// functions, which ``activations(_:_:)`` says.
public protocol GatedRecurrentUnit: RecurrentCell where State == HiddenState {
  /// W, `[3H, I]`
  var weightInput: Tensor { get set }
  /// R, `[3H, H]`
  var weightHidden: Tensor { get set }
  /// b, `[3H]`
  var bias: Tensor { get set }

  /// The gates and the candidate after their functions, `[B, H]` each.
  ///
  /// - Parameters:
  ///   - projected: `[B, 3H]`, W x + b.
  ///   - hidden: h as the products see it, `[B, H]`.
  func activations(_ projected: Tensor, _ hidden: Tensor) -> (reset: Tensor, update: Tensor, candidate: Tensor)
}

extension GatedRecurrentUnit {
  public var inputSize: Int { weightInput.extent(1) }
  public var hiddenSize: Int { weightHidden.extent(1) }

  public func project(_ input: Tensor) -> Tensor { input.linear(weight: weightInput, bias: bias) }

  /// The next state, whose products see the state itself.
  public func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    step(projected, state, seeing: state.hidden)
  }

  /// h' = (1 − z) ⊙ n + z ⊙ h
  public func step(_ projected: Tensor, _ state: HiddenState, seeing hidden: Tensor) -> HiddenState {
    let (_, update, candidate) = activations(projected, hidden)
    return HiddenState(hidden: (1 - update) * candidate + update * state.hidden)
  }

  /// The reset gate, the update gate and the candidate of a step, each `[B, H]`.
  public func gates(_ projected: Tensor, _ state: HiddenState) -> [(name: String, value: Tensor)] {
    let gates = activations(projected, state.hidden)
    return [("reset", gates.reset), ("update", gates.update), ("candidate", gates.candidate)]
  }

  public func retention(_ gates: [String: Tensor]) -> Tensor? { gates["update"] }

  /// The number of blocks of a bias.
  public static var biasBlocks: Int { GRUCell.Gate.allCases.count }
  /// The block of the gate that keeps the state.
  public static var forgetBlock: Int { GRUCell.Gate.update.rawValue }
}
