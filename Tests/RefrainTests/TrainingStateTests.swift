import RefrainTestSupport
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

  @Test("does so between batches that are cut into windows, and never between two windows")
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
      if !event.isResumable { between += 1 }
      #expect(event.isResumable == (step.batch % 3 == 0))
      return true
    }
    let whole = try trained(nil, [keeper])
    #expect(keeper.states.count == 6 && between == 12)
    for (index, state) in keeper.states.enumerated() {
      let (model, history) = try trained(state as? TrainingState<Sequential>)
      expectSame(model, history, whole.model, whole.history, "state \(index)")
    }
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
