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

  private func at(_ register: Register) -> M { bases[register.buffer] + register.column }

  /// All steps: the outputs `[B·T, H]`, and the states after each row's last step, `[rows, W]` in the schedule's order.
  mutating func forward(to output: M, final: [M]) {
    let schedule = memory.schedule
    let input = memory.input.storage
    let size = program.input.width
    for step in 0..<schedule.steps {
      enter(step)
      guard rows > 0 else { return }
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
    switch instruction.code {
    case .product: product(instruction, packed[instruction.first], bias: instruction.second)
    case .productBack: product(instruction, packedBack[instruction.first], bias: -1)
    case .unary:
      forEachRun(instruction.target, instruction.x) { count, target, x in
        kernels.unary(instruction.operation, count, x, target)
      }
    case .unaryBack:
      forEachRun(instruction.target, instruction.x, instruction.y, instruction.z) { count, target, x, y, z in
        kernels.unaryGradient(instruction.operation, count, x, y, z, target)
      }
    case .binary: binary(instruction)
    case .copy: forEachRun(instruction.target, instruction.x) { count, target, x in kernels.copy(count, x, target) }
    case .add, .subtract:
      let factor: Float = instruction.code == .add ? 1 : -1
      forEachRun(instruction.target, instruction.x) { count, target, x in kernels.addScaled(count, factor, x, target) }
    case .addToSums, .addProductToSums: addToSums(instruction)
    case .fill:
      forEachRun(instruction.target, instruction.target) { count, target, _ in
        kernels.fill(count, instruction.epsilon, target)
      }
    case .sumRow, .dotRow: reduce(instruction)
    case .normalize:
      kernels.layerNormRows(
        rows, instruction.x.width, instruction.epsilon, at(instruction.x), stride(instruction.x),
        arguments[instruction.first].pointer, arguments[instruction.second].pointer, instruction.accumulates,
        at(instruction.target), stride(instruction.target), at(instruction.y), at(instruction.w))
    case .normalizeBack:
      kernels.layerNormGradientRows(
        rows, instruction.x.width, at(instruction.x), stride(instruction.x), arguments[instruction.first].pointer,
        at(instruction.y), at(instruction.w), at(instruction.z), stride(instruction.z), at(instruction.target),
        stride(instruction.target), at(instruction.v), instruction.u.exists ? at(instruction.u) : nil,
        stride(instruction.v), StepMemory.rowsPerSum)
    case .gates: gates(instruction)
    case .gatesBack:
      kernels.recurrentGatesBackward(
        instruction.operation, 0, rows, instruction.z.width, at(instruction.w), at(instruction.y), at(instruction.y),
        stride(instruction.y), at(instruction.x), at(instruction.z))
    case .takeOutputGradient: takeOutputGradient(instruction)
    }
  }

  private func stride(_ register: Register) -> Int { strides[register.buffer] }

  private func product(_ instruction: StepInstruction, _ weights: P?, bias: Int) {
    guard let weights else { return }
    kernels.product(
      rows, instruction.target.width, instruction.x.width, at(instruction.x), stride(instruction.x), 1, nil, weights,
      bias >= 0 ? arguments[bias].pointer : nil, instruction.accumulates, at(instruction.target),
      stride(instruction.target), nil)
  }

  private func gates(_ instruction: StepInstruction) {
    let size = instruction.target.width
    let before = at(instruction.y)
    var cell = before
    if instruction.z.exists {
      cell = at(instruction.z)
      for row in 0..<rows {
        kernels.copy(size, before + row * stride(instruction.y), cell + row * stride(instruction.z))
      }
    }
    kernels.recurrentGates(
      instruction.operation, 0, rows, size, at(instruction.x), stride(instruction.x), nil, before,
      at(instruction.target), cell, instruction.w.exists ? at(instruction.w) : nil)
  }

  private func takeOutputGradient(_ instruction: StepInstruction) {
    let (target, width) = (at(instruction.target), instruction.target.width)
    let stride = strides[instruction.target.buffer]
    for (row, position) in positions.enumerated() {
      let place = target + row * stride
      switch (outputGradient, instruction.accumulates) {
      case (let gradient?, true): kernels.addScaled(width, 1, gradient + position * width, place)
      case (let gradient?, false): kernels.copy(width, gradient + position * width, place)
      case (nil, true): return
      case (nil, false): kernels.fill(width, 0, place)
      }
    }
  }

  private func binary(_ instruction: StepInstruction) {
    let width = instruction.target.width
    func operand(_ register: Register, _ argument: Int) -> (pointer: P, stride: Int, step: Int) {
      if register.exists { return (P(at(register)), strides[register.buffer], register.width == width ? 1 : 0) }
      return (arguments[argument].pointer, 0, arguments[argument].count == width ? 1 : 0)
    }
    let x = operand(instruction.x, instruction.first)
    let y = operand(instruction.y, instruction.second)
    let (target, stride) = (at(instruction.target), strides[instruction.target.buffer])
    // Where rows lie one after another, and what is given once is one number, all rows are one.
    func isWhole(_ operand: (pointer: P, stride: Int, step: Int)) -> Bool {
      operand.step == 1 ? operand.stride == stride : operand.stride == 0
    }
    let isWhole = stride == width && isWhole(x) && isWhole(y)
    kernels.binaryRows(
      instruction.operation, isWhole ? 1 : rows, isWhole ? rows * width : width, x.pointer, x.stride, x.step,
      y.pointer, y.stride, y.step, target, stride)
  }

  private func addToSums(_ instruction: StepInstruction) {
    let (width, sums) = (instruction.x.width, at(instruction.target))
    for row in 0..<rows {
      let sum = sums + row / StepMemory.rowsPerSum * stride(instruction.target)
      let x = at(instruction.x) + row * stride(instruction.x)
      if instruction.y.exists {
        kernels.sumProductRows(1, width, x, 0, at(instruction.y) + row * stride(instruction.y), 0, sum)
      } else {
        kernels.addScaled(width, 1, x, sum)
      }
    }
  }

  private func reduce(_ instruction: StepInstruction) {
    let (x, target) = (at(instruction.x), at(instruction.target))
    let width = instruction.x.width
    for row in 0..<rows {
      let values = x + row * stride(instruction.x)
      target[row * stride(instruction.target)] =
        instruction.code == .sumRow
        ? kernels.sum(width, values) : kernels.dot(width, values, at(instruction.y) + row * stride(instruction.y))
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
