// The simple recurrent network (Elman 1990): h′ = tanh(W x + R h + b), or with the rectifier in tanh's place. What is
// kept is h′.

/// One gate: a panel is four vectors of units, so that the tile is full.
enum TanhRNN: RecurrentStage, RecurrentKernel {
  @inline(always) static var gates: Int { 1 }
  @inline(always) static var productGates: Int { 1 }
  @inline(always) static var keptGates: Int { 1 }

  @inline(always)
  static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
    memory.leaveAndKeep(tanh(sums.gate(0, place)), place)
  }

  static func backward(_ packed: P, _ schedule: Schedule, _ memory: BackwardMemory) {
    elmanBackward(TanhDerivative.self, packed, schedule, memory)
  }
}

enum ReluRNN: RecurrentStage, RecurrentKernel {
  @inline(always) static var gates: Int { 1 }
  @inline(always) static var productGates: Int { 1 }
  @inline(always) static var keptGates: Int { 1 }

  @inline(always)
  static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
    memory.leaveAndKeep(atLeast(0, sums.gate(0, place)), place)
  }

  static func backward(_ packed: P, _ schedule: Schedule, _ memory: BackwardMemory) {
    elmanBackward(ReluDerivative.self, packed, schedule, memory)
  }
}

extension RecurrentMemory {
  /// `leave`; the new state is the only gate to keep.
  @inline(always) fileprivate func leaveAndKeep<let rows: Int>(_ hidden: Rows<rows>, _ place: Place<rows>) {
    leave(hidden, place)
    keep(hidden, 0, of: 1, place)
  }
}

private enum TanhDerivative: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let h = memory.gate(0, place)
    memory.put(memory.gradient(place) * (1 - h * h), gate: 0, place)
  }
}

private enum ReluDerivative: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let h = memory.gate(0, place)
    memory.put(h.map(memory.gradient(place)) { choose($0 .<= splat(0), splat(0), $1) }, gate: 0, place)
  }
}

@inline(always)
private func elmanBackward<D: Derivative>(
  _: D.Type, _ packed: P, _ schedule: Schedule, _ memory: BackwardMemory
) {
  forEachStepBack(schedule, memory) { step, memory in
    derive(D.self, step, schedule, memory)
    throughHidden(packed, blocks: 1, firstBlock: 0, gates: 0, to: 1, step, schedule, memory, accumulate: false)
  }
}
