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
  /// The cell state entering a step, [N, H], its rows `keptCellStride` apart; nil where a cell has none.
  let keptCell: P?
  let keptCellStride: Int
  /// The hidden state before the first step, [rows, Hp], and after every step, its rows by position; nil where a cell
  /// has no use for them.
  let initial: P?
  let output: P?
  var outputStride: Int
  /// The gradient of the outputs, its rows by position.
  var dOutput: P?
  var dOutputStride: Int
  /// The gradients of the states, [rows, Hp], and of what the first stage of a step leaves for the second.
  var dHidden: M
  var dCell: M
  var dReset: M
  /// The factors unit by unit, [k, Hp].
  let parameters: P?
  let masks: StateMasks?
  /// Whether the gradients go on through the recurrent weights.
  let hasProducts: Bool

  @inline(always) func parameter<let rows: Int>(_ number: Int, _ place: Place<rows>) -> Rows<rows> {
    guard let parameters else { return Rows(splat(0)) }
    return Rows(load(parameters + (number &* paddedSize &+ place.unit)))
  }

  /// Where the state of a place begins in [rows, Hp].
  @inline(always) func offset<let rows: Int>(_ place: Place<rows>) -> Int { place.row &* paddedSize &+ place.unit }

  @inline(always) func gate<let rows: Int>(_ number: Int, _ place: Place<rows>) -> Rows<rows> {
    place.getPart(gates + (place.index &* gateStride &+ number &* hiddenSize &+ place.unit), gateStride)
  }

  @inline(always) func put<let rows: Int>(_ gradient: Rows<rows>, gate number: Int, _ place: Place<rows>) {
    place.putPart(gradient, gates + (place.index &* gateStride &+ number &* hiddenSize &+ place.unit), gateStride)
  }

  /// The cell state entering the step.
  @inline(always) func previousCell<let rows: Int>(_ place: Place<rows>) -> Rows<rows> {
    guard let keptCell else { return Rows(splat(0)) }
    return place.getPart(keptCell + (place.index &* keptCellStride &+ place.unit), keptCellStride)
  }

  /// The hidden state entering the step.
  @inline(always) func previousHidden<let rows: Int>(_ place: Place<rows>) -> Rows<rows> {
    guard let initial, let output else { return Rows(splat(0)) }
    guard let positions = place.previousPositions else { return place.get(initial + offset(place), paddedSize) }
    return place.getPart(output + place.unit, outputStride, at: positions)
  }

  /// A hidden state as the products see it; or its gradient, from that of what they see.
  @inline(always) func seen<let rows: Int>(_ hidden: Rows<rows>, _ place: Place<rows>) -> Rows<rows> {
    guard let dropout = masks?.dropout else { return hidden }
    return hidden * place.get(dropout + offset(place), paddedSize)
  }

  /// The gradient of the hidden state that leaves the step: from the step after and from the output.
  @inline(always) func gradient<let rows: Int>(_ place: Place<rows>) -> Rows<rows> {
    let later = place.get(dHidden + offset(place), paddedSize)
    guard let dOutput, let positions = place.positions else { return later }
    return later + place.getPart(dOutput + place.unit, dOutputStride, at: positions)
  }
}

/// An elementwise part of a step backwards.
protocol Derivative {
  static func derive<let rows: Int>(_ memory: BackwardMemory, _ place: Place<rows>)
}

/// A function of its own: within the loops around it, it would take the compiler several times as long.
@inline(never)
private func derivePlace<D: Derivative, let rows: Int>(_: D.Type, _ memory: BackwardMemory, _ place: Place<rows>) {
  D.derive(memory, place)
}

/// Calls `D.derive` for all units of the rows alive at `step`.
@inline(always)
func derive<D: Derivative>(_: D.Type, _ step: Int, _ schedule: Schedule, _ memory: BackwardMemory) {
  let first = schedule.offsets[step]
  var tiles = Tiles(schedule.firstRow, schedule.end(step))
  while tiles.next() {
    let index = first &+ tiles.row
    let positions = schedule.positions + index
    let previous = step > 0 ? schedule.positions + (schedule.offsets[step &- 1] &+ tiles.row) : nil
    var vectors = Vectors(memory.hiddenSize)
    while vectors.next() {
      if tiles.rows == 1 {
        derivePlace(
          D.self, memory,
          Place<1>(
            row: tiles.row, index: index, positions: positions, previousPositions: previous, last: 0,
            unit: vectors.index, lanes: vectors.lanes))
      } else {
        derivePlace(
          D.self, memory,
          TilePlace(
            row: tiles.row, index: index, positions: positions, previousPositions: previous, last: tiles.rows &- 1,
            unit: vectors.index, lanes: vectors.lanes))
      }
    }
  }
}

/// Calls `body` for all steps, from the last to the first.
@inline(always)
func forEachStepBack(
  _ schedule: Schedule, _ memory: BackwardMemory, _ body: (_ step: Int, _ memory: BackwardMemory) -> Void
) {
  var step = schedule.steps
  while step > 0 {
    step &-= 1
    guard let masks = memory.masks else {
      body(step, memory)
      continue
    }
    let rows = schedule.rows(step)
    var own = memory
    if masks.enterBack(rows, schedule.offsets[step], schedule, memory) { own.dOutput = nil }
    body(step, own)
    masks.leaveBack(rows, memory)
  }
}

/// `through` to the gradient of the hidden state entering the step.
@inline(always)
func throughHidden(
  _ packed: P, blocks: Int, firstBlock: Int, gates firstGate: Int, to endGate: Int, _ step: Int, _ schedule: Schedule,
  _ memory: BackwardMemory, accumulate: Bool
) {
  guard memory.hasProducts else { return }
  guard let masks = memory.masks, masks.dropout != nil else {
    return through(
      packed, blocks: blocks, firstBlock: firstBlock, gates: firstGate, to: endGate, step, schedule, memory,
      accumulate: accumulate, memory.dHidden)
  }
  through(
    packed, blocks: blocks, firstBlock: firstBlock, gates: firstGate, to: endGate, step, schedule, memory,
    accumulate: false, masks.seen)
  masks.dropBack(schedule.rows(step), memory, accumulate: accumulate)
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
  computeProduct(
    ProductOperands(
      a: memory.gates + (row &* memory.gateStride &+ firstGate &* memory.hiddenSize), aRowStep: memory.gateStride,
      aColumnStep: 1, aOffsets: nil, aIsTiled: false, packed: packed, packedDepth: blocks &* memory.hiddenSize,
      firstDepth: firstBlock &* memory.hiddenSize, depth: (endGate &- firstGate) &* memory.hiddenSize,
      columns: memory.hiddenSize, bias: nil, accumulate: accumulate,
      c: target + schedule.firstRow &* memory.paddedSize, cRowStep: memory.paddedSize, cOffsets: nil), rows: rows)
}
