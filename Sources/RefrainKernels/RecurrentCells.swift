// The recurrent kernels from outside: one function each for packing, forward and backward, for every cell.

/// The cells; kernels take the raw value, which means the same in every build.
public enum RecurrentKind: Int, CaseIterable, Sendable {
  case lstm, gru, resetBeforeGRU, tanhRNN, reluRNN, minimalGatedUnit
  case peepholeLSTM, noInputGateLSTM, noForgetGateLSTM, noOutputGateLSTM, noInputActivationLSTM,
    noOutputActivationLSTM, coupledGatesLSTM, cellUpdate
}

private func kernel(_ kind: Int) -> any RecurrentKernel.Type {
  switch RecurrentKind(rawValue: kind) {
  case .lstm: LSTM.self
  case .gru: GRU.self
  case .resetBeforeGRU: ResetBeforeGRU.self
  case .tanhRNN: TanhRNN.self
  case .reluRNN: ReluRNN.self
  case .minimalGatedUnit: MinimalGatedUnit.self
  case .peepholeLSTM: PeepholeLSTM.self
  case .noInputGateLSTM: NoInputGateLSTM.self
  case .noForgetGateLSTM: NoForgetGateLSTM.self
  case .noOutputGateLSTM: NoOutputGateLSTM.self
  case .cellUpdate: CellUpdate.self
  case .noInputActivationLSTM: NoInputActivationLSTM.self
  case .noOutputActivationLSTM: NoOutputActivationLSTM.self
  case .coupledGatesLSTM: CoupledGatesLSTM.self
  case nil: fatalError("there is no such recurrent kernel")
  }
}

/// The floats `recurrentPack` writes.
public func recurrentPackedSize(_ kind: Int, inputSize: Int, hiddenSize: Int) -> Int {
  kernel(kind).packedSize(inputSize, hiddenSize)
}

/// Packs a cell's weights for `recurrentForward`.
///
/// - weightInput: [G · H, I] and weightHidden: [G · H, H], the gates' blocks of rows in the order that the cell's file
///   gives; bias: [G · H] (the sum of both, if there are two, but for the GRU's n: the input's).
/// - stateBias: [H], of the GRU: b_hn.
/// - packed: `recurrentPackedSize` floats, written.
public func recurrentPack(
  _ kind: Int, inputSize: Int, hiddenSize: Int, weightInput: UnsafePointer<Float>,
  weightHidden: UnsafePointer<Float>, bias: UnsafePointer<Float>, stateBias: UnsafePointer<Float>?,
  packed: UnsafeMutablePointer<Float>
) {
  let weights = RecurrentWeights(
    inputSize: inputSize, hiddenSize: hiddenSize, input: weightInput, hidden: weightHidden, bias: bias,
    stateBias: stateBias)
  kernel(kind).pack(weights, packed)
}

/// All steps of a cell for the sorted rows `firstRow..<endRow` of a batch (Recurrence.swift says what a schedule is).
///
/// - rows: the rows of the whole batch.
/// - alive, offsets: [steps]; positions: [N].
/// - input: row n of the batch is I floats at input[positions[n] · inputStride].
/// - packed: from `recurrentPack`.
/// - parameters: [k, Hp], what the cell multiplies with unit by unit; nil if there are none.
/// - hidden, cell: [rows, Hp] in sorted order, zero beyond H. In: the initial state; out: that after each row's last
///   step (a row of length 0 keeps its own). A cell without a cell state does not touch the latter.
/// - scratch: [3, rows, Hp], of cells of a single stage [1, rows, Hp]; calls for different rows of one batch share it.
/// - output: row n is H floats at output[positions[n] · outputStride], written; nil if only the states are wanted.
/// - dropout: [rows, Hp] in sorted order, zero beyond H: what the hidden state is multiplied by where it enters the
///   products; nil: by nothing.
/// - keptHidden, keptOfCell: how much of the state before each step is kept, the rows `[N, H]`, `keptStride` apart (0:
///   all the same row); nil: nothing.
/// - maskScratch: [3, rows, Hp], shared as `scratch`; nil if the three above are.
/// - keptGates: [N, kept · H], the gates after their functions, as the cell's file lists them; keptCell [N, H]: the
///   cell state entering the step; for `recurrentBackward`, both nil otherwise.
///
/// No two buffers overlap.
public func recurrentForward(
  _ kind: Int, rows: Int, firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>,
  offsets: UnsafePointer<Int>, positions: UnsafePointer<Int>, inputSize: Int, hiddenSize: Int,
  input: UnsafePointer<Float>, inputStride: Int, packed: UnsafePointer<Float>, parameters: UnsafePointer<Float>?,
  hidden: UnsafeMutablePointer<Float>, cell: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
  output: UnsafeMutablePointer<Float>?, outputStride: Int, keptGates: UnsafeMutablePointer<Float>?,
  keptCell: UnsafeMutablePointer<Float>?, dropout: UnsafePointer<Float>?, keptHidden: UnsafePointer<Float>?,
  keptOfCell: UnsafePointer<Float>?, keptStride: Int, maskScratch: UnsafeMutablePointer<Float>?
) {
  let padded = paddedSize(hiddenSize)
  let masks = StateMasks(
    dropout: dropout, keptHidden: keptHidden, keptCell: keptOfCell, keptStride: keptStride, scratch: maskScratch,
    block: rows &* padded)
  let memory = RecurrentMemory(
    schedule: Schedule(
      firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions),
    firstUnit: 0, endUnit: padded, inputSize: inputSize, hiddenSize: hiddenSize, paddedSize: padded, input: input,
    inputStride: inputStride, parameters: parameters, parameterStride: padded, previous: hidden, next: scratch,
    seen: P(hidden), masks: masks, cell: cell, reset: scratch + rows &* padded, update: scratch + 2 &* rows &* padded,
    output: output,
    outputStride: outputStride, keptGates: keptGates, keptCell: keptCell)
  var sums = TileSums()
  sums.with { kernel(kind).forward(packed, memory, $0) }
}

/// One stage of one step for the units `firstUnit..<endUnit` of all rows, for threads that share a step and meet after
/// each stage. The arguments are those of `recurrentForward`, but:
///
/// - firstUnit: a multiple of `panelWidth()`; endUnit: another, or `paddedSize(hiddenSize)`.
/// - alive, offset: of this step alone.
/// - previous, next: [rows, Hp], the hidden state entering the step and the one leaving it; the caller exchanges them.
/// - scratch: [2, rows, Hp], of cells of two stages.
public func recurrentStage(
  _ kind: Int, stage: Int, rows: Int, firstUnit: Int, endUnit: Int, alive: UnsafePointer<Int>,
  offset: UnsafePointer<Int>, positions: UnsafePointer<Int>, inputSize: Int, hiddenSize: Int,
  input: UnsafePointer<Float>, inputStride: Int, packed: UnsafePointer<Float>, parameters: UnsafePointer<Float>?,
  previous: UnsafeMutablePointer<Float>, next: UnsafeMutablePointer<Float>, cell: UnsafeMutablePointer<Float>,
  scratch: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>?, outputStride: Int,
  keptGates: UnsafeMutablePointer<Float>?, keptCell: UnsafeMutablePointer<Float>?
) {
  let padded = paddedSize(hiddenSize)
  let memory = RecurrentMemory(
    schedule: Schedule(firstRow: 0, endRow: rows, steps: 1, alive: alive, offsets: offset, positions: positions),
    firstUnit: firstUnit, endUnit: endUnit, inputSize: inputSize, hiddenSize: hiddenSize, paddedSize: padded,
    input: input, inputStride: inputStride, parameters: parameters, parameterStride: padded, previous: previous,
    next: next, seen: P(previous), masks: nil, cell: cell, reset: scratch, update: scratch + rows &* padded,
    output: output, outputStride: outputStride, keptGates: keptGates, keptCell: keptCell)
  var sums = TileSums()
  sums.with { kernel(kind).forward(stage: stage, packed, memory, $0) }
}

/// The gate function of a cell of a single stage, for sums that a caller computes: rows `firstRow..<endRow` of one
/// step.
///
/// - sums: [rows, gates · H], the rows `sumsStride` apart, in the order of the cell's file; of the GRU r z n and hn.
/// - parameters: as in `recurrentForward`.
/// - previous, next: [rows, Hp], the hidden state before and after.
/// - cell: [rows, Hp]. In: the cell state before; out: after.
/// - keptGates: [rows, kept · H] or nil, for `recurrentGatesBackward`.
///
/// No two buffers overlap, but that `keptGates` may be `sums` where they are of one shape.
public func recurrentGates(
  _ kind: Int, firstRow: Int, endRow: Int, hiddenSize: Int, sums: UnsafePointer<Float>, sumsStride: Int,
  parameters: UnsafePointer<Float>?, previous: UnsafeMutablePointer<Float>, next: UnsafeMutablePointer<Float>,
  cell: UnsafeMutablePointer<Float>, keptGates: UnsafeMutablePointer<Float>?
) {
  let padded = paddedSize(hiddenSize)
  // Nothing is read through it: there are no outputs.
  guard let nothing = UnsafePointer<Int>(bitPattern: 8) else { return }
  let memory = RecurrentMemory(
    schedule: Schedule(
      firstRow: firstRow, endRow: endRow, steps: 1, alive: nothing, offsets: nothing, positions: nothing),
    firstUnit: 0, endUnit: padded, inputSize: 0, hiddenSize: hiddenSize, paddedSize: padded, input: sums,
    inputStride: 0, parameters: parameters, parameterStride: padded, previous: previous, next: next,
    seen: P(previous), masks: nil, cell: cell, reset: cell, update: cell, output: nil, outputStride: 0,
    keptGates: keptGates, keptCell: nil)
  kernel(kind).activate(sums, sumsStride, memory)
}

/// The backward pass through `recurrentGates`, of cells without parameters.
///
/// - gates: [rows, kept · H]. In: `keptGates`; out: the gradients of the sums.
/// - previous: [rows, Hp], the hidden state before, of the GRU.
/// - cell: the cell state before, its rows `cellStride` apart, of an LSTM.
/// - dHidden, dCell: [rows, Hp]. In: the gradients of the states after; out: the GRU's dHidden and an LSTM's dCell are
///   those of the state before.
public func recurrentGatesBackward(
  _ kind: Int, firstRow: Int, endRow: Int, hiddenSize: Int, gates: UnsafeMutablePointer<Float>,
  previous: UnsafePointer<Float>, cell: UnsafePointer<Float>, cellStride: Int, dHidden: UnsafeMutablePointer<Float>,
  dCell: UnsafeMutablePointer<Float>
) {
  let kernel = kernel(kind)
  let memory = BackwardMemory(
    hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), gates: gates,
    gateStride: kernel.keptGates &* hiddenSize, keptCell: cell, keptCellStride: cellStride, initial: previous,
    output: previous, outputStride: 0, dOutput: nil, dOutputStride: 0, dHidden: dHidden, dCell: dCell, dReset: dCell,
    parameters: nil, masks: nil, hasProducts: false)
  withUnsafePointer(to: endRow) { alive in
    withUnsafePointer(to: 0) { offset in
      let schedule = Schedule(
        firstRow: firstRow, endRow: endRow, steps: 1, alive: alive, offsets: offset, positions: offset)
      kernel.backward(P(gates), schedule, memory)
    }
  }
}

/// The backward pass through `recurrentForward`, for the sorted rows `firstRow..<endRow` of the same schedule.
///
/// - packedTransposed: weightHidden [G · H, H] packed by `packPanels(depth: G · H, columns: H, rowStep: H, columnStep:
///   1)`.
/// - gates: [N, kept · H]. In: `keptGates`; out: the gradients of the pre-activations, unless the cell's file says
///   more. (Then dW = gatesᵀ · input, dR = gatesᵀ · the hidden state entering each step, db = the sum of its rows, dx =
///   gates · W.)
/// - keptCell: [N, H], from the way forward.
/// - initial: [rows, Hp] in sorted order, the hidden state before the first step.
/// - output: what the way forward wrote, row n at output[positions[n] · outputStride].
/// - dOutput: row n is H floats at dOutput[positions[n] · dOutputStride]; nil if only the final state has a gradient.
/// - dHidden, dCell: [rows, Hp] in sorted order, zero beyond H. In: the gradients of the final state; out: of the
///   initial.
/// - scratch: [rows, Hp], of cells of two stages; calls for different rows of one batch share it.
/// - rows, dropout, keptHidden, keptOfCell, keptStride, maskScratch: those of the way forward. The hidden state
///   entering each step is then, for dR, that after dropout.
///
/// No two buffers overlap.
public func recurrentBackward(
  _ kind: Int, rows: Int, firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>,
  offsets: UnsafePointer<Int>, positions: UnsafePointer<Int>, hiddenSize: Int, packedTransposed: UnsafePointer<Float>,
  parameters: UnsafePointer<Float>?, gates: UnsafeMutablePointer<Float>, keptCell: UnsafePointer<Float>,
  initial: UnsafePointer<Float>, output: UnsafePointer<Float>, outputStride: Int, dOutput: UnsafePointer<Float>?,
  dOutputStride: Int, dHidden: UnsafeMutablePointer<Float>, dCell: UnsafeMutablePointer<Float>,
  scratch: UnsafeMutablePointer<Float>, dropout: UnsafePointer<Float>?, keptHidden: UnsafePointer<Float>?,
  keptOfCell: UnsafePointer<Float>?, keptStride: Int, maskScratch: UnsafeMutablePointer<Float>?
) {
  let kernel = kernel(kind)
  let masks = StateMasks(
    dropout: dropout, keptHidden: keptHidden, keptCell: keptOfCell, keptStride: keptStride, scratch: maskScratch,
    block: rows &* paddedSize(hiddenSize))
  let memory = BackwardMemory(
    hiddenSize: hiddenSize, paddedSize: paddedSize(hiddenSize), gates: gates,
    gateStride: kernel.keptGates &* hiddenSize, keptCell: keptCell, keptCellStride: hiddenSize,
    initial: initial, output: output, outputStride: outputStride, dOutput: dOutput, dOutputStride: dOutputStride,
    dHidden: dHidden, dCell: dCell,
    dReset: scratch, parameters: parameters, masks: masks,
    hasProducts: true)
  let schedule = Schedule(
    firstRow: firstRow, endRow: endRow, steps: steps, alive: alive, offsets: offsets, positions: positions)
  kernel.backward(packedTransposed, schedule, memory)
}
