extension LSTMCell.State {
  /// What follows from the sums of a step, the last part of every long short-term memory:
  ///
  ///     c′ = σ(f) ⊙ c + σ(i) ⊙ tanh(g)    h′ = σ(o) ⊙ tanh(c′)
  ///
  /// One operation on the tape, several times faster than its parts.
  ///
  /// - Parameters:
  ///   - sums: `[B, 4H]`, the blocks i f g o before their functions.
  ///   - cell: c, the cell state before the step, `[B, H]`.
  public init(sums: Tensor, cell: Tensor) {
    let states = gateFunction(.lstm, sums: sums, states: [cell])
    self.init(hidden: states[0], cell: states[1])
  }
}

extension HiddenState {
  /// What follows from the sums of a step, the last part of a gated recurrent unit that resets after its product:
  ///
  ///     h′ = (1 − z) ⊙ n + z ⊙ h    with n = tanh(a + σ(r) ⊙ b), z = σ(z)
  ///
  /// One operation on the tape.
  ///
  /// - Parameters:
  ///   - sums: `[B, 4H]`, the blocks r z a b before their functions: of the candidate's two sums a is the input's and b
  ///     the state's.
  ///   - hidden: h, the hidden state before the step, `[B, H]`.
  public init(sums: Tensor, hidden: Tensor) {
    self.init(hidden: gateFunction(.gru, sums: sums, states: [hidden])[0])
  }
}

/// The gates of a long short-term memory and its candidate, for looking inside: of sums `[B, 4H]`, the blocks i f g o,
/// `[B, H]` each.
func shownGates(_ sums: Tensor, of size: Int) -> [(name: String, value: Tensor)] {
  LSTMCell.Gate.allCases.map { gate in
    let sum = sums.block(gate.rawValue, of: size)
    return ("\(gate)", gate == .candidate ? tanh(sum) : sigmoid(sum))
  }
}

/// c′ = σ(f) ⊙ c + σ(i) ⊙ tanh(g) of sums `[B, 3H]`, the blocks i f g, for a memory that does more with c′ than others.
func updatedCell(sums: Tensor, cell: Tensor) -> Tensor {
  gateFunction(.cellUpdate, sums: sums, states: [cell])[1]
}
