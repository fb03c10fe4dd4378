import Synchronization
import Testing

@testable import Refrain

@Suite("Batches by length") struct LengthBatchesTests {
  /// Sequences that are made when they are asked for, and counted.
  private final class Recordings: ExampleSource {
    let count: Int
    let made = Mutex<[[Int]]>([])
    init(_ count: Int) { self.count = count }

    func length(of example: Int) -> Int { example * 37 % 90 + 10 }
    func batch(_ examples: [Int]) throws(TrainingError) -> Batch {
      made.withLock { $0.append(examples) }
      guard !examples.contains(13_000) else { throw TrainingError(.unreadableData, "recording 13000 is damaged") }
      let lengths = examples.map(length)
      let time = lengths.max() ?? 0
      let values = examples.flatMap { example in (0..<time).map { Float(example % 7) + Float($0) * 0.01 } }
      return Batch(
        Tensor(values, shape: [examples.count, time, 1]),
        Tensor(examples.map { Float($0 % 2) }, shape: [examples.count, 1]),
        lengths: lengths)
    }
  }

  private func order(_ batches: inout LengthBatches<Recordings>, _ source: Recordings, epoch: Int, from: Int = 0) throws
    -> [[Int]]
  {
    source.made.withLock { $0 = [] }
    try batches.begin(epoch: epoch, at: from)
    while try batches.next() != nil {}
    return source.made.withLock { $0 }
  }

  @Test("have every example once, follow from seed and epoch, and begin anywhere without reading what comes before")
  func order() throws {
    let source = Recordings(1003)
    var batches = LengthBatches(source, size: 16, pool: 8, seed: 3)
    let first = try order(&batches, source, epoch: 0)
    #expect(first.flatMap(\.self).sorted() == Array(0..<1003) && first.count == batches.batchCount)
    #expect(try order(&batches, source, epoch: 0) == first)
    let second = try order(&batches, source, epoch: 1)
    #expect(second != first && second.flatMap(\.self).sorted() == Array(0..<1003))
    #expect(try order(&batches, source, epoch: 1, from: 40) == Array(second[40...]))
    var others = LengthBatches(source, size: 16, pool: 8, seed: 4)
    #expect(try order(&others, source, epoch: 0) != first)
    var still = LengthBatches(source, size: 16, pool: 1, shuffles: false)
    #expect(try order(&still, source, epoch: 0).flatMap(\.self) == Array(0..<1003))
    #expect(throws: TrainingError.self) { try batches.begin(epoch: 0, at: 64) }
  }

  @Test("have little padding, and no more steps than are allowed")
  func padding() throws {
    let source = Recordings(2000)
    func padded(_ order: [[Int]]) -> Double {
      let valid = order.flatMap { $0 }.reduce(0) { $0 + source.length(of: $1) }
      let all = order.reduce(0) { sum, batch in sum + batch.count * (batch.map(source.length).max() ?? 0) }
      return Double(all - valid) / Double(all)
    }
    var sorted = LengthBatches(source, size: 20, pool: 50, seed: 1)
    var unsorted = LengthBatches(source, size: 20, pool: 1, seed: 1)
    #expect(try padded(order(&sorted, source, epoch: 0)) < 0.03)
    #expect(try padded(order(&unsorted, source, epoch: 0)) > 0.3)
    var limited = LengthBatches(source, size: 64, maximumSteps: 500, seed: 1)
    let limits = try order(&limited, source, epoch: 0)
    #expect(limits.flatMap(\.self).count == 2000)
    #expect(limits.allSatisfy { $0.count * ($0.map(source.length).max() ?? 0) <= 500 })
    #expect(limited.batchCount == nil)
    #expect(try limited.count(ofEpoch: 0) == limits.count)
    let fourth = try order(&limited, source, epoch: 3).count
    #expect(try limited.count(ofEpoch: 3) == fourth)
    #expect(try sorted.count(ofEpoch: 1) == 100)
    // Unsorted ones are as large as they can be: one more example would be too much, whatever came in the batch before.
    var unpooled = LengthBatches(source, size: 64, maximumSteps: 500, pool: 1, shuffles: false)
    let full = try order(&unpooled, source, epoch: 0)
    #expect(
      zip(full, full.dropFirst()).allSatisfy { batch, next in
        let longest = (batch + next.prefix(1)).map(source.length).max() ?? 0
        return (batch.count + 1) * longest > 500 || next[0] % 64 == 0
      })
    var tight = LengthBatches(source, size: 64, maximumSteps: 50, seed: 1)
    #expect(
      try order(&tight, source, epoch: 0).allSatisfy {
        $0.count == 1 || $0.count * ($0.map(source.length).max() ?? 0) <= 50
      })
  }

  @Test("are made one at a time: training on them takes the memory of a batch, not of all")
  func memory() throws {
    final class Watch: TrainingObserver {
      let source: Recordings
      var most = 0
      init(_ source: Recordings) { self.source = source }
      func observe(_ event: TrainingEvent) -> TrainingDecision {
        if case .step(let step) = event.kind {
          let made = source.made.withLock { $0.count }
          most = max(most, made - (step.epoch - 1) * 79 - step.batch)
        }
        return .proceed
      }
    }
    let source = Recordings(5000)
    var (line, optimizer) = (Line(), SGD(learningRate: 1e-3))
    let watch = Watch(source)
    let history = try Trainer(epochs: 2, observers: [watch]).fit(
      &line, optimizer: &optimizer, source: LengthBatches(source, size: 64, seed: 1)
    ) { line, batch in
      Loss.meanSquaredError(line(batch.input.mean(axes: [1])), batch.target)
    }
    #expect(history.epochs.count == 2 && watch.most == 0)
  }

  @Test("go on in the middle of an epoch to the same bits, and pass on what cannot be read")
  func resuming() throws {
    final class Keeper: TrainingObserver {
      var state: TrainingState<Line>?
      func observe(_ event: TrainingEvent) -> TrainingDecision {
        if case .step(let step) = event.kind, step.epoch == 2, step.batch == 4 {
          state = event.state() as? TrainingState<Line>
        }
        return .proceed
      }
    }
    func trained(_ count: Int, _ state: TrainingState<Line>? = nil, _ observers: [any TrainingObserver] = []) throws
      -> Line
    {
      var (line, optimizer) = (Line(), Adam())
      try Trainer(epochs: 3, seed: 1, observers: observers).fit(
        &line, optimizer: &optimizer, source: LengthBatches(Recordings(count), size: 16, seed: 8), resuming: state
      ) { line, batch in
        Loss.meanSquaredError(line(batch.input.mean(axes: [1])), batch.target)
      }
      return line
    }
    let keeper = Keeper()
    let whole = try trained(200, nil, [keeper])
    #expect(keeper.state?.position.epoch == 1 && keeper.state?.position.batch == 4)
    #expect(try trained(200, keeper.state).tensors == whole.tensors)
    let error = #expect(throws: TrainingError.self) { try trained(13_001) }
    #expect(error?.code == .unreadableData && error?.description == "recording 13000 is damaged")
  }
}
