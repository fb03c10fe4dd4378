import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

/// The lines of a text at hand.
private func lines(_ text: String) throws -> TextLines {
  try TextLines(DataSource([.bytes(Array(text.utf8), name: "text")]))
}

private func configuration(_ given: [String: [String]], epochs: Int, hidden: Int) throws -> LanguageModel.Configuration
{
  var given = given
  let rate = given.removeValue(forKey: "rate").flatMap { Float($0[0]) }
  var configuration = try LanguageModel.Configuration(given)
  configuration.training.rate = rate
  var options = SharedOptions()
  (options.hidden, options.layers, options.epochs, options.dropout) = (hidden, 1, epochs, 0)
  try configuration.choose(options)
  return configuration
}

/// Sentences whose words follow one another by few rules.
private func sentences(_ count: Int, seed: UInt64) -> String {
  var generator = RandomGenerator(seed: seed)
  let subjects = ["the dog", "the cat", "ein Kind"]
  let verbs = ["sees", "hears", "mag"]
  return (0..<count).map { _ in
    let subject = subjects[generator.integer(below: 3)]
    return "\(subject) \(verbs[generator.integer(below: 3)]) \(subject) ."
  }.joined(separator: "\n")
}

@Suite("Language models") struct LanguageTests {
  @Test("With PyTorch's weights the probabilities and the perplexity are PyTorch's", arguments: ["tied", "untied"])
  func parity(name: String) throws {
    let fixture = try Fixture("text_networks").under("language.\(name)")
    let architecture = LanguageArchitecture(
      vocabulary: 11, cell: "lstm", embedding: 6, hidden: [8, name == "tied" ? 6 : 8], isTied: name == "tied")
    var generator = RandomGenerator(seed: 0)
    let network = try LanguageNetwork(architecture, using: &generator).filled(from: fixture)
    let text = try fixture.integers("text")
    let wanted = try fixture("log_probabilities")
    expectClose(Tensor(network.logProbabilities(of: [text])[0]), wanted, "the logarithms of the probabilities")
    let tokens = TokenText(text.map(Int32.init))
    let perplexity = try fixture("perplexity").item
    let count = Double(text.count - 1)
    #expect(abs(Float(exp(network.surprise(of: tokens) / count)) - perplexity) < 1e-4 * perplexity)
    // Streams that read all that stands before them are the text in one piece.
    #expect(abs(network.surprise(of: tokens, rows: 4, lead: 60) - network.surprise(of: tokens)) < 1e-3)
    #expect(abs(network.surprise(of: tokens, rows: 4) - network.surprise(of: tokens)) > 1e-3)
    // Whether they are in memory or in a file.
    var long = TokenText(most: 3)
    for token in text { long.append(Int32(token)) }
    #expect(network.surprise(of: long, rows: 4, lead: 60) == network.surprise(of: tokens, rows: 4, lead: 60))
    // The logits of some tokens at once are those of all.
    let texts = [text, Array(text.prefix(1)), Array(text.prefix(4))]
    let parts = network.logProbabilities(of: texts, atOnce: 3)
    #expect(parts.map(\.count) == [text.count - 1, 0, 3])
    for (part, whole) in zip(parts, network.logProbabilities(of: texts)) {
      #expect(zip(part, whole).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    // So are those of a text that is read a window after another, whatever the length of those beside it.
    for (part, whole) in zip(network.logProbabilities(of: texts, window: 3), network.logProbabilities(of: texts)) {
      #expect(part.count == whole.count && zip(part, whole).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    // Step by step it is the same.
    let rules = DecodingRules(maximumLength: 8)
    for window in [LanguageNetwork.window, 2] {
      let start = network.start([Array(text.prefix(5)), Array(text.prefix(2))], window: window)
      for (answer, prompt) in zip(network.generate(from: start, rules: rules), [text.prefix(5), text.prefix(2)]) {
        let whole = network.logProbabilities(of: [prompt + answer.tokens])[0].suffix(8)
        #expect(zip(answer.logProbabilities, whole).allSatisfy { abs($0 - $1) < 1e-4 })
      }
    }
  }

  @Test(
    "Sentences are learned by words, characters and pieces, far better than by counting", arguments: TextUnit.allCases)
  func learning(unit: TextUnit) throws {
    let corpus = try lines(sentences(400, seed: 1))
    let model = try LanguageModel.train(
      on: LanguageExamples(corpus),
      configuration: configuration(
        ["unit": [unit.rawValue], "batch": ["4"], "steps": ["24"], "rate": ["0.01"], "vocabulary": ["60"]],
        epochs: unit == .characters ? 8 : unit == .words ? 45 : 90, hidden: 48))
    let evaluation = try model.evaluate(on: LanguageExamples(try lines(sentences(60, seed: 2))))
    func measure(_ name: String, _ measures: [TaskEvaluation.Measure]) throws -> Double {
      try #require(measures.first { $0.name == name }).value
    }
    // Two choices of three, and 26 or 27 characters: 0.12 bits a character are what there is to know.
    let bits = try measure("bitsPerCharacter", evaluation.measures)
    let counted = try measure("bitsPerCharacter", evaluation.baselines[0].measures)
    #expect(bits < 0.25 && counted > 0.6, "\(unit): \(bits) against \(counted)")
    #expect(
      try abs(measure("perplexity", evaluation.measures) - exp(measure("crossEntropy", evaluation.measures))) < 1e-9)
    #expect(model.evaluation?.measures.count == 4 && model.isComplete)

    // It goes on with what it has learned, the same again after it was saved.
    let again = try LanguageModel(modelFile: model.modelFile())
    var request = try LanguageRequest(["temperature": ["0"], "stop": ["\n"], "prompt": ["the dog hears"]])
    let examples = try again.examples(from: DataSource([]), request)
    let answer = try again.predict(examples, request)[0]
    #expect(answer.text == " the dog ." && answer.prompt == "the dog hears", "\(answer)")
    #expect(try model.predict(examples, request) == [answer])
    #expect(model.stream(after: "the dog hears", request).joined() == answer.text)
    request = try LanguageRequest(["samples": ["3"], "length": ["12"], "probabilities": [], "seed": ["4"]])
    let drawn = try model.predict(LanguageExamples(prompts: [""]), request)
    #expect(drawn.count == 3 && Set(drawn.map(\.text)).count > 1 && drawn.allSatisfy { $0.tokens?.count == 12 })
    for sample in drawn {
      let sum = (sample.tokens ?? []).reduce(0.0) { $0 + log($1.probability) }
      #expect(abs(sum - sample.logProbability) < 1e-4 && abs(exp(-sum / 12) - sample.perplexity) < 1e-3)
    }

    // Lines are judged: what follows the rules is likely.
    let judged = try model.predict(LanguageExamples(try lines("the cat sees the cat .\nthe cat sees the dog .\n\n")))
    #expect(judged.count == 3 && judged[0].text == "the cat sees the cat ." && judged[0].prompt == nil)
    #expect(judged[0].logProbability > judged[1].logProbability + 1)
    // A text of one line is as surprising as the line.
    let one = try model.evaluate(on: LanguageExamples(try lines("the cat sees the cat .")))
    let nats = try measure("crossEntropy", one.measures) * Double(one.examples)
    #expect(abs(nats + judged[0].logProbability) < 1e-3)
  }

  @Test("The regularizers of the AWD-LSTM and plain descent go through a training, and end in the same model twice")
  func regularizers() throws {
    let configuration = try configuration(
      [
        "unit": ["words"], "batch": ["8"], "steps": ["10"], "optimizer": ["sgd"], "rate": ["5"], "clip": ["0.25"],
        "schedule": ["decay"], "decay": ["0.5"], "decay-after": ["1"], "initial-range": ["0.1"], "tied": ["yes"],
        "weight-dropout": ["0.3"], "embedding-dropout": ["0.1"], "input-dropout": ["0.2"], "output-dropout": ["0.2"],
        "activation-penalty": ["2"], "temporal-penalty": ["1"], "embedding": ["16"],
      ], epochs: 3, hidden: 16)
    let corpus = try lines(sentences(150, seed: 1))
    let models = try (0..<2).map { _ in
      try LanguageModel.train(on: LanguageExamples(corpus), configuration: configuration)
    }
    expectSameBits(models[0].languageNetwork, models[1].languageNetwork)
    let evaluation = try #require(models[0].evaluation)
    #expect(evaluation.measures[0].value < evaluation.baselines[0].measures[0].value)
  }

  @Test("A training that is killed in the middle of an epoch goes on there, to the same bits", arguments: [3, 4, 20])
  func killed(updates: Int) throws {
    let configuration = try configuration(
      ["unit": ["words"], "batch": ["8"], "steps": ["10"], "input-dropout": ["0.2"]], epochs: 2, hidden: 8)
    let corpus = LanguageExamples(try lines(sentences(150, seed: 1)))
    func trained(_ context: TrainingContext) throws(TaskError) -> LanguageModel {
      try LanguageModel.train(on: corpus, configuration: configuration, context)
    }
    try withTemporaryFolder { folder in
      let whole = try trained(TrainingContext())
      var context = TrainingContext()
      context.checkpoints = CheckpointFolder(folder, every: .steps(2))
      context.observers = { _ in [Killer(updates)] }
      #expect(throws: TaskError.self) { try trained(context) }
      let first = FirstStep()
      context.observers = { _ in [first] }
      context.checkpoints?.resumes = true
      let resumed = try trained(context)
      // The last checkpoint is one or two updates before the end.
      #expect(first.step?.step == (updates - 1) / 2 * 2 + 1)
      #expect(first.step.map { $0.batch > 1 } == true)
      expectSameBits(resumed.languageNetwork, whole.languageNetwork)
      #expect(resumed.evaluation == whole.evaluation)
    }
  }

  /// Remembers the first step that it hears of.
  private final class FirstStep: TrainingObserver, @unchecked Sendable {
    var step: TrainingStep?
    func observe(_ event: TrainingEvent) -> TrainingDecision {
      if step == nil, case .step(let own) = event.kind { step = own }
      return .proceed
    }
  }

  @Test("Windows of a text cover each stream once, and say the token after each")
  func windows() throws {
    let text = TokenText((0..<100).map(Int32.init))
    let streams = CorpusStreams(text, rows: 3, first: 4)
    let windows = streams.windows(of: 10)
    #expect(windows.map { $0.steps.count } == [4, 10, 10, 9] && windows.map(\.windowWeight).reduce(0, +) == 99)
    #expect(windows[1].input.shape == [3, 10] && windows[1].input[2, 0] == 70 && windows[1].target[2, 0] == 71)
    var source = CorpusSource(text, rows: 3, size: 10, seed: 1)
    try source.begin(epoch: 0, at: 0)
    let (first, none) = (source.next(), source.next())
    try source.begin(epoch: 1, at: 0)
    let second = source.next()
    #expect(none == nil && first?.windows(of: 10)[0].steps != second?.windows(of: 10)[0].steps)
    #expect(CorpusStreams.windowCount(of: text, rows: 3, size: 10) >= first?.windows(of: 10).count ?? .max)
  }

  @Test(
    "A text that is too long for memory is in a file, with the same tokens and windows", arguments: [1, 7, 200_000])
  func inFile(most: Int) throws {
    let numbers = (0..<150_000).map { $0 % 1000 }
    var text = TokenText(most: most)
    for number in numbers { text.append(Int32(number)) }
    let whole = TokenText(numbers.map(Int32.init))
    #expect(text.isInFile == (most < numbers.count) && text.count == numbers.count)
    var parts: [Int32] = []
    text.forEachPart(from: 1) { parts += $0 }
    #expect(parts == numbers.dropFirst().map(Int32.init))
    #expect(Array(text[70_000..<140_000]) == Array(whole[70_000..<140_000]))
    let windows = [text, whole].map { CorpusStreams($0, rows: 4).windows(of: 1000)[3] }
    #expect(windows[0].input.values == windows[1].input.values && windows[0].target.values == windows[1].target.values)
    try text.check()
  }

  @Test("What cannot be used is said in a line")
  func errors() throws {
    func problem(_ body: () throws -> Void) -> String {
      do {
        try body()
        return ""
      } catch { return "\(error)" }
    }
    let empty = DataSource([.bytes(Array("\n \n".utf8), name: "a.txt")])
    #expect(problem { _ = try LanguageModel.examples(from: empty, .init()) }.hasPrefix("a.txt: there is no text in it"))
    #expect(problem { _ = try LanguageModel.examples(from: DataSource([]), .init()) }.contains("name a file"))
    let short = LanguageExamples(try lines("a b c\nd e f\n"))
    #expect(problem { _ = try LanguageModel.train(on: short) }.contains("at least 32 are needed"))
    let text = LanguageExamples(try lines(sentences(60, seed: 1)))
    #expect(
      problem { _ = try LanguageModel.train(on: text, TrainingContext(shouldStop: { true })) }
        .contains("before there was a result"))
    func training(
      _ given: [String: [String]], cell: String = "lstm",
      _ change: (inout LanguageModel.Configuration) -> Void = { _ in }
    ) -> String {
      problem {
        var configuration = try LanguageModel.Configuration(given)
        configuration.cell = cell
        configuration.epochs = 1
        change(&configuration)
        _ = try LanguageModel.train(on: text, configuration: configuration)
      }
    }
    #expect(training([:], cell: "time-lstm").contains("does not read tokens"))
    #expect(training(["weight-dropout": ["0.5"]], cell: "sru").contains("recurrent weights"))
    #expect(training(["clip": ["x"]]) == "clip takes a number, not 'x'")
    #expect(training(["clip": ["-1"]]).contains("must be from"))
    // The learning rate is what every task may be told, and no option of this one.
    #expect(!LanguageModel.Configuration.options.contains { $0.name == "rate" })
    let diverged = training(["batch": ["2"], "steps": ["5"]]) { configuration in
      (configuration.training.rate, configuration.training.clip) = (1e38, 1e38)
    }
    #expect(diverged.contains("did not converge") && diverged.contains("choose a smaller learning rate"))
    for layers in [0, -1] { #expect(training([:]) { $0.layers = layers }.contains("must be at least 1")) }
    #expect(training([:]) { $0.hidden = 0 }.contains("must be at least 1"))
    #expect(training([:]) { $0.dropout = 1 }.contains("at least 0 and below 1"))
    #expect(training(["unit": ["letters"]]).contains("'words', 'characters', 'pieces'"))
  }

  @Test("A damaged or forged file is refused")
  func forged() throws {
    var configuration = try configuration(["unit": ["characters"]], epochs: 1, hidden: 8)
    configuration.training.batch = 4
    let model = try LanguageModel.train(
      on: LanguageExamples(try lines(sentences(30, seed: 3))), configuration: configuration)
    let file = try model.modelFile()
    func refusal(_ change: (inout [String: String]) -> Void, tensors: [NamedArray]? = nil) -> String {
      var metadata = file.metadata
      change(&metadata)
      let forged = SafeTensorsFile(tensors: tensors ?? file.tensors, metadata: metadata)
      return dataError { () throws(DataError) in try LanguageModel(modelFile: forged, path: "m") }?.description ?? ""
    }
    func replacing(_ old: String, _ new: String) -> (inout [String: String]) -> Void {
      { $0["description"] = $0["description"]?.replacingOccurrences(of: old, with: new) }
    }
    #expect(refusal(replacing("\"hidden\":[8]", "\"hidden\":[16000]")).contains("weights"))
    #expect(refusal(replacing("\"hidden\":[8]", "\"hidden\":[]")).contains("its layers cannot be"))
    let rates = ["embeddingDropout", "inputDropout", "hiddenDropout", "outputDropout", "weightDropout"]
    for rate in rates {
      #expect(refusal(replacing("\"\(rate)\":", "\"\(rate)\":7,\"other\":")).contains("below 1"), "\(rate)")
    }
    #expect(refusal(replacing("},\"counts\":[0,", "},\"counts\":[2199023255552,")).contains("do not fit its network"))
    #expect(refusal(replacing("\"cell\":\"lstm\"", "\"cell\":\"none\"")) != "")
    #expect(refusal(replacing("\"isTied\":false", "\"isTied\":true")).contains("m: "))
    #expect(refusal({ $0["kind"] = "translate" }).contains("not 'language'"))
    #expect(refusal({ _ in }, tensors: Array(file.tensors.dropFirst())).contains("is missing"))
    #expect(refusal({ _ in }) == "")
  }
}
