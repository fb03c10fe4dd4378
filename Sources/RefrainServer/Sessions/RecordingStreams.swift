import Refrain
import RefrainData
import RefrainTasks

/// The live streams of a recogniser, or of a classifier of recordings: samples come in, and after each part there is
/// something to say of what was heard so far; at the end, of all of it. The steps of the networks are taken with those
/// of others.
final class RecordingStreams: LiveModel {
  /// A recording on its way.
  private struct State: Sendable {
    var heard: HeardRecording
    /// What each network remembers.
    var memories: [Sequential.Memory]
  }

  let kind = "recording"
  let networks: [LayerStreams]
  private let listener: RecordingListener

  /// No sample, and no feature, is beyond.
  private static let greatest: Float = 1e6

  /// - Throws: Why the layers do not go step by step.
  init(_ listener: RecordingListener, model: String, meters: Meters) throws(LayerError) {
    self.listener = listener
    var networks: [LayerStreams] = []
    for chain in listener.chains { networks.append(try LayerStreams(chain, model: model, meters: meters)) }
    self.networks = networks
  }

  var inputText: String { listener.encoding.unitText }
  var stepBytes: Int? { 4 * listener.encoding.unit }

  func begin() -> LiveState {
    State(heard: listener.begin(), memories: listener.chains.map { $0.initialMemory(batch: 1) })
  }

  // MARK: - Reading

  /// Numbers, in JSON or in bytes; an object may say that the recording ends: `{"end": true}`.
  func steps(_ body: [UInt8], type: String) throws(Failure) -> LiveSteps {
    let size = listener.encoding.unit
    var (values, ends): ([Float], Bool) = ([], false)
    if type == MediaType.bytes {
      values = try SessionBody.numbers(body, size: size, inputText)
    } else {
      var json = try SessionBody.json(body, type: type)
      if case .object(var members) = json, let end = members.removeValue(forKey: "end") {
        guard let said = end.bool else { throw Failure(400, "the member 'end' is true or false") }
        (json, ends) = (.object(members), said)
      }
      if !ends || json != .object([:]) { values = try SessionBody.numbers(json, size: size, inputText) }
    }
    guard values.allSatisfy({ abs($0) <= Self.greatest }) else {
      throw Failure(
        400, "there is a number beyond \(Self.greatest), or none, among the steps, and a step is \(inputText)")
    }
    return .sound(values, count: values.count / size, ends: ends)
  }

  // MARK: - Taking steps

  func take(_ steps: LiveSteps, _ box: StateBox, seesGates: Bool) async throws(Failure) -> LiveOutput {
    guard case .sound(let values, let count, _) = steps, let before = box.state as? State else {
      return LiveOutput(content: .texts([]))
    }
    let listener = listener
    let seconds = listener.seconds(of: before.heard) + Double(count) * listener.encoding.unitPeriod
    // But for what rounding adds.
    guard seconds <= listener.longest + 1e-6 else {
      throw Failure(
        413, "a recording lasts at most \(Int(listener.longest)) seconds; end it with {\"end\": true} and begin another"
      )
    }
    _ = consume before
    let inputs = await ThreadExecutor.steps.run { Self.hear(values, box, listener) }
    guard var state = box.takeOut(as: State.self) else { return LiveOutput(content: .texts([])) }
    let boxes = state.memories.map { StateBox($0) }
    state.memories = []
    box.state = state
    var (outputs, gates): ([[Float]], [LiveOutput.Gate]) = ([], [])
    for (network, own) in zip(networks, boxes) {
      let output = await network.take(
        .numbers(inputs, count: inputs.count / network.stepSize), own, seesGates: seesGates)
      if case .numbers(let values, _) = output.content { outputs.append(values) }
      if gates.isEmpty { gates = output.gates }
    }
    let said = await ThreadExecutor.steps.run { [outputs] in Self.finish(outputs, boxes, box, listener) }
    box.steps += count
    let output = LiveOutput(content: .texts([said]), gates: gates)
    box.last = output.last
    return output
  }

  /// What the networks are to read.
  private static func hear(_ values: [Float], _ box: StateBox, _ listener: RecordingListener) -> [Float] {
    guard var state = box.takeOut(as: State.self) else { return [] }
    defer { box.state = state }
    return listener.hear(values, &state.heard)
  }

  /// What there is to say after a part.
  private static func finish(
    _ outputs: [[Float]], _ memories: [StateBox], _ box: StateBox, _ listener: RecordingListener
  ) -> String {
    guard var state = box.takeOut(as: State.self) else { return "null" }
    for (network, values) in outputs.enumerated() { listener.take(values, of: network, &state.heard) }
    state.memories = memories.compactMap { $0.takeOut(as: Sequential.Memory.self) }
    defer { box.state = state }
    return text(isFinal: false, listener.seconds(of: state.heard), listener.answer(to: state.heard))
  }

  private static func text(isFinal: Bool, _ seconds: Double, _ answer: String) -> String {
    "{\"final\":\(isFinal),\"seconds\":\((seconds * 1000).rounded() / 1000),\"answer\":\(answer)}"
  }

  func ending(_ state: LiveState) -> LiveWork? {
    guard let heard = (state as? State)?.heard else { return nil }
    let listener = listener
    return {
      let answer = try listener.finalAnswer(to: heard)
      return LiveOutput(content: .texts([Self.text(isFinal: true, listener.seconds(of: heard), answer)]))
    }
  }

  // MARK: - Files

  /// What was heard, and what each network remembers under its number.
  func file(of state: LiveState) throws(DataError) -> SafeTensorsFile {
    guard let state = state as? State else { throw DataError(.invalidTensor, "the state is of another model") }
    var file = try listener.file(of: state.heard)
    for (index, memory) in state.memories.enumerated() {
      file.take(try networks[index].file(of: memory), under: "network.\(index).")
    }
    return file
  }

  func state(in file: SafeTensorsFile) throws(DataError) -> LiveState {
    var memories: [Sequential.Memory] = []
    for (index, network) in networks.enumerated() {
      guard let memory = try network.state(in: file.part(under: "network.\(index).")) as? Sequential.Memory else {
        throw DataError(.damagedModel, "this is no state of a session")
      }
      memories.append(memory)
    }
    return State(heard: try listener.heard(in: file), memories: memories)
  }
}

extension SafeTensorsFile {
  /// Takes what another file holds, under names that begin so.
  mutating func take(_ other: SafeTensorsFile, under prefix: String) {
    tensors += other.tensors.map { NamedArray(name: prefix + $0.name, array: $0.array) }
    for (name, text) in other.metadata { metadata[prefix + name] = text }
  }

  /// What ``take(_:under:)`` took.
  func part(under prefix: String) -> SafeTensorsFile {
    let own = tensors.filter { $0.name.hasPrefix(prefix) }.map {
      NamedArray(name: String($0.name.dropFirst(prefix.count)), array: $0.array)
    }
    let notes = metadata.filter { $0.key.hasPrefix(prefix) }.map { (String($0.key.dropFirst(prefix.count)), $0.value) }
    return SafeTensorsFile(tensors: own, metadata: Dictionary(notes) { first, _ in first })
  }
}
