// The one loop behind every recurrent kernel: over steps, over panels of units, over tiles of rows. The input's and the
// state's product run into the same accumulators, and what a cell does with them, its gate function, is all it
// supplies.
//
// A batch is a schedule. Its rows are sorted by length, longest first, so that at step s the rows 0..<alive[s] are
// alive. Packed row n = offsets[s] + r is row r at step s, and N = Σ alive[s]; positions[n] is the row of the caller's
// input and output matrices it reads and writes. Batch-first, time-first, reversed and ragged batches differ in these
// numbers alone. A call runs all steps of rows firstRow..<endRow: threads split the rows and never meet. A row's bits
// do not depend on its neighbours.

struct Schedule {
  let firstRow: Int
  let endRow: Int
  let steps: Int
  let alive: UnsafePointer<Int>
  let offsets: UnsafePointer<Int>
  let positions: UnsafePointer<Int>

  /// The end of the rows of this call that are alive at `step`, which may be below `firstRow`.
  @inline(always) func end(_ step: Int) -> Int { smaller(endRow, alive[step]) }
}

/// Where a recurrent kernel reads and writes; see `lstmForward` for the shapes.
struct RecurrentMemory {
  /// In here, so that the compiler does not take it apart when it hands it to a function.
  var schedule: Schedule
  var inputSize: Int
  var hiddenSize: Int
  var paddedSize: Int
  var input: P
  var inputStride: Int
  /// The hidden state entering and leaving the step, [rows, Hp]; the two change places from step to step.
  var previous: M
  var next: M
  /// The cell state, [rows, Hp]; the GRU with reset before the product keeps its z here.
  var cell: M
  /// r ⊙ h of the GRU with reset before the product, [rows, Hp].
  var reset: M
  let output: M?
  var outputStride: Int
  let keptGates: M?
  let keptCell: M?

  /// Where the state of a place begins in [rows, Hp].
  @inline(always) func offset<let rows: Int>(_ place: Place<rows>) -> Int { place.row &* paddedSize &+ place.unit }

  /// Stores the new hidden state.
  @inline(always) func leave<let rows: Int>(_ hidden: Rows<rows>, _ place: Place<rows>) {
    place.put(hidden, next + offset(place), paddedSize)
    if let output { place.putPart(hidden, output + place.unit, outputStride, at: place.positions) }
  }

  /// Keeps an activated gate, one of `count`, if that is wanted.
  @inline(always) func keep<let rows: Int>(_ gate: Rows<rows>, _ number: Int, of count: Int, _ place: Place<rows>) {
    guard let keptGates else { return }
    place.putPart(
      gate, keptGates + ((place.index &* count &+ number) &* hiddenSize &+ place.unit), count &* hiddenSize)
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
  /// What is multiplied with the recurrent weights: [rows, Hp].
  static func state(_ memory: RecurrentMemory) -> P
  /// The gate function: takes the sums and stores what follows from them.
  static func finish<let rows: Int>(_ sums: Sums, _ memory: RecurrentMemory, _ place: Place<rows>)
}

extension RecurrentStage {
  @inline(always) static var firstBlock: Int { 0 }
  @inline(always) static func state(_ memory: RecurrentMemory) -> P { P(memory.previous) }

  /// The packed floats of one unit: its biases, its input weights, its recurrent weights.
  @inline(always) static func unitSize(_ inputSize: Int, _ hiddenSize: Int) -> Int {
    gates &+ productGates &* (inputSize &+ hiddenSize)
  }

  @inline(always) static func packedSize(_ inputSize: Int, _ hiddenSize: Int) -> Int {
    paddedSize(hiddenSize) &* unitSize(inputSize, hiddenSize)
  }
}

/// What happens at one step of a cell: one stage, or several.
protocol RecurrentKernel {
  static func step(_ step: Int, _ packed: P, _ memory: RecurrentMemory, _ sums: M)
}

/// A cell of a single stage.
extension RecurrentKernel where Self: RecurrentStage {
  @inline(always)
  static func step(_ step: Int, _ packed: P, _ memory: RecurrentMemory, _ sums: M) {
    run(Self.self, step, packed, memory, sums)
  }
}

/// All steps of a cell. At the end the hidden state of every row is where it was at the start.
@inline(always)
func forward<C: RecurrentKernel>(
  _: C.Type, _ packed: P, _ memory: RecurrentMemory, _ sums: M
) {
  var memory = memory
  let hidden = memory.previous
  for step in 0..<memory.schedule.steps {
    let end = memory.schedule.end(step)
    guard end > memory.schedule.firstRow else { return }
    C.step(step, packed, memory, sums)
    if memory.next != hidden {
      // The rows that end here leave their last state in the other buffer.
      let following = step &+ 1 < memory.schedule.steps ? memory.schedule.end(step &+ 1) : 0
      var row = following > memory.schedule.firstRow ? following : memory.schedule.firstRow
      while row < end {
        copy(memory.paddedSize, memory.next + row &* memory.paddedSize, hidden + row &* memory.paddedSize)
        row &+= 1
      }
    }
    let previous = memory.previous
    memory.previous = memory.next
    memory.next = previous
  }
}

/// One stage of one step.
@inline(always)
func run<S: RecurrentStage>(
  _: S.Type, _ step: Int, _ packed: P, _ memory: RecurrentMemory, _ sums: M
) {
  let index = memory.schedule.offsets[step]
  var unit = 0
  while unit < memory.paddedSize {
    let unitVectors = smaller(panelVectors / S.gates, (memory.paddedSize &- unit) / width)
    let panel = packed + unit &* S.unitSize(memory.inputSize, memory.hiddenSize)
    var tiles = Tiles(memory.schedule.firstRow, memory.schedule.end(step))
    while tiles.next() {
      let positions = memory.schedule.positions + (index &+ tiles.row)
      switch S.gates &* unitVectors {
      case 1: fusedTiles1(panel, tiles.row, tiles.rows, positions, S.state(memory), memory, sums)
      case 2: fusedTiles2(panel, tiles.row, tiles.rows, positions, S.state(memory), memory, sums)
      case 3: fusedTiles3(panel, tiles.row, tiles.rows, positions, S.state(memory), memory, sums)
      default:
        if S.productGates == S.gates {
          fusedTiles4(panel, tiles.row, tiles.rows, positions, S.state(memory), memory, sums)
        } else {
          splitTiles(panel, tiles.row, tiles.rows, positions, S.state(memory), memory, sums)
        }
      }
      for vector in 0..<unitVectors {
        let first = unit &+ vector &* width
        let lanes = smaller(width, memory.hiddenSize &- first)
        let own = Sums(pointer: P(sums) + vector &* S.gates &* width, stride: unitVectors &* S.gates &* width)
        if tiles.rows == 1 {
          S.finish(
            own, memory,
            Place<1>(
              row: tiles.row, index: index &+ tiles.row, positions: positions, previousPositions: nil, last: 0,
              unit: first, lanes: lanes))
        } else {
          S.finish(
            own, memory,
            TilePlace(
              row: tiles.row, index: index &+ tiles.row, positions: positions, previousPositions: nil,
              last: tiles.rows &- 1, unit: first, lanes: lanes))
        }
      }
    }
    unit &+= unitVectors &* width
  }
}

/// Packs the weights of a stage: for each panel of units the biases [unit vector][gate][width], then for every k of the
/// input and after that of the state [unit vector][gate][width]. Units beyond H are zero.
///
/// - weightInput: [G · H, I] and weightHidden: [G · H, H], the gates' blocks of rows one after another.
/// - bias: [G · H]; stateBias: [H], the bias of the accumulator that the state's product has for itself.
@inline(always)
func pack<S: RecurrentStage>(
  _: S.Type, _ inputSize: Int, _ hiddenSize: Int, _ weightInput: P, _ weightHidden: P, _ bias: P, _ stateBias: P?,
  _ packed: M
) {
  let padded = paddedSize(hiddenSize)
  var unit = 0
  while unit < padded {
    let unitVectors = smaller(panelVectors / S.gates, (padded &- unit) / width)
    let biases = packed + unit &* S.unitSize(inputSize, hiddenSize)
    let inputs = biases + unitVectors &* S.gates &* width
    let stride = unitVectors &* S.productGates &* width
    let states = inputs + inputSize &* stride
    for vector in 0..<unitVectors {
      let first = unit &+ vector &* width
      let lanes = smaller(width, hiddenSize &- first)
      for gate in 0..<S.gates {
        let block = gate < S.productGates ? bias + ((S.firstBlock &+ gate) &* hiddenSize &+ first) : nil
        let source = block ?? stateBias.map { $0 + first }
        store(
          source.map { load($0, lanes) } ?? splat(0), biases + (vector &* S.gates &+ gate) &* width)
      }
      for gate in 0..<S.productGates {
        let row = (S.firstBlock &+ gate) &* hiddenSize &+ first
        let column = (vector &* S.productGates &+ gate) &* width
        packLanes(inputSize, lanes, weightInput + row &* inputSize, inputSize, 1, inputs + column, stride)
        packLanes(hiddenSize, lanes, weightHidden + row &* hiddenSize, hiddenSize, 1, states + column, stride)
      }
    }
    unit &+= unitVectors &* width
  }
}
