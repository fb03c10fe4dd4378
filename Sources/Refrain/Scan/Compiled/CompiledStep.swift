/// A compiled step with its memory, for streams: what a scan lays out anew for each batch is here from one step to the
/// next. It lies with the state of the streams (``Storage/companion``) and goes with it.
final class CompiledStep {
  /// The cell's tensors, by which it is told whether it is still the cell's. (They are held: a tensor that is written
  /// meanwhile moves to other memory.)
  private let tensors: [Tensor]
  private let memory: StepMemory
  private var run: StepRun
  /// Whether it lies with some states already.
  var isTaken = false
  /// `[B, H]`; the layer takes the output from the state.
  private let output: Storage
  private let inputShape: [Int]
  private let stateShapes: [[Int]]

  /// A step of a cell with these tensors.
  init(_ program: StepProgram, _ tensors: [Tensor], input: Tensor, states: [Tensor]) {
    self.tensors = tensors
    inputShape = input.shape
    stateShapes = states.map(\.shape)
    let batch = input.shape[0]
    memory = StepMemory(
      program, Schedule(batch: batch, time: 1), input: input, states: states, masks: [],
      arguments: program.arguments(tensors))
    run = StepRun(memory, 0..<batch)
    output = Storage(count: batch * program.output.width)
  }

  /// Whether it is a step of a cell with these tensors, for such an input and such states.
  func fits(_ others: [Tensor], input: Tensor, states: [Tensor]) -> Bool {
    guard tensors.count == others.count, stateShapes.count == states.count, input.shape == inputShape else {
      return false
    }
    for (shape, state) in zip(stateShapes, states) where state.shape != shape { return false }
    for (one, other) in zip(tensors, others) where one.storage !== other.storage || one.shape != other.shape {
      return false
    }
    return true
  }

  /// Takes a step; the states are changed where they lie.
  func advance(_ states: [M], with input: Tensor) {
    memory.enter(input: input, states: states)
    run.forward(to: output.pointer, final: states)
  }
}

extension RecurrentCell {
  /// One step by the compiled step.
  func advanceCompiled(_ state: inout State, with input: Tensor) {
    guard Recording.current == nil else {
      checkStep(input, from: state)
      let part = input.reshaped([input.shape[0], 1, inputSize])
      state = scanCompiled(part, from: state, along: Schedule(batch: input.shape[0], time: 1), masks: StepMasks()).state
      return
    }
    let own = tensors
    guard var step = compiledStep(own, input, state) else {
      state = step(project(input), state)
      return
    }
    var places: [M] = []
    var storage: Storage?
    state.forEachTensor { _, tensor in
      places.append(tensor.write { $0 })
      storage = tensor.storage
    }
    if storage?.companion !== step {
      // Of a state that was shared there is a copy now, and the step belongs to the other one.
      if step.isTaken, let another = compiledStep(own, input, state) { step = another }
      step.isTaken = true
      storage?.companion = step
    }
    step.advance(places, with: input)
    withExtendedLifetime(state) {}
  }

  /// The step that lies with the states, or a new one; nil where the step is not compiled.
  private func compiledStep(_ own: [Tensor], _ input: Tensor, _ state: State) -> CompiledStep? {
    let states = state.tensors
    if let known = states.last?.storage.companion as? CompiledStep, known.fits(own, input: input, states: states) {
      return known
    }
    let program = try? program(for: StepMasks(), [], isTraining: false, differentiatesInput: false)
    checkStep(input, from: state)
    guard let program, input.shape[0] > 0, !states.isEmpty else { return nil }
    return CompiledStep(program, own, input: input, states: states)
  }
}
