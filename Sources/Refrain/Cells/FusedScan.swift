// What all fused scans share: memory, threads, and the matrix products of the backward pass. A cell adds its kernel calls
// (`…Cell+Fused.swift`), and the tests hold the result equal to the readable `step`.

/// A schedule as the kernels read it.
struct ScheduleView {
  let steps: Int
  let alive: UnsafePointer<Int>
  let offsets: UnsafePointer<Int>
  let positions: UnsafePointer<Int>
}

extension Schedule {
  func withView<Result>(_ body: (ScheduleView) -> Result) -> Result {
    alive.withUnsafeBufferPointer { alive in
      offsets.withUnsafeBufferPointer { offsets in
        positions.withUnsafeBufferPointer { positions in
          // An empty array has no address; nothing is read through these then.
          let nothing = UnsafePointer<Int>(bitPattern: 8)!
          return body(
            ScheduleView(
              steps: steps, alive: alive.baseAddress ?? nothing, offsets: offsets.baseAddress ?? nothing,
              positions: positions.baseAddress ?? nothing))
        }
      }
    }
  }
}

/// The memory of a forward scan. States are `[B, padded H]` in the schedule's order; kept values are in packed rows.
struct ForwardBuffers {
  let rows: Int
  let input: P
  let packed: P
  /// In: the initial state; out: the final one.
  let hidden: M
  let cell: M
  let scratch: M
  let output: M
  /// `[N, keptBlocks · H]`, the activated gates, or nil when nothing is to be differentiated.
  let gates: M?
  /// `[N, H]`, the cell state entering each step.
  let keptCell: M?
}

/// The memory of a backward scan.
struct BackwardBuffers {
  let packed: P
  /// In: the activated gates; out: the gradients of the sums before activation.
  let gates: M
  let keptCell: P
  /// `[B, padded H]` in the schedule's order, the hidden state before the first step.
  let initial: P
  /// `[B·T, H]`, the hidden states after.
  let output: P
  /// `[B·T, H]`, or nil when no output was used.
  let outputGradient: P?
  /// In: the gradient of the final state; out: of the initial one.
  let hidden: M
  let cell: M
  let scratch: M
}

/// What a backward scan leaves for the gradients of the weights.
struct KeptSteps {
  /// What stood before some weights at every step: where its `[N]` rows begin, and how many values each has.
  struct Operand {
    let rows: [P]
    let size: Int
  }

  let schedule: Schedule
  let hiddenSize: Int
  /// `[N, blocks · H]`
  let gates: P
  let blocks: Int
  /// The input of each step.
  let input: Operand
  /// The hidden state entering each step.
  let hidden: Operand

  /// - Parameters:
  ///   - input: `[B·T, I]`.
  ///   - initial: `[B, padded H]` in the schedule's order.
  ///   - output: `[B·T, H]`.
  init(
    schedule: Schedule, gates: P, blocks: Int, input: P, inputSize: Int, initial: P, output: P, hiddenSize: Int
  ) {
    self.schedule = schedule
    self.hiddenSize = hiddenSize
    self.gates = gates
    self.blocks = blocks
    self.input = Operand(rows: schedule.positions.map { input + $0 * inputSize }, size: inputSize)
    var hidden: [P] = []
    hidden.reserveCapacity(schedule.count)
    let padded = kernels.paddedSize(hiddenSize)
    for (step, alive) in schedule.alive.enumerated() {
      for row in 0..<alive {
        hidden.append(
          step == 0
            ? initial + row * padded
            : output + schedule.positions[schedule.offsets[step - 1] + row] * hiddenSize)
      }
    }
    self.hidden = Operand(rows: hidden, size: hiddenSize)
  }

  /// A block of what was kept, as an operand.
  func block(_ block: Int) -> Operand {
    Operand(
      rows: (0..<schedule.count).map { P(gates) + ($0 * blocks + block) * hiddenSize }, size: hiddenSize)
  }

  /// For each operand and the gates whose sums it went into: the gradient of the weights `[gates · H, size]` and that of
  /// a bias beside it, `[gates · H]`.
  func gradients(_ products: [(operand: Operand, gates: [Int])]) -> [(weight: Tensor, bias: Tensor)] {
    // Transposed, [size + 1, gates · H], the last row for the bias: the gates' rows, of which there are more, then take
    // the cheaper place in the product.
    let sums = products.map { Storage(count: ($0.operand.size + 1) * $0.gates.count * hiddenSize) }
    let work = schedule.count * products.reduce(0) { $0 + $1.operand.size * $1.gates.count }
    parallel(hiddenSize, grain: max(16, 1 << 18 / max(work, 1)), multiple: 16) { columns in
      addProducts(products, columns, sums.map(\.pointer))
    }
    let result = zip(products, sums).map { product, sums in
      let (size, columns) = (product.operand.size, product.gates.count * hiddenSize)
      let weight = Tensor([columns, size]) { target in
        parallel(columns, grain: max(16, 1 << 16 / size), multiple: 16) { part in
          kernels.transpose(
            size, part.count, sums.pointer + part.lowerBound, columns, target + part.lowerBound * size, size)
        }
      }
      return (weight, Tensor([columns]) { kernels.copy(columns, sums.pointer + size * columns, $0) })
    }
    withExtendedLifetime(sums) {}
    return result
  }

  /// Columns `columns` of every gate.
  private func addProducts(
    _ products: [(operand: Operand, gates: [Int])], _ columns: Range<Int>, _ sums: [M]
  ) {
    let block = kernels.longDepthBlock()
    let panels = kernels.packedSize(block, columns.count)
    let packed = Storage(count: blocks * panels)
    let tiles = Storage(count: block * kernels.tiledColumns() + 16)
    let used = Set(products.flatMap(\.gates))
    // At least once, so that the sums of no steps are zero.
    for start in stride(from: 0, through: max(0, schedule.count - 1), by: block) {
      let depth = min(block, schedule.count - start)
      for gate in used {
        kernels.packPanels(
          depth, columns.count, gates + (start * blocks + gate) * hiddenSize + columns.lowerBound, blocks * hiddenSize,
          1, packed.pointer + gate * panels)
      }
      for (product, sums) in zip(products, sums) {
        let stride = product.gates.count * hiddenSize
        let rows = product.operand.size + 1
        for first in Swift.stride(from: 0, to: rows, by: kernels.tiledColumns()) {
          let end = min(rows, first + kernels.tiledColumns())
          product.operand.rows.withUnsafeBufferPointer { rows in
            guard let rows = rows.baseAddress else { return }
            kernels.packTiles(depth, product.operand.size, first, end, rows + start, tiles.pointer)
          }
          for (index, gate) in product.gates.enumerated() {
            kernels.productTiled(
              end - first, columns.count, depth, tiles.pointer, packed.pointer + gate * panels, start > 0,
              sums + first * stride + index * hiddenSize + columns.lowerBound, stride)
          }
        }
      }
    }
    withExtendedLifetime((packed, tiles)) {}
  }
}

/// A cell with kernels for its whole scan.
protocol FusedCell: RecurrentCell {
  /// How many blocks of **H** values a step keeps for the backward pass.
  static var keptBlocks: Int { get }
  /// How many of these, from the first, are sums of the input: the rows of `weightInput` over **H**.
  static var inputBlocks: Int { get }

  /// How many times `[B, padded H]` floats the kernels need besides.
  static var scratchBlocks: Int { get }

  var weightInput: Tensor { get }
  var weightHidden: Tensor { get }
  var biases: (Tensor, Tensor?) { get }

  /// The weights in the order in which the forward kernel reads them.
  func packForward() -> Storage
  /// The forward kernel on ordered rows `rows`.
  func forward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: ForwardBuffers)
  /// The backward kernel on ordered rows `rows`.
  func backward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: BackwardBuffers)
  /// The gradients of the cell's tensors, in the order of its walk.
  func gradients(_ kept: KeptSteps) -> [Tensor]
}

extension FusedCell {
  static var scratchBlocks: Int { 1 }

  private func packedForward(isKept: Bool) -> Storage {
    weightHidden.storage.form(Self.name, with: weightInput, biases.0, biases.1, isKept: isKept, make: packForward)
  }

  /// The recurrent weights in the order in which the backward kernels read them.
  private func packBackward() -> Storage {
    let rows = weightHidden.shape[0]
    let packed = Storage(count: kernels.packedSize(rows, hiddenSize))
    weightHidden.read { kernels.packPanels(rows, hiddenSize, $0, hiddenSize, 1, packed.pointer) }
    return packed
  }

  private func makeScratch(_ batch: Int) -> Storage {
    Storage(count: Self.scratchBlocks * batch * kernels.paddedSize(hiddenSize))
  }

  public func scan(
    _ input: Tensor, from state: State, along schedule: Schedule
  ) -> (outputs: Tensor, state: State) {
    let (batch, size, count) = (schedule.batch, hiddenSize, schedule.count)
    require(
      input.shape == [batch, schedule.time, inputSize],
      "\(Self.name): the input has shape \(input.shape), expected [\(batch), \(schedule.time), \(inputSize)]")
    let states = state.tensors
    for tensor in states {
      require(
        tensor.shape == [batch, size], "\(Self.name): the state has shape \(tensor.shape), expected [\(batch), \(size)]"
      )
    }
    let arguments = tensors + [input] + states
    let tape = Tape.current.flatMap { tape in arguments.contains { tape.slot(of: $0) != nil } ? tape : nil }

    let packed = packedForward(isKept: tape == nil)
    let carried = states.map { paddedRows($0, schedule.order) }
    let scratch = makeScratch(batch)
    let gates = tape.map { _ in Storage(count: count * Self.keptBlocks * size) }
    let initial = tape.map { _ in paddedRows(states[0], schedule.order) }
    let keptCell = tape.flatMap { _ in states.count > 1 ? Storage(count: count * size) : nil }
    let outputs = Tensor([batch, schedule.time, size]) { output in
      if count < batch * schedule.time { kernels.fill(batch * schedule.time * size, 0, output) }
      input.read { input in
        let buffers = ForwardBuffers(
          rows: batch, input: input, packed: packed.pointer, hidden: carried[0].pointer,
          cell: carried[carried.count - 1].pointer, scratch: scratch.pointer, output: output, gates: gates?.pointer,
          keptCell: keptCell?.pointer)
        schedule.withView { view in
          parallel(self.parts(of: schedule)) { forward($0, view, buffers) }
        }
      }
    }
    let final = carried.map { unpaddedRows($0, schedule.ranks, size: size) }
    withExtendedLifetime((packed, carried, scratch, gates, keptCell)) {}
    guard let tape, let gates, let initial else { return (outputs, state.replacingTensors(final)) }

    let recorded = tape.record([outputs] + final, from: arguments) { gradients in
      let packed = packBackward()
      let scratch = makeScratch(batch)
      let carried = gradients.dropFirst().map { gradient in
        paddedRows(gradient ?? .zeros([batch, size]), schedule.order)
      }
      let zero = Storage.empty
      let weights = read(input, outputs) { input, output in
        func run(_ outputGradient: P?) {
          let buffers = BackwardBuffers(
            packed: packed.pointer, gates: gates.pointer, keptCell: (keptCell ?? zero).pointer,
            initial: initial.pointer, output: output, outputGradient: outputGradient, hidden: carried[0].pointer,
            cell: carried[carried.count - 1].pointer, scratch: scratch.pointer)
          schedule.withView { view in
            parallel(self.parts(of: schedule)) { backward($0, view, buffers) }
          }
        }
        if let gradient = gradients[0] { gradient.read { run($0) } } else { run(nil) }
        return self.gradients(
          KeptSteps(
            schedule: schedule, gates: gates.pointer, blocks: Self.keptBlocks, input: input, inputSize: inputSize,
            initial: initial.pointer, output: output, hiddenSize: size))
      }
      let inputGradient = tape.slot(of: input).map { _ in self.inputGradient(schedule, gates) }
      withExtendedLifetime((packed, carried, keptCell, scratch, initial)) {}
      return weights + [inputGradient] + carried.map { unpaddedRows($0, schedule.ranks, size: size) }
    }
    return (recorded[0], state.replacingTensors(Array(recorded.dropFirst())))
  }

  /// One step by the kernel, without a tape, in place, and without memory but what is kept from step to step.
  public func advance(_ state: inout State, with input: Tensor) {
    let (batch, size) = (input.shape[0], hiddenSize)
    guard Tape.current == nil, (1...identityCount).contains(batch) else {
      state = step(project(input), state)
      return
    }
    require(
      input.shape == [batch, inputSize],
      "\(Self.name): the input has shape \(input.shape), expected [B, \(inputSize)]")
    let packed = packedForward(isKept: true)
    let padded = kernels.paddedSize(size)
    // The kernels' scratch, the outputs, and where the states' rows are not whole vectors, a copy of these.
    let isPadded = padded != size
    let block = batch * padded
    let (memory, capacity) = BufferPool.shared.take((Self.scratchBlocks + (isPadded ? 3 : 1)) * block)
    defer { BufferPool.shared.give(memory, capacity) }
    let copies = memory + (Self.scratchBlocks + 1) * block
    var states: (M, M) = (copies, copies)
    var count = 0
    state.forEachTensor { _, tensor in
      require(
        tensor.shape == [batch, size],
        "\(Self.name): the state has shape \(tensor.shape), expected [\(batch), \(size)]")
      var place = tensor.write { $0 }
      if isPadded {
        let copy = copies + count * block
        kernels.fill(block, 0, copy)
        for row in 0..<batch { kernels.copy(size, place + row * size, copy + row * padded) }
        place = copy
      }
      if count == 0 { states.0 = place }
      states.1 = place
      count += 1
    }
    withUnsafePointer(to: batch) { alive in
      withUnsafePointer(to: 0) { offsets in
        input.read { input in
          let view = ScheduleView(steps: 1, alive: alive, offsets: offsets, positions: identity)
          let buffers = ForwardBuffers(
            rows: batch, input: input, packed: packed.pointer, hidden: states.0, cell: states.1,
            scratch: memory + block, output: memory, gates: nil, keptCell: nil)
          let work = size * (inputSize + size)
          if batch == 1 || batch * work < 1 << 19 {
            forward(0..<batch, view, buffers)
          } else {
            parallel(batch, grain: max(1, 1 << 18 / work), multiple: 6) { forward($0, view, buffers) }
          }
        }
      }
    }
    if isPadded {
      count = 0
      state.forEachTensor { _, tensor in
        let copy = copies + count * block
        tensor.write { place in
          for row in 0..<batch { kernels.copy(size, copy + row * padded, place + row * size) }
        }
        count += 1
      }
    }
    withExtendedLifetime((packed, state)) {}
  }

  /// How the ordered rows are shared between threads; a small scan stays on one.
  private func parts(of schedule: Schedule) -> [Range<Int>] {
    let work = schedule.count * hiddenSize * (inputSize + hiddenSize)
    return schedule.split(threads: min(Parallelism.threads, max(1, work >> 18)))
  }

  /// The gradient of the input `[B, T, I]`: the gates' gradients times the input weights, each row to its place.
  private func inputGradient(_ schedule: Schedule, _ gates: Storage) -> Tensor {
    let (rows, columns, depth) = (schedule.count, inputSize, Self.inputBlocks * hiddenSize)
    let stride = Self.keptBlocks * hiddenSize
    var result = Tensor.zeros([schedule.batch, schedule.time, columns])
    let packed = Storage(count: kernels.packedSize(depth, columns))
    weightInput.read { kernels.packPanels(depth, columns, $0, columns, 1, packed.pointer) }
    result.write { target in
      schedule.withView { view in
        parallel(rows, grain: max(6, 1 << 18 / max(columns * depth, 1)), multiple: 6) { part in
          kernels.product(
            part.count, columns, depth, gates.pointer + part.lowerBound * stride, stride, 1, nil, packed.pointer,
            nil, false, target, columns, view.positions + part.lowerBound)
        }
      }
    }
    withExtendedLifetime((packed, gates)) {}
    return result
  }
}

/// The numbers 0, 1, 2, …: the positions of the rows of a single step.
nonisolated(unsafe) private let identity: UnsafePointer<Int> = {
  let numbers = UnsafeMutablePointer<Int>.allocate(capacity: identityCount)
  for index in 0..<identityCount { (numbers + index).initialize(to: index) }
  return UnsafePointer(numbers)
}()
private let identityCount = 4096

/// The rows of `[B, H]` in another order, each padded with zeros to the kernels' size.
private func paddedRows(_ tensor: Tensor, _ order: [Int]) -> Storage {
  let size = tensor.shape[1]
  let padded = kernels.paddedSize(size)
  let storage = Storage(count: order.count * padded)
  tensor.read { source in
    for (row, index) in order.enumerated() {
      kernels.copy(size, source + index * size, storage.pointer + row * padded)
      kernels.fill(padded - size, 0, storage.pointer + row * padded + size)
    }
  }
  return storage
}

/// The inverse of ``paddedRows(_:_:)``: `[B, size]` in the order of the batch.
private func unpaddedRows(_ storage: Storage, _ ranks: [Int], size: Int) -> Tensor {
  let padded = kernels.paddedSize(size)
  return Tensor([ranks.count, size]) { target in
    for (row, rank) in ranks.enumerated() {
      kernels.copy(size, storage.pointer + rank * padded, target + row * size)
    }
  }
}
