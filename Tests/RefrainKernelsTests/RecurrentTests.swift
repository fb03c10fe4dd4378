import RefrainKernels
import Testing

/// A batch for the recurrent kernels, in the caller's order, with its schedule.
struct Batch {
  let cell: Cell
  let build: Int
  let inputSize: Int
  let hiddenSize: Int
  let lengths: [Int]
  let numbers: Numbers<Float>
  var steps: Int { lengths.max() ?? 0 }
  var rows: Int { lengths.count }

  // The schedule: `order` is the caller's row of every sorted row.
  let order: [Int]
  var alive: [Int] = []
  var offsets: [Int] = []
  var positions: [Int] = []

  init(_ cell: Cell, build: Int, inputSize: Int, hiddenSize: Int, lengths: [Int], reversed: Bool = false) {
    (self.cell, self.build, self.inputSize, self.hiddenSize) = (cell, build, inputSize, hiddenSize)
    self.lengths = lengths
    let steps = lengths.max() ?? 0
    let g = cell.blocks
    let scale = 1.5 / Double(inputSize + hiddenSize).squareRoot()
    numbers = Numbers(
      x: RefrainKernelsTests.numbers(lengths.count * steps * inputSize, seed: 1),
      w: RefrainKernelsTests.numbers(g * hiddenSize * inputSize, seed: 2, scale: scale),
      r: RefrainKernelsTests.numbers(g * hiddenSize * hiddenSize, seed: 3, scale: scale),
      b: RefrainKernelsTests.numbers(g * hiddenSize, seed: 4, scale: 0.3),
      bn: RefrainKernelsTests.numbers(hiddenSize, seed: 5, scale: 0.4),
      h: RefrainKernelsTests.numbers(lengths.count * hiddenSize, seed: 6, scale: 0.5),
      c: RefrainKernelsTests.numbers(lengths.count * hiddenSize, seed: 7, scale: 0.7))
    order = lengths.indices.sorted { (lengths[$0], $1) > (lengths[$1], $0) }
    for t in 0..<steps {
      let count = lengths.count { $0 > t }
      offsets.append(positions.count)
      alive.append(count)
      for r in 0..<count { positions.append(order[r] * steps + t) }
    }
  }

  struct Forward: Equatable {
    var output: [Float]
    var hidden: [Float]
    var cell: [Float]
    var gates: [Float]
    var keptCell: [Float]
  }

  /// [rows, H] in the caller's order as [rows, Hp] in sorted order.
  func sorted(_ state: [Float]) -> [Float] {
    let padded = builds[build].paddedSize(hiddenSize)
    var result = [Float](repeating: 0, count: rows * padded)
    for (r, row) in order.enumerated() {
      for u in 0..<hiddenSize { result[r * padded + u] = state[row * hiddenSize + u] }
    }
    return result
  }

  func unsorted(_ state: [Float]) -> [Float] {
    let padded = builds[build].paddedSize(hiddenSize)
    var result = [Float](repeating: 0, count: rows * hiddenSize)
    for (r, row) in order.enumerated() {
      for u in 0..<hiddenSize { result[row * hiddenSize + u] = state[r * padded + u] }
    }
    return result
  }

  /// The schedule and the weights as the kernels read them.
  private func forwardArguments(_ memory: Memory) -> RecurrentForwardArguments {
    let kernels = builds[build]
    let (i, h, n, m) = (inputSize, hiddenSize, positions.count, numbers)
    let kind = cell.rawValue
    let packed: UnsafeMutablePointer<Float> = memory(
      [Float](repeating: .nan, count: kernels.recurrentPackedSize(kind, i, h, .floats)))
    kernels.recurrentPack(
      RecurrentPackArguments(
        kind: kind, inputSize: i, hiddenSize: h, weightInput: memory(m.w), weightHidden: memory(m.r),
        bias: memory(m.b), stateBias: memory(m.bn), packed: packed))
    func zeros(_ count: Int) -> UnsafeMutablePointer<Float> { memory([Float](repeating: 0, count: count)) }
    return RecurrentForwardArguments(
      kind: kind, rows: rows,
      schedule: KernelSchedule(
        steps: steps, alive: memory(alive), offsets: memory(offsets), positions: memory(positions)), inputSize: i,
      hiddenSize: h, input: memory(m.x), inputStride: i, packed: packed, parameters: nil, hidden: memory(sorted(m.h)),
      cell: memory(sorted(m.c)), scratch: zeros(3 * rows * kernels.paddedSize(h)),
      output: zeros(rows * steps * (h + 2)), outputStride: h + 2, keptGates: zeros(n * cell.kept * h + 1),
      keptCell: zeros(n * h + 1), masks: nil)
  }

  /// Runs the forward kernel over `splits` of the sorted rows, or a stage at a time over `units`. Outputs are two
  /// floats further apart than they need to be.
  func forward(splits: [Int] = [], units: [Int]? = nil, keep: Bool = true) -> Forward {
    let kernels = builds[build]
    let (h, n, padded) = (hiddenSize, positions.count, kernels.paddedSize(hiddenSize))
    let memory = Memory()
    var arguments = forwardArguments(memory)
    let (gates, keptCell) = (arguments.keptGates!, arguments.keptCell!)
    if !keep { (arguments.keptGates, arguments.keptCell) = (nil, nil) }
    if let units {
      var (previous, next) = (arguments.hidden, arguments.scratch)
      for step in 0..<steps {
        for stage in 0..<cell.stages {
          for (first, end) in zip([0] + units, units + [padded]) {
            kernels.recurrentStage(
              arguments,
              RecurrentStageArguments(
                stage: stage, step: step, previous: previous, next: next, scratch: arguments.scratch + rows * padded),
              first, end)
          }
        }
        for unit in 0..<rows * padded where unit / padded >= alive[step] { next[unit] = previous[unit] }
        swap(&previous, &next)
      }
      for unit in 0..<rows * padded { arguments.hidden[unit] = previous[unit] }
    } else {
      for (first, end) in zip([0] + splits, splits + [rows]) { kernels.recurrentForward(arguments, first, end) }
    }
    func values(_ pointer: UnsafeMutablePointer<Float>?, _ count: Int) -> [Float] {
      Array(UnsafeBufferPointer(start: pointer, count: count))
    }
    let output = values(arguments.output, rows * steps * (h + 2))
    let (hidden, cells) = (values(arguments.hidden, rows * padded), values(arguments.cell, rows * padded))
    defer { withExtendedLifetime(memory) {} }
    var dense: [Float] = []
    for row in 0..<rows * steps {
      dense += output[row * (h + 2)..<row * (h + 2) + h]
      // The two floats between rows must stay as they were.
      if output[row * (h + 2) + h] != 0 || output[row * (h + 2) + h + 1] != 0 { dense[dense.count - 1] = .nan }
    }
    return Forward(
      output: dense, hidden: unsorted(hidden), cell: unsorted(cells), gates: values(gates, n * cell.kept * h + 1),
      keptCell: values(keptCell, n * h + 1))
  }

  /// The gradients of Σ dOutput · output + Σ dHidden · hidden + Σ dCell · cell, from the backward kernel and products.
  func backward(_ f: Forward, dOutput: [Float], dHidden: [Float], dCell: [Float], splits: [Int] = []) -> Numbers<Float>
  {
    let (i, h, n, g) = (inputSize, hiddenSize, positions.count, cell.blocks)
    let stride = cell.kept * h
    let memory = Memory()
    let packed: UnsafeMutablePointer<Float> = memory(
      [Float](repeating: .nan, count: builds[build].packedSize(g * h, h)))
    builds[build].packPanels(g * h, h, numbers.r, h, 1, packed)
    let arguments = RecurrentBackwardArguments(
      kind: cell.rawValue, rows: rows,
      schedule: KernelSchedule(
        steps: steps, alive: memory(alive), offsets: memory(offsets), positions: memory(positions)), hiddenSize: h,
      packedTransposed: packed, parameters: nil, gates: memory(f.gates), keptCell: memory(f.keptCell),
      initial: memory(sorted(numbers.h)), output: memory(f.output), outputStride: h, outputGradient: memory(dOutput),
      outputGradientStride: h, hiddenGradient: memory(sorted(dHidden)), cellGradient: memory(sorted(dCell)),
      scratch: memory(sorted(dHidden)), masks: nil)
    for (first, end) in zip([0] + splits, splits + [rows]) { builds[build].recurrentBackward(arguments, first, end) }
    func values(_ pointer: UnsafeMutablePointer<Float>, _ count: Int) -> [Float] {
      Array(UnsafeBufferPointer(start: pointer, count: count))
    }
    let padded = builds[build].paddedSize(h)
    let gates = values(arguments.gates, f.gates.count)
    let (dh, dc) = (values(arguments.hiddenGradient, rows * padded), values(arguments.cellGradient, rows * padded))
    withExtendedLifetime(memory) {}
    // The hidden state entering the step of each packed row.
    var entering: [[Float]] = []
    for step in 0..<steps {
      for r in 0..<alive[step] {
        let (row, from) = step == 0 ? (order[r], numbers.h) : (positions[offsets[step - 1] + r], f.output)
        entering.append(Array(from[row * h..<(row + 1) * h]))
      }
    }
    // What a caller does with the gradients of the pre-activations, one number at a time.
    var result = Numbers<Float>(
      x: numbers.x.map { _ in 0 }, w: numbers.w.map { _ in 0 }, r: numbers.r.map { _ in 0 },
      b: numbers.b.map { _ in 0 }, bn: numbers.bn.map { _ in 0 }, h: unsorted(dh), c: unsorted(dc))
    for row in 0..<n {
      for gate in 0..<g {
        for u in 0..<h {
          let d = gates[row * stride + gate * h + u]
          let weight = gate * h + u
          result.b[weight] += d
          for l in 0..<i {
            result.w[weight * i + l] += d * numbers.x[positions[row] * i + l]
            result.x[positions[row] * i + l] += d * numbers.w[weight * i + l]
          }
          let state = cell == .gru && gate == 2 ? gates[row * stride + 3 * h + u] : d
          for l in 0..<h {
            // The state that a second stage multiplies stands in the block after its own.
            let factor =
              gate == 0 || cell.stages == 1 || gate < g - 1 ? entering[row][l] : gates[row * stride + g * h + l]
            result.r[weight * h + l] += state * factor
          }
          if cell == .gru && gate == 2 { result.bn[u] += state }
        }
      }
    }
    return result
  }
}

@Suite struct RecurrentTests {
  static let sizes = [1, 5, 16, 17, 33, 70]
  static let lengths = [3, 0, 5, 1, 4, 4, 2, 5, 3, 0, 5, 2, 1, 5]

  static var all: [(Cell, Int)] { Cell.referenced.flatMap { cell in supportedBuilds.map { (cell, $0) } } }

  func double(_ n: Numbers<Float>) -> Numbers<Double> {
    Numbers(
      x: n.x.doubles, w: n.w.doubles, r: n.r.doubles, b: n.b.doubles, bn: n.bn.doubles, h: n.h.doubles, c: n.c.doubles)
  }

  @Test("A forward kernel agrees with the formula, on ragged batches with a carried state", arguments: all)
  func forward(cell: Cell, build: Int) {
    for h in Self.sizes {
      let batch = Batch(cell, build: build, inputSize: 7, hiddenSize: h, lengths: Self.lengths)
      let expected = reference(
        cell, double(batch.numbers), lengths: batch.lengths, steps: batch.steps, inputSize: 7, hiddenSize: h)
      let actual = batch.forward()
      #expect(difference(actual.output, expected.output) < 3e-6, "H \(h)")
      #expect(difference(actual.hidden, expected.hidden) < 3e-6, "H \(h)")
      if cell == .lstm { #expect(difference(actual.cell, expected.cell) < 3e-6, "H \(h)") }
      let lean = batch.forward(keep: false)
      #expect(lean.output == actual.output && lean.hidden == actual.hidden)
    }
  }

  @Test("A backward kernel agrees with central differences of the formula", arguments: all)
  func backward(cell: Cell, build: Int) {
    for (h, lengths) in [(1, [2, 0, 3]), (5, [3, 0, 4, 1]), (17, [2, 3]), (33, [2, 1, 2, 2, 2, 2, 2])] {
      let batch = Batch(cell, build: build, inputSize: 3, hiddenSize: h, lengths: lengths)
      let dOutput = numbers(batch.rows * batch.steps * h, seed: 8)
      let dHidden = numbers(batch.rows * h, seed: 9)
      let dCell = cell == .lstm ? numbers(batch.rows * h, seed: 10) : [Float](repeating: 0, count: batch.rows * h)
      let actual = batch.backward(batch.forward(), dOutput: dOutput, dHidden: dHidden, dCell: dCell)
      func loss(_ n: Numbers<Double>) -> Double {
        let y = reference(cell, n, lengths: lengths, steps: batch.steps, inputSize: 3, hiddenSize: h)
        var sum = 0.0
        for (a, d) in zip(y.output, dOutput) { sum += a * Double(d) }
        for (a, d) in zip(y.hidden, dHidden) { sum += a * Double(d) }
        for (a, d) in zip(y.cell, dCell) { sum += a * Double(d) }
        return sum
      }
      var n = double(batch.numbers)
      for ((name, field), (_, gradient)) in zip(Numbers<Double>.fields, Numbers<Float>.fields) {
        if name == "c" && cell != .lstm || name == "bn" && cell != .gru { continue }
        let stride = max(1, n[keyPath: field].count / 40)
        for index in Swift.stride(from: 0, to: n[keyPath: field].count, by: stride) {
          let before = n[keyPath: field][index]
          n[keyPath: field][index] = before + 1e-5
          let above = loss(n)
          n[keyPath: field][index] = before - 1e-5
          let below = loss(n)
          n[keyPath: field][index] = before
          let expected = (above - below) / 2e-5
          let error = abs(Double(actual[keyPath: gradient][index]) - expected)
          #expect(error < 2e-5 * max(1, abs(expected)), "H \(h) \(name)[\(index)]: \(expected)")
        }
      }
    }
  }

  @Test("Any split of the rows gives the same bits, forward and backward", arguments: all)
  func splits(cell: Cell, build: Int) {
    for h in [5, 33, 64] {
      let batch = Batch(cell, build: build, inputSize: 9, hiddenSize: h, lengths: Self.lengths)
      let whole = batch.forward()
      let dOutput = numbers(batch.rows * batch.steps * h, seed: 8)
      let dState = numbers(batch.rows * h, seed: 9)
      let gradient = batch.backward(whole, dOutput: dOutput, dHidden: dState, dCell: dState)
      for splits in [[1], [7], [2, 9], Array(1..<14)] {
        #expect(batch.forward(splits: splits) == whole, "H \(h) \(splits)")
        let other = batch.backward(whole, dOutput: dOutput, dHidden: dState, dCell: dState, splits: splits)
        #expect(other.x == gradient.x && other.h == gradient.h && other.r == gradient.r, "H \(h) \(splits)")
      }
    }
  }

  @Test("Any split of the units, stage by stage, gives the same bits", arguments: all)
  func units(cell: Cell, build: Int) {
    for h in [5, 64, 150] {
      let batch = Batch(cell, build: build, inputSize: 9, hiddenSize: h, lengths: Self.lengths)
      let whole = batch.forward()
      let panel = builds[build].panelWidth()
      for units in [[], [panel], Array(stride(from: panel, to: h, by: panel))] where units.allSatisfy({ $0 < h }) {
        #expect(batch.forward(units: units) == whole, "H \(h) \(units)")
      }
    }
  }

  @Test(
    "A row has the same bits alone, of which several panels go side by side, and in a tile of any height",
    arguments: RecurrentKind.allCases, supportedBuilds)
  func alone(cell: Cell, build: Int) {
    for h in [24, 100, 208] {
      let batch = Batch(cell, build: build, inputSize: 9, hiddenSize: h, lengths: [2, 3, 3, 1, 2, 3, 3, 2, 3])
      let whole = batch.forward(keep: false)
      for splits in [Array(1..<9), [2, 4], [3, 6], [4], [1], []] {
        #expect(batch.forward(splits: splits, keep: false) == whole, "H \(h) \(splits)")
      }
      guard Cell.referenced.contains(cell) else { continue }
      let kept = batch.forward()
      #expect(kept.output == whole.output && batch.forward(splits: Array(1..<9)) == kept, "H \(h)")
    }
  }

  @Test("A NaN in one row stays in that row", arguments: all)
  func poison(cell: Cell, build: Int) {
    let clean = Batch(cell, build: build, inputSize: 4, hiddenSize: 9, lengths: [3, 3, 2])
    var numbers = clean.numbers
    numbers.x[1 * 3 * 4 + 1] = .nan
    let poisoned = Batch(clean, numbers: numbers).forward()
    let whole = clean.forward()
    let size = 3 * 9
    #expect(poisoned.output[..<size] == whole.output[..<size])
    #expect(poisoned.output[(2 * size)...] == whole.output[(2 * size)...])
    let counted = poisoned.output[size..<2 * size].count { $0.isNaN }
    #expect(counted == size)
  }
}

extension Batch {
  /// The same batch with other numbers.
  init(_ other: Batch, numbers: Numbers<Float>) {
    (cell, build, inputSize, hiddenSize) = (other.cell, other.build, other.inputSize, other.hiddenSize)
    (lengths, order, self.numbers) = (other.lengths, other.order, numbers)
    (alive, offsets, positions) = (other.alive, other.offsets, other.positions)
  }
}
