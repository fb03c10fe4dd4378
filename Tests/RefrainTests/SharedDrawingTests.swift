import RefrainTestSupport
import Testing

@testable import Refrain

/// What is drawn inside a network, where several processes share a batch.
@Suite("Draws of processes that share a batch", .serialized) struct SharedDrawingTests {
  private static let lengths = [4, 1, 6, 6, 2, 5, 3]

  /// What a body draws for the whole batch, or for the share of one of several processes.
  private func drawn(
    _ share: Int? = nil, of count: Int = 1, in whole: WholeBatch = WholeBatch(count: 7, lengths: lengths),
    _ body: (Tape) -> Tensor
  ) -> Tensor {
    let rows = share.map { SharedRows($0, of: count, in: whole, generator: RandomGenerator(seed: 99 + UInt64($0))) }
    let tape = Tape(isTraining: true, generator: RandomGenerator(seed: 5), rows: rows)
    return tape.recording { body(tape) }
  }

  /// Expects that each share of one to seven processes draws its rows of what one draws.
  ///
  /// - Parameters:
  ///   - what: What it is, for a failure.
  ///   - axis: That of the examples.
  ///   - body: What is drawn for so many of them.
  private func expectRows(_ what: String, axis: Int = 0, _ body: (_ examples: Int, Tape) -> Tensor) {
    let whole = drawn { body(7, $0) }
    #expect(Set(whole.values).count > 1, "\(what): nothing is drawn")
    for count in [2, 3, 7] {
      for share in 0..<count {
        let places = sharedPlaces(share, of: count, total: 7)
        let own = drawn(share, of: count) { body(places.count, $0) }
        let wanted = stack(places.map { whole.at($0, axis: axis) }, axis: axis)
        #expect(own.shape == wanted.shape && own.values == wanted.values, "\(what), share \(share) of \(count)")
      }
    }
  }

  @Test("are the rows that one process with all of it draws, one draw after another") func rows() {
    expectRows("values") { count, _ in
      // An odd number of values, of which the last of a number's two is left; so are those of what comes after.
      _ = dropout(.ones([count, 3, 3]), rate: 0.5)
      return dropout(.ones([count, 5, 3]), rate: 0.4)
    }
    expectRows("one mask a sequence") { count, _ in
      _ = dropout(.ones([count, 4]), rate: 0.5)
      return dropout(.ones([count, 6, 5]), rate: 0.4, mask: .sequence)
    }
    expectRows("with the time first", axis: 1) { count, _ in
      _ = dropout(.ones([5, count, 3]), rate: 0.5, mask: .sequence, timeAxis: 0)
      return dropout(.ones([6, count, 5]), rate: 0.4, timeAxis: 0)
    }
    expectRows("noise") { count, _ in
      _ = GaussianNoise(0.5)(StepValues(.zeros([count, 3]))).values
      return GaussianNoise(0.5)(StepValues(.zeros([count, 6, 3]))).values
    }
    expectRows("steps of examples that are rows") { count, _ in
      dropout(.ones([count * 6]), rate: 0.5).reshaped([count, 6])
    }
  }

  @Test("are the same in all processes where they belong to no example") func common() {
    let masks = (0..<3).map { share in
      drawn(share, of: 3) { tape in
        _ = tape.dropoutMask([3, 5], rate: 0.5)
        return dropout(.ones([sharedPlaces(share, of: 3, total: 7).count, 2]), rate: 0.5)
      }
    }
    let whole = drawn { tape in
      _ = tape.dropoutMask([3, 5], rate: 0.5)
      return dropout(.ones([7, 2]), rate: 0.5)
    }
    for (share, mask) in masks.enumerated() {
      #expect(mask.values == sharedPlaces(share, of: 3, total: 7).flatMap { whole.at($0, axis: 0).values })
    }
  }

  @Test("of packed rows are those of the same sequences at the same steps") func packed() throws {
    let regularization = Regularization(recurrentDropout: 0.3, zoneoutHidden: 0.4, zoneoutCell: 0.5)
    func kept(_ lengths: [Int]) -> (Schedule, (Tape) -> Tensor) {
      let schedule = Schedule(batch: lengths.count, time: 6, lengths: lengths)
      let state = LSTMCell.State(hidden: .zeros([lengths.count, 3]), cell: .zeros([lengths.count, 3]))
      return (
        schedule,
        { _ in
          let masks = regularization.masks(for: state, along: schedule) ?? StepMasks()
          return concatenate([masks.keptHidden ?? .zeros([1, 3]), masks.keptCell ?? .zeros([1, 3])], axis: 1)
        }
      )
    }
    /// By sequence and step.
    func byStep(_ schedule: Schedule, _ rows: Tensor) -> [[Int]: [Float]] {
      var found: [[Int]: [Float]] = [:]
      for (step, alive) in schedule.alive.enumerated() {
        for rank in 0..<alive {
          found[[schedule.order[rank], step]] = rows.at(schedule.offsets[step] + rank, axis: 0).values
        }
      }
      return found
    }
    let (schedule, body) = kept(Self.lengths)
    let whole = byStep(schedule, drawn(nil, body))
    for count in [2, 3, 5] {
      for share in 0..<count {
        let places = sharedPlaces(share, of: count, total: 7)
        let (own, body) = kept(places.map { Self.lengths[$0] })
        for (key, values) in byStep(own, drawn(share, of: count, body)) {
          #expect(values == whole[[places[key[0]], key[1]]], "share \(share) of \(count), \(key)")
        }
      }
    }
    // Where the lengths of the others are not known each process draws its own.
    let unknown = WholeBatch(count: 7)
    let (_, ofFour) = kept([4, 4, 4, 4])
    let (_, ofThree) = kept([4, 4, 4])
    let (first, second) = (drawn(0, of: 2, in: unknown, ofFour), drawn(1, of: 2, in: unknown, ofThree))
    #expect(first.values.prefix(18) != second.values.prefix(18))
  }

  @Test("of words are those of the whole batch's tokens, of each input that is read by itself") func words() {
    // Two inputs that are alike in what the second process of two has of them, and not in the rest.
    let tokens = [[1, 2, 3, 4, 5, 1, 7], [9, 2, 9, 4, 4, 1, 7]]
    let tables = (0..<2).map { _ in Embedding(vocabulary: 10, size: 2, dropout: 0.5) }
    func read(_ places: [Int]) -> Tensor {
      concatenate(zip(tables, tokens).map { table, own in table(Tensor(places.map { own[$0] })) }, axis: 1)
    }
    let whole = WholeBatch(count: 7, tokens: tokens)
    let all = drawn { _ in read(Array(0..<7)) }
    #expect(all.values.contains(0) && all.values.contains { $0 != 0 })
    for count in [2, 3, 7] {
      for share in 0..<count {
        let places = sharedPlaces(share, of: count, total: 7)
        let own = drawn(share, of: count, in: whole) { _ in read(places) }
        #expect(own.values == places.flatMap { all.at($0, axis: 0).values }, "share \(share) of \(count)")
      }
    }
  }

  /// Sequences of tokens of 1 to 9 steps, with a class at each step.
  private static let examples: Batch = {
    var generator = RandomGenerator(seed: 4)
    let tokens = (0..<45 * 9).map { _ in generator.integer(below: 30) }
    return Batch(
      Tensor(tokens, shape: [45, 9]), Tensor(tokens.map { ($0 * 7 + 1) % 4 }, shape: [45, 9]),
      lengths: (0..<45).map { $0 * 5 % 9 + 1 })
  }()

  private static func trained(
    _ group: LocalGroup?, change: @Sendable (inout Trainer) -> Void = { _ in }
  ) throws -> (model: Sequential, losses: [Float]) {
    var model = Sequential(exampleShape: [nil], seed: 3) {
      Embedding(30, 6, dropout: 0.2)
      Dropout(0.3, mask: .sequence)
      LSTM(8, returning: .everyStep).regularized(
        by: Regularization(
          inputDropout: 0.2, recurrentDropout: 0.2, zoneoutHidden: 0.1, zoneoutCell: 0.1, weightDropout: 0.2))
      Dropout(0.3)
      GaussianNoise(0.1)
      Stacked<Recurrent<GRUCell>>([5, 5], dropout: 0.2, returning: .everyStep)
      Dense(4)
    }
    // Adam divides by small gradients, and makes differences of rounding larger.
    model.compile(optimizer: SGD(learningRate: 0.1), loss: .crossEntropy)
    var trainer = Trainer(epochs: 17, seed: 8, clipping: .globalNorm(1))
    trainer.group = group
    change(&trainer)
    let history = try model.fit(batches: Batches(examples, size: 8), trainer: trainer)
    return (model, history.losses)
  }

  @Test("give what one process gives from the whole batch, to 1e-5 after 100 updates", arguments: [2, 3, 6])
  func training(_ count: Int) throws {
    let changes: [(String, @Sendable (inout Trainer) -> Void)] = [
      ("whole", { _ in }), ("windows", { $0.truncation = 4 }), ("accumulated", { $0.accumulation = 2 }),
    ]
    for (name, change) in changes {
      let alone = try Self.trained(nil, change: change)
      let together = try LocalGroup.run(count) { try Self.trained($0, change: change) }
      expectClose(
        together[0].model, alone.model, "\(name), \(count) processes",
        within: Tolerance(relative: 1e-5, absolute: 1e-5))
      for (one, other) in zip(together[0].losses, alone.losses) { #expect(abs(one - other) < 1e-4) }
    }
  }

  @Test("of sequences that are fetched by their numbers are those of the whole batch, padded as it is")
  func fetched() throws {
    struct Sequences: ExampleSource {
      let padsAsWhole: Bool
      var count: Int { 45 }
      func length(of example: Int) -> Int { SharedDrawingTests.examples.lengths?[example] ?? 0 }
      private func padded(_ examples: [Int], to time: Int) -> Batch {
        let batch = SharedDrawingTests.examples.selecting(examples)
        return Batch(
          batch.input.slice(0..<time, axis: 1), batch.target.slice(0..<time, axis: 1), lengths: batch.lengths)
      }
      func batch(_ examples: [Int]) -> Batch { padded(examples, to: examples.map(length(of:)).max() ?? 1) }
      func share(_ examples: [Int], of batch: [Int]) -> BatchShare<Batch> {
        let time = (padsAsWhole ? batch : examples).map(length(of:)).max() ?? 1
        return BatchShare(padded(examples, to: time), of: WholeBatch(count: batch.count))
      }
    }
    @Sendable func trained(_ group: LocalGroup?, padsAsWhole: Bool = true) throws -> Sequential {
      var model = Sequential(exampleShape: [nil], seed: 3) {
        Embedding(30, 6)
        Dropout(0.5)
        LSTM(8, returning: .everyStep)
        Dense(4)
      }
      model.compile(optimizer: SGD(learningRate: 0.1), loss: .crossEntropy)
      var trainer = Trainer(epochs: 9, seed: 8)
      trainer.group = group
      _ = try model.fit(
        source: LengthBatches(Sequences(padsAsWhole: padsAsWhole), size: 8, pool: 1, seed: 2), trainer: trainer)
      return model
    }
    let alone = try trained(nil)
    let together = try LocalGroup.run(3) { try trained($0) }
    let limit = Tolerance(relative: 1e-5, absolute: 1e-5)
    expectClose(together[1], alone, "padded as the whole", within: limit)
    // Padded to the longest of themselves they draw otherwise, and learn all the same.
    let others = try LocalGroup.run(3) { try trained($0, padsAsWhole: false) }
    #expect(others[0].tensors == others[1].tensors && others[0].tensors != together[0].tensors)
  }
}
