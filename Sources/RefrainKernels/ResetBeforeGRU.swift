// The gated recurrent unit with its reset gate before the product (Chung et al. 2014, the version of most papers).
//
//   r = σ(W_r x + R_r h + b_r)    z = σ(W_z x + R_z h + b_z)    n = tanh(W_n x + R_n (r ⊙ h) + b_n)
//   h′ = (1 − z) ⊙ n + z ⊙ h
//
// The product with r ⊙ h needs all of r first: two stages a step.

private enum Gates: RecurrentStage {
  @inline(always) static var gates: Int { 2 }
  @inline(always) static var productGates: Int { 2 }

  @inline(always) static func finish(_ sums: P, _ memory: RecurrentMemory, _ place: Place) {
    let r = sigmoid(load(sums))
    let z = sigmoid(load(sums + width))
    let offset = place.row &* memory.paddedSize &+ place.unit
    let reset = r * load(memory.previous + offset)
    store(reset, memory.reset + offset)
    store(z, memory.cell + offset)
    if let kept = memory.keptGates {
      let first = kept + (place.index &* 4 &* memory.hiddenSize &+ place.unit)
      store(r, first, place.lanes)
      store(reset, first + 3 &* memory.hiddenSize, place.lanes)
    }
  }
}

private enum Candidate: RecurrentStage {
  @inline(always) static var gates: Int { 1 }
  @inline(always) static var productGates: Int { 1 }
  @inline(always) static var firstBlock: Int { 2 }
  @inline(always) static func state(_ memory: RecurrentMemory) -> P { P(memory.reset) }

  @inline(always) static func finish(_ sums: P, _ memory: RecurrentMemory, _ place: Place) {
    let n = tanh(load(sums))
    let offset = place.row &* memory.paddedSize &+ place.unit
    let z = load(memory.cell + offset)
    memory.leave(multiplyAdd(z, load(memory.previous + offset) - n, n), place)
    if let kept = memory.keptGates {
      let first = kept + (place.index &* 4 &* memory.hiddenSize &+ place.unit)
      store(z, first + memory.hiddenSize, place.lanes)
      store(n, first + 2 &* memory.hiddenSize, place.lanes)
    }
  }
}

private enum ResetBeforeGRU: RecurrentKernel {
  @inline(always)
  static func step(_ step: Int, _ packed: P, _ memory: RecurrentMemory, _ sums: M) {
    run(Gates.self, step, packed, memory, sums)
    let candidate = packed + Gates.packedSize(memory.inputSize, memory.hiddenSize)
    run(Candidate.self, step, candidate, memory, sums)
  }
}

/// The floats `resetBeforeGRUPack` writes.
public func resetBeforeGRUPackedSize(inputSize: Int, hiddenSize: Int) -> Int {
  Gates.packedSize(inputSize, hiddenSize) + Candidate.packedSize(inputSize, hiddenSize)
}

/// Packs the weights of a GRU with its reset before the product for `resetBeforeGRUForward`.
///
/// - weightInput: [3H, I]; weightHidden: [3H, H]; bias: [3H]. Gate order r z n.
/// - packed: `resetBeforeGRUPackedSize` floats, written.
public func resetBeforeGRUPack(
  inputSize: Int, hiddenSize: Int, weightInput: UnsafePointer<Float>, weightHidden: UnsafePointer<Float>,
  bias: UnsafePointer<Float>, packed: UnsafeMutablePointer<Float>
) {
  pack(Gates.self, inputSize, hiddenSize, weightInput, weightHidden, bias, nil, packed)
  pack(
    Candidate.self, inputSize, hiddenSize, weightInput, weightHidden, bias, nil,
    packed + Gates.packedSize(inputSize, hiddenSize))
}

/// All steps of a GRU with its reset before the product, for the sorted rows `firstRow..<endRow` of a batch. Schedule,
/// input, packed, hidden and output are as for `lstmForward`.
///
/// - rows: the rows of the whole batch.
/// - scratch: [3, rows, Hp]; calls for different rows of one batch share it.
/// - keptGates: [N, 4H]: r z n and r ⊙ h; keptHidden: [N, H]: the hidden state entering the step; both for
///   `resetBeforeGRUBackward`, nil otherwise.
public func resetBeforeGRUForward(
  rows: Int,
  firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
  positions: UnsafePointer<Int>, inputSize: Int, hiddenSize: Int, input: UnsafePointer<Float>, inputStride: Int,
  packed: UnsafePointer<Float>, hidden: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
  output: UnsafeMutablePointer<Float>, outputStride: Int, keptGates: UnsafeMutablePointer<Float>?,
  keptHidden: UnsafeMutablePointer<Float>?
) {
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  let memory = RecurrentMemory(
    schedule: schedule, inputSize: inputSize, hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), input: input,
    inputStride: inputStride, previous: hidden, next: scratch, cell: scratch + 2 &* rows &* paddedSize(hiddenSize),
    reset: scratch + rows &* paddedSize(hiddenSize), output: output,
    outputStride: outputStride, keptGates: keptGates, keptHidden: keptHidden, keptCell: nil)
  var sums = TileSums()
  sums.with { resetBeforeGRUForward(packed, memory, $0) }
}

@inline(never)
func resetBeforeGRUForward(_ packed: P, _ memory: RecurrentMemory, _ sums: M) {
  forward(ResetBeforeGRU.self, packed, memory, sums)
}

/// From the gradient of h′ to those of z and n.
private enum OuterDerivative: Derivative {
  @inline(always) static func derive(_ memory: BackwardMemory, _ place: Place) {
    let z = load(memory.gate(place, 1), place.lanes)
    let n = load(memory.gate(place, 2), place.lanes)
    let old = memory.kept(memory.keptHidden, place)
    let dHidden = memory.gradient(place)
    store(dHidden * (old - n) * (z * (1 - z)), memory.gate(place, 1), place.lanes)
    store(dHidden * (1 - z) * (1 - n * n), memory.gate(place, 2), place.lanes)
    store(dHidden * z, memory.dHidden + (place.row &* memory.paddedSize &+ place.unit))
  }
}

/// From the gradient of r ⊙ h, which is in `dCell`, to those of r and h.
private enum ResetDerivative: Derivative {
  @inline(always) static func derive(_ memory: BackwardMemory, _ place: Place) {
    let r = load(memory.gate(place, 0), place.lanes)
    let old = memory.kept(memory.keptHidden, place)
    let offset = place.row &* memory.paddedSize &+ place.unit
    let dReset = load(memory.dCell + offset, place.lanes)
    store(dReset * old * (r * (1 - r)), memory.gate(place, 0), place.lanes)
    store(multiplyAdd(dReset, r, load(memory.dHidden + offset)), memory.dHidden + offset)
  }
}

/// The way back through `resetBeforeGRUForward`, for the sorted rows `firstRow..<endRow` of the same schedule.
///
/// - packedTransposed: weightHidden [3H, H] packed by `packPanels(depth: 3H, columns: H, rowStep: H, columnStep: 1)`.
/// - gates: [N, 4H]. In: `keptGates`; out: the gradients of the pre-activations of r z n; r ⊙ h in block 3 stays. (Then
///   dR of r and z comes from keptHidden, and that of n from block 3.)
/// - keptHidden: [N, H], from the way forward.
/// - dOutput: row n is H floats at dOutput[positions[n] · dOutputStride]; nil if only the final state has a gradient.
/// - dHidden: [rows, Hp] in sorted order, zero beyond H. In: the gradient of the final state; out: of the initial one.
/// - scratch: [rows, Hp]; calls for different rows of one batch share it.
///
/// No two buffers overlap.
public func resetBeforeGRUBackward(
  firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
  positions: UnsafePointer<Int>, hiddenSize: Int, packedTransposed: UnsafePointer<Float>,
  gates: UnsafeMutablePointer<Float>, keptHidden: UnsafePointer<Float>, dOutput: UnsafePointer<Float>?,
  dOutputStride: Int, dHidden: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
) {
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  let memory = BackwardMemory(
    hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), gates: gates, gateStride: 4 &* hiddenSize,
    keptHidden: keptHidden, keptCell: nil, dOutput: dOutput, dOutputStride: dOutputStride, dHidden: dHidden,
    dCell: scratch)
  var step = steps
  while step > 0 {
    step &-= 1
    derive(OuterDerivative.self, step, schedule, memory)
    through(
      packedTransposed, blocks: 3, firstBlock: 2, gates: 2, to: 3, step, schedule, memory, accumulate: false, scratch)
    derive(ResetDerivative.self, step, schedule, memory)
    through(
      packedTransposed, blocks: 3, firstBlock: 0, gates: 0, to: 2, step, schedule, memory, accumulate: true, dHidden)
  }
}
