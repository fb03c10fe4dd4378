// The recurrent kernels from outside: one function each for packing, forward and backward, for every cell.

/// The cells; kernels take the raw value, which means the same in every build.
public enum RecurrentKind: Int, CaseIterable, Sendable {
  /// Of LSTM.swift.
  case lstm
  /// Of GRU.swift: reset after the product.
  case gru
  /// Of ResetBeforeGRU.swift.
  case resetBeforeGRU
  /// Of ElmanRNN.swift, with the hyperbolic tangent.
  case tanhRNN
  /// Of ElmanRNN.swift, with the rectifier.
  case reluRNN
  /// Of MinimalGatedUnit.swift.
  case minimalGatedUnit
  /// Of PeepholeLSTM.swift, as the others below.
  case peepholeLSTM
  /// i = 1.
  case noInputGateLSTM
  /// f = 1.
  case noForgetGateLSTM
  /// o = 1.
  case noOutputGateLSTM
  /// The candidate is its sum.
  case noInputActivationLSTM
  /// The cell state is shown as it is.
  case noOutputActivationLSTM
  /// f = 1 − i.
  case coupledGatesLSTM
  /// The update of the cell state alone.
  case cellUpdate
}

private func kernel(_ kind: Int) -> any RecurrentKernel.Type {
  switch RecurrentKind(rawValue: kind) {
  case .lstm: LSTM.self
  case .gru: GRU.self
  case .resetBeforeGRU: ResetBeforeGRU.self
  case .tanhRNN: TanhRNN.self
  case .reluRNN: ReluRNN.self
  case .minimalGatedUnit: MinimalGatedUnit.self
  case .peepholeLSTM: PeepholeLSTM.self
  case .noInputGateLSTM: NoInputGateLSTM.self
  case .noForgetGateLSTM: NoForgetGateLSTM.self
  case .noOutputGateLSTM: NoOutputGateLSTM.self
  case .cellUpdate: CellUpdate.self
  case .noInputActivationLSTM: NoInputActivationLSTM.self
  case .noOutputActivationLSTM: NoOutputActivationLSTM.self
  case .coupledGatesLSTM: CoupledGatesLSTM.self
  case nil: fatalError("there is no such recurrent kernel")
  }
}

extension KernelBuild {
  /// The floats `recurrentPack` writes.
  public static func recurrentPackedSize(
    _ kind: Int, _ inputSize: Int, _ hiddenSize: Int, _ format: RecurrentWeightFormat
  ) -> Int {
    kernel(kind).packedSize(WeightLayout(inputSize: inputSize, hiddenSize: hiddenSize, format: format))
  }

  /// Packs a cell's weights for `recurrentForward`.
  public static func recurrentPack(_ arguments: RecurrentPackArguments) {
    let scales = arguments.scales
    let weights = RecurrentWeights(
      layout: WeightLayout(
        inputSize: arguments.inputSize, hiddenSize: arguments.hiddenSize, format: scales?.format ?? .floats),
      scales: scales,
      input: arguments.weightInput, hidden: arguments.weightHidden, bias: arguments.bias,
      stateBias: arguments.stateBias)
    kernel(arguments.kind).pack(weights, arguments.packed)
  }
}

extension RecurrentMemory {
  /// The memory of a scan for its units `units` of the rows of `schedule`.
  fileprivate init(
    _ arguments: RecurrentForwardArguments, _ schedule: Schedule, firstUnit: Int, endUnit: Int, previous: M, next: M,
    masks: StateMasks?, reset: M, update: M
  ) {
    self.init(
      schedule: schedule, firstUnit: firstUnit, endUnit: endUnit, inputSize: arguments.inputSize,
      hiddenSize: arguments.hiddenSize, paddedSize: KernelBuild.paddedSize(arguments.hiddenSize),
      format: arguments.bytes?.format ?? .floats, bytes: arguments.bytes,
      input: arguments.input, inputStride: arguments.inputStride, parameters: arguments.parameters,
      parameterStride: KernelBuild.paddedSize(arguments.hiddenSize), previous: previous, next: next, seen: P(previous),
      masks: masks, cell: arguments.cell, reset: reset, update: update, output: arguments.output,
      outputStride: arguments.outputStride, keptGates: arguments.keptGates, keptCell: arguments.keptCell)
  }
}

extension KernelBuild {
  /// All steps of a cell for the sorted rows `firstRow ..< endRow` of a batch.
  public static func recurrentForward(_ arguments: RecurrentForwardArguments, _ firstRow: Int, _ endRow: Int) {
    let block = arguments.rows &* paddedSize(arguments.hiddenSize)
    let scratch = arguments.scratch
    let memory = RecurrentMemory(
      arguments, Schedule(arguments.schedule, firstRow: firstRow, endRow: endRow), firstUnit: 0,
      endUnit: paddedSize(arguments.hiddenSize), previous: arguments.hidden, next: scratch,
      masks: arguments.masks.map { StateMasks($0, block: block) }, reset: scratch + block,
      update: scratch + 2 &* block)
    var sums = TileSums()
    sums.with { kernel(arguments.kind).forward(arguments.packed, memory, $0) }
  }

  /// One stage of one step for the units `firstUnit ..< endUnit` of all rows: from a multiple of `panelWidth` to
  /// another, or to `paddedSize(hiddenSize)`.
  public static func recurrentStage(
    _ arguments: RecurrentForwardArguments, _ stage: RecurrentStageArguments, _ firstUnit: Int, _ endUnit: Int
  ) {
    let schedule = arguments.schedule
    let memory = RecurrentMemory(
      arguments,
      Schedule(
        firstRow: 0, endRow: arguments.rows, steps: 1, alive: schedule.alive + stage.step,
        offsets: schedule.offsets + stage.step, positions: schedule.positions), firstUnit: firstUnit, endUnit: endUnit,
      previous: stage.previous, next: stage.next, masks: nil, reset: stage.scratch,
      update: stage.scratch + arguments.rows &* paddedSize(arguments.hiddenSize))
    var sums = TileSums()
    sums.with { kernel(arguments.kind).forward(stage: stage.stage, arguments.packed, memory, $0) }
  }

  /// The gate function of a cell of a single stage, for sums that a caller computes: rows `firstRow..<endRow` of one
  /// step.
  public static func recurrentGates(_ arguments: RecurrentGatesArguments, _ firstRow: Int, _ endRow: Int) {
    let (size, padded) = (arguments.hiddenSize, paddedSize(arguments.hiddenSize))
    let (sums, previous, cell) = (arguments.sums, arguments.previous, arguments.cell)
    // Nothing is read through it: there are no outputs.
    guard let nothing = UnsafePointer<Int>(bitPattern: 8) else { return }
    let memory = RecurrentMemory(
      schedule: Schedule(
        firstRow: firstRow, endRow: endRow, steps: 1, alive: nothing, offsets: nothing, positions: nothing),
      firstUnit: 0, endUnit: padded, inputSize: 0, hiddenSize: size, paddedSize: padded,
      format: .floats, bytes: nil, input: sums, inputStride: 0, parameters: arguments.parameters,
      parameterStride: padded, previous: previous,
      next: arguments.next, seen: P(previous), masks: nil, cell: cell, reset: cell, update: cell, output: nil,
      outputStride: 0, keptGates: arguments.keptGates, keptCell: nil)
    kernel(arguments.kind).activate(sums, arguments.sumsStride, memory)
  }

  /// The backward pass through `recurrentGates`, of cells without parameters.
  public static func recurrentGatesBackward(
    _ arguments: RecurrentGatesBackwardArguments, _ firstRow: Int, _ endRow: Int
  ) {
    let kernel = kernel(arguments.kind)
    let (size, gates, previous) = (arguments.hiddenSize, arguments.gates, arguments.previous)
    let dCell = arguments.cellGradient
    let memory = BackwardMemory(
      hiddenSize: size, paddedSize: paddedSize(size), gates: gates, gateStride: kernel.keptGates &* size,
      keptCell: arguments.cell, keptCellStride: arguments.cellStride, initial: previous, output: previous,
      outputStride: 0, dOutput: nil, dOutputStride: 0, dHidden: arguments.hiddenGradient, dCell: dCell, dReset: dCell,
      parameters: nil, masks: nil, hasProducts: false)
    withUnsafePointer(to: endRow) { alive in
      withUnsafePointer(to: 0) { offset in
        let schedule = Schedule(
          firstRow: firstRow, endRow: endRow, steps: 1, alive: alive, offsets: offset, positions: offset)
        kernel.backward(P(gates), schedule, memory)
      }
    }
  }

  /// The backward pass through `recurrentForward`, for the sorted rows `firstRow ..< endRow` of the same schedule.
  public static func recurrentBackward(_ arguments: RecurrentBackwardArguments, _ firstRow: Int, _ endRow: Int) {
    let kernel = kernel(arguments.kind)
    let (size, padded) = (arguments.hiddenSize, paddedSize(arguments.hiddenSize))
    let memory = BackwardMemory(
      hiddenSize: size, paddedSize: padded, gates: arguments.gates, gateStride: kernel.keptGates &* size,
      keptCell: arguments.keptCell, keptCellStride: size, initial: arguments.initial, output: arguments.output,
      outputStride: arguments.outputStride, dOutput: arguments.outputGradient,
      dOutputStride: arguments.outputGradientStride, dHidden: arguments.hiddenGradient,
      dCell: arguments.cellGradient, dReset: arguments.scratch, parameters: arguments.parameters,
      masks: arguments.masks.map { StateMasks($0, block: arguments.rows &* padded) }, hasProducts: true)
    kernel.backward(
      arguments.packedTransposed, Schedule(arguments.schedule, firstRow: firstRow, endRow: endRow), memory)
  }
}
