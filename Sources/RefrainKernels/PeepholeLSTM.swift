// The long short-term memory with diagonal peepholes (Gers and Schmidhuber 2000), and its variants by Greff et al.
// 2015, each with one thing left out.
//
//   i = σ(W_i x + R_i h + p_i ⊙ c + b_i)    f = σ(W_f x + R_f h + p_f ⊙ c + b_f)
//   g = tanh(W_g x + R_g h + b_g)    c′ = f ⊙ c + i ⊙ g
//   o = σ(W_o x + R_o h + p_o ⊙ c′ + b_o)    h′ = o ⊙ tanh c′
//
// The blocks of the weights lie in the order i f g o, without those that a variant does not have; so do the parameters
// p. Kept are the blocks in this order and c′, by which the gradient of p_o is multiplied; those of p_i and p_f are by
// the cell state entering the step.

protocol PeepholeVariant: RecurrentStage, RecurrentKernel {
  static var hasInputGate: Bool { get }
  static var hasForgetGate: Bool { get }
  static var hasOutputGate: Bool { get }
  /// Whether f = 1 − i.
  static var isCoupled: Bool { get }
  /// Whether g goes through tanh, and c′ on its way out.
  static var squashesInput: Bool { get }
  static var squashesOutput: Bool { get }
}

extension PeepholeVariant {
  @inline(always) static var hasInputGate: Bool { true }
  @inline(always) static var hasForgetGate: Bool { true }
  @inline(always) static var hasOutputGate: Bool { true }
  @inline(always) static var isCoupled: Bool { false }
  @inline(always) static var squashesInput: Bool { true }
  @inline(always) static var squashesOutput: Bool { true }

  @inline(always) static var gates: Int { candidate &+ (hasOutputGate ? 2 : 1) }
  @inline(always) static var productGates: Int { gates }
  @inline(always) static var keptGates: Int { gates &+ 1 }
  /// The blocks; the gates' parameters bear the same numbers, the output gate's one less.
  @inline(always) static var forget: Int { hasInputGate ? 1 : 0 }
  @inline(always) static var candidate: Int { forget &+ (hasForgetGate ? 1 : 0) }
  @inline(always) static var output: Int { candidate &+ 1 }

  @inline(always)
  static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
    let cell = memory.cell + memory.offset(place)
    let old = place.get(cell, memory.paddedSize)
    memory.keepCell(old, place)
    let sum = sums.gate(candidate, place)
    let g = squashesInput ? tanh(sum) : sum
    memory.keep(g, candidate, of: keptGates, place)
    var new = g
    if hasInputGate {
      let i = sigmoid(multiplyAdd(memory.parameter(0, place), old, sums.gate(0, place)))
      memory.keep(i, 0, of: keptGates, place)
      new = i * g
      if isCoupled { new = multiplyAdd(1 - i, old, new) }
    }
    if hasForgetGate {
      let f = sigmoid(multiplyAdd(memory.parameter(forget, place), old, sums.gate(forget, place)))
      memory.keep(f, forget, of: keptGates, place)
      new = multiplyAdd(f, old, new)
    } else if !isCoupled {
      new = old + new
    }
    place.put(new, cell, memory.paddedSize)
    memory.keep(new, gates, of: keptGates, place)
    let shown = squashesOutput ? tanh(new) : new
    if hasOutputGate {
      let o = sigmoid(multiplyAdd(memory.parameter(output &- 1, place), new, sums.gate(output, place)))
      memory.keep(o, output, of: keptGates, place)
      memory.leave(o * shown, place)
    } else {
      memory.leave(shown, place)
    }
  }

  static func backward(_ packed: P, _ schedule: Schedule, _ memory: BackwardMemory) {
    forEachStepBack(schedule, memory) { step, memory in
      derive(PeepholeDerivative<Self>.self, step, schedule, memory)
      throughHidden(
        packed, blocks: gates, firstBlock: 0, gates: 0, to: gates, step, schedule, memory, accumulate: false)
    }
  }
}

private enum PeepholeDerivative<V: PeepholeVariant>: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let new = memory.gate(V.gates, place)
    let old = memory.previousCell(place)
    let g = memory.gate(V.candidate, place)
    let cell = memory.dCell + memory.offset(place)
    let dHidden = memory.gradient(place)
    let shown = V.squashesOutput ? tanh(new) : new
    var dShown = dHidden
    var dNew = place.get(cell, memory.paddedSize)
    if V.hasOutputGate {
      let o = memory.gate(V.output, place)
      let dOutput = dHidden * shown * (o * (1 - o))
      memory.put(dOutput, gate: V.output, place)
      dNew = multiplyAdd(memory.parameter(V.output &- 1, place), dOutput, dNew)
      dShown = dHidden * o
    }
    dNew = dNew + (V.squashesOutput ? dShown * (1 - shown * shown) : dShown)
    var dCandidate = dNew
    var dOld = dNew
    if V.hasInputGate {
      let i = memory.gate(0, place)
      let dInput = dNew * (V.isCoupled ? g - old : g) * (i * (1 - i))
      memory.put(dInput, gate: 0, place)
      dCandidate = dNew * i
      if V.isCoupled { dOld = dNew * (1 - i) }
      if V.hasForgetGate { dOld = dNew * memory.gate(V.forget, place) }
      dOld = multiplyAdd(memory.parameter(0, place), dInput, dOld)
    } else if V.hasForgetGate {
      dOld = dNew * memory.gate(V.forget, place)
    }
    if V.hasForgetGate {
      let f = memory.gate(V.forget, place)
      let dForget = dNew * old * (f * (1 - f))
      memory.put(dForget, gate: V.forget, place)
      dOld = multiplyAdd(memory.parameter(V.forget, place), dForget, dOld)
    }
    memory.put(V.squashesInput ? dCandidate * (1 - g * g) : dCandidate, gate: V.candidate, place)
    place.put(dOld, cell, memory.paddedSize)
  }
}

enum PeepholeLSTM: PeepholeVariant {}

enum NoInputGateLSTM: PeepholeVariant {
  @inline(always) static var hasInputGate: Bool { false }
}

enum NoForgetGateLSTM: PeepholeVariant {
  @inline(always) static var hasForgetGate: Bool { false }
}

enum NoOutputGateLSTM: PeepholeVariant {
  @inline(always) static var hasOutputGate: Bool { false }
}

/// The update of the cell state alone: h′ = c′. For `recurrentGates`.
enum CellUpdate: PeepholeVariant {
  @inline(always) static var hasOutputGate: Bool { false }
  @inline(always) static var squashesOutput: Bool { false }
}

enum NoInputActivationLSTM: PeepholeVariant {
  @inline(always) static var squashesInput: Bool { false }
}

enum NoOutputActivationLSTM: PeepholeVariant {
  @inline(always) static var squashesOutput: Bool { false }
}

enum CoupledGatesLSTM: PeepholeVariant {
  @inline(always) static var hasForgetGate: Bool { false }
  @inline(always) static var isCoupled: Bool { true }
}
