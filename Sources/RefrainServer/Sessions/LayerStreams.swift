import Refrain
import RefrainData
import Synchronization

/// The live streams of one chain of layers. The steps of sessions that wait at the same moment are taken together, as
/// rows of one batch; a row's bits do not depend on the rows beside it, so nobody can tell.
///
/// Nobody waits for a batch to fill: what has come when the thread gets to it is taken together, and what comes in the
/// meantime is the next batch. Visits of many steps are taken among themselves on other threads, so that the thread
/// that waits for the network is never kept from it.
final class LayerStreams: LiveModel {
  /// Steps of one session on their way.
  private final class Visit: @unchecked Sendable {
    let box: StateBox
    let steps: [Float]
    let count: Int
    var taken = 0
    var outputs: [Float] = []
    var shape: [Int] = []
    var continuation: CheckedContinuation<Void, Never>?

    init(_ box: StateBox, _ steps: [Float], count: Int) { (self.box, self.steps, self.count) = (box, steps, count) }
  }

  private struct Queue {
    var waiting: [Visit] = []
    var isRunning = false
  }

  /// Visits that are taken together.
  private final class Lane: Sendable {
    let queue = Mutex(Queue())
  }

  /// The most sessions whose steps are taken together.
  static let largestBatch = 64

  let kind = "layers"
  private let layers: Sequential
  private let model: String
  private let meters: Meters
  /// The shape of a step of one stream; empty for a token.
  let stepShape: [Int]
  private let brief = Lane()
  private let long = Lane()
  private let executor = Mutex<(any TaskExecutor)?>(nil)

  /// A step of more weights than these takes so long that the network does not wait for it.
  private static let fewWeights = 1 << 21

  /// - Throws: Why the layers do not go step by step.
  init(_ layers: Sequential, model: String, meters: Meters) throws(LayerError) {
    guard layers.hasTime else { throw LayerError("the model's input has no time") }
    try layers.checkStepping()
    let shape = layers.inputShape.dropFirst(2)
    guard shape.allSatisfy({ $0 != nil }) else { throw LayerError("the sizes of the model's input are open") }
    (self.layers, self.model, self.meters) = (layers, model, meters)
    stepShape = shape.compactMap(\.self)
  }

  /// How many numbers a step is.
  var stepSize: Int { stepShape.reduce(1, *) }

  var inputText: String {
    layers.vocabulary.map { "a whole number from 0 to \($0 - 1)" } ?? "\(stepSize) numbers"
  }

  var stepBytes: Int? { 4 * stepSize }
  var saysNumbers: Bool { true }
  var networks: [LayerStreams] { [self] }

  func begin() -> LiveState { layers.initialMemory(batch: 1) }

  func file(of state: LiveState) throws(DataError) -> SafeTensorsFile {
    guard let memory = state as? Sequential.Memory else {
      throw DataError(.invalidTensor, "the state is of another model")
    }
    return try Streams(layers, memory: memory, count: 1).fileContents()
  }

  func state(in file: SafeTensorsFile) throws(DataError) -> LiveState {
    let streams = try Streams(layers, file: file, path: nil)
    guard streams.count == 1 else {
      throw DataError(.damagedModel, "the file holds \(streams.count) streams, and a session is one")
    }
    return streams.memory
  }

  // MARK: - Reading

  func steps(_ body: [UInt8], type: String) throws(Failure) -> LiveSteps {
    if type == MediaType.bytes { return try checked(SessionBody.numbers(body, size: stepSize, inputText)) }
    return try checked(SessionBody.numbers(SessionBody.json(body, type: type), size: stepSize, inputText))
  }

  /// Steps from a tensor of the Open Inference Protocol, which is a batch of one sequence.
  ///
  /// - Throws: 400 for another shape.
  func steps(_ array: NumericArray) throws(Failure) -> LiveSteps {
    // One step may come without its axis of time, as it does to a model for Triton.
    let shapes = [Array(array.shape.dropFirst(2)), Array(array.shape.dropFirst())]
    guard array.shape.first == 1, shapes.contains(stepShape) else {
      throw Failure(
        400, "a part of a sequence has the shape \(ModelPort.text([1, nil] + stepShape)), and the input \(array.shape)")
    }
    return try checked(array.values.floats)
  }

  private func checked(_ values: [Float]) throws(Failure) -> LiveSteps {
    if let vocabulary = layers.vocabulary {
      for value in values where !(value >= 0 && value < Float(vocabulary) && value == value.rounded()) {
        throw Failure(400, "the token \(value) is no whole number from 0 to \(vocabulary - 1)")
      }
    }
    return .numbers(values, count: values.count / max(1, stepSize))
  }

  // MARK: - Taking steps

  func take(_ steps: LiveSteps, _ box: StateBox, seesGates: Bool) async -> LiveOutput {
    guard case .numbers(let values, let count) = steps, count > 0 else {
      return LiveOutput(content: .numbers([], shape: []))
    }
    guard seesGates else {
      let visit = Visit(box, values, count: count)
      await pass(visit)
      return finish(visit)
    }
    // All but the last; then the last, of which the gates are looked at first.
    let before = Visit(box, Array(values.dropLast(stepSize)), count: count - 1)
    if count > 1 { await pass(before) }
    let last = Array(values.suffix(stepSize))
    let gates = (box.state as? Sequential.Memory).map { layers.gates(of: tensor(last, rows: 1), from: $0) } ?? []
    let visit = Visit(box, last, count: 1)
    await pass(visit)
    visit.outputs = before.outputs + visit.outputs
    var output = finish(visit, steps: count)
    output.gates = gates.map { LiveOutput.Gate(layer: $0.layer, name: $0.name, values: $0.value.values) }
    return output
  }

  private func finish(_ visit: Visit, steps: Int? = nil) -> LiveOutput {
    let output = LiveOutput(content: .numbers(visit.outputs, shape: visit.shape))
    visit.box.last = output.last
    visit.box.steps += steps ?? visit.count
    return output
  }

  /// The most steps of a visit, and the most weights that they go through, for which the network waits.
  private static let (fewSteps, fewProducts) = (64, 1 << 24)

  /// Whether a visit takes so long that the network does not wait for it.
  private func isLong(_ visit: Visit) -> Bool {
    visit.count > Self.fewSteps || visit.count * layers.parameterCount > Self.fewProducts
  }

  /// Has steps taken where others wait for the network, unless they take long.
  func run(on executor: any TaskExecutor) {
    self.executor.withLock { $0 = layers.parameterCount <= Self.fewWeights ? executor : ThreadExecutor.steps }
  }

  /// Has the steps of a visit taken; returns when they are.
  private func pass(_ visit: Visit) async {
    let isLong = isLong(visit)
    let lane = isLong ? long : brief
    await withCheckedContinuation { continuation in
      visit.continuation = continuation
      let begins = lane.queue.withLock { queue in
        queue.waiting.append(visit)
        if queue.isRunning { return false }
        queue.isRunning = true
        return true
      }
      let place: (any TaskExecutor)? = isLong ? ThreadExecutor.steps : executor.withLock { $0 }
      if begins { Task(executorPreference: place) { await self.run(lane) } }
    }
  }

  /// After so many steps in a row others have a turn.
  private static let longestRun = 16

  /// Takes steps until nobody waits.
  private func run(_ lane: Lane) async {
    var batch: [Visit] = []
    var memory: Sequential.Memory?
    var rounds = 0
    while true {
      // Who has just come joins those whose steps are not all taken.
      let room = Self.largestBatch - batch.count
      let (new, isOver) = lane.queue.withLock { queue in
        let new = Array(queue.waiting.prefix(room))
        queue.waiting.removeFirst(new.count)
        let isOver = batch.isEmpty && new.isEmpty
        if isOver { queue.isRunning = false }
        return (new, isOver)
      }
      if isOver { return }
      if !new.isEmpty {
        scatter(&memory, batch)
        batch += new
        memory = gather(batch)
      }
      guard var joined = memory.take() else { return }
      step(batch, &joined)
      memory = consume joined
      if batch.contains(where: { $0.taken == $0.count }) {
        scatter(&memory, batch)
        for visit in batch where visit.taken == visit.count { visit.continuation?.resume() }
        batch.removeAll { $0.taken == $0.count }
        memory = batch.isEmpty ? nil : gather(batch)
      }
      rounds += 1
      if rounds % Self.longestRun == 0 { await Task.yield() }
    }
  }

  /// One step of every visit.
  private func step(_ batch: [Visit], _ memory: inout Sequential.Memory) {
    let size = stepSize
    var values: [Float] = []
    values.reserveCapacity(batch.count * size)
    for visit in batch { values += visit.steps[visit.taken * size..<(visit.taken + 1) * size] }
    let output = layers.advance(&memory, with: tensor(values, rows: batch.count))
    let shape = Array(output.shape.dropFirst())
    let width = shape.reduce(1, *)
    output.withUnsafeValues { outputs in
      for (row, visit) in batch.enumerated() {
        visit.outputs += outputs[row * width..<(row + 1) * width]
        visit.shape = shape
        visit.taken += 1
      }
    }
    meters.stepped(model, sessions: batch.count)
  }

  /// Takes a step of zeros apart from all streams: what is prepared at the first step is, and nobody waits for it.
  ///
  /// - Throws: `damagedModel` when what comes out is no number.
  func rehearse() throws(DataError) {
    var memory = layers.initialMemory(batch: 1)
    let output = layers.advance(&memory, with: tensor([Float](repeating: 0, count: stepSize), rows: 1))
    guard output.values.allSatisfy(\.isFinite) else {
      throw DataError(.damagedModel, "a step of zeros gives what is no number", remedy: "train the model again")
    }
  }

  /// A step of each of several streams in one batch, and what comes of it.
  func stepTogether(_ streams: [(box: StateBox, step: [Float])]) -> [[Float]] {
    let batch = streams.map { Visit($0.box, $0.step, count: 1) }
    var memory = gather(batch)
    if var joined = memory.take() {
      step(batch, &joined)
      memory = joined
    }
    scatter(&memory, batch)
    return batch.map(\.outputs)
  }

  private func tensor(_ values: [Float], rows: Int) -> Tensor {
    layers.vocabulary == nil ? Tensor(values, shape: [rows] + stepShape) : Tensor(values.map { Int($0) })
  }

  /// The states of all visits as rows of one.
  private func gather(_ batch: [Visit]) -> Sequential.Memory? {
    if batch.count == 1 { return batch[0].box.takeOut(as: Sequential.Memory.self) }
    let memories = batch.compactMap { $0.box.takeOut(as: Sequential.Memory.self) }
    guard let first = memories.first else { return nil }
    let all = memories.map(\.tensors)
    return first.replacingTensors(
      first.tensors.indices.map { index in concatenate(all.map { $0[index] }, axis: 0) })
  }

  /// Gives each visit its row of the states back.
  private func scatter(_ memory: inout Sequential.Memory?, _ batch: [Visit]) {
    guard let joined = memory.take() else { return }
    guard batch.count > 1 else {
      batch.first?.box.state = joined
      return
    }
    for (row, visit) in batch.enumerated() {
      visit.box.state = joined.mapTensors { $0.slice(row..<row + 1, axis: 0) }
    }
  }
}
