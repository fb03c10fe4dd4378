import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@Suite("A training in a file") struct TrainingFileTests {
  private let x = Tensor((0..<60).map { Float($0 % 7) / 7 }, shape: [10, 3, 2])
  private let y = Tensor((0..<10).map { Float($0 % 3) }, shape: [10, 1])

  private func makeModel(_ optimizer: some Optimizer = Adam(learningRate: 0.02)) -> Sequential {
    var model = Sequential(inputSize: 2, seed: 7) {
      LSTM(5)
      Dropout(0.2)
      Dense(1)
    }
    model.compile(optimizer: optimizer, loss: .meanSquaredError, metrics: [.meanAbsoluteError])
    return model
  }

  /// Ends training as a signal would, after some steps.
  private struct Killer: TrainingObserver {
    let step: Int
    func observe(_ event: TrainingEvent) throws(TrainingError) -> TrainingDecision {
      if case .step(let now) = event.kind, now.step == step { throw TrainingError(.observerFailed, "killed") }
      return .proceed
    }
  }

  private func fit(
    _ model: inout Sequential, _ observers: [any TrainingObserver], resuming state: TrainingState<Sequential>? = nil
  ) throws -> History {
    try model.fit(
      x, y, epochs: 4, batchSize: 4, validation: .tail(0.2), seed: 3,
      schedule: .reduceOnPlateau(factor: 0.5, patience: 1), observers: observers, resuming: state)
  }

  @Test("that was killed between two windows of a batch goes on there to the same bits", arguments: 1...5)
  func killedBetweenWindows(step: Int) throws {
    let x = Tensor((0..<120).map { Float($0 % 7) / 7 }, shape: [5, 12, 2])
    func made() -> Sequential {
      var model = Sequential(inputSize: 2, seed: 7) {
        LSTM(5, returning: .everyStep)
        Dense(2)
      }
      model.compile(optimizer: Adam(learningRate: 0.02), loss: .meanSquaredError)
      return model
    }
    func fit(_ model: inout Sequential, _ observers: [any TrainingObserver], _ state: TrainingState<Sequential>? = nil)
      throws
    {
      try model.fit(
        batches: [Batch(x, x)], resuming: state, trainer: Trainer(epochs: 2, truncation: 4, observers: observers))
    }
    try withTemporaryFolder { folder in
      let path = folder + "/training.safetensors"
      var whole = made()
      try fit(&whole, [])
      var killed = made()
      #expect(throws: TrainingError.self) { try fit(&killed, [Checkpoints(path, everySteps: 1), Killer(step: step)]) }
      let state = try TrainingState(contentsOf: path, model: made())
      #expect(state.position.window == (step % 3 == 0 ? nil : step % 3) && state.position.step == step)
      var model = made()
      try fit(&model, [], state)
      #expect(model.tensors == whole.tensors)
    }
  }

  @Test("that was killed goes on from its checkpoint to the same bits", arguments: [1, 2, 3, 5, 6, 7])
  func killed(step: Int) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/training.safetensors"
      var whole = makeModel()
      let expected = try fit(&whole, [])
      var killed = makeModel()
      #expect(throws: TrainingError.self) {
        try fit(&killed, [Checkpoints(path, everySteps: step % 2 + 1), Killer(step: step + 1)])
      }
      var model = makeModel().mapTensors { .zeros($0.shape) }
      model.compile(
        optimizer: Adam(learningRate: 0.02), loss: .meanSquaredError, metrics: [.meanAbsoluteError])
      let state =
        FileManager.default.fileExists(atPath: path)
        ? try TrainingState(contentsOf: path, model: model) : nil
      #expect(state != nil)
      let history = try fit(&model, [], resuming: state)
      #expect(model.tensors == whole.tensors && history.losses == expected.losses)
      #expect(history.validationLosses == expected.validationLosses)
      #expect(history.metric("mean absolute error") == expected.metric("mean absolute error"))
      #expect(history.epochs.map(\.learningRate) == expected.epochs.map(\.learningRate))
    }
  }

  @Test("is refused where it is damaged, newer, of another model or another optimizer")
  func refusals() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/training.safetensors"
      var model = makeModel()
      _ = try fit(&model, [Checkpoints(path, everyEpochs: 2)])
      func problem(_ model: Sequential, _ optimizer: some Optimizer = Adam()) -> DataError? {
        dataError { () throws(DataError) in try TrainingState(contentsOf: path, model: model, optimizer: optimizer) }
      }
      let other = Sequential(inputSize: 2) {
        LSTM(6)
        Dropout(0.2)
        Dense(1)
      }
      #expect(problem(other)?.code == .damagedModel)
      #expect(problem(model, SGD(momentum: 0.5))?.code == .damagedModel)
      #expect(dataError { () throws(DataError) in try Sequential(contentsOf: path) }?.code == .notAModel)

      let file = try SafeTensorsFile(contentsOf: path)
      func rewritten(_ change: (String) -> String) throws {
        var file = file
        file.metadata["description"] = file.metadata["description"].map(change)
        try file.write(to: path)
      }
      try rewritten { $0.replacing(#""version":1"#, with: #""version":2"#) }
      #expect(problem(model)?.code == .newerModel)
      try rewritten { $0.replacing("epoch", with: "epic") }
      #expect(problem(model)?.code == .damagedModel)
      // Numbers that cannot be are found when training is to go on.
      for (old, new) in [(#"\"batch\":0"#, #"\"batch\":-4"#), (#"\"bestEpoch\":"#, #"\"bestEpoch\":9"#)] {
        try rewritten { $0.replacing(old, with: new) }
        let state = try TrainingState(contentsOf: path, model: model, optimizer: Adam())
        #expect(throws: TrainingError.self) { try fit(&model, [], resuming: state) }
      }
    }
  }

  @Test("is refused where the history of a stage that ended cannot be read")
  func damagedHistory() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/checkpoint.safetensors"
      var file = SafeTensorsFile(tensors: [], metadata: ["training": "{}", "stage": "first"])
      try file.write(to: path)
      #expect(try Checkpoint(contentsOf: path).history == nil)
      file.metadata["history"] = #"{"epochs":"#
      try file.write(to: path)
      let error = dataError { () throws(DataError) in try Checkpoint(contentsOf: path) }
      #expect(error?.code == .damagedModel && error?.file == path)
    }
  }

  @Test("cannot be saved where there is no folder, and says so")
  func unwritable() {
    var model = makeModel()
    let error = #expect(throws: TrainingError.self) { try fit(&model, [Checkpoints("/nowhere/at/all.safetensors")]) }
    #expect(error?.code == .observerFailed && error?.description.contains("could not be saved") == true)
  }

  @Test("A model keeps its optimizer's moments on request, and trains on as if it had stayed in memory")
  func moments() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      var model = makeModel()
      try model.fit(x, y, epochs: 2, shuffle: false)
      try model.saveWithOptimizer(to: path)
      var copy = try Sequential(contentsOf: path)
      #expect(copy.tensors == model.tensors)
      var optimizer = Adam(learningRate: 0.02)
      try copy.loadState(of: &optimizer, from: path)
      copy.compile(optimizer: optimizer, loss: .meanSquaredError)
      try model.fit(x, y, epochs: 2, shuffle: false)
      try copy.fit(x, y, epochs: 2, shuffle: false)
      #expect(copy.tensors == model.tensors && optimizer.state.step == 2)
      var other = RMSprop(centered: true)
      let problem = dataError { () throws(DataError) in try copy.loadState(of: &other, from: path) }
      #expect(problem?.code == .damagedModel)
    }
  }
}
