import RefrainTestSupport
import Synchronization
import Testing

@testable import Refrain

/// Training that was stopped somewhere goes on from its state to the bits of training that was not.
@Suite("A training that goes on from its state") struct TrainingStateTests {
  /// Keeps the states of the steps asked for.
  private final class Keeper: TrainingObserver {
    let wanted: (TrainingEvent) -> Bool
    var states: [any SavedTraining] = []

    init(_ wanted: @escaping (TrainingEvent) -> Bool) { self.wanted = wanted }

    func observe(_ event: TrainingEvent) -> TrainingDecision {
      if wanted(event), let state = event.state() { states.append(state) }
      return .proceed
    }
  }

  private static let epochs = 4

  private func dropping() -> Sequential {
    var model = Sequential(inputSize: 2, seed: 7) {
      LSTM(6, returning: .everyStep).regularized(by: Regularization(recurrentDropout: 0.2))
      LSTM(4)
      Dropout(0.3)
      Dense(1)
    }
    model.compile(
      optimizer: Adam(learningRate: 0.02), loss: .meanSquaredError, metrics: [.meanAbsoluteError])
    return model
  }

  private func train(
    _ model: inout Sequential, resuming state: TrainingState<Sequential>? = nil, observers: [any TrainingObserver] = [],
    accumulation: Int = 1, schedule: LearningRateSchedule
  ) throws -> History {
    let (x, y) = series(23)
    return try model.fit(
      x, y, epochs: Self.epochs, batchSize: 4, validation: .fraction(0.2), seed: 5, schedule: schedule,
      clipping: .globalNorm(0.5), penalties: [.squares(1e-3)], gradientNoise: GradientNoise(variance: 0.01),
      accumulation: accumulation, earlyStopping: EarlyStopping(patience: 3), observers: observers, resuming: state)
  }

  private func expectSame(
    _ model: Sequential, _ history: History, _ whole: Sequential, _ expected: History, _ what: String
  ) {
    for (mine, other) in zip(model.namedTensors, whole.namedTensors) {
      expectSameBits(mine.tensor, other.tensor, "\(what): \(mine.name)")
    }
    let (moments, others) = (model.compiled?.optimizer.state, whole.compiled?.optimizer.state)
    #expect(moments?.tensors == others?.tensors && moments?.step == others?.step, "\(what)")
    #expect(history.bestEpoch == expected.bestEpoch && history.stopReason == expected.stopReason, "\(what)")
    for (mine, other) in zip(history.epochs, expected.epochs) {
      var mine = mine
      mine.seconds = other.seconds
      #expect(mine == other, "\(what)")
    }
    #expect(history.epochs.count == expected.epochs.count, "\(what)")
  }

  @Test(
    "at any step and epoch ends with the same bits",
    arguments: [1, 2], [LearningRateSchedule.oneCycle(), .reduceOnPlateau(factor: 0.5, patience: 1, threshold: 0.5)])
  func anywhere(_ accumulation: Int, _ schedule: LearningRateSchedule) throws {
    var whole = dropping()
    let keeper = Keeper { event in
      switch event.kind {
      case .step, .epoch, .began: true
      case .ended: false
      }
    }
    let expected = try train(&whole, observers: [keeper], accumulation: accumulation, schedule: schedule)
    #expect(keeper.states.count > 2 * Self.epochs)
    for (index, state) in keeper.states.enumerated() {
      // A model and an optimizer that know nothing.
      var model = dropping().mapTensors { .zeros($0.shape) }
      model.compile(
        optimizer: Adam(learningRate: 0.02), loss: .meanSquaredError, metrics: [.meanAbsoluteError])
      let history = try train(
        &model, resuming: state as? TrainingState<Sequential>, accumulation: accumulation, schedule: schedule)
      expectSame(model, history, whole, expected, "state \(index)")
    }
  }

  @Test("does so between batches that are cut into windows, and between two windows of a batch")
  func windows() throws {
    var generator = RandomGenerator(seed: 3)
    let x = Tensor.uniform([6, 10, 3], in: -1..<1, using: &generator)
    let batches = Batches(Batch(x, x, lengths: [10, 7, 9, 2, 10, 5]), size: 2)
    func trained(
      _ state: TrainingState<Sequential>? = nil, _ observers: [any TrainingObserver] = []
    ) throws -> (model: Sequential, history: History) {
      var model = Sequential(inputSize: 3, seed: 2) {
        GRU(4, returning: .everyStep)
        Dense(3)
      }
      model.compile(optimizer: RMSprop(), loss: .meanSquaredError)
      let trainer = Trainer(epochs: 2, truncation: 4, observers: observers)
      let history = try model.fit(batches: batches, resuming: state, trainer: trainer)
      return (model, history)
    }
    var between = 0
    let keeper = Keeper { event in
      guard case .step(let step) = event.kind else { return false }
      if step.batch % 3 != 0 { between += 1 }
      return true
    }
    let whole = try trained(nil, [keeper])
    #expect(keeper.states.count == 18 && between == 12)
    for (index, state) in keeper.states.enumerated() {
      let state = state as? TrainingState<Sequential>
      #expect((state?.carried != nil) == (index % 3 != 2) && state?.position.window == [1, 2, nil][index % 3])
      let (model, history) = try trained(state)
      expectSame(model, history, whole.model, whole.history, "state \(index)")
    }
    // What is carried is not that of this model, or there is no such window.
    var state = try #require(keeper.states[0] as? TrainingState<Sequential>)
    state.carried = [.zeros([1, 4])]
    #expect(throws: TrainingError.self) { try trained(state) }
    state = try #require(keeper.states[0] as? TrainingState<Sequential>)
    state.position.window = 3
    #expect(throws: TrainingError.self) { try trained(state) }
  }

  @Test("does so between two windows of a loss of one's own where that begins with tensors, and only there")
  func ownWindows() throws {
    var generator = RandomGenerator(seed: 3)
    let x = Tensor.uniform([4, 10, 3], in: -1..<1, using: &generator)
    let batches = Batches(Batch(x, x), size: 2)
    func trained(
      begins: Bool = true, _ state: TrainingState<LSTM>? = nil, _ observers: [any TrainingObserver] = []
    ) throws -> [Tensor] {
      var generator = RandomGenerator(seed: 4)
      var (lstm, optimizer) = (LSTM(inputSize: 3, hiddenSize: 3, using: &generator), Adam())
      let initial = { (lstm: LSTM, batch: Batch) in lstm.initialMemory(batch: batch.count) }
      try Trainer(epochs: 2, truncation: 4, observers: observers).fit(
        &lstm, optimizer: &optimizer, batches: batches, resuming: state, carrying: LSTM.State.self,
        from: begins ? initial : nil
      ) { lstm, window, state in
        let (outputs, next) = lstm.scan(window.input, from: state)
        state = next
        return Loss.meanSquaredError(outputs, window.target)
      }
      return lstm.tensors
    }
    let (keeper, other) = (Keeper { _ in true }, Keeper { if case .step = $0.kind { true } else { false } })
    let whole = try trained(nil, [keeper])
    #expect(try trained(begins: false, nil, [other]) == whole && other.states.count == 4)
    #expect(keeper.states.count { $0.position.window != nil } == 8)
    for state in keeper.states { #expect(try trained(state as? TrainingState<LSTM>) == whole) }
    let between = keeper.states.first { $0.position.window != nil } as? TrainingState<LSTM>
    #expect(throws: TrainingError.self) { try trained(begins: false, between) }
  }

  /// A batch of very many windows, which counts those that are made.
  private struct Long: TrainingBatch {
    static let made = Mutex(0)
    var count: Int { 1 }
    func windowCount(of size: Int) -> Int { 1 << 40 }
    func window(_ number: Int, of size: Int) -> Long {
      Self.made.withLock { $0 += 1 }
      return self
    }
  }

  @Test("makes a window of a batch when it is its turn")
  func lazily() throws {
    var (line, optimizer) = (Line(), SGD())
    let keeper = Keeper { event in
      guard case .step(let step) = event.kind else { return false }
      #expect(Long.made.withLock { $0 } == step.batch)
      return false
    }
    let trainer = Trainer(truncation: 1, observers: [keeper], shouldStop: { Long.made.withLock { $0 } == 5 })
    let history = try trainer.fit(&line, optimizer: &optimizer, batches: [Long()], carrying: NoMemory.self) {
      line, _, _ in line(Tensor([1]).sum())
    }
    #expect(history.stopReason == .cancelled && Long.made.withLock { $0 } == 5)
  }

  @Test("of a sequence that draws an order of its own for each epoch, too")
  func ownOrder() throws {
    let x = Tensor((0..<12).map { Float($0) / 12 }, shape: [12, 1])
    final class Shuffling: Sequence {
      var generator = RandomGenerator(seed: 9)
      let examples: Batch
      init(_ examples: Batch) { self.examples = examples }
      func makeIterator() -> Batches.Iterator {
        Batches(examples, size: 5, order: generator.permutation(examples.count)).makeIterator()
      }
    }
    func trained(_ state: TrainingState<Line>? = nil, _ observers: [any TrainingObserver] = []) throws -> Line {
      var (line, optimizer) = (Line(), SGD(learningRate: 0.3, momentum: 0.5))
      try Trainer(epochs: 3, observers: observers).fit(
        &line, optimizer: &optimizer, batches: Shuffling(Batch(x, x * 2 + 1)), resuming: state
      ) { Loss.meanSquaredError($0($1.input), $1.target) }
      return line
    }
    let keeper = Keeper { _ in true }
    let whole = try trained(nil, [keeper])
    for state in keeper.states { #expect(try trained(state as? TrainingState<Line>).tensors == whole.tensors) }
  }

  @Test("is refused where seed, model, optimizer or data are others, and the model stays what it was")
  func refusals() throws {
    let (x, y) = series()
    var model = makeModel()
    let keeper = Keeper { if case .epoch = $0.kind { true } else { false } }
    try model.fit(x, y, epochs: 2, observers: [keeper])
    let state = try #require(keeper.states.first as? TrainingState<Sequential>)
    func problem(_ change: (inout Sequential) -> Void = { _ in }, seed: UInt64 = 0, epochs: Int = 2) -> String {
      var other = makeModel()
      change(&other)
      let before = other.tensors
      do throws(TrainingError) {
        try other.fit(x, y, epochs: epochs, seed: seed, resuming: state)
        return ""
      } catch {
        #expect(error.code == .stateDoesNotFit && other.tensors == before)
        return error.description
      }
    }
    #expect(problem().isEmpty)
    #expect(problem(seed: 1).contains("with the seed 0, not 1"))
    #expect(problem(epochs: 0).contains("come to epoch 1, of 0"))
    #expect(
      problem({ $0.compile(optimizer: SGD(), loss: .meanSquaredError, metrics: [.meanAbsoluteError]) }).contains(
        "optimizer"))
    #expect(problem({ $0.layers[0] = LSTM(inputSize: 2, hiddenSize: 5) }).contains("other shapes"))
  }
}
