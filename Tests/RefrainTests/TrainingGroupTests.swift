import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Processes that train together", .serialized) struct TrainingGroupTests {
  /// Sequences of 1 to 9 steps, a class at each step.
  private static func examples(_ count: Int, seed: UInt64 = 4) -> Batch {
    var generator = RandomGenerator(seed: seed)
    let input = Tensor.uniform([count, 9, 3], in: -1..<1, using: &generator)
    let target = Tensor((0..<count * 9).map { ($0 / 2) % 4 }, shape: [count, 9])
    return Batch(input, target, lengths: (0..<count).map { $0 * 5 % 9 + 1 })
  }

  private static func network(seed: UInt64 = 1) -> Sequential {
    var model = Sequential(inputSize: 3, seed: seed) {
      LSTM(6, returning: .everyStep)
      LSTM(5, returning: .everyStep)
      Dense(4)
    }
    model.compile(optimizer: Adam(learningRate: 0.01), loss: .crossEntropy, metrics: [.accuracy])
    return model
  }

  private struct Outcome: Sendable {
    var model: Sequential
    var history: History
  }

  /// Trains alone, or as one of a group.
  private static func trained(
    _ group: LocalGroup?, epochs: Int = 10, batch: Int = 8, from state: TrainingState<Sequential>? = nil,
    examples: Batch = examples(77), change: @Sendable (inout Trainer) -> Void = { _ in }
  ) throws -> Outcome {
    var model = network()
    var trainer = Trainer(epochs: epochs, seed: 3, clipping: .globalNorm(1))
    trainer.group = group
    change(&trainer)
    let batches = Batches(examples, size: batch)
    let history = try model.fit(
      batches: batches, validation: Batches(Self.examples(21, seed: 9), size: 8), resuming: state, trainer: trainer)
    return Outcome(model: model, history: history)
  }

  private func expectSame(_ one: Outcome, _ other: Outcome, _ what: String, within limit: Float = 1e-5) {
    expectClose(one.model, other.model, what, within: Tolerance(relative: limit, absolute: limit))
    for (first, second) in zip(one.history.epochs, other.history.epochs) {
      #expect(abs(first.loss - second.loss) < limit && first.number == second.number)
      #expect(abs((first.validationLoss ?? 0) - (second.validationLoss ?? 1)) < limit)
      #expect(abs(first.metrics["accuracy"]! - second.metrics["accuracy"]!) < 1e-6)
      #expect(abs(first.validationMetrics["accuracy"]! - second.validationMetrics["accuracy"]!) < 1e-6)
    }
    #expect(one.history.bestEpoch == other.history.bestEpoch)
    #expect(one.history.stopReason == other.history.stopReason)
  }

  @Test(
    "learn from their shares what one learns from the whole, uneven and empty shares included", arguments: [2, 3, 6])
  func equality(_ count: Int) throws {
    // 100 updates; the last batch has 5 examples.
    let alone = try Self.trained(nil)
    let together = try LocalGroup.run(count) { try Self.trained($0) }
    for one in together {
      #expect(one.model.tensors == together[0].model.tensors, "all have the same bits")
      #expect(one.history.losses == together[0].history.losses)
    }
    expectSame(together[0], alone, "\(count) processes")
    let again = try LocalGroup.run(count) { try Self.trained($0) }
    #expect(again[0].model.tensors == together[0].model.tensors, "as many processes give the same bits")
  }

  @Test("agree where gradients are accumulated, and over windows of steps with the state carried on")
  func accumulationAndWindows() throws {
    let changes: [(String, @Sendable (inout Trainer) -> Void)] = [
      ("accumulated", { $0.accumulation = 3 }), ("windows", { $0.truncation = 4 }),
    ]
    for (name, change) in changes {
      let alone = try Self.trained(nil, epochs: 4, change: change)
      let together = try LocalGroup.run(3) { try Self.trained($0, epochs: 4, change: change) }
      #expect(together.allSatisfy { $0.model.tensors == together[0].model.tensors })
      // Alone, accumulated batches weigh as many as their valid steps too.
      expectSame(together[0], alone, name)
    }
  }

  @Test("stop early in one epoch, with the same weights") func earlyStopping() throws {
    let change: @Sendable (inout Trainer) -> Void = { $0.earlyStopping = EarlyStopping(patience: 1) }
    let alone = try Self.trained(nil, epochs: 60, change: change)
    let together = try LocalGroup.run(2) { try Self.trained($0, epochs: 60, change: change) }
    #expect(alone.history.stopReason == .earlyStopping)
    #expect(together.allSatisfy { $0.history.epochs.count == alone.history.epochs.count })
    expectSame(together[0], alone, "stopped early", within: 1e-4)
  }

  @Test("go on from one another's checkpoints with another number of processes") func resuming() throws {
    final class Keep: TrainingObserver {
      var state: TrainingState<Sequential>?
      func observe(_ event: TrainingEvent) -> TrainingDecision {
        if case .step(let step) = event.kind, step.step == 33 {
          state = event.state() as? TrainingState<Sequential>
        }
        return .proceed
      }
    }
    let whole = try Self.trained(nil, epochs: 5)
    let states = try LocalGroup.run(4) { group in
      nonisolated(unsafe) let keep = Keep()
      _ = try Self.trained(group, epochs: 5) { $0.observers = [keep] }
      return keep.state
    }
    let state = try #require(states[0])
    let alone = try Self.trained(nil, epochs: 5, from: state)
    expectClose(alone.model, whole.model, "from 4 to 1", within: Tolerance(relative: 1e-5, absolute: 1e-5))
    let pair = try LocalGroup.run(2) { try Self.trained($0, epochs: 5, from: state) }
    expectClose(pair[1].model, whole.model, "from 4 to 2", within: Tolerance(relative: 1e-5, absolute: 1e-5))
  }

  @Test("go on from a checkpoint of one process between two windows, each with its share of what is carried")
  func resumingWindows() throws {
    final class Keep: TrainingObserver {
      var state: TrainingState<Sequential>?
      var resumable: [Bool] = []
      func observe(_ event: TrainingEvent) -> TrainingDecision {
        guard case .step(let step) = event.kind else { return .proceed }
        resumable.append(event.isResumable)
        if step.step == 8 { state = event.state() as? TrainingState<Sequential> }
        return .proceed
      }
    }
    // 29 examples are two processes' shares of 4, and at last of 3 and 2.
    let examples = Self.examples(29)
    nonisolated(unsafe) let keep = Keep()
    let whole = try Self.trained(nil, epochs: 2, examples: examples) {
      $0.truncation = 4
      $0.observers = [keep]
    }
    let state = try #require(keep.state)
    #expect(state.position.window == 2 && keep.resumable.allSatisfy(\.self))
    let pair = try LocalGroup.run(2) { group in
      nonisolated(unsafe) let own = Keep()
      let outcome = try Self.trained(group, epochs: 2, from: state, examples: examples) {
        $0.truncation = 4
        $0.observers = [own]
      }
      // The process that saves does not know what the others carry.
      #expect(own.resumable == (8..<24).map { $0 % 3 == 2 })
      return outcome
    }
    #expect(pair[0].model.tensors == pair[1].model.tensors)
    expectSame(pair[0], whole, "from a window")
  }

  @Test("exchange of tables the rows that some of them have used") func rows() throws {
    struct Words: Module {
      var table: Embedding
      var dense: Dense
      mutating func forEachTensor<E: Error>(
        _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
      ) throws(E) {
        try table.forEachTensor(under: "table", body)
        try dense.forEachTensor(under: "dense", body)
      }
    }
    final class Rows: GradientExchange {
      var indices: [[Int]] = []
      func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) {
        indices.append(gradient.tensors[0].sparseRows?.indices ?? [])
      }
    }
    let tokens = Tensor((0..<30).map { $0 * $0 % 200 })
    let examples = Batch(tokens, Tensor((0..<30).map { $0 % 3 }))
    @Sendable func trained(_ group: LocalGroup?) throws -> (Words, [[Int]]) {
      var words = Words(table: Embedding(vocabulary: 200, size: 4), dense: Dense(inputSize: 4, outputSize: 3))
      words.forEachTensor { _, tensor in
        var generator = RandomGenerator(seed: 7)
        tensor = .uniform(tensor.shape, in: -1..<1, using: &generator)
      }
      var optimizer = SparseAdam(learningRate: 0.05)
      let rows = Rows()
      var trainer = Trainer(epochs: 12, exchanges: [rows])
      trainer.group = group
      try trainer.fit(&words, optimizer: &optimizer, examples: examples, batchSize: 4, shuffle: true) { words, batch in
        Loss.crossEntropy(words.dense(words.table(batch.input)), batch.target)
      }
      return (words, rows.indices)
    }
    let alone = try trained(nil)
    let together = try LocalGroup.run(3) { try trained($0) }
    #expect(together[2].1 == alone.1 && together[0].1 == alone.1 && alone.1[0].count <= 4)
    #expect(together[2].0.tensors == together[0].0.tensors)
    expectClose(together[1].0, alone.0, "the words", within: Tolerance(relative: 1e-5, absolute: 1e-5))
  }

  @Test("have the same statistics of the data, though each sees its share") func statistics() throws {
    let models = try LocalGroup.run(2) { group in
      var model = Sequential(inputSize: 3, seed: 1) {
        BatchNorm()
        LSTM(4, returning: .everyStep)
        Dense(4)
      }
      model.compile(optimizer: SGD(learningRate: 0.1), loss: .crossEntropy)
      var trainer = Trainer(epochs: 2)
      trainer.group = group
      _ = try model.fit(batches: Batches(Self.examples(13), size: 4), trainer: trainer)
      return model
    }
    #expect(models[0].tensors == models[1].tensors)
    let mean = try #require(models[0].namedTensors.first { $0.name.contains("running_mean") }?.tensor)
    #expect(mean.values.contains { $0 != 0 })
  }

  @Test("end with an error that names the one whose data, weights or numbers are others") func disagreement() throws {
    func error(_ body: @escaping @Sendable (LocalGroup) throws -> Void) throws -> [TrainingError?] {
      try LocalGroup.run(3) { group in
        do throws(any Error) {
          try body(group)
          return nil
        } catch { return error as? TrainingError }
      }
    }
    let more = try error { group in
      _ = try Self.trained(group, epochs: 1, examples: Self.examples(group.rank == 2 ? 85 : 77))
    }
    #expect(more.allSatisfy { $0?.code == .exchangeFailed && $0 == more[0] })
    #expect(more[0]?.description.contains("process 2 (on machine 2) has another number of batches") == true)
    // A processor that has other instructions.
    let processor = try error { group in
      _ = try Self.trained(group, epochs: 1) {
        if group.rank == 1 { $0.group = OddGroup(group, gathering: 0, word: 1) }
      }
    }
    #expect(processor.allSatisfy { $0?.code == .exchangeFailed })
    #expect(
      processor[0]?.description.contains("process 1 (on machine 1) computes with other instructions; set REFRAIN_ISA")
        == true)
    let spoiled = try error { group in
      var examples = Self.examples(12)
      examples.input = Tensor(
        examples.input.values.enumerated().map { $0.offset == 27 ? .nan : $0.element }, shape: examples.input.shape)
      _ = try Self.trained(group, epochs: 1, examples: examples)
    }
    #expect(spoiled.allSatisfy { $0?.code == .notFinite && $0 == spoiled[0] })
    #expect(
      spoiled[0]?.description
        == "epoch 1, step 1: the loss is not finite; first in the input of the batch in process 1 (on machine 1); "
        + "replace missing or infinite values")
    struct Drift: GradientExchange {
      let rank: Int
      func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) {
        if rank == 1 { gradient = gradient.mapTensors { $0 * 1.0001 } }
      }
    }
    let drifted = try error { group in
      _ = try Self.trained(group, epochs: 3) { $0.exchanges = [Drift(rank: group.rank)] }
    }
    #expect(drifted[2]?.description.contains("process 1 (on machine 1) has come to other weights") == true)
  }

  @Test("stop where the first of them is told to, whatever the others are told") func stopping() throws {
    final class Stop: TrainingObserver {
      let at: Int
      init(_ at: Int) { self.at = at }
      func observe(_ event: TrainingEvent) -> TrainingDecision {
        if case .step(let step) = event.kind, step.step >= at { return .stop() }
        return .proceed
      }
    }
    let outcomes = try LocalGroup.run(3) { group in
      try Self.trained(group) { $0.observers = [Stop([25, 3, 1000][group.rank])] }
    }
    #expect(outcomes.allSatisfy { $0.history.stopReason == .requested && $0.history.epochs.count == 2 })
    #expect(outcomes.allSatisfy { $0.model.tensors == outcomes[0].model.tensors })
  }

  @Test("weigh a share by what its loss divides by") func weights() {
    let batch = Self.examples(4)
    // Of 1, 6, 2 and 7 steps.
    #expect(batch.lossWeight == 16 && batch.weight == 4)
    #expect(Batch(batch.input, Tensor([1, 2, 0, 1])).lossWeight == 4)
    let weighted = Batch(batch.input, batch.target, lengths: batch.lengths, weights: Tensor([2, 0, 1, 3]))
    #expect(weighted.lossWeight == 25)
    let shares = (0..<3).map { batch.share($0, of: 3) }
    let lengths = shares.map { $0?.lengths ?? [] }
    #expect(lengths == [[1, 7], [6], [2]])
    #expect(batch.share(4, of: 5) == nil)
  }

  @Test("hand bytes and texts of any size to one another") func messages() throws {
    let gathered = try LocalGroup.run(3) { group in
      let bytes = try group.broadcast(group.isFirst ? Array("all of it".utf8) : [1])
      let none = try group.broadcast([])
      let texts = try group.gather(group.rank == 1 ? nil : "é" + String(repeating: "x", count: 300 * group.rank))
      return (String(decoding: bytes, as: UTF8.self), none.count, texts.map { $0?.utf8.count })
    }
    for one in gathered { #expect(one.0 == "all of it" && one.1 == 0 && one.2 == [2, nil, 400]) }
    // More than a piece of it, nothing, and a little.
    let sizes = [4_200_001, 0, 12]
    func bytes(_ rank: Int) -> [UInt8] { (0..<sizes[rank]).map { UInt8(truncatingIfNeeded: $0 * 7 + rank) } }
    let all = [bytes(0), bytes(1), bytes(2)]
    let (everywhere, atFirst) = (
      try LocalGroup.run(3) { try $0.gather(bytes: all[$0.rank], everywhere: true) },
      try LocalGroup.run(3) { try $0.gather(bytes: all[$0.rank], everywhere: false) }
    )
    #expect(everywhere.allSatisfy { $0 == all } && atFirst == [all, [], []])
  }
}
