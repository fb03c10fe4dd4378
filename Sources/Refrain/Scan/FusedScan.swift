// What all fused scans share: memory, threads, and the matrix products of the backward pass. A cell says which kernel
// is its own and what it keeps (`…Cell+Fused.swift`), and the tests hold the result equal to the readable `step`.

import RefrainKernels

/// A cell with a kernel for its whole scan.
protocol FusedCell: RecurrentCell {
  /// The kernel; nil for a variant of the cell that has none, and is taken through the loop.
  static var kind: RecurrentKind? { get }
  /// How many blocks of **H** values a step keeps for the backward pass.
  static var keptBlocks: Int { get }
  /// How many of these, from the first, are sums of the input: the rows of `weightInput` over **H**.
  static var inputBlocks: Int { get }
  /// How many products a step has that need each other's results.
  static var stages: Int { get }

  var weightInput: Tensor { get }
  var weightHidden: Tensor { get }
  var biases: (Tensor, Tensor?) { get }
  /// What the kernel multiplies with unit by unit, at most three tensors `[H]`.
  var parameters: [Tensor] { get }

  /// The gradients of the cell's tensors, in the order of its walk.
  func gradients(_ kept: SavedSteps) -> [Tensor]
}

extension FusedCell {
  static var stages: Int { 1 }
  var parameters: [Tensor] { [] }

  private var kernelCode: Int { Self.kind?.rawValue ?? -1 }

  /// How many times `[B, padded H]` floats the kernels need besides: the other hidden state, and what one stage leaves
  /// for the next.
  static var scratchBlocks: Int { 2 * stages - 1 }

  /// The weights in the order in which the forward kernel reads them.
  func packedForward(isKept: Bool) -> Storage {
    weightHidden.storage.form(Self.name, with: weightInput, biases.0, biases.1, isKept: isKept) {
      let kind = kernelCode
      let packed = Storage(count: kernels.recurrentPackedSize(kind, inputSize, hiddenSize))
      read(weightInput, weightHidden, biases.0) { input, hidden, bias in
        func pack(_ stateBias: P?) {
          kernels.recurrentPack(kind, inputSize, hiddenSize, input, hidden, bias, stateBias, packed.pointer)
        }
        if let stateBias = biases.1 { stateBias.read { pack($0) } } else { pack(nil) }
      }
      return packed
    }
  }

  /// The parameters `[k, padded H]` as the kernels read them.
  func packedParameters(isKept: Bool) -> Storage? {
    let parameters = parameters
    guard let first = parameters.first else { return nil }
    let (second, third) = (parameters.dropFirst().first, parameters.dropFirst(2).first)
    return first.storage.form(Self.name + " parameters", with: second, third, isKept: isKept) {
      let (size, padded) = (hiddenSize, kernels.paddedSize(hiddenSize))
      let packed = Storage(count: parameters.count * padded)
      kernels.fill(packed.count, 0, packed.pointer)
      for (index, tensor) in parameters.enumerated() {
        tensor.read { kernels.copy(size, $0, packed.pointer + index * padded) }
      }
      return packed
    }
  }

  /// The forward kernel on ordered rows `rows`.
  func forward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: ForwardBuffers) {
    let masks = buffers.masks
    kernels.recurrentForward(
      kernelCode, buffers.rows, rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive,
      schedule.offsets, schedule.positions, inputSize, hiddenSize, buffers.input, inputSize, buffers.packed,
      buffers.parameters, buffers.hidden, buffers.cell, buffers.scratch, buffers.output, hiddenSize, buffers.gates,
      buffers.keptCell, masks?.dropout.map(\.address), masks?.keptHidden.map(\.address),
      masks?.keptCell.map(\.address), masks?.stride ?? 0, masks?.scratch.pointer)
  }

  /// The forward kernel with the units shared between threads, which meet after every stage: where the weights are
  /// many, each thread then reads its part of them only.
  private func forwardByUnits(_ schedule: ScheduleView, _ buffers: ForwardBuffers) {
    let (size, padded) = (hiddenSize, kernels.paddedSize(hiddenSize))
    var (previous, next) = (buffers.hidden, buffers.scratch)
    for step in 0..<schedule.steps {
      for stage in 0..<Self.stages {
        parallel(padded, multiple: kernels.panelWidth()) { units in
          kernels.recurrentStage(
            kernelCode, stage, buffers.rows, units.lowerBound, units.upperBound, schedule.alive + step,
            schedule.offsets + step, schedule.positions, inputSize, size, buffers.input, inputSize, buffers.packed,
            buffers.parameters, previous, next, buffers.cell, buffers.scratch + buffers.rows * padded, buffers.output,
            size, buffers.gates, buffers.keptCell)
        }
      }
      if next != buffers.hidden {
        // The rows that end here leave their last state in the other buffer.
        let following = step + 1 < schedule.steps ? schedule.alive[step + 1] : 0
        kernels.copy(
          (schedule.alive[step] - following) * padded, next + following * padded, buffers.hidden + following * padded)
      }
      swap(&previous, &next)
    }
  }

  /// The backward kernel on ordered rows `rows`.
  private func backward(_ rows: Range<Int>, _ schedule: ScheduleView, _ buffers: BackwardBuffers) {
    let masks = buffers.masks
    kernels.recurrentBackward(
      kernelCode, buffers.rows, rows.lowerBound, rows.upperBound, schedule.steps, schedule.alive, schedule.offsets,
      schedule.positions, hiddenSize, buffers.packed, buffers.parameters, buffers.gates, buffers.keptCell,
      buffers.initial, buffers.output, hiddenSize, buffers.outputGradient, hiddenSize, buffers.hidden, buffers.cell,
      buffers.scratch, masks?.dropout.map(\.address), masks?.keptHidden.map(\.address),
      masks?.keptCell.map(\.address), masks?.stride ?? 0, masks?.scratch.pointer)
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
    scan(input, from: state, along: schedule, masks: StepMasks())
  }

  public func scan(
    _ input: Tensor, from state: State, along schedule: Schedule, masks: StepMasks
  ) -> (outputs: Tensor, state: State) {
    guard Self.kind != nil else { return scanByLoop(input, from: state, along: schedule, masks: masks) }
    let (rows, size, count) = (schedule.rows, hiddenSize, schedule.count)
    let places = schedule.batch * schedule.time
    require(
      input.shape == schedule.shape + [inputSize],
      "\(Self.name): the input has shape \(input.shape), expected \(schedule.shape + [inputSize])")
    let states = state.tensors
    for tensor in states {
      require(
        tensor.shape == [rows, size], "\(Self.name): the state has shape \(tensor.shape), expected [\(rows), \(size)]")
    }
    let arguments = tensors + [input] + states
    let tape = Tape.current.flatMap { tape in arguments.contains { tape.slot(of: $0) != nil } ? tape : nil }

    let packed = packedForward(isKept: tape == nil)
    let parameters = packedParameters(isKept: tape == nil)
    let carried = states.map { paddedRows($0, schedule.order) }
    let scratch = makeScratch(rows)
    let masks = MaskBuffers(masks, keepsCell: keepsCell, rows: rows, count: count, size: size)
    // With a tape: the steps whose gates are in memory at one time, all of them if nothing else is asked for, and the
    // states before each such segment. A single segment's gates are kept; those of several are computed again.
    let segments = schedule.segments(of: tape?.checkpointInterval)
    let kept = tape.flatMap { _ in segments.count == 1 ? makeGates(segments[0], schedule) : nil }
    var boundaries: [[Storage]] = []
    let outputs = Tensor(schedule.shape + [size]) { output in
      if count < places { kernels.fill(places * size, 0, output) }
      input.read { input in
        for steps in segments {
          if tape != nil { boundaries.append(carried.map(copy)) }
          run(
            steps, of: schedule, packed, parameters, masks, input: input, states: carried, scratch, output: output,
            gates: kept)
        }
      }
    }
    let final = carried.map { unpaddedRows($0, schedule.ranks, size: size) }
    guard let tape else { return (outputs, state.replacingTensors(final)) }

    let recorded = tape.record([outputs] + final, from: arguments) { gradients in
      let packed = kept == nil ? packedForward(isKept: false) : nil
      var packedTransposed: Storage? = packBackward()
      let carried = gradients.dropFirst().map { gradient in
        paddedRows(gradient ?? .zeros([rows, size]), schedule.order)
      }
      var weights: [Tensor] = []
      var inputGradient = tape.slot(of: input).map { _ in Tensor.zeros(input.shape) }
      for (steps, states) in zip(segments, boundaries).reversed() {
        let gates = kept ?? makeGates(steps, schedule)
        read(input, outputs) { input, output in
          let initial = states[0]
          if let packed {
            run(
              steps, of: schedule, packed, parameters, masks, input: input, states: states.map(copy), scratch,
              output: nil, gates: gates)
          }
          runBackward(
            steps, of: schedule, packedTransposed, parameters, masks, gates, initial: initial, output: output,
            gradients[0], carried, scratch)
          // The first segment is the last to need them.
          if steps.lowerBound == 0 { packedTransposed = nil }
          let found = self.gradients(
            SavedSteps(
              steps, of: schedule, gates: gates.values.pointer, blocks: Self.keptBlocks, cell: gates.cell?.pointer,
              input: input, inputSize: inputSize, initial: initial.pointer, output: output, hiddenSize: size,
              dropout: masks?.dropout))
          withExtendedLifetime((gates, initial)) {}
          if weights.isEmpty {
            weights = found
          } else {
            for (index, gradient) in found.enumerated() { weights[index].add(gradient: gradient) }
          }
        }
        inputGradient?.write { writeInputGradient(schedule.rows(of: steps), schedule, gates.values, $0) }
      }
      return weights + [inputGradient] + carried.map { unpaddedRows($0, schedule.ranks, size: size) }
    }
    return (recorded[0], state.replacingTensors(Array(recorded.dropFirst())))
  }

  private func makeGates(_ steps: Range<Int>, _ schedule: Schedule) -> KeptGates {
    let count = schedule.rows(of: steps).count * hiddenSize
    return KeptGates(
      values: Storage(count: count * Self.keptBlocks), cell: keepsCell ? Storage(count: count) : nil)
  }

  /// Whether the state is more than the hidden state.
  private var keepsCell: Bool { Self.State.self != HiddenState.self }

  /// The forward kernel along some steps.
  private func run(
    _ steps: Range<Int>, of schedule: Schedule, _ packed: Storage, _ parameters: Storage?, _ masks: MaskBuffers?,
    input: P, states: [Storage], _ scratch: Storage, output: M?, gates: KeptGates?
  ) {
    let first = schedule.rows(of: steps).lowerBound * hiddenSize
    let buffers = ForwardBuffers(
      rows: schedule.rows, input: input, packed: packed.pointer, parameters: parameters.map(\.address),
      hidden: states[0].pointer, cell: states[states.count - 1].pointer, scratch: scratch.pointer, output: output,
      gates: gates.map { $0.values.pointer - first * Self.keptBlocks },
      keptCell: gates.flatMap { $0.cell.map { $0.pointer - first } }, masks: masks)
    schedule.withView(of: steps) { view in
      let parts = parts(of: schedule)
      if parts.count > 1 && packed.count > unitsWorthSharing && masks == nil {
        forwardByUnits(view, buffers)
      } else {
        parallel(parts) { forward($0, view, buffers) }
      }
    }
    withExtendedLifetime((packed, parameters, masks, states, scratch, gates)) {}
  }

  /// The backward kernel along some steps.
  private func runBackward(
    _ steps: Range<Int>, of schedule: Schedule, _ packed: Storage?, _ parameters: Storage?, _ masks: MaskBuffers?,
    _ gates: KeptGates, initial: Storage, output: P, _ outputGradient: Tensor?, _ carried: [Storage],
    _ scratch: Storage
  ) {
    guard let packed else { return }
    let first = schedule.rows(of: steps).lowerBound * hiddenSize
    func run(_ outputGradient: P?) {
      let buffers = BackwardBuffers(
        rows: schedule.rows, packed: packed.pointer, parameters: parameters.map(\.address),
        gates: gates.values.pointer - first * Self.keptBlocks,
        keptCell: (gates.cell ?? gates.values).pointer - first, initial: initial.pointer, output: output,
        outputGradient: outputGradient, hidden: carried[0].pointer, cell: carried[carried.count - 1].pointer,
        scratch: scratch.pointer, masks: masks)
      schedule.withView(of: steps) { view in
        parallel(parts(of: schedule)) { backward($0, view, buffers) }
      }
    }
    if let outputGradient { outputGradient.read { run($0) } } else { run(nil) }
    withExtendedLifetime((packed, parameters, masks, gates, initial, carried, scratch)) {}
  }

  /// How the ordered rows are shared between threads; a small scan stays on one.
  private func parts(of schedule: Schedule) -> [Range<Int>] {
    let work = schedule.count * hiddenSize * (inputSize + hiddenSize)
    return schedule.split(threads: min(Parallelism.threads, max(1, work >> 18)))
  }

  /// The gradient of the input, `[B·T, I]`: of some packed rows, the gates' gradients times the input weights, each row
  /// to its place.
  private func writeInputGradient(_ rows: Range<Int>, _ schedule: Schedule, _ gates: Storage, _ target: M) {
    let (columns, depth) = (inputSize, Self.inputBlocks * hiddenSize)
    let stride = Self.keptBlocks * hiddenSize
    let packed = weightInput.read { packPanels(MatrixView($0, rows: depth, columns: columns)) }
    schedule.positions.withUnsafeBufferPointer { positions in
      guard let positions = positions.baseAddress else { return }
      parallel(rows.count, grain: max(6, 1 << 18 / max(columns * depth, 1)), multiple: 6) { part in
        kernels.product(
          part.count, columns, depth, gates.pointer + part.lowerBound * stride, stride, 1, nil, packed.pointer, nil,
          false, target, columns, positions + rows.lowerBound + part.lowerBound)
      }
    }
    withExtendedLifetime((packed, gates)) {}
  }
}

/// From how many floats on the weights do not stay in a processor's own cache from step to step: 2 MB.
private let unitsWorthSharing = 1 << 19
