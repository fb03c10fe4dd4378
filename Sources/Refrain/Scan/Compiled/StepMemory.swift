import RefrainKernels

/// The memory of a program along a schedule, and what else it reads.
final class StepMemory {
  let program: StepProgram
  let schedule: Schedule
  /// How many rows of the schedule share a row of sums. Threads split the rows at multiples of this, so that the bits
  /// do not depend on their number.
  static let rowsPerSum = 4
  var sumRows: Int { (schedule.rows + Self.rowsPerSum - 1) / Self.rowsPerSum }
  /// For each buffer what it is allotted; nil where it lies in another one's memory or is given.
  private(set) var storages: [Storage?] = []
  /// The states before the first step, in the schedule's order, and the masks.
  private let initial: [Storage]
  private let masks: [Tensor]
  /// `[B·T, I]`
  private(set) var input: Tensor
  let arguments: [Tensor]
  /// The weights in the order of the product kernel, for the forward and the backward pass.
  private(set) var packed: [Int: Storage] = [:]
  /// Those of them that are bytes, or those that are bfloat16, for a scan of which nothing is recorded.
  private(set) var packedBytes: [Int: QuantizedPanels] = [:]
  private(set) var packedBack: [Int: Storage] = [:]

  init(
    _ program: StepProgram, _ schedule: Schedule, input: Tensor, states: [Tensor], masks: [Tensor],
    arguments: [Tensor]
  ) {
    self.program = program
    self.schedule = schedule
    self.input = input.detached
    self.masks = masks
    self.arguments = arguments.map(\.detached)
    initial = zip(program.states, states).map { place, state in
      let stride = program.buffers[place.buffer].stride
      return orderedRows(state, schedule.order, stride: stride, column: place.column)
    }
    for weight in program.weights {
      if Recording.current == nil, let bytes = self.arguments[weight].packedQuantized(),
        packedBytes.values.allSatisfy({ $0.products == bytes.products })
      {
        packedBytes[weight] = bytes
        continue
      }
      packed[weight] = self.arguments[weight].packed(transposed: true, forRows: schedule.alive.first ?? 0)
    }
    storages = allot(program.forward, pinned: [program.input.buffer, program.output.buffer])
  }

  /// Goes on to the next step of streams: their input `[B, I]`, and where their states are.
  func enter(input: Tensor, states: [M]) {
    self.input = input.detached
    for (index, place) in program.states.enumerated() {
      let (target, stride) = initial(index)
      for row in 0..<schedule.rows {
        kernels.copy(place.width, states[index] + row * place.width, target + row * stride)
      }
    }
  }

  /// Gives memory to the buffers of some instructions. What lives for the step alone shares memory with what is done
  /// with.
  private func allot(_ instructions: [StepInstruction], pinned: Set<Int>) -> [Storage?] {
    var result = storages + Array(repeating: nil, count: program.buffers.count - storages.count)
    var last: [Int: Int] = [:]
    for (index, instruction) in instructions.enumerated() {
      for buffer in instruction.buffers { last[buffer] = index }
    }
    var free: [Int: [Storage]] = [:]
    func take(_ buffer: Int) {
      let (stride, extent) = (program.buffers[buffer].stride, program.buffers[buffer].extent)
      guard result[buffer] == nil else { return }
      switch extent {
      case .step: result[buffer] = free[stride]?.popLast() ?? Storage(count: schedule.rows * stride)
      case .kept: result[buffer] = Storage(count: schedule.count * stride)
      case .pair: result[buffer] = Storage(count: 2 * schedule.rows * stride)
      case .sums:
        let storage = Storage(count: sumRows * stride)
        kernels.fill(storage.count, 0, storage.pointer)
        result[buffer] = storage
      case .otherOfPair(let pair): take(pair)
      case .entering, .fixed, .given: break
      }
    }
    for buffer in pinned.sorted() where buffer >= 0 { take(buffer) }
    for (index, instruction) in instructions.enumerated() {
      for buffer in instruction.buffers { take(buffer) }
      for buffer in Set(instruction.buffers).sorted()
      where last[buffer] == index && program.buffers[buffer].extent == .step && !pinned.contains(buffer) {
        if let storage = result[buffer] { free[program.buffers[buffer].stride, default: []].append(storage) }
      }
    }
    return result
  }

  /// Makes room for the backward pass.
  func prepareBackward() {
    for weight in program.weights {
      packedBack[weight] = arguments[weight].packed(transposed: false, forRows: schedule.alive.first ?? 0)
    }
    storages = allot(
      program.backward,
      pinned: Set(program.carried.map(\.buffer) + [program.inputGradient.buffer]))
  }

  /// Where the rows from `row` on of each buffer are at a step.
  func bases(step: Int, row: Int, _ bases: inout [M]) {
    for (index, buffer) in program.buffers.enumerated() { bases[index] = base(index, buffer, step: step, row: row) }
  }

  private func base(_ index: Int, _ buffer: StepBuffer, step: Int, row: Int) -> M {
    // Nothing is read or written through it.
    let nothing = M(bitPattern: 64)!
    let stride = buffer.stride
    switch buffer.extent {
    case .step: return storages[index].map { $0.pointer + row * stride } ?? nothing
    case .sums: return storages[index].map { $0.pointer + row / Self.rowsPerSum * stride } ?? nothing
    case .kept: return storages[index].map { $0.pointer + (schedule.offsets[step] + row) * stride } ?? nothing
    case .pair: return half(index, step & 1, row: row) ?? nothing
    case .otherOfPair(let pair): return half(pair, (step + 1) & 1, row: row) ?? nothing
    case .entering(let state):
      guard step > 0 else { return initial[state].pointer + row * stride }
      let place = program.states[state].buffer
      return base(place, program.buffers[place], step: step - 1, row: row)
    case .fixed(let mask): return M(mutating: masks[mask].storage.address) + row * stride
    case .given(let mask):
      return M(mutating: masks[mask].storage.address) + (schedule.offsets[step] + row) * stride
    }
  }

  /// One half of a pair of buffers.
  func half(_ buffer: Int, _ half: Int, row: Int) -> M? {
    storages[buffer].map { $0.pointer + (half * schedule.rows + row) * program.buffers[buffer].stride }
  }

  /// Where a register of some row is at a step.
  func address(_ register: Register, step: Int, row: Int) -> M {
    base(register.buffer, program.buffers[register.buffer], step: step, row: row) + register.column
  }

  func stride(_ register: Register) -> Int { program.buffers[register.buffer].stride }

  /// The register as it stands before the first step.
  func initial(_ state: Int) -> (pointer: M, stride: Int) {
    (initial[state].pointer + program.states[state].column, stride(program.states[state]))
  }
}

extension StepInstruction {
  /// The buffers it reads or writes.
  var buffers: [Int] {
    let registers: [Register?] =
      switch self {
      case .product(let x, _, _, let target, _), .productBackward(let x, _, let target, _),
        .unary(_, let x, let target),
        .fraction(let x, let target), .copy(let x, let target), .add(let x, let target), .subtract(let x, let target),
        .addToSums(let x, let target),
        .sumRow(let x, let target):
        [x, target]
      case .unaryBackward(_, let operand, let result, let gradient, let target): [operand, result, gradient, target]
      case .binary(_, let x, let y, let target): [x.register, y.register, target]
      case .select(let condition, let yes, let no, let target):
        [condition.register, yes.register, no.register, target]
      case .fill(_, let target), .takeOutputGradient(let target, _): [target]
      case .addProductToSums(let x, let y, let target), .dotRow(let x, let y, let target): [x, y, target]
      case .normalize(let norm, let target, _): [norm.operand, norm.means, norm.deviations, target]
      case .normalizeBackward(let norm, let gradient, let gainSums, let shiftSums, let target):
        [norm.operand, norm.means, gradient, norm.deviations, gainSums, shiftSums, target]
      case .gates(let gates): [gates.sums, gates.before, gates.cell, gates.kept, gates.hidden]
      case .gatesBackward(let gates, let kept, let hidden, let state): [hidden, gates.before, state, kept]
      }
    return registers.compactMap { $0?.buffer }
  }
}

/// The rows of `[B, W]` in another order, `stride` apart, each from `column` on.
func orderedRows(_ tensor: Tensor, _ order: [Int], stride: Int, column: Int = 0) -> Storage {
  let size = tensor.shape[1]
  let storage = Storage(count: order.count * stride)
  kernels.fill(storage.count, 0, storage.pointer)
  tensor.read { source in
    for (row, index) in order.enumerated() {
      kernels.copy(size, source + index * size, storage.pointer + row * stride + column)
    }
  }
  return storage
}
