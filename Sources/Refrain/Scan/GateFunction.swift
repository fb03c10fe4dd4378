import RefrainKernels

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

/// c′ = σ(f) ⊙ c + σ(i) ⊙ tanh(g) of sums `[B, 3H]`, the blocks i f g, for a memory that does more with c′ than others.
func updatedCell(sums: Tensor, cell: Tensor) -> Tensor {
  gateFunction(.cellUpdate, sums: sums, states: [cell])[1]
}

/// The gate function of a cell, as one operation: from sums `[B, G·H]` and the one state that it needs from before, the
/// GRU's hidden state or the LSTM's cell state, to the new hidden state, and the LSTM's new cell state.
func gateFunction(_ kind: RecurrentKind, sums: Tensor, states: [Tensor]) -> [Tensor] {
  let hasCell = kind != .gru
  let (batch, size) = (states[0].shape[0], states[0].shape[1])
  // LSTM and GRU have four blocks and keep them; the cell state alone has three, and is kept too.
  let blocks = kind == .cellUpdate ? 3 : 4
  require(
    sums.shape == [batch, blocks * size], "sums of shape \(sums.shape), expected [\(batch), \(blocks * size)]")
  let arguments = [sums] + states
  let tape = Tape.current.flatMap { tape in arguments.contains { tape.slot(of: $0) != nil } ? tape : nil }
  let padded = kernels.paddedSize(size)
  let order = Array(0..<batch)
  let previous = paddedRows(states[0], order)
  let next = Storage(count: batch * padded)
  let newCell = hasCell ? paddedRows(states[0], order) : previous
  let kept = tape.map { _ in Storage(count: batch * 4 * size) }
  let grain = max(6, 1 << 14 / size)
  sums.read { sums in
    parallel(batch, grain: grain, multiple: 6) { rows in
      kernels.recurrentGates(
        kind.rawValue, rows.lowerBound, rows.upperBound, size, sums, blocks * size, nil, previous.pointer, next.pointer,
        newCell.pointer, kept?.pointer)
    }
  }
  func rows(_ storage: Storage) -> Tensor {
    padded == size ? Tensor(storage, shape: [batch, size]) : unpaddedRows(storage, order, size: size)
  }
  let results = (hasCell ? [next, newCell] : [next]).map(rows)
  guard let tape, let kept else { return Trace.current?.add(.gates(kind), arguments, results) ?? results }
  return tape.record(results, from: arguments) { gradients in
    let carried = (0..<2).map { index in
      paddedRows((index < gradients.count ? gradients[index] : nil) ?? .zeros([batch, size]), order)
    }
    // The function writes the gradients where it finds the gates, which are of no use after it.
    states[0].read { entering in
      parallel(batch, grain: grain, multiple: 6) { rows in
        kernels.recurrentGatesBackward(
          kind.rawValue, rows.lowerBound, rows.upperBound, size, kept.pointer, previous.pointer, entering, size,
          carried[0].pointer, carried[1].pointer)
      }
    }
    let whole = Tensor(kept, shape: [batch, 4 * size])
    let state = rows(carried[hasCell ? 1 : 0])
    return [blocks == 4 ? whole : whole.slice(0..<blocks * size, axis: 1), state]
  }
}
