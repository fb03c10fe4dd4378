// The long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber and Cummins 2000).
//
//   i = σ(W_i x + R_i h + b_i)    f = σ(W_f x + R_f h + b_f)
//   g = tanh(W_g x + R_g h + b_g)    o = σ(W_o x + R_o h + b_o)
//   c′ = f ⊙ c + i ⊙ g    h′ = o ⊙ tanh c′
//
// The gates' blocks of the weights lie in this order, PyTorch's.

private enum LSTM: RecurrentStage, RecurrentKernel {
  @inline(always) static var gates: Int { 4 }
  @inline(always) static var productGates: Int { 4 }

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
    if let kept = memory.keptCell {
      place.putPart(old, kept + (place.index &* memory.hiddenSize &+ place.unit), memory.hiddenSize)
    }
    let o = sigmoid(sums.gate(3, place))
    memory.keep(o, 3, of: 4, place)
    memory.leave(o * tanh(new), place)
  }
}

/// The floats `lstmPack` writes.
public func lstmPackedSize(inputSize: Int, hiddenSize: Int) -> Int { LSTM.packedSize(inputSize, hiddenSize) }

/// Packs an LSTM's weights for `lstmForward`.
///
/// - weightInput: [4H, I]; weightHidden: [4H, H]; bias: [4H] (the sum of both, if there are two). Gate order i f g o.
/// - packed: `lstmPackedSize` floats, written.
public func lstmPack(
  inputSize: Int, hiddenSize: Int, weightInput: UnsafePointer<Float>, weightHidden: UnsafePointer<Float>,
  bias: UnsafePointer<Float>, packed: UnsafeMutablePointer<Float>
) {
  pack(LSTM.self, inputSize, hiddenSize, weightInput, weightHidden, bias, nil, packed)
}

/// All steps of an LSTM for the sorted rows `firstRow..<endRow` of a batch (Recurrence.swift says what a schedule is).
///
/// - alive, offsets: [steps]; positions: [N].
/// - input: row n of the batch is I floats at input[positions[n] · inputStride].
/// - packed: from `lstmPack`.
/// - hidden, cell: [rows, Hp] in sorted order, zero beyond H. In: the initial state; out: that after each row's last
///   step (a row of length 0 keeps its own).
/// - scratch: [rows, Hp]; calls for different rows of one batch share it.
/// - output: row n is H floats at output[positions[n] · outputStride], written; nil if only the states are wanted.
/// - keptGates [N, 4H]: i f g o after their functions; keptCell [N, H]: the cell state entering the step; for
///   `lstmBackward`, both nil otherwise.
///
/// No two buffers overlap.
public func lstmForward(
  firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
  positions: UnsafePointer<Int>, inputSize: Int, hiddenSize: Int, input: UnsafePointer<Float>, inputStride: Int,
  packed: UnsafePointer<Float>, hidden: UnsafeMutablePointer<Float>, cell: UnsafeMutablePointer<Float>,
  scratch: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>?, outputStride: Int,
  keptGates: UnsafeMutablePointer<Float>?, keptCell: UnsafeMutablePointer<Float>?
) {
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  let memory = RecurrentMemory(
    schedule: schedule, inputSize: inputSize, hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), input: input,
    inputStride: inputStride, previous: hidden, next: scratch, cell: cell, reset: scratch, output: output,
    outputStride: outputStride, keptGates: keptGates, keptCell: keptCell)
  var sums = TileSums()
  sums.with { lstmForward(packed, memory, $0) }
}

@inline(never) func lstmForward(_ packed: P, _ memory: RecurrentMemory, _ sums: M) {
  forward(LSTM.self, packed, memory, sums)
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

/// The way back through `lstmForward`, for the sorted rows `firstRow..<endRow` of the same schedule.
///
/// - packedTransposed: weightHidden [4H, H] packed by `packPanels(depth: 4H, columns: H, rowStep: H, columnStep: 1)`.
/// - gates: [N, 4H]. In: `keptGates`; out: the gradients of the pre-activations. (Then dW = gatesᵀ · input, dR = gatesᵀ
///   · the hidden state entering each step, db = the sum of its rows, dx = gates · W.)
/// - keptCell: [N, H], from the way forward.
/// - dOutput: row n is H floats at dOutput[positions[n] · dOutputStride]; nil if only the final state has a gradient.
/// - dHidden, dCell: [rows, Hp] in sorted order, zero beyond H. In: the gradients of the final state; out: of the
///   initial.
///
/// No two buffers overlap.
public func lstmBackward(
  firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
  positions: UnsafePointer<Int>, hiddenSize: Int, packedTransposed: UnsafePointer<Float>,
  gates: UnsafeMutablePointer<Float>, keptCell: UnsafePointer<Float>, dOutput: UnsafePointer<Float>?,
  dOutputStride: Int, dHidden: UnsafeMutablePointer<Float>, dCell: UnsafeMutablePointer<Float>
) {
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  let memory = BackwardMemory(
    hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), gates: gates, gateStride: 4 &* hiddenSize,
    keptCell: keptCell, initial: nil, output: nil, outputStride: 0, dOutput: dOutput, dOutputStride: dOutputStride,
    dHidden: dHidden, dCell: dCell)
  var step = steps
  while step > 0 {
    step &-= 1
    derive(LSTMDerivative.self, step, schedule, memory)
    through(
      packedTransposed, blocks: 4, firstBlock: 0, gates: 0, to: 4, step, schedule, memory, accumulate: false, dHidden)
  }
}
