// The gated recurrent unit with its reset gate before the product (Chung et al. 2014, the version of most papers).
//
//   r = σ(W_r x + R_r h + b_r)    z = σ(W_z x + R_z h + b_z)    n = tanh(W_n x + R_n (r ⊙ h) + b_n)
//   h′ = (1 − z) ⊙ n + z ⊙ h
//
// The product with r ⊙ h needs all of r first: two stages a step. Kept are r z n and r ⊙ h, which stays in the backward
// pass: dR of r and z comes from the hidden state entering each step, that of n from block 3.

enum ResetBeforeGRU: TwoStageKernel {
  @inline(always) static var keptGates: Int { 4 }

  enum First: RecurrentStage {
    @inline(always) static var gates: Int { 2 }
    @inline(always) static var productGates: Int { 2 }

    @inline(always)
    static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
      let r = sigmoid(sums.gate(0, place))
      memory.keep(r, 0, of: 4, place)
      let offset = memory.offset(place)
      let reset = r * place.get(memory.seen + offset, memory.paddedSize)
      place.put(reset, memory.reset + offset, memory.paddedSize)
      memory.keep(reset, 3, of: 4, place)
      let z = sigmoid(sums.gate(1, place))
      place.put(z, memory.update + offset, memory.paddedSize)
      memory.keep(z, 1, of: 4, place)
    }
  }

  enum Second: RecurrentStage {
    @inline(always) static var gates: Int { 1 }
    @inline(always) static var productGates: Int { 1 }
    @inline(always) static var firstBlock: Int { 2 }
    @inline(always) static func state(_ memory: RecurrentMemory) -> P { P(memory.reset) }

    @inline(always)
    static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
      let n = tanh(sums.gate(0, place))
      memory.keep(n, 2, of: 4, place)
      let offset = memory.offset(place)
      let z = place.get(memory.update + offset, memory.paddedSize)
      let old = place.get(memory.previous + offset, memory.paddedSize)
      memory.leave(multiplyAdd(z, old - n, n), place)
    }
  }

  static func backward(_ packed: P, _ schedule: Schedule, _ memory: BackwardMemory) {
    forEachStepBack(schedule, memory) { step, memory in
      derive(OuterDerivative.self, step, schedule, memory)
      through(
        packed, blocks: 3, firstBlock: 2, gates: 2, to: 3, step, schedule, memory, accumulate: false, memory.dReset)
      derive(ResetDerivative.self, step, schedule, memory)
      throughHidden(packed, blocks: 3, firstBlock: 0, gates: 0, to: 2, step, schedule, memory, accumulate: true)
    }
  }
}

/// From the gradient of h′ to those of z and n.
private enum OuterDerivative: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let z = memory.gate(1, place)
    let n = memory.gate(2, place)
    let old = memory.previousHidden(place)
    let dHidden = memory.gradient(place)
    memory.put(dHidden * (old - n) * (z * (1 - z)), gate: 1, place)
    memory.put(dHidden * (1 - z) * (1 - n * n), gate: 2, place)
    place.put(dHidden * z, memory.dHidden + memory.offset(place), memory.paddedSize)
  }
}

/// From the gradient of r ⊙ h, which is in `dReset`, to those of r and h.
private enum ResetDerivative: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let r = memory.gate(0, place)
    let old = memory.seen(memory.previousHidden(place), place)
    let dReset = place.get(memory.dReset + memory.offset(place), memory.paddedSize)
    memory.put(dReset * old * (r * (1 - r)), gate: 0, place)
    let dHidden = memory.dHidden + memory.offset(place)
    let dSeen = memory.seen(dReset * r, place)
    place.put(place.get(dHidden, memory.paddedSize) + dSeen, dHidden, memory.paddedSize)
  }
}
