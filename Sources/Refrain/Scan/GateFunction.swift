import RefrainKernels

/// The gate function of a cell, as one operation: from sums `[B, G·H]` and the one state that it needs from before, the
/// GRU's hidden state or the LSTM's cell state, to the new hidden state, and the LSTM's new cell state.
func gateFunction(_ kind: RecurrentKind, sums: Tensor, states: [Tensor]) -> [Tensor] {
  Operations.Gates(kind: kind)(sums, states[0])
}

extension Operations {
  /// Of the sums of a step and the state that the gates need from before it: the states after it, of which a cell with
  /// a cell state has both.
  package struct Gates: Operation {
    package let kind: RecurrentKind

    private var hasCell: Bool { kind != .gru }
    // LSTM and GRU have four blocks and keep them; the cell state alone has three, and is kept too.
    private var blocks: Int { kind == .cellUpdate ? 3 : 4 }

    package func replay(_ operands: [Tensor], batch: Int) -> [Tensor] { self(operands[0], operands[1]) }

    func callAsFunction(_ sums: Tensor, _ state: Tensor) -> [Tensor] {
      let (batch, size) = (state.shape[0], state.shape[1])
      require(
        sums.shape == [batch, blocks * size], "sums of shape \(sums.shape), expected [\(batch), \(blocks * size)]")
      let recorder = Recording.current
      let isKept = recorder?.differentiates([sums, state]) ?? false
      let padded = kernels.paddedSize(size)
      let order = Array(0..<batch)
      let previous = paddedRows(state, order)
      let next = Storage(count: batch * padded)
      let newCell = hasCell ? paddedRows(state, order) : previous
      let kept = isKept ? Storage(count: batch * 4 * size) : nil
      let grain = max(6, 1 << 14 / max(size, 1))
      sums.read { sums in
        parallel(batch, grain: grain, multiple: 6) { rows in
          kernels.recurrentGates(
            RecurrentGatesArguments(
              kind: kind.rawValue, hiddenSize: size, sums: sums, sumsStride: blocks * size,
              previous: previous.pointer, next: next.pointer, cell: newCell.pointer, keptGates: kept?.pointer),
            rows.lowerBound, rows.upperBound)
        }
      }
      func rows(_ storage: Storage) -> Tensor {
        padded == size ? Tensor(storage, shape: [batch, size]) : unpaddedRows(storage, order, size: size)
      }
      let results = (hasCell ? [next, newCell] : [next]).map(rows)
      guard let recorder else { return results }
      return recorder.record(self, of: [sums, state], results) { gradients in
        guard let kept else { return [nil, nil] }
        let carried = (0..<2).map { index in
          paddedRows((index < gradients.count ? gradients[index] : nil) ?? .zeros([batch, size]), order)
        }
        // The function writes the gradients where it finds the gates, which are of no use after it.
        state.read { entering in
          parallel(batch, grain: grain, multiple: 6) { rows in
            kernels.recurrentGatesBackward(
              RecurrentGatesBackwardArguments(
                kind: kind.rawValue, hiddenSize: size, gates: kept.pointer, previous: previous.pointer,
                cell: entering, cellStride: size, hiddenGradient: carried[0].pointer,
                cellGradient: carried[1].pointer), rows.lowerBound, rows.upperBound)
          }
        }
        let whole = Tensor(kept, shape: [batch, 4 * size])
        return [blocks == 4 ? whole : whole.slice(0..<blocks * size, axis: 1), rows(carried[hasCell ? 1 : 0])]
      }
    }
  }
}
