// The one loop behind every recurrent kernel: over steps, over panels of units, over tiles of rows. The input's and the
// state's product run into the same accumulators, and what a cell does with them, its gate function, is all it
// supplies.
//
// A batch is a schedule. Its rows are sorted by length, longest first, so that at step s the rows 0..<alive[s] are
// alive. Packed row n = offsets[s] + r is row r at step s, and N = Σ alive[s]; positions[n] is the row of the caller's
// input and output matrices it reads and writes. Batch-first, time-first, reversed and ragged batches differ in these
// numbers alone. A call runs all steps of rows firstRow..<endRow: threads split the rows and never meet. A row's bits
// do not depend on its neighbors.

struct Schedule {
  let firstRow: Int
  let endRow: Int
  let steps: Int
  let alive: UnsafePointer<Int>
  let offsets: UnsafePointer<Int>
  let positions: UnsafePointer<Int>

  init(
    firstRow: Int, endRow: Int, steps: Int, alive: UnsafePointer<Int>, offsets: UnsafePointer<Int>,
    positions: UnsafePointer<Int>
  ) {
    (self.firstRow, self.endRow, self.steps) = (firstRow, endRow, steps)
    (self.alive, self.offsets, self.positions) = (alive, offsets, positions)
  }

  /// Some rows of the caller's schedule.
  init(_ schedule: KernelSchedule, firstRow: Int, endRow: Int) {
    self.init(
      firstRow: firstRow, endRow: endRow, steps: schedule.steps, alive: schedule.alive, offsets: schedule.offsets,
      positions: schedule.positions)
  }

  /// The end of the rows of this call that are alive at `step`, which may be below `firstRow`.
  @inline(always) func end(_ step: Int) -> Int { smaller(endRow, alive[step]) }

  /// The rows of this call that are alive at `step`.
  @inline(always) func rows(_ step: Int) -> Range<Int> {
    let end = end(step)
    return firstRow..<(end > firstRow ? end : firstRow)
  }
}

/// Where a recurrent kernel reads and writes; see `recurrentForward` for the shapes.
struct RecurrentMemory {
  /// A member, so that the compiler passes it to functions by address and not in pieces.
  var schedule: Schedule
  /// The units of this call: whole panels, but for the last.
  var firstUnit: Int
  var endUnit: Int
  var inputSize: Int
  var hiddenSize: Int
  var paddedSize: Int
  let format: RecurrentWeightFormat
  /// Where the products are of bytes or bfloat16.
  let bytes: RecurrentBytes?
  var input: P
  var inputStride: Int
  /// The factors unit by unit, [k, Hp].
  var parameters: P?
  var parameterStride: Int
  /// The hidden state entering and leaving the step, [rows, Hp]; the two change places from step to step.
  var previous: M
  var next: M
  /// The hidden state as the products see it: the one entering the step, unless some of it is dropped.
  var seen: P
  let masks: StateMasks?
  /// The cell state entering and leaving the step, [rows, Hp].
  var cell: M
  /// The values that the first stage of a step leaves for the second, [rows, Hp] each: r ⊙ h and z of the GRU with
  /// reset before the product.
  var reset: M
  var update: M
  var output: M?
  var outputStride: Int
  let keptGates: M?
  let keptCell: M?

  @inline(always) var layout: WeightLayout {
    WeightLayout(inputSize: inputSize, hiddenSize: hiddenSize, format: format)
  }

  /// Where the state of a place begins in [rows, Hp].
  @inline(always) func offset<let rows: Int>(_ place: Place<rows>) -> Int { place.row &* paddedSize &+ place.unit }

  /// One of the parameters, the same for every row, or for a single row's vectors one after another.
  @inline(always) func parameter<let rows: Int>(_ number: Int, _ place: Place<rows>) -> Rows<rows> {
    guard let parameters else { return Rows(splat(0)) }
    let parameter = parameters + (number &* parameterStride &+ place.unit)
    return place.positions == nil ? place.get(parameter, width) : Rows(load(parameter))
  }

  /// Stores the new hidden state.
  @inline(always) func leave<let rows: Int>(_ hidden: Rows<rows>, _ place: Place<rows>) {
    place.put(hidden, next + offset(place), paddedSize)
    guard let output else { return }
    if let positions = place.positions {
      place.putPart(hidden, output + place.unit, outputStride, at: positions)
    } else {
      place.put(hidden, output, outputStride)
    }
  }

  /// Keeps an activated gate, one of `count`, if that is wanted.
  @inline(always) func keep<let rows: Int>(_ gate: Rows<rows>, _ number: Int, of count: Int, _ place: Place<rows>) {
    guard let keptGates else { return }
    place.putPart(
      gate, keptGates + ((place.index &* count &+ number) &* hiddenSize &+ place.unit), count &* hiddenSize)
  }

  /// Keeps the cell state entering the step, if that is wanted.
  @inline(always) func keepCell<let rows: Int>(_ cell: Rows<rows>, _ place: Place<rows>) {
    guard let keptCell else { return }
    place.putPart(cell, keptCell + (place.index &* hiddenSize &+ place.unit), hiddenSize)
  }
}

/// A fused product and what becomes of it: sums = bias + x · W + h · R for the gates of a vector of units, then
/// `finish`.
protocol RecurrentStage {
  /// Accumulators a unit has: 1, 2 or 4. (A tile is four vectors wide: 4, 2 or 1 vectors of units.)
  static var gates: Int { get }
  /// Gates the products have: the blocks `firstBlock ..< firstBlock + productGates` of the weights. As many as
  /// accumulators, or three to four: then the state's third product runs into the fourth accumulator, apart from the
  /// input's.
  static var productGates: Int { get }
  static var firstBlock: Int { get }
  /// The factor of the recurrent weights: [rows, Hp].
  static func state(_ memory: RecurrentMemory) -> P
  /// The gate function: takes the sums and stores what follows from them.
  static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>)
}

extension RecurrentStage {
  @inline(always) static var firstBlock: Int { 0 }
  @inline(always) static func state(_ memory: RecurrentMemory) -> P { memory.seen }

  /// The packed floats of one unit: its biases, its input weights, its recurrent weights.
  @inline(always) static func unitSize(_ layout: WeightLayout) -> Int {
    gates &+ productGates &* (layout.inputFloats &+ layout.hiddenFloats)
  }

  @inline(always) static func packedSize(_ layout: WeightLayout) -> Int {
    KernelBuild.paddedSize(layout.hiddenSize) &* unitSize(layout)
  }
}

/// A cell: one stage a step, or several.
protocol RecurrentKernel {
  /// How many gates a unit keeps for the backward pass.
  static var keptGates: Int { get }
  /// The floats `pack` writes.
  static func packedSize(_ layout: WeightLayout) -> Int
  static func pack(_ weights: RecurrentWeights, _ packed: M)
  /// All steps. At the end the hidden state of every row is where it was at the start.
  static func forward(_ packed: P, _ memory: RecurrentMemory, _ sums: M)
  /// One stage of the first step, whose hidden state is left in `memory.next`.
  static func forward(stage: Int, _ packed: P, _ memory: RecurrentMemory, _ sums: M)
  /// The gate function alone, of sums [rows, gates · H], the rows `stride` apart.
  static func activate(_ sums: P, _ stride: Int, _ memory: RecurrentMemory)
  /// All steps, from the last to the first.
  static func backward(_ packed: P, _ schedule: Schedule, _ memory: BackwardMemory)
}

/// The sizes by which weights are packed.
struct WeightLayout {
  let inputSize: Int
  let hiddenSize: Int
  let format: RecurrentWeightFormat

  /// The packed floats of a unit's weights for one gate.
  @inline(always) var inputFloats: Int {
    switch format {
    case .floats, .hiddenBytes, .hiddenBFloat16: inputSize
    case .bytes: 2 &+ quantizedDepth(inputSize) / 4
    case .bfloat16: bfloat16Pairs(inputSize)
    }
  }

  @inline(always) var hiddenFloats: Int {
    switch format {
    case .floats: hiddenSize
    case .hiddenBytes, .bytes: 2 &+ quantizedDepth(hiddenSize) / 4
    case .hiddenBFloat16, .bfloat16: bfloat16Pairs(hiddenSize)
    }
  }

  /// Whether the products with the input are of floats.
  @inline(always) var hasFloatInputs: Bool { format == .floats || format == .hiddenBytes || format == .hiddenBFloat16 }
}

/// A cell's weights as the caller has them; see `recurrentPack`.
struct RecurrentWeights {
  var layout: WeightLayout
  var scales: RecurrentScales?
  var input: P
  var hidden: P
  var bias: P
  var stateBias: P?
}

/// A cell of a single stage.
extension RecurrentKernel where Self: RecurrentStage {
  static func pack(_ weights: RecurrentWeights, _ packed: M) { packStage(Self.self, weights, packed) }

  static func forward(_ packed: P, _ memory: RecurrentMemory, _ sums: M) {
    forEachStep(memory) { step, memory in run(Self.self, step, packed, memory, sums) }
  }

  static func forward(stage: Int, _ packed: P, _ memory: RecurrentMemory, _ sums: M) {
    run(Self.self, 0, packed, memory, sums)
  }

  static func activate(_ sums: P, _ stride: Int, _ memory: RecurrentMemory) {
    let size = memory.hiddenSize
    var tiles = Tiles(memory.schedule.firstRow, memory.schedule.endRow)
    while tiles.next() {
      var vectors = Vectors(size)
      while vectors.next() {
        let row = sums + (tiles.row &* stride &+ vectors.index)
        finishPlace(
          Self.self, Sums(pointer: row, stride: stride, step: size), memory,
          TilePlace(
            row: tiles.row, index: tiles.row, positions: memory.schedule.positions, previousPositions: nil,
            last: tiles.rows &- 1, unit: vectors.index, lanes: vectors.lanes))
      }
    }
  }
}

/// A cell of two stages, the second of which needs all that the first leaves.
protocol TwoStageKernel: RecurrentKernel {
  associatedtype First: RecurrentStage
  associatedtype Second: RecurrentStage
}

extension TwoStageKernel {
  static func packedSize(_ layout: WeightLayout) -> Int { First.packedSize(layout) + Second.packedSize(layout) }

  static func pack(_ weights: RecurrentWeights, _ packed: M) {
    packStage(First.self, weights, packed)
    packStage(Second.self, weights, packed + First.packedSize(weights.layout))
  }

  static func forward(_ packed: P, _ memory: RecurrentMemory, _ sums: M) {
    let second = packed + First.packedSize(memory.layout)
    forEachStep(memory) { step, memory in
      run(First.self, step, packed, memory, sums)
      run(Second.self, step, second, memory, sums)
    }
  }

  static func activate(_ sums: P, _ stride: Int, _ memory: RecurrentMemory) {
    fatalError("a cell of two stages has two gate functions")
  }

  static func forward(stage: Int, _ packed: P, _ memory: RecurrentMemory, _ sums: M) {
    if stage == 0 {
      run(First.self, 0, packed, memory, sums)
    } else {
      run(Second.self, 0, packed + First.packedSize(memory.layout), memory, sums)
    }
  }
}

/// Calls `body` for all steps, exchanging the hidden state that enters with the one that leaves.
@inline(always)
func forEachStep(_ memory: RecurrentMemory, _ body: (_ step: Int, _ memory: RecurrentMemory) -> Void) {
  var memory = memory
  let hidden = memory.previous
  for step in 0..<memory.schedule.steps {
    let end = memory.schedule.end(step)
    guard end > memory.schedule.firstRow else { return }
    let rows = memory.schedule.rows(step)
    memory.seen = P(memory.previous)
    if let masks = memory.masks {
      masks.enter(rows, memory)
      if masks.dropout != nil { memory.seen = P(masks.seen) }
    }
    body(step, memory)
    memory.masks?.leave(rows, memory.schedule.offsets[step], memory)
    if memory.next != hidden {
      // The rows that end here leave their last state in the other buffer.
      let following = step &+ 1 < memory.schedule.steps ? memory.schedule.end(step &+ 1) : 0
      var row = following > memory.schedule.firstRow ? following : memory.schedule.firstRow
      while row < end {
        KernelBuild.copy(memory.paddedSize, memory.next + row &* memory.paddedSize, hidden + row &* memory.paddedSize)
        row &+= 1
      }
    }
    let previous = memory.previous
    memory.previous = memory.next
    memory.next = previous
  }
}

/// The gate function. A function of its own: within the loops around it, it would take the compiler several times as
/// long.
@inline(never)
func finishPlace<S: RecurrentStage, let rows: Int>(
  _: S.Type, _ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>
) {
  S.finish(sums, memory, place)
}

/// One stage of one step. A function of its own: inlined into both of its callers it took the compiler a fifth longer.
@inline(never)
func run<S: RecurrentStage>(
  _: S.Type, _ step: Int, _ packed: P, _ memory: RecurrentMemory, _ sums: M
) {
  let index = memory.schedule.offsets[step]
  var unit = memory.firstUnit
  if let bytes = memory.bytes { quantizeState(S.state(memory), memory.schedule.rows(step), memory, bytes) }
  if memory.schedule.end(step) &- memory.schedule.firstRow == 1 {
    return runRow(S.self, index &+ memory.schedule.firstRow, packed, memory, sums)
  }
  while unit < memory.endUnit {
    let unitVectors = smaller(panelVectors / S.gates, (memory.paddedSize &- unit) / width)
    let panel = packed + unit &* S.unitSize(memory.layout)
    var tiles = Tiles(memory.schedule.firstRow, memory.schedule.end(step))
    while tiles.next() {
      let positions = memory.schedule.positions + (index &+ tiles.row)
      multiply(S.self, unitVectors, panel, tiles.row, tiles.rows, positions, memory, sums)
      for vector in 0..<unitVectors {
        let first = unit &+ vector &* width
        let lanes = smaller(width, memory.hiddenSize &- first)
        let own = Sums(pointer: P(sums) + vector &* S.gates &* width, stride: unitVectors &* S.gates &* width)
        finishPlace(
          S.self, own, memory,
          TilePlace(
            row: tiles.row, index: index &+ tiles.row, positions: positions, previousPositions: nil,
            last: tiles.rows &- 1, unit: first, lanes: lanes))
      }
    }
    unit &+= unitVectors &* width
  }
}

/// The sums of a panel of `unitVectors` vectors of units.
@inline(always)
func multiply<S: RecurrentStage>(
  _: S.Type, _ unitVectors: Int, _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>,
  _ memory: RecurrentMemory, _ sums: M
) {
  if let bytes = memory.bytes {
    return byteTiles(
      S.gates &* unitVectors, S.productGates &* unitVectors, panel, row, rows, positions, memory, bytes, sums)
  }
  floatTiles(
    S.gates &* unitVectors, isSplit: S.productGates != S.gates, panel, row, rows, positions, S.state(memory), memory,
    sums)
}

/// sums = bias + input · W + state · R, all floats.
@inline(always)
func floatTiles(
  _ vectors: Int, isSplit: Bool, _ panel: P, _ row: Int, _ rows: Int, _ positions: UnsafePointer<Int>, _ state: P,
  _ memory: RecurrentMemory, _ sums: M
) {
  switch vectors {
  case 1: fusedTiles1(panel, row, rows, positions, state, memory, sums)
  case 2: fusedTiles2(panel, row, rows, positions, state, memory, sums)
  case 3: fusedTiles3(panel, row, rows, positions, state, memory, sums)
  default:
    if isSplit {
      splitTiles(panel, row, rows, positions, state, memory, sums)
    } else {
      fusedTiles4(panel, row, rows, positions, state, memory, sums)
    }
  }
}

/// Packs the weights of a stage: for each panel of units the biases [unit vector][gate][width], then for every k of the
/// input and after that of the state [unit vector][gate][width]. Units beyond H are zero.
@inline(always)
func packStage<S: RecurrentStage>(_: S.Type, _ weights: RecurrentWeights, _ packed: M) {
  let (inputSize, hiddenSize) = (weights.layout.inputSize, weights.layout.hiddenSize)
  let padded = KernelBuild.paddedSize(hiddenSize)
  var unit = 0
  while unit < padded {
    let unitVectors = smaller(panelVectors / S.gates, (padded &- unit) / width)
    let biases = packed + unit &* S.unitSize(weights.layout)
    let inputs = biases + unitVectors &* S.gates &* width
    let columns = unitVectors &* S.productGates
    let states = inputs + columns &* width &* weights.layout.inputFloats
    for vector in 0..<unitVectors {
      let first = unit &+ vector &* width
      let lanes = smaller(width, hiddenSize &- first)
      for gate in 0..<S.gates {
        let block = gate < S.productGates ? weights.bias + ((S.firstBlock &+ gate) &* hiddenSize &+ first) : nil
        let source = block ?? weights.stateBias.map { $0 + first }
        store(
          source.map { load($0, lanes) } ?? splat(0), biases + (vector &* S.gates &+ gate) &* width)
      }
      for gate in 0..<S.productGates {
        let row = (S.firstBlock &+ gate) &* hiddenSize &+ first
        let column = vector &* S.productGates &+ gate
        let scales = weights.scales
        packBlock(
          inputSize, lanes, row, column, of: columns, weights.input, scales?.input,
          weights.layout.hasFloatInputs ? nil : scales?.kernels, inputs)
        packBlock(
          hiddenSize, lanes, row, column, of: columns, weights.hidden, scales?.hidden, scales?.kernels, states)
      }
    }
    unit &+= unitVectors &* width
  }
}

/// The rows from `row` on of a matrix of weights as vector `column` of a panel: floats where no `kernels` pack others.
@inline(never)
private func packBlock(
  _ depth: Int, _ lanes: Int, _ row: Int, _ column: Int, of columns: Int, _ matrix: P, _ scales: P?,
  _ kernels: (any QuantizedKernels.Type)?, _ panel: M
) {
  let source = matrix + row &* depth
  guard let kernels else {
    return packLanes(depth, lanes, source, depth, 1, panel + column &* width, columns &* width)
  }
  kernels.quantizedPack(
    QuantizedPackArguments(
      depth: depth, lanes: lanes, vectors: columns, vector: column, weights: source,
      scales: scales.map { $0 + row }, panel: panel))
}
