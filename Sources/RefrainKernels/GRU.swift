// The gated recurrent unit with its reset gate after the product, as in PyTorch and cuDNN (the first version of Cho et
// al. 2014).
//
//   r = σ(W_r x + R_r h + b_r)    z = σ(W_z x + R_z h + b_z)    n = tanh(W_n x + b_n + r ⊙ (R_n h + b_hn))
//   h′ = (1 − z) ⊙ n + z ⊙ h
//
// n's two products need an accumulator each: r z n and hn, four with three products on either side. They are kept in
// this order. In the backward pass block 3 holds the gradient of hn: dW comes from blocks 0, 1, 2 and dR from blocks 0,
// 1, 3, and the gradient of b_hn is the sum of block 3's rows.

enum GRU: RecurrentStage, RecurrentKernel {
  @inline(always) static var gates: Int { 4 }
  @inline(always) static var productGates: Int { 3 }
  @inline(always) static var keptGates: Int { 4 }

  @inline(always)
  static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
    let r = sigmoid(sums.gate(0, place))
    memory.keep(r, 0, of: 4, place)
    let hn = sums.gate(3, place)
    memory.keep(hn, 3, of: 4, place)
    let n = tanh(multiplyAdd(r, hn, sums.gate(2, place)))
    memory.keep(n, 2, of: 4, place)
    let z = sigmoid(sums.gate(1, place))
    memory.keep(z, 1, of: 4, place)
    let old = place.get(memory.previous + memory.offset(place), memory.paddedSize)
    memory.leave(multiplyAdd(z, old - n, n), place)
  }

  static func backward(_ packed: P, _ schedule: Schedule, _ memory: BackwardMemory) {
    forEachStepBack(schedule, memory) { step, memory in
      derive(GRUDerivative.self, step, schedule, memory)
      throughHidden(packed, blocks: 3, firstBlock: 0, gates: 0, to: 2, step, schedule, memory, accumulate: true)
      throughHidden(packed, blocks: 3, firstBlock: 2, gates: 3, to: 4, step, schedule, memory, accumulate: true)
    }
  }
}

private enum GRUDerivative: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let r = memory.gate(0, place)
    let z = memory.gate(1, place)
    let n = memory.gate(2, place)
    let hn = memory.gate(3, place)
    let old = memory.previousHidden(place)
    let dHidden = memory.gradient(place)
    let dn = dHidden * (1 - z) * (1 - n * n)
    memory.put(dn * hn * (r * (1 - r)), gate: 0, place)
    memory.put(dHidden * (old - n) * (z * (1 - z)), gate: 1, place)
    memory.put(dn, gate: 2, place)
    memory.put(dn * r, gate: 3, place)
    place.put(dHidden * z, memory.dHidden + memory.offset(place), memory.paddedSize)
  }
}
