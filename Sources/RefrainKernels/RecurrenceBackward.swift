// The loop behind every recurrent backward kernel. At a step, from the last to the first: a cell's derivative function
// turns the gradient of the hidden state into those of the pre-activations, elementwise and in the place of the kept
// gates; then a packed product takes them through the recurrent weights to the step before. Rows that are not alive
// keep the gradient of their final state until their last step comes.

struct BackwardMemory {
  var hiddenSize: Int
  var paddedSize: Int
  /// In: the kept gates; out: the gradients of the pre-activations. [N, gateStride].
  var gates: M
  var gateStride: Int
  /// The hidden and the cell state entering a step, [N, H]; nil where a cell has no use for them.
  let keptHidden: P?
  let keptCell: P?
  /// The gradient of the outputs, its rows by position.
  let dOutput: P?
  var dOutputStride: Int
  /// The gradients of the states, [rows, Hp].
  var dHidden: M
  var dCell: M

  @inline(always) func gate(_ place: Place, _ number: Int) -> M {
    gates + (place.index &* gateStride &+ number &* hiddenSize &+ place.unit)
  }

  @inline(always) func kept(_ state: P?, _ place: Place) -> Vector {
    guard let state else { return splat(0) }
    return load(state + (place.index &* hiddenSize &+ place.unit), place.lanes)
  }

  /// The gradient of the hidden state that leaves the step: from the step after and from the output.
  @inline(always) func gradient(_ place: Place) -> Vector {
    let later = load(dHidden + (place.row &* paddedSize &+ place.unit))
    guard let dOutput else { return later }
    return later + load(dOutput + (place.position &* dOutputStride &+ place.unit), place.lanes)
  }
}

/// An elementwise part of a step backwards.
protocol Derivative {
  static func derive(_ memory: BackwardMemory, _ place: Place)
}

/// Calls `D.derive` for all units of the rows alive at `step`.
@inline(always)
func derive<D: Derivative>(_: D.Type, _ step: Int, _ schedule: Schedule, _ memory: BackwardMemory) {
  let end = schedule.end(step)
  var row = schedule.firstRow
  while row < end {
    let index = schedule.offsets[step] &+ row
    let position = schedule.positions[index]
    var vectors = Vectors(memory.hiddenSize)
    while vectors.next() {
      let unit = vectors.index
      let lanes = vectors.lanes

      D.derive(memory, Place(row: row, index: index, position: position, unit: unit, lanes: lanes))
    }
    row &+= 1
  }
}

/// target[rows, Hp] (+)= the gradients of gates `firstGate..<endGate` of the rows alive at `step`, times the blocks of
/// the recurrent weights from `firstBlock` on; `packed` holds `blocks` of them, each H deep.
@inline(always)
func through(
  _ packed: P, blocks: Int, firstBlock: Int, gates firstGate: Int, to endGate: Int, _ step: Int, _ schedule: Schedule,
  _ memory: BackwardMemory, accumulate: Bool, _ target: M
) {
  let rows = schedule.end(step) &- schedule.firstRow
  guard rows > 0 else { return }
  let row = schedule.offsets[step] &+ schedule.firstRow
  product(
    ProductOperands(
      a: memory.gates + (row &* memory.gateStride &+ firstGate &* memory.hiddenSize), aRowStep: memory.gateStride,
      aColumnStep: 1, aOffsets: nil, aIsTiled: false, packed: packed, packedDepth: blocks &* memory.hiddenSize,
      firstDepth: firstBlock &* memory.hiddenSize, depth: (endGate &- firstGate) &* memory.hiddenSize,
      columns: memory.hiddenSize, bias: nil, accumulate: accumulate,
      c: target + schedule.firstRow &* memory.paddedSize, cRowStep: memory.paddedSize, cOffsets: nil), rows: rows)
}
