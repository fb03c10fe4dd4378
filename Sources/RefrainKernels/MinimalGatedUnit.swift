// The minimal gated unit (Zhou, Wu, Zhang and Zhou 2016).
//
//   f = σ(W_f x + R_f h + b_f)    n = tanh(W_n x + R_n (f ⊙ h) + b_n)    h′ = (1 − f) ⊙ h + f ⊙ n
//
// The product with f ⊙ h needs all of f first: two stages a step. Kept are f n and f ⊙ h, which stays in the backward
// pass: dR of f comes from the hidden state entering each step, that of n from block 2. Block 3 is for the backward
// pass alone.

enum MinimalGatedUnit: TwoStageKernel {
  @inline(always) static var keptGates: Int { 4 }

  enum First: RecurrentStage {
    @inline(always) static var gates: Int { 1 }
    @inline(always) static var productGates: Int { 1 }

    @inline(always)
    static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
      let f = sigmoid(sums.gate(0, place))
      memory.keep(f, 0, of: 4, place)
      let offset = memory.offset(place)
      place.put(f, memory.update + offset, memory.paddedSize)
      let left = f * place.get(memory.seen + offset, memory.paddedSize)
      place.put(left, memory.reset + offset, memory.paddedSize)
      memory.keep(left, 2, of: 4, place)
    }
  }

  enum Second: RecurrentStage {
    @inline(always) static var gates: Int { 1 }
    @inline(always) static var productGates: Int { 1 }
    @inline(always) static var firstBlock: Int { 1 }
    @inline(always) static func state(_ memory: RecurrentMemory) -> P { P(memory.reset) }

    @inline(always)
    static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
      let n = tanh(sums.gate(0, place))
      memory.keep(n, 1, of: 4, place)
      let offset = memory.offset(place)
      let f = place.get(memory.update + offset, memory.paddedSize)
      let old = place.get(memory.previous + offset, memory.paddedSize)
      memory.leave(multiplyAdd(f, n - old, old), place)
    }
  }

  static func backward(_ packed: P, _ schedule: Schedule, _ memory: BackwardMemory) {
    forEachStepBack(schedule, memory) { step, memory in
      derive(OuterDerivative.self, step, schedule, memory)
      through(
        packed, blocks: 2, firstBlock: 1, gates: 1, to: 2, step, schedule, memory, accumulate: false, memory.dReset)
      derive(ForgetDerivative.self, step, schedule, memory)
      throughHidden(packed, blocks: 2, firstBlock: 0, gates: 0, to: 1, step, schedule, memory, accumulate: true)
    }
  }
}

/// From the gradient of h′ to those of n and of f, as far as it is not by f ⊙ h.
private enum OuterDerivative: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let f = memory.gate(0, place)
    let n = memory.gate(1, place)
    let old = memory.previousHidden(place)
    let dHidden = memory.gradient(place)
    memory.put(dHidden * (n - old), gate: 3, place)
    memory.put(dHidden * f * (1 - n * n), gate: 1, place)
    place.put(dHidden * (1 - f), memory.dHidden + memory.offset(place), memory.paddedSize)
  }
}

/// From the gradient of f ⊙ h, which is in `dReset`, to those of f and h.
private enum ForgetDerivative: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let f = memory.gate(0, place)
    let old = memory.seen(memory.previousHidden(place), place)
    let dLeft = place.get(memory.dReset + memory.offset(place), memory.paddedSize)
    memory.put(multiplyAdd(dLeft, old, memory.gate(3, place)) * (f * (1 - f)), gate: 0, place)
    let dHidden = memory.dHidden + memory.offset(place)
    let dSeen = memory.seen(dLeft * f, place)
    place.put(place.get(dHidden, memory.paddedSize) + dSeen, dHidden, memory.paddedSize)
  }
}
