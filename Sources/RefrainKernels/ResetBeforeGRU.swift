// The gated recurrent unit with its reset gate before the product (Chung et al. 2014, the version of most papers).
//
//   r = σ(W_r x + R_r h + b_r)    z = σ(W_z x + R_z h + b_z)    n = tanh(W_n x + R_n (r ⊙ h) + b_n)
//   h′ = (1 − z) ⊙ n + z ⊙ h
//
// The product with r ⊙ h needs all of r first: two stages a step.

private enum Gates: RecurrentStage {
  @inline(always) static var gates: Int { 2 }
  @inline(always) static var productGates: Int { 2 }

  @inline(always)
  static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
    let r = sigmoid(sums.gate(0, place))
    memory.keep(r, 0, of: 4, place)
    let offset = memory.offset(place)
    let reset = r * place.get(memory.previous + offset, memory.paddedSize)
    place.put(reset, memory.reset + offset, memory.paddedSize)
    memory.keep(reset, 3, of: 4, place)
    let z = sigmoid(sums.gate(1, place))
    place.put(z, memory.cell + offset, memory.paddedSize)
    memory.keep(z, 1, of: 4, place)
  }
}

private enum Candidate: RecurrentStage {
  @inline(always) static var gates: Int { 1 }
  @inline(always) static var productGates: Int { 1 }
  @inline(always) static var firstBlock: Int { 2 }
  @inline(always) static func state(_ memory: RecurrentMemory) -> P { P(memory.reset) }

  @inline(always)
  static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>) {
    let n = tanh(sums.gate(0, place))
    memory.keep(n, 2, of: 4, place)
    let offset = memory.offset(place)
    let z = place.get(memory.cell + offset, memory.paddedSize)
    let old = place.get(memory.previous + offset, memory.paddedSize)
    memory.leave(multiplyAdd(z, old - n, n), place)
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
/// - keptGates: [N, 4H]: r z n and r ⊙ h, for `resetBeforeGRUBackward`, nil otherwise.
public func resetBeforeGRUForward(
  rows: Int,
  firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
  positions: UnsafePointer<Int>, inputSize: Int, hiddenSize: Int, input: UnsafePointer<Float>, inputStride: Int,
  packed: UnsafePointer<Float>, hidden: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
  output: UnsafeMutablePointer<Float>?, outputStride: Int, keptGates: UnsafeMutablePointer<Float>?
) {
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  let memory = RecurrentMemory(
    schedule: schedule, inputSize: inputSize, hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), input: input,
    inputStride: inputStride, previous: hidden, next: scratch, cell: scratch + 2 &* rows &* paddedSize(hiddenSize),
    reset: scratch + rows &* paddedSize(hiddenSize), output: output,
    outputStride: outputStride, keptGates: keptGates, keptCell: nil)
  var sums = TileSums()
  sums.with { resetBeforeGRUForward(packed, memory, $0) }
}

@inline(never)
func resetBeforeGRUForward(_ packed: P, _ memory: RecurrentMemory, _ sums: M) {
  forward(ResetBeforeGRU.self, packed, memory, sums)
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

/// From the gradient of r ⊙ h, which is in `dCell`, to those of r and h.
private enum ResetDerivative: Derivative {
  @inline(always) static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>) {
    let r = memory.gate(0, place)
    let old = memory.previousHidden(place)
    let dReset = place.get(memory.dCell + memory.offset(place), memory.paddedSize)
    memory.put(dReset * old * (r * (1 - r)), gate: 0, place)
    let dHidden = memory.dHidden + memory.offset(place)
    place.put(multiplyAdd(dReset, r, place.get(dHidden, memory.paddedSize)), dHidden, memory.paddedSize)
  }
}

/// The way back through `resetBeforeGRUForward`, for the sorted rows `firstRow..<endRow` of the same schedule.
///
/// - packedTransposed: weightHidden [3H, H] packed by `packPanels(depth: 3H, columns: H, rowStep: H, columnStep: 1)`.
/// - gates: [N, 4H]. In: `keptGates`; out: the gradients of the pre-activations of r z n; r ⊙ h in block 3 stays. (Then
///   dR of r and z comes from the hidden state entering each step, and that of n from block 3.)
/// - initial: [rows, Hp] in sorted order, the hidden state before the first step.
/// - output: what the way forward wrote, row n at output[positions[n] · outputStride].
/// - dOutput: row n is H floats at dOutput[positions[n] · dOutputStride]; nil if only the final state has a gradient.
/// - dHidden: [rows, Hp] in sorted order, zero beyond H. In: the gradient of the final state; out: of the initial one.
/// - scratch: [rows, Hp]; calls for different rows of one batch share it.
///
/// No two buffers overlap.
public func resetBeforeGRUBackward(
  firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
  positions: UnsafePointer<Int>, hiddenSize: Int, packedTransposed: UnsafePointer<Float>,
  gates: UnsafeMutablePointer<Float>, initial: UnsafePointer<Float>, output: UnsafePointer<Float>, outputStride: Int,
  dOutput: UnsafePointer<Float>?, dOutputStride: Int, dHidden: UnsafeMutablePointer<Float>,
  scratch: UnsafeMutablePointer<Float>
) {
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  let memory = BackwardMemory(
    hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), gates: gates, gateStride: 4 &* hiddenSize,
    keptCell: nil, initial: initial, output: output, outputStride: outputStride, dOutput: dOutput,
    dOutputStride: dOutputStride, dHidden: dHidden,
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
