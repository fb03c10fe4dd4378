internal import CProcessor
import RefrainKernels

/// A program under way along some rows of a schedule.
struct StepRun {
  private let memory: StepMemory
  private let program: StepProgram
  /// The sorted rows of this run: threads split them and never meet.
  private let part: Range<Int>
  private let strides: [Int]
  private let arguments: [(pointer: P, count: Int)]
  /// The weights among them, as the products read them.
  private let packed: [P?]
  private let packedBack: [P?]
  private let packedBytes: [P?]
  /// The rows of a product, where there are weights of bytes or bfloat16.
  private let quantized: QuantizedRows?
  private var bases: [M]
  private var rows = 0
  /// The gradient of the outputs `[B·T, H]`, and the places of the step's rows in it.
  private var outputGradient: P?
  private var positions: ArraySlice<Int> = []

  init(_ memory: StepMemory, _ part: Range<Int>) {
    self.memory = memory
    self.part = part
    program = memory.program
    strides = program.buffers.map(\.stride)
    arguments = memory.arguments.map { ($0.storage.address, $0.count) }
    packed = memory.arguments.indices.map { memory.packed[$0]?.address }
    packedBack = memory.arguments.indices.map { memory.packedBack[$0]?.address }
    packedBytes = memory.arguments.indices.map { memory.packedBytes[$0]?.storage.address }
    let depth = memory.packedBytes.keys.map { memory.arguments[$0].shape[1] }.max()
    quantized = memory.packedBytes.values.first.flatMap { panels in
      depth.map { QuantizedRows(count: part.count, depth: $0, for: panels.products) }
    }
    bases = Array(repeating: M(bitPattern: 64)!, count: strides.count)
  }

  private mutating func enter(_ step: Int) {
    let schedule = memory.schedule
    rows = max(0, min(part.upperBound, schedule.alive[step]) - part.lowerBound)
    guard rows > 0 else { return }
    let first = schedule.offsets[step] + part.lowerBound
    positions = schedule.positions[first..<first + rows]
    memory.bases(step: step, row: part.lowerBound, &bases)
  }

  /// Has the rows of a step, in a matrix `[B·T, width]`, come near while something else is computed: they lie a
  /// sequence apart, where no processor expects them, and a cell that multiplies little waited for them a quarter of
  /// its time.
  private func prefetchRows(of step: Int, _ matrix: P, width: Int) {
    let schedule = memory.schedule
    guard schedule.steps > 1, (0..<schedule.steps).contains(step) else { return }
    let (first, end) = (part.lowerBound, min(part.upperBound, schedule.alive[step]))
    guard first < end else { return }
    for position in schedule.positions[schedule.offsets[step] + first..<schedule.offsets[step] + end] {
      let row = matrix + position * width
      for column in Swift.stride(from: 0, to: width, by: 16) { refrain_prefetch(row + column) }
    }
  }

  private func at(_ register: Register) -> M { bases[register.buffer] + register.column }

  /// All steps: the outputs `[B·T, H]`, and the states after each row's last step, `[rows, W]` in the schedule's order.
  mutating func forward(to output: M, final: [M]) {
    let schedule = memory.schedule
    let input = memory.input.storage
    let size = program.input.width
    for step in 0..<schedule.steps {
      enter(step)
      guard rows > 0 else { return }
      prefetchRows(of: step, output, width: program.output.width)
      prefetchRows(of: step + 1, input.pointer, width: size)
      let target = at(program.input)
      for (row, position) in positions.enumerated() {
        kernels.copy(size, input.pointer + position * size, target + row * strides[program.input.buffer])
      }
      for instruction in program.forward { execute(instruction) }
      let shown = at(program.output)
      for (row, position) in positions.enumerated() {
        kernels.copy(
          program.output.width, shown + row * strides[program.output.buffer], output + position * program.output.width)
      }
      // The rows that end here.
      let following = step + 1 < schedule.steps ? schedule.alive[step + 1] : 0
      for row in max(0, min(rows, following - part.lowerBound))..<rows {
        for (state, place) in program.states.enumerated() {
          kernels.copy(
            place.width, at(place) + row * strides[place.buffer], final[state] + (part.lowerBound + row) * place.width)
        }
      }
    }
  }

  /// All steps, from the last to the first.
  ///
  /// - Parameters:
  ///   - outputGradient: the gradient of the outputs, `[B·T, H]`.
  ///   - states: for each state `[rows, W]` in the schedule's order. In: the gradient of the final one; out: of the
  ///     initial.
  ///   - input: written, the gradient of the input, `[B·T, I]`, if it is wanted.
  mutating func backward(from outputGradient: P?, states: [M], input: M?) {
    let schedule = memory.schedule
    self.outputGradient = outputGradient
    for step in (0..<schedule.steps).reversed() {
      enter(step)
      guard rows > 0 else { continue }
      if let outputGradient { prefetchRows(of: step - 1, outputGradient, width: program.output.width) }
      if let input, program.inputGradient.exists {
        prefetchRows(of: step, input, width: program.inputGradient.width)
      }
      let following = step + 1 < schedule.steps ? schedule.alive[step + 1] : 0
      let ending = max(0, min(rows, following - part.lowerBound))..<rows
      for (state, place) in program.carried.enumerated() {
        for row in ending {
          kernels.copy(
            place.width, states[state] + (part.lowerBound + row) * place.width, at(place) + row * strides[place.buffer])
        }
      }
      for instruction in program.backward { execute(instruction) }
      if let input, program.inputGradient.exists {
        let source = at(program.inputGradient)
        let width = program.inputGradient.width
        for (row, position) in positions.enumerated() {
          kernels.copy(width, source + row * strides[program.inputGradient.buffer], input + position * width)
        }
      }
    }
    guard schedule.steps > 0 else { return }
    enter(0)
    for (state, place) in program.carried.enumerated() {
      guard let source = memory.half(place.buffer, 1, row: part.lowerBound) else { continue }
      for row in 0..<rows {
        kernels.copy(
          place.width, source + row * strides[place.buffer], states[state] + (part.lowerBound + row) * place.width)
      }
    }
  }

  // MARK: - Instructions

  private func execute(_ instruction: StepInstruction) {
    switch instruction {
    case .product(let x, let weight, let bias, let target, let accumulates):
      if let bytes = packedBytes[weight], let quantized {
        quantized.quantize(0..<rows, of: at(x), depth: x.width, stride: stride(x))
        quantized.multiply(
          0..<rows, bytes, 0..<target.width, depth: x.width, bias: bias.map { arguments[$0].pointer },
          accumulate: accumulates, into: at(target), stride: stride(target))
      } else {
        product(x, packed[weight], bias: bias, to: target, accumulates: accumulates)
      }
    case .productBackward(let x, let weight, let target, let accumulates):
      product(x, packedBack[weight], bias: nil, to: target, accumulates: accumulates)
    case .unary(let function, let x, let target):
      forEachRun(target, x) { count, target, x in kernels.unary(function.rawValue, count, x, target) }
    case .unaryBackward(let function, let operand, let result, let gradient, let target):
      forEachRun(target, operand, result, gradient) { count, target, x, y, dy in
        kernels.unaryGradient(function.rawValue, count, x, y, dy, target)
      }
    case .binary(let function, let x, let y, let target): binary(function, x, y, to: target)
    case .fraction(let x, let target):
      forEachRun(target, x) { count, target, x in takeFractions(count, of: x, into: target) }
    case .select(let condition, let yes, let no, let target): select(condition, yes, no, to: target)
    case .copy(let x, let target): forEachRun(target, x) { count, target, x in kernels.copy(count, x, target) }
    case .add(let x, let target):
      forEachRun(target, x) { count, target, x in kernels.addScaled(count, 1, x, target) }
    case .subtract(let x, let target):
      forEachRun(target, x) { count, target, x in kernels.addScaled(count, -1, x, target) }
    case .fill(let value, let target):
      forEachRun(target, target) { count, target, _ in kernels.fill(count, value, target) }
    case .addToSums(let x, let sums): add(x, times: nil, toSums: sums)
    case .addProductToSums(let x, let y, let sums): add(x, times: y, toSums: sums)
    case .sumRow(let x, let target):
      let (values, sums) = (at(x), at(target))
      for row in 0..<rows { sums[row * stride(target)] = kernels.sum(x.width, values + row * stride(x)) }
    case .dotRow(let x, let y, let target):
      let (values, factors, sums) = (at(x), at(y), at(target))
      for row in 0..<rows {
        sums[row * stride(target)] = kernels.dot(x.width, values + row * stride(x), factors + row * stride(y))
      }
    case .normalize(let norm, let target, let accumulates):
      kernels.layerNormRows(
        LayerNormArguments(
          rows: rows, columns: norm.operand.width, epsilon: norm.epsilon, x: at(norm.operand),
          xStride: stride(norm.operand), gain: arguments[norm.gain].pointer, shift: arguments[norm.shift].pointer,
          accumulate: accumulates, y: at(target), yStride: stride(target), means: at(norm.means),
          inverseDeviations: at(norm.deviations)))
    case .normalizeBackward(let norm, let gradient, let gainSums, let shiftSums, let target):
      kernels.layerNormGradientRows(
        LayerNormGradientArguments(
          rows: rows, columns: norm.operand.width, x: at(norm.operand), xStride: stride(norm.operand),
          gain: arguments[norm.gain].pointer, means: at(norm.means), inverseDeviations: at(norm.deviations),
          dy: at(gradient), dyStride: stride(gradient), dx: at(target), dxStride: stride(target),
          dgain: at(gainSums), dshift: shiftSums.map(at), sumStride: stride(gainSums),
          rowsPerSum: StepMemory.rowsPerSum))
    case .gates(let gates): run(gates)
    case .gatesBackward(let gates, let kept, let hidden, let state):
      kernels.recurrentGatesBackward(
        RecurrentGatesBackwardArguments(
          kind: gates.kind.rawValue, hiddenSize: state.width, gates: at(kept), previous: at(gates.before),
          cell: at(gates.before), cellStride: stride(gates.before), hiddenGradient: at(hidden),
          cellGradient: at(state)), 0, rows)
    case .takeOutputGradient(let target, let accumulates): takeOutputGradient(target, accumulates: accumulates)
    }
  }

  private func stride(_ register: Register) -> Int { strides[register.buffer] }

  private func product(_ x: Register, _ weights: P?, bias: Int?, to target: Register, accumulates: Bool) {
    guard let weights else { return }
    kernels.product(
      ProductArguments(
        rows: rows, columns: target.width, depth: x.width, a: at(x), aRowStep: stride(x), aColumnStep: 1,
        packed: weights, bias: bias.map { arguments[$0].pointer }, accumulate: accumulates, c: at(target),
        cRowStep: stride(target)))
  }

  private func run(_ gates: StepGates) {
    let size = gates.hidden.width
    let before = at(gates.before)
    var cell = before
    if let after = gates.cell {
      cell = at(after)
      for row in 0..<rows {
        kernels.copy(size, before + row * stride(gates.before), cell + row * stride(after))
      }
    }
    kernels.recurrentGates(
      RecurrentGatesArguments(
        kind: gates.kind.rawValue, hiddenSize: size, sums: at(gates.sums), sumsStride: stride(gates.sums),
        previous: before, next: at(gates.hidden), cell: cell, keptGates: gates.kept.map(at)), 0, rows)
  }

  private func takeOutputGradient(_ target: Register, accumulates: Bool) {
    let (first, width, distance) = (at(target), target.width, stride(target))
    for (row, position) in positions.enumerated() {
      let place = first + row * distance
      switch (outputGradient, accumulates) {
      case (let gradient?, true): kernels.addScaled(width, 1, gradient + position * width, place)
      case (let gradient?, false): kernels.copy(width, gradient + position * width, place)
      case (nil, true): return
      case (nil, false): kernels.fill(width, 0, place)
      }
    }
  }

  /// Where the values of an operand of that many columns lie: how far apart its rows and its columns are.
  private func operand(_ source: StepSource, width: Int) -> (pointer: P, stride: Int, step: Int) {
    switch source {
    case .rows(let register): (P(at(register)), stride(register), register.width == width ? 1 : 0)
    case .argument(let number): (arguments[number].pointer, 0, arguments[number].count == width ? 1 : 0)
    }
  }

  private func select(_ condition: StepSource, _ yes: StepSource, _ no: StepSource, to target: Register) {
    let width = target.width
    let (condition, yes, no) = (operand(condition, width: width), operand(yes, width: width), operand(no, width: width))
    for row in 0..<rows {
      selectValues(
        0..<width, (condition.pointer + row * condition.stride, condition.step),
        (yes.pointer + row * yes.stride, yes.step),
        (no.pointer + row * no.stride, no.step), into: at(target) + row * stride(target))
    }
  }

  private func binary(_ function: BinaryOperation, _ x: StepSource, _ y: StepSource, to target: Register) {
    let width = target.width
    let (x, y) = (operand(x, width: width), operand(y, width: width))
    let (first, distance) = (at(target), stride(target))
    // Where rows lie one after another, and what is given once is one number, all rows are one.
    func isWhole(_ operand: (pointer: P, stride: Int, step: Int)) -> Bool {
      operand.step == 1 ? operand.stride == distance : operand.stride == 0
    }
    let isWhole = distance == width && isWhole(x) && isWhole(y)
    kernels.binaryRows(
      BinaryRowsArguments(
        operation: function.rawValue, rows: isWhole ? 1 : rows, columns: isWhole ? rows * width : width, x: x.pointer,
        xStride: x.stride, xStep: x.step, y: y.pointer, yStride: y.stride, yStep: y.step, z: first,
        zStride: distance))
  }

  private func add(_ x: Register, times factor: Register?, toSums sums: Register) {
    let (width, values, first) = (x.width, at(x), at(sums))
    for row in Swift.stride(from: 0, to: rows, by: StepMemory.rowsPerSum) {
      let count = min(StepMemory.rowsPerSum, rows - row)
      let sum = first + row / StepMemory.rowsPerSum * stride(sums)
      if let factor {
        kernels.sumProductRows(
          count, width, values + row * stride(x), stride(x), at(factor) + row * stride(factor), stride(factor), sum)
      } else {
        kernels.sumRows(count, width, values + row * stride(x), stride(x), sum)
      }
    }
  }

  // MARK: - Rows

  /// Calls `body` for all values of registers of one width, in as few runs as they lie in.
  private func forEachRun(_ target: Register, _ x: Register, _ body: (_ count: Int, _ target: M, _ x: P) -> Void) {
    let (width, to, from) = (target.width, stride(target), stride(x))
    if to == width && from == width { return body(rows * width, at(target), at(x)) }
    for row in 0..<rows { body(width, at(target) + row * to, at(x) + row * from) }
  }

  private func forEachRun(
    _ target: Register, _ x: Register, _ y: Register, _ z: Register,
    _ body: (_ count: Int, _ target: M, _ x: P, _ y: P, _ z: P) -> Void
  ) {
    let width = target.width
    if [target, x, y, z].allSatisfy({ stride($0) == width }) {
      return body(rows * width, at(target), at(x), at(y), at(z))
    }
    for row in 0..<rows {
      body(
        width, at(target) + row * stride(target), at(x) + row * stride(x), at(y) + row * stride(y),
        at(z) + row * stride(z))
    }
  }
}
