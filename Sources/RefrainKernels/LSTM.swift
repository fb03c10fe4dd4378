// The long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber and Cummins 2000).
//
//   i = σ(W_i x + R_i h + b_i)    f = σ(W_f x + R_f h + b_f)
//   g = tanh(W_g x + R_g h + b_g)    o = σ(W_o x + R_o h + b_o)
//   c′ = f ⊙ c + i ⊙ g    h′ = o ⊙ tanh c′
//
// The gates' blocks of the weights, and of what is kept, lie in this order, PyTorch's.

enum LSTM: RecurrentStage, RecurrentKernel {
  @inline(always) static var gates: Int { 4 }
  @inline(always) static var productGates: Int { 4 }
  @inline(always) static var keptGates: Int { 4 }

  @inline(always)
  static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
    let i = sigmoid(sums.gate(0, place))
    memory.keep(i, 0, of: 4, place)
    let g = tanh(sums.gate(2, place))
    memory.keep(g, 2, of: 4, place)
    let f = sigmoid(sums.gate(1, place))
    memory.keep(f, 1, of: 4, place)
    let cell = memory.cell + memory.offset(place)
    let old = place.get(cell, memory.paddedSize)
    let new = multiplyAdd(f, old, i * g)
    place.put(new, cell, memory.paddedSize)
    memory.keepCell(old, place)
    let o = sigmoid(sums.gate(3, place))
    memory.keep(o, 3, of: 4, place)
    memory.leave(o * tanh(new), place)
  }

  static func backward(_ packed: P, _ schedule: Schedule, _ memory: BackwardMemory) {
    forEachStepBack(schedule, memory) { step, memory in
      derive(LSTMDerivative.self, step, schedule, memory)
      throughHidden(packed, blocks: 4, firstBlock: 0, gates: 0, to: 4, step, schedule, memory, accumulate: false)
    }
  }
}

private enum LSTMDerivative: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let i = memory.gate(0, place)
    let f = memory.gate(1, place)
    let g = memory.gate(2, place)
    let old = memory.previousCell(place)
    let squashed = tanh(multiplyAdd(f, old, i * g))
    let dHidden = memory.gradient(place)
    let o = memory.gate(3, place)
    memory.put(dHidden * squashed * (o * (1 - o)), gate: 3, place)
    let cell = memory.dCell + memory.offset(place)
    let dCell = place.get(cell, memory.paddedSize) + dHidden * o * (1 - squashed * squashed)
    place.put(dCell * f, cell, memory.paddedSize)
    memory.put(dCell * g * (i * (1 - i)), gate: 0, place)
    memory.put(dCell * old * (f * (1 - f)), gate: 1, place)
    memory.put(dCell * i * (1 - g * g), gate: 2, place)
  }
}
