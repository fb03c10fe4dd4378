// The parts that all fused scans share: memory, threads, and the matrix products of the backward pass. A cell says
// which kernel is its own and what it keeps (`…Cell+Fused.swift`), and the tests hold the result equal to the readable
// `step`.

import RefrainKernels

/// A cell with a kernel for its whole scan.
protocol FusedCell: RecurrentCell {
  /// The kernel; nil for a variant of the cell that has none, whose step is compiled.
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
  /// The tensors that the kernel multiplies with unit by unit, at most three, each `[H]`.
  var parameters: [Tensor] { get }
  /// Their number.
  static var parameterCount: Int { get }

  /// The gradients of the cell's tensors, in the order of its walk.
  func gradients(_ kept: SavedSteps) -> [Tensor]
}

extension FusedCell {
  static var stages: Int { 1 }
  var parameters: [Tensor] { [] }
  static var parameterCount: Int { 0 }

  public static var execution: ScanExecution<Self> { kind == nil ? .compiled : .fused }

  private var kernelCode: Int { Self.kind?.rawValue ?? -1 }

  /// Stops where a tensor does not have the shape by which the kernels read it. The walk that finds the words is for
  /// the case that one does not.
  func checkFusedWeights() {
    if hasFittingWeights { return }
    let parameters = parameters
    require(
      parameters.count == Self.parameterCount,
      "\(Self.name): there are \(parameters.count) peepholes, expected \(Self.parameterCount)")
    checkWeights()
    require(false, "\(Self.name): the weights do not fit the kernel")
  }

  /// Whether every tensor has the shape by which the kernels read it: a few comparisons, so that a step of a stream can
  /// afford them.
  var hasFittingWeights: Bool {
    let (size, rows) = (hiddenSize, Self.inputBlocks * hiddenSize)
    let (bias, stateBias) = biases
    guard
      weightInput.isMatrix(rows, inputSize), weightHidden.isMatrix(rows, size), bias.isVector(rows),
      stateBias?.isVector(size) != false
    else { return false }
    guard Self.parameterCount > 0 else { return true }
    let parameters = parameters
    return parameters.count == Self.parameterCount && parameters.allSatisfy { $0.isVector(size) }
  }

  /// How many times `[B, padded H]` floats the kernels need besides: the other hidden state, and what one stage leaves
  /// for the next.
  static var scratchBlocks: Int { 2 * stages - 1 }

  /// The weights in the order in which the forward kernel reads them.
  func packedForward(isKept: Bool, as format: RecurrentWeightFormat = .floats) -> Storage {
    let name = format == .floats ? Self.name : Self.name + " in bytes"
    return weightHidden.storage.form(name, with: weightInput, biases.0, biases.1, isKept: isKept) {
      let kind = kernelCode
      let packed = Storage(count: kernels.recurrentPackedSize(kind, inputSize, hiddenSize, format))
      read(weightInput, weightHidden, biases.0) { input, hidden, bias in
        func pack(_ stateBias: P?) {
          kernels.recurrentPack(
            RecurrentPackArguments(
              kind: kind, inputSize: inputSize, hiddenSize: hiddenSize, weightInput: input, weightHidden: hidden,
              bias: bias, stateBias: stateBias, scales: scales(format), packed: packed.pointer))
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

  /// The arguments of a forward scan, without masks and without what is kept for a backward pass.
  func forwardArguments(
    _ schedule: KernelSchedule, rows: Int, input: P, packed: Storage, parameters: Storage?, hidden: M, cell: M,
    scratch: M
  ) -> RecurrentForwardArguments {
    RecurrentForwardArguments(
      kind: kernelCode, rows: rows, schedule: schedule, inputSize: inputSize, hiddenSize: hiddenSize, input: input,
      inputStride: inputSize, packed: packed.address, parameters: parameters?.address, hidden: hidden, cell: cell,
      scratch: scratch, output: nil, outputStride: hiddenSize, keptGates: nil, keptCell: nil, masks: nil)
  }

  /// The forward kernel with the units shared between threads, which meet after every stage: where the weights are
  /// many, each thread then reads its part of them only. False, and nothing done, where that is not worth it.
  ///
  /// - Parameters:
  ///   - arguments: those of the scan.
  ///   - weights: how many packed floats a step reads.
  ///   - rowParts: how many threads could share the rows.
  func forwardByUnits(_ arguments: RecurrentForwardArguments, weights: Int, rowParts: Int) -> Bool {
    guard weights > unitsWorthSharing, arguments.masks == nil, arguments.bytes == nil else { return false }
    let isSingle = arguments.rows == 1 && Parallelism.threads > 1
    guard isSingle || rowParts > 1 else { return false }
    let padded = kernels.paddedSize(hiddenSize)
    let schedule = arguments.schedule
    var (previous, next) = (arguments.hidden, arguments.scratch)
    func forward(_ step: Int, grain: Int) {
      for stage in 0..<Self.stages {
        let stage = RecurrentStageArguments(
          stage: stage, step: step, previous: previous, next: next,
          scratch: arguments.scratch + arguments.rows * padded)
        parallel(padded, grain: grain, multiple: kernels.panelWidth()) { units in
          kernels.recurrentStage(arguments, stage, units.lowerBound, units.upperBound)
        }
      }
    }
    for step in 0..<schedule.steps {
      if isSingle {
        // Even from memory a processor reads 4 GB a second.
        BriefJobs.shared.run(within: Double(weights) * 1e-9) { isShared in
          forward(step, grain: isShared ? (padded << 18) / weights : padded)
        }
      } else {
        forward(step, grain: 1)
      }
      if next != arguments.hidden {
        // The rows that end here leave their last state in the other buffer.
        let following = step + 1 < schedule.steps ? schedule.alive[step + 1] : 0
        kernels.copy(
          (schedule.alive[step] - following) * padded, next + following * padded,
          arguments.hidden + following * padded)
      }
      swap(&previous, &next)
    }
    return true
  }

  /// The recurrent weights in the order in which the backward kernels read them.
  @_semantics("optimize.sil.specialize.generic.never")
  private func packBackward() -> Storage {
    let rows = weightHidden.shape[0]
    let packed = Storage(count: kernels.packedSize(rows, hiddenSize))
    weightHidden.read { kernels.packPanels(rows, hiddenSize, $0, hiddenSize, 1, packed.pointer) }
    return packed
  }

  @_semantics("optimize.sil.specialize.generic.never")
  private func makeScratch(_ batch: Int) -> Storage {
    Storage(count: Self.scratchBlocks * batch * kernels.paddedSize(hiddenSize))
  }

  /// All steps by the kernels; the parameters are those of ``scan(_:from:along:masks:)``.
  @_semantics("optimize.sil.specialize.generic.never")
  func scanFused(
    _ input: Tensor, from state: State, along schedule: Schedule, masks: StepMasks
  ) -> (outputs: Tensor, state: State) {
    checkFusedWeights()
    checkArguments(input, from: state, along: schedule)
    let (rows, size, count) = (schedule.rows, hiddenSize, schedule.count)
    let places = schedule.batch * schedule.time
    let arguments = tensors + [input] + state.tensors
    let recorder = Recording.current.flatMap { arguments.contains(where: $0.follows) ? $0 : nil }
    let isDifferentiated = recorder?.isDifferentiating ?? false

    let format = recorder == nil ? weightFormat : .floats
    let packed = packedForward(isKept: recorder == nil, as: format)
    let parameters = packedParameters(isKept: recorder == nil)
    let carried = state.tensors.map { paddedRows($0, schedule.order) }
    let initial = isDifferentiated ? copy(carried[0]) : nil
    let scratch = makeScratch(rows)
    let masks = MaskBuffers(masks, keepsCell: keepsCell, rows: rows, count: count, size: size)
    let kept = isDifferentiated ? makeGates(count) : nil
    let byteMemory = Storage(count: byteMemorySize(format, rows: rows, inputRows: places))
    let outputs = Tensor(schedule.shape + [size]) { output in
      if count < places { kernels.fill(places * size, 0, output) }
      input.read { input in
        run(
          schedule, packed, parameters, masks, input: input, states: carried, scratch, output: output, gates: kept,
          bytes: byteArguments(format, byteMemory.pointer, rows: rows, input: input, inputRows: places))
      }
    }
    withExtendedLifetime(byteMemory) {}
    let final = carried.map { unpaddedRows($0, schedule.ranks, size: size) }
    guard let recorder else { return (outputs, state.replacingTensors(final)) }

    let operation = Operations.Opaque(name: "scan of \(Self.name)")
    let recorded = recorder.record(operation, of: arguments, [outputs] + final) { gradients in
      guard let initial, let kept else { return [] }
      let carried = gradients.dropFirst().map { gradient in
        paddedRows(gradient ?? .zeros([rows, size]), schedule.order)
      }
      var inputGradient = recorder.follows(input) ? Tensor.zeros(input.shape) : nil
      let weights = read(input, outputs) { input, output in
        runBackward(
          schedule, packBackward(), parameters, masks, kept, initial: initial, output: output, gradients[0], carried,
          scratch)
        defer { withExtendedLifetime((kept, initial)) {} }
        return self.gradients(
          SavedSteps(
            schedule, gates: kept.values.pointer, blocks: Self.keptBlocks, cell: kept.cell?.pointer, input: input,
            inputSize: inputSize, initial: initial.pointer, output: output, hiddenSize: size, dropout: masks?.dropout))
      }
      inputGradient?.write { writeInputGradient(schedule, kept.values, $0) }
      return weights + [inputGradient] + carried.map { unpaddedRows($0, schedule.ranks, size: size) }
    }
    return (recorded[0], state.replacingTensors(Array(recorded.dropFirst())))
  }

  @_semantics("optimize.sil.specialize.generic.never")
  private func makeGates(_ count: Int) -> KeptGates {
    KeptGates(
      values: Storage(count: count * hiddenSize * Self.keptBlocks),
      cell: keepsCell ? Storage(count: count * hiddenSize) : nil)
  }

  /// Whether the state is more than the hidden state.
  private var keepsCell: Bool { Self.State.self != HiddenState.self }

  /// The forward kernel along the steps.
  private func run(
    _ schedule: Schedule, _ packed: Storage, _ parameters: Storage?, _ masks: MaskBuffers?, input: P,
    states: [Storage], _ scratch: Storage, output: M?, gates: KeptGates?, bytes: RecurrentBytes?
  ) {
    schedule.withView { view in
      var arguments = forwardArguments(
        view, rows: schedule.rows, input: input, packed: packed, parameters: parameters, hidden: states[0].pointer,
        cell: states[states.count - 1].pointer, scratch: scratch.pointer)
      arguments.output = output
      arguments.keptGates = gates?.values.pointer
      arguments.keptCell = gates?.cell?.pointer
      arguments.masks = masks?.arguments
      arguments.bytes = bytes
      let parts = parts(of: schedule)
      if !forwardByUnits(arguments, weights: packed.count, rowParts: parts.count) {
        parallel(parts) { [arguments] in kernels.recurrentForward(arguments, $0.lowerBound, $0.upperBound) }
      }
    }
    withExtendedLifetime((packed, parameters, masks, states, scratch, gates)) {}
  }

  /// The backward kernel along the steps.
  @_semantics("optimize.sil.specialize.generic.never")
  private func runBackward(
    _ schedule: Schedule, _ packed: Storage, _ parameters: Storage?, _ masks: MaskBuffers?, _ gates: KeptGates,
    initial: Storage, output: P, _ outputGradient: Tensor?, _ carried: [Storage], _ scratch: Storage
  ) {
    func run(_ outputGradient: P?) {
      schedule.withView { view in
        let arguments = RecurrentBackwardArguments(
          kind: kernelCode, rows: schedule.rows, schedule: view, hiddenSize: hiddenSize,
          packedTransposed: packed.address, parameters: parameters?.address, gates: gates.values.pointer,
          keptCell: (gates.cell ?? gates.values).address, initial: initial.address, output: output,
          outputStride: hiddenSize, outputGradient: outputGradient, outputGradientStride: hiddenSize,
          hiddenGradient: carried[0].pointer, cellGradient: carried[carried.count - 1].pointer,
          scratch: scratch.pointer, masks: masks?.arguments)
        parallel(parts(of: schedule)) { kernels.recurrentBackward(arguments, $0.lowerBound, $0.upperBound) }
      }
    }
    if let outputGradient { outputGradient.read { run($0) } } else { run(nil) }
    withExtendedLifetime((packed, parameters, masks, gates, initial, carried, scratch)) {}
  }

  /// How the ordered rows are shared between threads; a small scan stays on one.
  @_semantics("optimize.sil.specialize.generic.never")
  private func parts(of schedule: Schedule) -> [Range<Int>] {
    let work = schedule.count * hiddenSize * (inputSize + hiddenSize)
    return schedule.split(threads: min(Parallelism.threads, max(1, work >> 18)))
  }

  /// The gradient of the input, `[B·T, I]`: for each packed row the gates' gradients times the input weights, in its
  /// place.
  @_semantics("optimize.sil.specialize.generic.never")
  private func writeInputGradient(_ schedule: Schedule, _ gates: Storage, _ target: M) {
    let (columns, depth) = (inputSize, Self.inputBlocks * hiddenSize)
    let stride = Self.keptBlocks * hiddenSize
    let packed = weightInput.read { packPanels(MatrixView($0, rows: depth, columns: columns)) }
    schedule.positions.withUnsafeBufferPointer { positions in
      guard let positions = positions.baseAddress else { return }
      parallel(schedule.count, grain: max(6, 1 << 18 / max(columns * depth, 1)), multiple: 6) { part in
        kernels.product(
          ProductArguments(
            rows: part.count, columns: columns, depth: depth, a: gates.pointer + part.lowerBound * stride,
            aRowStep: stride, aColumnStep: 1, packed: packed.pointer, accumulate: false, c: target, cRowStep: columns,
            cOffsets: positions + part.lowerBound))
      }
    }
    withExtendedLifetime((packed, gates)) {}
  }
}

/// From how many floats on the weights do not stay in a processor's own cache from step to step: 2 MB. Even a single
/// row then takes so long for a step that threads, which need 2 µs to meet, come near to halving it.
private let unitsWorthSharing = 1 << 19

extension ScanExecution where Cell: FusedCell {
  /// The kernels of the cell.
  static var fused: Self {
    Self(
      scan: { $0.scanFused($1, from: $2, along: $3, masks: $4) },
      advance: { $0.advanceFused(&$1, with: $2) })
  }
}
