import Synchronization

extension RecurrentCell {
  /// All steps by the compiled step, or by the loop where the step is not compiled; the parameters are those of
  /// ``scan(_:from:along:masks:)``.
  ///
  /// Compiled are matrix products with weights, sums, differences, products and quotients, the greater and the smaller
  /// of two, comparisons, bounds, functions of each value, sums and means of a row, layer normalization, slices and
  /// joining of columns, and the gate functions. Where a step has another operation the loop is what runs, and nothing
  /// else changes; ``stepCompilation(forTraining:)`` names it.
  @_semantics("optimize.sil.specialize.generic.never")
  func scanCompiled(
    _ input: Tensor, from state: State, along schedule: Schedule, masks: StepMasks
  ) -> (outputs: Tensor, state: State) {
    let watched = tensors + [input] + state.tensors
    let recorder = Recording.current.flatMap { watched.contains(where: $0.follows) ? $0 : nil }
    let kinds = StepMasks.Kind.allCases.filter { masks[$0] != nil }
    let program = try? program(
      for: masks, kinds, isTraining: recorder?.isDifferentiating ?? false,
      differentiatesInput: recorder?.differentiates([input]) ?? false)
    checkArguments(input, from: state, along: schedule)
    guard let program else { return scanByLoop(input, from: state, along: schedule, masks: masks) }
    return run(program, input, from: state, along: schedule, masks, kinds, on: recorder)
  }

  /// All steps by a program.
  @_semantics("optimize.sil.specialize.generic.never")
  private func run(
    _ program: StepProgram, _ input: Tensor, from state: State, along schedule: Schedule, _ masks: StepMasks,
    _ kinds: [StepMasks.Kind], on recorder: (any Recorder)?
  ) -> (outputs: Tensor, state: State) {
    let rowMasks = kinds.compactMap { masks[$0] }.filter { $0.rank > 0 }
    let shared = tensors + kinds.compactMap { masks[$0] }.filter { $0.rank == 0 }
    let arguments = program.arguments(shared)
    let memory = StepMemory(
      program, schedule, input: input, states: state.tensors, masks: rowMasks, arguments: arguments)
    let (outputs, final) = memory.forward(isLarge: isLarge(schedule))
    let states = final.map { $0.gatheringRows(schedule.ranks) }
    guard let recorder else { return (outputs, state.replacingTensors(states)) }
    let isLarge = isLarge(schedule)
    let operands = arguments + [input] + state.tensors
    let recorded = recorder.record(
      Operations.Opaque(name: "scan of \(Self.name)"), of: operands, [outputs] + states
    ) { gradients in
      let result = memory.backward(
        outputs: gradients[0],
        states: zip(gradients.dropFirst(), states).map { ($0 ?? .zeros($1.shape)).gatheringRows(schedule.order) },
        isLarge: isLarge)
      return result.arguments + [result.input] + result.states.map { $0.gatheringRows(schedule.ranks) }
    }
    return (recorded[0], state.replacingTensors(Array(recorded.dropFirst())))
  }

  /// Whether a scan is worth a second thread.
  private func isLarge(_ schedule: Schedule) -> Bool { (schedule.count * parameterCount) >> 18 > 1 }

  /// The program of the step, made when it is asked for the first time.
  ///
  /// - Throws: the operation that is not compiled, or what else stands in the way.
  @_semantics("optimize.sil.specialize.generic.never")
  func program(
    for masks: StepMasks, _ kinds: [StepMasks.Kind], isTraining: Bool, differentiatesInput: Bool
  ) throws(Trace.Refusal) -> StepProgram {
    let key = ProgramKey(
      cell: ObjectIdentifier(Self.self), shapes: tensors.map(\.shape), options: "\(options)",
      masks: kinds.map { ProgramKey.Mask(kind: $0, rank: masks[$0]?.rank ?? 0) }, isTraining: isTraining,
      differentiatesInput: differentiatesInput)
    if let known = programs.withLock({ $0[key] }) { return try known.get() }
    // The shapes are a part of the key: those of a known program have been checked.
    checkWeights()
    let rows = kinds.filter { masks[$0]?.rank ?? 0 > 0 }
    let program = Result { () throws(Trace.Refusal) in
      try StepCompiler.compile(
        tracedStep(masks: kinds.map { ($0, isShared: masks[$0]?.rank == 0) }),
        states: initialState(batch: 1).tensors.count, givenMasks: rows.map { $0 != .recurrent },
        isTraining: isTraining, differentiatesInput: differentiatesInput)
    }
    programs.withLock { $0[key] = program }
    return try program.get()
  }
}

/// What a program depends on.
private struct ProgramKey: Hashable {
  struct Mask: Hashable {
    let kind: StepMasks.Kind
    let rank: Int
  }

  let cell: ObjectIdentifier
  let shapes: [[Int]]
  let options: String
  let masks: [Mask]
  let isTraining: Bool
  let differentiatesInput: Bool
}

private let programs = Mutex<[ProgramKey: Result<StepProgram, Trace.Refusal>]>([:])

extension StepProgram {
  /// The arguments, of the tensors that are shared by all rows.
  func arguments(_ shared: [Tensor]) -> [Tensor] {
    var values = [Tensor?](repeating: nil, count: valueCount)
    for (index, tensor) in shared.enumerated() { values[rowInputs + index] = tensor }
    func tensor(_ operand: Trace.Operand) -> Tensor {
      switch operand {
      case .value(let number): values[number] ?? Tensor(0)
      case .constant(let tensor): tensor
      case .filled(let value, let shape): Tensor(repeating: value, shape: shape)
      }
    }
    for node in prelude {
      for (number, result) in zip(node.results, node.operation.replay(node.operands.map(tensor), batch: 1)) {
        values[number] = result
      }
    }
    return arguments.map { argument in
      switch argument {
      case .value(let number): values[number] ?? Tensor(0)
      case .constant(let tensor): tensor
      }
    }
  }
}

extension StepMemory {
  private func parts(isLarge: Bool) -> [Range<Int>] {
    let parts = schedule.split(threads: isLarge ? Parallelism.threads : 1)
    func rounded(_ row: Int) -> Int { row == schedule.rows ? row : row / Self.rowsPerSum * Self.rowsPerSum }
    return parts.map { rounded($0.lowerBound)..<rounded($0.upperBound) }.filter { !$0.isEmpty }
  }

  /// The outputs `[B, T, H]`, and the states after each row's last step in the schedule's order.
  func forward(isLarge: Bool) -> (outputs: Tensor, final: [Tensor]) {
    let size = program.output.width
    let places = schedule.batch * schedule.time
    var final = program.states.enumerated().map { index, place in
      let (source, stride) = initial(index)
      return Tensor([schedule.rows, place.width]) { target in
        for row in 0..<schedule.rows { kernels.copy(place.width, source + row * stride, target + row * place.width) }
      }
    }
    let outputs = Tensor(schedule.shape + [size]) { output in
      if schedule.count < places { kernels.fill(places * size, 0, output) }
      withWriting(&final) { final in
        parallel(parts(isLarge: isLarge)) { part in
          var run = StepRun(self, part)
          run.forward(to: output, final: final)
        }
      }
    }
    return (outputs, final)
  }

  /// The gradients, from those of the outputs `[B, T, H]` and of the final states in the schedule's order.
  func backward(
    outputs: Tensor?, states: [Tensor], isLarge: Bool
  ) -> (arguments: [Tensor?], input: Tensor?, states: [Tensor]) {
    prepareBackward()
    var states = states
    var inputGradient = program.inputGradient.exists ? Tensor.zeros(input.shape) : nil
    let inputPointer = inputGradient?.write { $0 }
    withWriting(&states) { states in
      func run(_ gradient: P?) {
        parallel(parts(isLarge: isLarge)) { part in
          var run = StepRun(self, part)
          run.backward(from: gradient, states: states, input: inputPointer)
        }
      }
      if let outputs { outputs.read { run($0) } } else { run(nil) }
    }
    return (argumentGradients(), inputGradient, states)
  }

  private func withWriting(_ tensors: inout [Tensor], _ body: ([M]) -> Void) {
    let pointers = tensors.indices.map { tensors[$0].write { $0 } }
    body(pointers)
    withExtendedLifetime(tensors) {}
  }
}
