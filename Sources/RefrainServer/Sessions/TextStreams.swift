import Refrain
import RefrainData
import RefrainFoundation
import RefrainTasks

/// The live streams of a language model: tokens or texts come in, and of each token it is said how likely it was. The
/// steps of its network are taken with those of others, also while it writes.
///
/// The network has read all tokens but the last: what comes out when it reads that one is about the next.
final class TextStreams: LiveModel {
  private struct State: Sendable {
    var memory: Sequential.Memory
    var place: LanguagePlace
  }

  let kind = "text"
  private let streams: LayerStreams
  private let model: LanguageModel
  private let chain: Sequential
  private let vocabulary: Int

  /// So many logits are held at once.
  private static let mostLogits = 1 << 20

  /// - Throws: Why the layers do not go step by step.
  init(_ task: LanguageModel, model name: String, meters: Meters) throws(LayerError) {
    model = task
    chain = task.chain
    streams = try LayerStreams(chain, model: name, meters: meters)
    vocabulary = task.tokenizer.vocabulary.count
  }

  var networks: [LayerStreams] { [streams] }
  var inputText: String { "a text, or a token: a whole number from 0 to \(vocabulary - 1)" }

  func begin() -> LiveState { State(memory: chain.initialMemory(batch: 1), place: LanguagePlace()) }

  // MARK: - Reading

  /// A text (`text/plain`, or `text` in JSON), or numbers of tokens: one as `input`, or several as `inputs`.
  func steps(_ body: [UInt8], type: String) throws(Failure) -> LiveSteps {
    var text: String?
    if type == MediaType.text {
      guard let read = String(validating: body, as: UTF8.self) else { throw Failure(400, "the text is no UTF-8") }
      text = read
    } else {
      let json = try SessionBody.json(body, type: type)
      if json["text"] != .null {
        try SessionBody.check(json, knows: ["text"])
        guard let given = json["text"].string else { throw Failure(400, "the member 'text' is no text") }
        text = given
      } else {
        let values = try SessionBody.numbers(json, size: 1, inputText)
        guard values.allSatisfy({ $0 >= 0 && $0 < Float(vocabulary) && $0 == $0.rounded() }) else {
          throw Failure(400, "a token is no whole number from 0 to \(vocabulary - 1)")
        }
        return .tokens(values.map { Int($0) })
      }
    }
    let tokens = model.tokens(goingOnWith: text ?? "")
    guard !tokens.isEmpty else { throw Failure(400, "there are no tokens in the text") }
    return .tokens(tokens)
  }

  // MARK: - Taking steps

  func take(_ steps: LiveSteps, _ box: StateBox, seesGates: Bool) async throws(Failure) -> LiveOutput {
    guard case .tokens(let tokens) = steps, !tokens.isEmpty, let state = box.takeOut(as: State.self) else {
      return LiveOutput(content: .texts([]))
    }
    let memory = StateBox(state.memory)
    var place = state.place
    let read = [place.last] + tokens.dropLast()
    let size = max(1, min(256, Self.mostLogits / vocabulary))
    var (texts, gates): ([String], [LiveOutput.Gate]) = ([], [])
    for start in stride(from: 0, to: tokens.count, by: size) {
      let part = tokens[start..<min(start + size, tokens.count)]
      let values = read[start..<part.endIndex].map { Float($0) }
      let output = await streams.take(
        .numbers(values, count: values.count), memory, seesGates: seesGates && part.endIndex == tokens.count)
      guard case .numbers(let logits, _) = output.content else { continue }
      gates = output.gates
      let model = model
      texts += await ThreadExecutor.steps.run { model.judged(part, logits).map(Self.text) }
    }
    for token in tokens { place.pass(token) }
    if let memory = memory.takeOut(as: Sequential.Memory.self) { box.state = State(memory: memory, place: place) }
    box.steps += tokens.count
    let output = LiveOutput(content: .texts(texts), gates: gates)
    box.last = output.last
    return output
  }

  private static func text(_ token: LanguageAnswer.Token) -> String {
    (try? JSON(encoding: token))?.line ?? "null"
  }

  func foreseeing(_ state: LiveState, _ query: [String: String]) throws(Failure) -> LiveWork {
    let text = query["top"] ?? "10"
    guard let count = Int(text), (1...1000).contains(count) else {
      throw Failure(400, "the parameter top is a number from 1 to 1000, not \(text.quoted)")
    }
    guard let state = state as? State else { throw Failure(409, "the state is of another model") }
    let (model, chain) = (model, chain)
    return {
      var memory = state.memory
      let logits = chain.advance(&memory, with: Tensor([state.place.last])).values
      return LiveOutput(content: .texts(model.likeliest(count, logits).map(Self.text)))
    }
  }

  // MARK: - Writing

  /// Goes on from here. What was written has been read when it returns, or throws.
  ///
  /// - Parameter each: Takes what each token adds to the text, which may be nothing; where it throws, nothing more is
  ///   written.
  /// - Returns: How many tokens were written.
  /// - Throws: `CancellationError` when nobody waits for it any more, and what `each` throws.
  func write(_ box: StateBox, _ request: LanguageRequest, _ each: (String) async throws -> Void) async throws -> Int {
    guard var state = box.state as? State else { return 0 }
    var writer = LanguageWriter(model, from: state.place, request)
    var count = 0
    while !writer.isOver {
      try Task.checkCancellation()
      if Client.current?.hasLeft == true { throw CancellationError() }
      let memory = StateBox(state.memory)
      let output = await streams.take(.numbers([Float(state.place.last)], count: 1), memory, seesGates: false)
      guard case .numbers(let logits, _) = output.content, let after = memory.state as? Sequential.Memory else { break }
      let (next, drawn) = await ThreadExecutor.steps.run { [writer] in
        var writer = writer
        let drawn = writer.next(logits)
        return (writer, drawn)
      }
      guard let drawn else { break }
      (writer, state.memory) = (next, after)
      state.place.pass(drawn.token)
      count += 1
      box.state = state
      box.steps += 1
      box.last = LiveOutput(content: .texts([Self.text(drawn.shown)]))
      try await each(drawn.text)
    }
    let rest = writer.rest()
    if !rest.isEmpty { try await each(rest) }
    return count
  }

  // MARK: - Files

  private static let note = "place"

  func file(of state: LiveState) throws(DataError) -> SafeTensorsFile {
    guard let state = state as? State else { throw DataError(.invalidTensor, "the state is of another model") }
    var file = try streams.file(of: state.memory)
    guard let text = try? JSONEncoder().encode(state.place) else {
      throw DataError(.unwritableFile, "the place in the text cannot be written as JSON")
    }
    file.metadata[Self.note] = String(decoding: text, as: UTF8.self)
    return file
  }

  func state(in file: SafeTensorsFile) throws(DataError) -> LiveState {
    guard let memory = try streams.state(in: file) as? Sequential.Memory, let text = file.metadata[Self.note],
      let place = try? JSONDecoder().decode(LanguagePlace.self, from: Data(text.utf8)),
      place.isSound(vocabulary: vocabulary)
    else { throw DataError(.damagedModel, "this is no state of a session") }
    return State(memory: memory, place: place)
  }
}
