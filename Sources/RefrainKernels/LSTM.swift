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

  @inline(always) static func finish(_ sums: P, _ memory: RecurrentMemory, _ place: Place) {
    let i = sigmoid(load(sums))
    let f = sigmoid(load(sums + width))
    let g = tanh(load(sums + 2 &* width))
    let o = sigmoid(load(sums + 3 &* width))
    let cell = memory.cell + (place.row &* memory.paddedSize &+ place.unit)
    let old = load(cell)
    let new = multiplyAdd(f, old, i * g)
    store(new, cell)
    memory.leave(o * tanh(new), place)
    memory.keep(place, i, f, g, o)
    if let kept = memory.keptCell {
      store(old, kept + (place.index &* memory.hiddenSize &+ place.unit), place.lanes)
    }
  }
}

extension RecurrentMemory {
  /// Stores the new hidden state, and keeps the one that entered the step if that is wanted.
  @inline(always) func leave(_ hidden: Vector, _ place: Place) {
    let offset = place.row &* paddedSize &+ place.unit
    store(hidden, next + offset)
    store(hidden, output + (place.position &* outputStride &+ place.unit), place.lanes)
    if let keptHidden {
      store(load(previous + offset), keptHidden + (place.index &* hiddenSize &+ place.unit), place.lanes)
    }
  }

  /// Keeps four activated gates, if that is wanted.
  @inline(always) func keep(_ place: Place, _ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector) {
    guard let keptGates else { return }
    let first = keptGates + (place.index &* 4 &* hiddenSize &+ place.unit)
    store(a, first, place.lanes)
    store(b, first + hiddenSize, place.lanes)
    store(c, first + 2 &* hiddenSize, place.lanes)
    store(d, first + 3 &* hiddenSize, place.lanes)
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
/// - output: row n is H floats at output[positions[n] · outputStride], written.
/// - keptGates [N, 4H]: i f g o after their functions; keptHidden, keptCell [N, H]: the state entering the step; for
///   `lstmBackward`, all nil otherwise.
///
/// No two buffers overlap.
public func lstmForward(
  firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
  positions: UnsafePointer<Int>, inputSize: Int, hiddenSize: Int, input: UnsafePointer<Float>, inputStride: Int,
  packed: UnsafePointer<Float>, hidden: UnsafeMutablePointer<Float>, cell: UnsafeMutablePointer<Float>,
  scratch: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>, outputStride: Int,
  keptGates: UnsafeMutablePointer<Float>?, keptHidden: UnsafeMutablePointer<Float>?,
  keptCell: UnsafeMutablePointer<Float>?
) {
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  let memory = RecurrentMemory(
    schedule: schedule, inputSize: inputSize, hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), input: input,
    inputStride: inputStride, previous: hidden, next: scratch, cell: cell, reset: scratch, output: output,
    outputStride: outputStride, keptGates: keptGates, keptHidden: keptHidden, keptCell: keptCell)
  var sums = TileSums()
  sums.with { lstmForward(packed, memory, $0) }
}

@inline(never) func lstmForward(_ packed: P, _ memory: RecurrentMemory, _ sums: M) {
  forward(LSTM.self, packed, memory, sums)
}

private enum LSTMDerivative: Derivative {
  @inline(always) static func derive(_ memory: BackwardMemory, _ place: Place) {
    let i = load(memory.gate(place, 0), place.lanes)
    let f = load(memory.gate(place, 1), place.lanes)
    let g = load(memory.gate(place, 2), place.lanes)
    let o = load(memory.gate(place, 3), place.lanes)
    let old = memory.kept(memory.keptCell, place)
    let squashed = tanh(multiplyAdd(f, old, i * g))
    let dHidden = memory.gradient(place)
    let cell = memory.dCell + (place.row &* memory.paddedSize &+ place.unit)
    let dCell = load(cell) + dHidden * o * (1 - squashed * squashed)
    store(dCell * g * (i * (1 - i)), memory.gate(place, 0), place.lanes)
    store(dCell * old * (f * (1 - f)), memory.gate(place, 1), place.lanes)
    store(dCell * i * (1 - g * g), memory.gate(place, 2), place.lanes)
    store(dHidden * squashed * (o * (1 - o)), memory.gate(place, 3), place.lanes)
    store(dCell * f, cell)
  }
}

/// The way back through `lstmForward`, for the sorted rows `firstRow..<endRow` of the same schedule.
///
/// - packedTransposed: weightHidden [4H, H] packed by `packPanels(depth: 4H, columns: H, rowStep: H, columnStep: 1)`.
/// - gates: [N, 4H]. In: `keptGates`; out: the gradients of the pre-activations. (Then dW = gatesᵀ · input, dR = gatesᵀ
///   · keptHidden, db = the sum of its rows, dx = gates · W.)
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
    keptHidden: nil, keptCell: keptCell, dOutput: dOutput, dOutputStride: dOutputStride, dHidden: dHidden, dCell: dCell)
  var step = steps
  while step > 0 {
    step &-= 1
    derive(LSTMDerivative.self, step, schedule, memory)
    through(
      packedTransposed, blocks: 4, firstBlock: 0, gates: 0, to: 4, step, schedule, memory, accumulate: false, dHidden)
  }
}
