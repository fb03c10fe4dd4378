import Testing

@testable import Refrain

@Suite("Averaged weights") struct WeightAveragingTests {
  /// Takes down the weights after each update and each epoch.
  private final class Path: TrainingObserver {
    var updates: [Line] = []
    var epochs: [Line] = []
    func observe(_ event: TrainingEvent) -> TrainingDecision {
      guard let state = event.state() as? TrainingState<Line> else { return .proceed }
      if case .step = event.kind { updates.append(state.model) }
      if case .epoch = event.kind { epochs.append(state.model) }
      return .proceed
    }
  }

  private let batch = Batch(Tensor([1, 2, 3, 4], shape: [4, 1]), Tensor([3, 5, 7, 9], shape: [4, 1]))

  private func fit(
    _ averaging: WeightAveraging?, _ observers: [any TrainingObserver] = [],
    resuming state: TrainingState<Line>? = nil
  ) throws -> Line {
    var (line, optimizer) = (Line(), SGD(learningRate: 0.02))
    try Trainer(epochs: 4, averaging: averaging, observers: observers).fit(
      &line, optimizer: &optimizer, batches: Batches(batch, size: 2), resuming: state
    ) { line, batch in (line(batch.input) - batch.target).squared.mean() }
    return line
  }

  @Test("are the plain mean of the ends of epochs") func uniform() throws {
    let path = Path()
    let mean = try fit(.uniform(fromEpoch: 2), [path])
    let ends = path.epochs.dropFirst().map(\.weight.item)
    #expect(abs(mean.weight.item - ends.reduce(0, +) / 3) < 1e-6)
    #expect(try fit(nil).weight.item == path.epochs.last?.weight.item)
  }

  @Test("follow the weights exponentially, from the first update on") func exponential() throws {
    let path = Path()
    let mean = try fit(.exponential(decay: 0.5), [path])
    var expected: Float = 0
    for (count, line) in path.updates.enumerated() {
      let decay = min(0.5, Float(1 + count) / Float(10 + count))
      expected = count == 0 ? line.weight.item : decay * expected + (1 - decay) * line.weight.item
    }
    #expect(path.updates.count == 8 && abs(mean.weight.item - expected) < 1e-6)
    #expect(mean.weight.item != path.updates.last?.weight.item)
  }

  @Test("come back with a training that goes on", arguments: [1, 3, 5, 7]) func resumed(step: Int) throws {
    final class Keeper: TrainingObserver {
      let step: Int
      var state: TrainingState<Line>?
      init(_ step: Int) { self.step = step }
      func observe(_ event: TrainingEvent) -> TrainingDecision {
        if case .step(let now) = event.kind, now.step == step { state = event.state() as? TrainingState<Line> }
        return .proceed
      }
    }
    for averaging in [WeightAveraging.exponential(decay: 0.9), .uniform(fromEpoch: 2)] {
      let keeper = Keeper(step)
      let whole = try fit(averaging, [keeper])
      #expect(try fit(averaging, resuming: keeper.state).tensors == whole.tensors)
    }
    let keeper = Keeper(step)
    _ = try fit(.exponential(decay: 0.9), [keeper])
    let error = #expect(throws: TrainingError.self) { try fit(nil, resuming: keeper.state) }
    #expect(error?.code == .stateDoesNotFit)
  }
}
