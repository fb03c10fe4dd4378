// The gated recurrent unit with its reset gate after the product, as in PyTorch and cuDNN (the first version of Cho et
// al. 2014).
//
//   r = σ(W_r x + R_r h + b_r)    z = σ(W_z x + R_z h + b_z)    n = tanh(W_n x + b_n + r ⊙ (R_n h + b_hn))
//   h′ = (1 − z) ⊙ n + z ⊙ h
//
// n's two products need an accumulator each: r z n and hn, four with three products on either side.

private enum GRU: RecurrentStage, RecurrentKernel {
  @inline(always) static var gates: Int { 4 }
  @inline(always) static var productGates: Int { 3 }

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
}

/// The floats `gruPack` writes.
public func gruPackedSize(inputSize: Int, hiddenSize: Int) -> Int { GRU.packedSize(inputSize, hiddenSize) }

/// Packs a GRU's weights for `gruForward`.
///
/// - weightInput: [3H, I]; weightHidden: [3H, H]; bias: [3H]. Gate order r z n. For r and z `bias` is the sum of both
///   biases, if there are two; for n it is the input's.
/// - biasHidden: [H], b_hn, the recurrent bias of n.
/// - packed: `gruPackedSize` floats, written.
public func gruPack(
  inputSize: Int, hiddenSize: Int, weightInput: UnsafePointer<Float>, weightHidden: UnsafePointer<Float>,
  bias: UnsafePointer<Float>, biasHidden: UnsafePointer<Float>, packed: UnsafeMutablePointer<Float>
) {
  pack(GRU.self, inputSize, hiddenSize, weightInput, weightHidden, bias, biasHidden, packed)
}

/// All steps of a GRU for the sorted rows `firstRow..<endRow` of a batch. Schedule, input, packed, hidden, scratch and
/// output are as for `lstmForward`.
///
/// - keptGates: [N, 4H]: r z n and hn = R_n h + b_hn, for `gruBackward`, nil otherwise.
public func gruForward(
  firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
  positions: UnsafePointer<Int>, inputSize: Int, hiddenSize: Int, input: UnsafePointer<Float>, inputStride: Int,
  packed: UnsafePointer<Float>, hidden: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
  output: UnsafeMutablePointer<Float>?, outputStride: Int, keptGates: UnsafeMutablePointer<Float>?
) {
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  let memory = RecurrentMemory(
    schedule: schedule, inputSize: inputSize, hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), input: input,
    inputStride: inputStride, previous: hidden, next: scratch, cell: scratch, reset: scratch, output: output,
    outputStride: outputStride, keptGates: keptGates, keptCell: nil)
  var sums = TileSums()
  sums.with { gruForward(packed, memory, $0) }
}

@inline(never) func gruForward(_ packed: P, _ memory: RecurrentMemory, _ sums: M) {
  forward(GRU.self, packed, memory, sums)
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

/// The way back through `gruForward`, for the sorted rows `firstRow..<endRow` of the same schedule.
///
/// - packedTransposed: weightHidden [3H, H] packed by `packPanels(depth: 3H, columns: H, rowStep: H, columnStep: 1)`.
/// - gates: [N, 4H]. In: `keptGates`; out: the gradients of the pre-activations of r z n, and that of hn. (Then dW
///   comes from blocks 0, 1, 2 and dR from blocks 0, 1, 3; the gradient of b_hn is the sum of block 3's rows.)
/// - initial: [rows, Hp] in sorted order, the hidden state before the first step.
/// - output: what the way forward wrote, row n at output[positions[n] · outputStride].
/// - dOutput: row n is H floats at dOutput[positions[n] · dOutputStride]; nil if only the final state has a gradient.
/// - dHidden: [rows, Hp] in sorted order, zero beyond H. In: the gradient of the final state; out: of the initial one.
///
/// No two buffers overlap.
public func gruBackward(
  firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
  positions: UnsafePointer<Int>, hiddenSize: Int, packedTransposed: UnsafePointer<Float>,
  gates: UnsafeMutablePointer<Float>, initial: UnsafePointer<Float>, output: UnsafePointer<Float>, outputStride: Int,
  dOutput: UnsafePointer<Float>?, dOutputStride: Int, dHidden: UnsafeMutablePointer<Float>
) {
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  let memory = BackwardMemory(
    hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), gates: gates, gateStride: 4 &* hiddenSize,
    keptCell: nil, initial: initial, output: output, outputStride: outputStride, dOutput: dOutput,
    dOutputStride: dOutputStride, dHidden: dHidden,
    dCell: dHidden)
  var step = steps
  while step > 0 {
    step &-= 1
    derive(GRUDerivative.self, step, schedule, memory)
    through(
      packedTransposed, blocks: 3, firstBlock: 0, gates: 0, to: 2, step, schedule, memory, accumulate: true, dHidden)
    through(
      packedTransposed, blocks: 3, firstBlock: 2, gates: 3, to: 4, step, schedule, memory, accumulate: true, dHidden)
  }
}
