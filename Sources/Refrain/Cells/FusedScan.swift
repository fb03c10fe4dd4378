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
  /// `[N, H]`, the hidden state entering each step.
  let keptHidden: M?
  /// `[N, H]`, the cell state entering each step.
  let keptCell: M?
}

/// The memory of a backward scan.
struct BackwardBuffers {
  let packed: P
  /// In: the activated gates; out: the gradients of the sums before activation.
  let gates: M
  let keptHidden: P
  let keptCell: P
  /// `[B·T, H]`, or nil when no output was used.
  let output: P?
  /// In: the gradient of the final state; out: of the initial one.
  let hidden: M
  let cell: M
  let scratch: M
}

/// What a backward scan leaves for the gradients of the weights.
struct KeptSteps {
  let schedule: Schedule
  let hiddenSize: Int
  /// `[N, blocks · H]`
  let gates: Storage
  let blocks: Int
  /// `[N, H]`
  let hidden: Storage

  /// Column sums of some blocks: the gradient of a bias.
  func sums(_ range: Range<Int>) -> Tensor {
    var result = Tensor.zeros([range.count * hiddenSize])
    result.write {
      kernels.sumRows(
        schedule.count, range.count * hiddenSize, gates.pointer + range.lowerBound * hiddenSize, blocks * hiddenSize, $0
      )
    }
    return result
  }

  /// Some blocks, transposed, times the input rows `[B·T, I]`.
  func product(_ range: Range<Int>, input: Tensor) -> Tensor {
    let size = input.shape[input.rank - 1]
    return Tensor([range.count * hiddenSize, size]) { target in
      input.read { input in
        schedule.withView { view in product(range, input, size, view.positions, size, target) }
      }
    }
  }

  /// Some blocks, transposed, times the hidden state entering each step; written to `target`, `[range.count · H, H]`.
  func productWithHidden(_ range: Range<Int>, into target: M) {
    product(range, hidden.pointer, hiddenSize, nil, hiddenSize, target)
  }

  /// Some blocks, transposed, times another block; written to `target`, `[range.count · H, H]`.
  func product(_ range: Range<Int>, block: Int, into target: M) {
    product(range, gates.pointer + block * hiddenSize, blocks * hiddenSize, nil, hiddenSize, target)
  }

  private func product(
    _ range: Range<Int>, _ operand: P, _ operandStep: Int, _ positions: UnsafePointer<Int>?, _ columns: Int,
    _ target: M
  ) {
    let rows = range.count * hiddenSize
    let stride = blocks * hiddenSize
    let depth = schedule.count
    parallel(rows, grain: max(6, 1 << 18 / max(columns * depth, 1)), multiple: 6) { part in
      let scratch = Storage(count: kernels.productTransposedScratch(columns))
      kernels.productTransposed(
        part.lowerBound, part.upperBound, columns, depth, gates.pointer + range.lowerBound * hiddenSize, stride, nil,
        operand, operandStep, positions, false, target, columns, scratch.pointer)
      withExtendedLifetime(scratch) {}
    }
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

  /// The weights in the order in which the forward kernel reads them.
  func packForward() -> Storage
  /// The forward kernel on ordered rows `rows`.
  func forward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: ForwardBuffers)
  /// The backward kernel on ordered rows `rows`.
  func backward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: BackwardBuffers)
  /// The gradients of the cell's tensors, in the order of its walk.
  func gradients(_ kept: KeptSteps, input: Tensor) -> [Tensor]
}

extension FusedCell {
  static var scratchBlocks: Int { 1 }

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

    let packed = packForward()
    let carried = states.map { paddedRows($0, schedule.order) }
    let scratch = makeScratch(batch)
    let gates = tape.map { _ in Storage(count: count * Self.keptBlocks * size) }
    let keptHidden = tape.map { _ in Storage(count: count * size) }
    let keptCell = tape.flatMap { _ in states.count > 1 ? Storage(count: count * size) : nil }
    let outputs = Tensor([batch, schedule.time, size]) { output in
      if count < batch * schedule.time { kernels.fill(batch * schedule.time * size, 0, output) }
      input.read { input in
        let buffers = ForwardBuffers(
          rows: batch, input: input, packed: packed.pointer, hidden: carried[0].pointer,
          cell: carried[carried.count - 1].pointer, scratch: scratch.pointer, output: output, gates: gates?.pointer,
          keptHidden: keptHidden?.pointer, keptCell: keptCell?.pointer)
        schedule.withView { view in
          parallel(self.parts(of: schedule)) { forward($0, view, buffers) }
        }
      }
    }
    let final = carried.map { unpaddedRows($0, schedule.ranks, size: size) }
    withExtendedLifetime((packed, carried, scratch, gates, keptHidden, keptCell)) {}
    guard let tape, let gates, let keptHidden else { return (outputs, state.replacingTensors(final)) }

    let recorded = tape.record([outputs] + final, from: arguments) { gradients in
      let packed = packBackward()
      let scratch = makeScratch(batch)
      let carried = gradients.dropFirst().map { gradient in
        paddedRows(gradient ?? .zeros([batch, size]), schedule.order)
      }
      let zero = Storage.empty
      func run(_ output: P?) {
        let buffers = BackwardBuffers(
          packed: packed.pointer, gates: gates.pointer, keptHidden: keptHidden.pointer,
          keptCell: (keptCell ?? zero).pointer, output: output, hidden: carried[0].pointer,
          cell: carried[carried.count - 1].pointer, scratch: scratch.pointer)
        schedule.withView { view in
          parallel(self.parts(of: schedule)) { backward($0, view, buffers) }
        }
      }
      if let output = gradients[0] { output.read { run($0) } } else { run(nil) }
      let kept = KeptSteps(
        schedule: schedule, hiddenSize: size, gates: gates, blocks: Self.keptBlocks, hidden: keptHidden)
      let weights = self.gradients(kept, input: input)
      let inputGradient = tape.slot(of: input).map { _ in self.inputGradient(kept) }
      withExtendedLifetime((packed, carried, keptCell, scratch)) {}
      return weights + [inputGradient] + carried.map { unpaddedRows($0, schedule.ranks, size: size) }
    }
    return (recorded[0], state.replacingTensors(Array(recorded.dropFirst())))
  }

  /// How the ordered rows are shared between threads; a small scan stays on one.
  private func parts(of schedule: Schedule) -> [Range<Int>] {
    let work = schedule.count * hiddenSize * (inputSize + hiddenSize)
    return schedule.split(threads: min(Parallelism.threads, max(1, work >> 18)))
  }

  /// The gradient of the input `[B, T, I]`: the gates' gradients times the input weights, each row to its place.
  private func inputGradient(_ kept: KeptSteps) -> Tensor {
    let schedule = kept.schedule
    let (rows, columns, depth) = (schedule.count, inputSize, Self.inputBlocks * hiddenSize)
    let stride = kept.blocks * hiddenSize
    var result = Tensor.zeros([schedule.batch, schedule.time, columns])
    let packed = Storage(count: kernels.packedSize(depth, columns))
    weightInput.read { kernels.packPanels(depth, columns, $0, columns, 1, packed.pointer) }
    result.write { target in
      schedule.withView { view in
        parallel(rows, grain: max(6, 1 << 18 / max(columns * depth, 1)), multiple: 6) { part in
          kernels.product(
            part.count, columns, depth, kept.gates.pointer + part.lowerBound * stride, stride, 1, nil, packed.pointer,
            nil, false, target, columns, view.positions + part.lowerBound)
        }
      }
    }
    withExtendedLifetime((packed, kept.gates)) {}
    return result
  }
}

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
