import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@testable import Refrain
@testable import RefrainTasks

@Suite("Tagger") struct TaggerTests {
  // MARK: - Sentences

  /// Sentences about persons and places, whose names are of one word or of two.
  private static func sentences(_ count: Int, seed: UInt64, scheme: TagScheme = .bio) -> [TaggedSentence] {
    let first = ["Ada", "Grace", "Linus", "Noor", "Émile", "Jürgen"]
    let last = ["Holm", "Vos", "Said"]
    let places = ["London", "Köln", "Oslo"]
    let news = ["arrives", "sings", "sleeps"]
    var generator = RandomGenerator(seed: seed)
    return (0..<count).map { _ in
      func any(_ words: [String]) -> String { words[Int(generator.next() % UInt64(words.count))] }
      func name() -> [String] { generator.uniform() < 0.5 ? [any(first)] : [any(first), any(last)] }
      func place() -> [String] { generator.uniform() < 0.5 ? [any(places)] : ["New", any(places)] }
      let (who, place) = (name(), place())
      let words: [(String, String)]
      let label: String
      func spans(_ words: [String], _ type: String) -> [(String, String)] {
        words.enumerated().map { ($1, ($0 == 0 ? "B-" : "I-") + type) }
      }
      switch generator.next() % 3 {
      case 0:
        words = spans(who, "PER") + [(any(news), "O"), ("in", "O")] + spans(place, "LOC") + [(".", "O")]
        label = "news"
      case 1:
        words = [("does", "O")] + spans(who, "PER") + [("like", "O")] + spans(place, "LOC") + [("?", "O")]
        label = "question"
      default:
        words = [("from", "O")] + spans(place, "LOC") + spans(who, "PER") + [(any(news), "O"), (".", "O")]
        label = "news"
      }
      let tags = words.map(\.1)
      return TaggedSentence(
        words: words.map(\.0), tags: scheme == .none ? tags : scheme.converted(tags), label: label)
    }
  }

  private static var small: TagConfiguration {
    var configuration = TagConfiguration()
    configuration.hiddenSize = 16
    configuration.wordSize = 16
    configuration.epochs = 8
    configuration.learningRate = 1e-2
    configuration.dropout = 0.2
    return configuration
  }

  private static func unlabeled(_ sentences: [TaggedSentence]) -> [TaggedSentence] {
    sentences.map { TaggedSentence(words: $0.words, tags: $0.tags) }
  }

  private static let trained: Tagger = try! .train(on: TagExamples(sentences(240, seed: 1)), configuration: small)
  private var tagger: Tagger { Self.trained }

  private func value(_ name: String, _ measures: [TaskEvaluation.Measure]) -> Double {
    measures.first { $0.name == name }?.value ?? .nan
  }

  private func examples(_ text: String, _ request: TagRequest = TagRequest()) throws -> TagExamples {
    try tagger.examples(from: DataSource([.bytes(Array(text.utf8), name: "new.txt")]), request)
  }

  // MARK: - Learning

  @Test("spans and labels of sentences that were not seen are found, better than by the most frequent tag of a word")
  func learning() throws {
    let new = Self.sentences(100, seed: 2)
    let evaluation = try tagger.evaluate(on: TagExamples(new))
    #expect(evaluation.task == "tag" && evaluation.examples == 100)
    #expect(value("f1", evaluation.measures) > 0.97)
    #expect(value("labelAccuracy", evaluation.measures) > 0.97)
    #expect(value("sentenceAccuracy", evaluation.measures) > 0.9)
    let names = evaluation.baselines.map(\.name)
    #expect(names == ["mostFrequentTagOfWord", "majority"])
    #expect(value("f1", evaluation.baselines[1].measures) == 0)
    #expect(value("f1", evaluation.baselines[0].measures) <= value("f1", evaluation.measures))
    #expect(tagger.evaluation != nil && tagger.isComplete)
    var request = TagRequest()
    request.measuresTypes = true
    let types = try tagger.evaluate(on: TagExamples(new), request)
    #expect(value("f1.PER", types.measures) > 0.9 && value("recall.LOC", types.measures) > 0.9)
  }

  @Test("an answer has the words, their tags and how probable they are, the spans and the label")
  func answers() throws {
    let answer = tagger.predict([["does", "Grace", "Vos", "like", "New", "Oslo", "?"]], best: 3)[0]
    #expect(answer.tags == ["O", "B-PER", "I-PER", "O", "B-LOC", "I-LOC", "O"])
    #expect(answer.spans?.map(\.type) == ["PER", "LOC"])
    #expect(answer.spans?.map(\.text) == ["Grace Vos", "New Oslo"])
    #expect(answer.spans?.map(\.start) == [1, 4] && answer.spans?.map(\.end) == [3, 6])
    #expect(answer.label == "question" && answer.labelProbability ?? 0 > 0.5)
    #expect(answer.probabilities.count == 7 && answer.probabilities.allSatisfy { (0.3...1).contains($0) })
    // A span is no more probable than its least probable word.
    for span in answer.spans ?? [] {
      #expect(span.probability <= answer.probabilities[span.start..<span.end].min()! + 1e-6)
      #expect(span.probability > 0.3)
    }
    let alternatives = try #require(answer.alternatives)
    #expect(alternatives.count == 3 && alternatives[0].tags == answer.tags)
    #expect(alternatives[0].probability > alternatives[1].probability)
    let line = try JSON(encoding: TagAnswer.sentence(tagger.predict([["Ada", "sings"]])[0])).line
    #expect(line.hasPrefix(#"{"words":["Ada","sings"],"tags":["B-PER","O"],"probabilities":["#), "\(line)")
  }

  @Test("what is answered of a sentence does not depend on the others")
  func independence() {
    let sentences = Self.sentences(60, seed: 5).map(\.words) + [["Ada"]]
    let together = tagger.predict(sentences)
    for (sentence, answer) in zip(sentences, together) {
      let alone = tagger.predict([sentence])[0]
      #expect(alone.tags == answer.tags && alone.label == answer.label)
    }
    #expect(tagger.predict([]).isEmpty)
  }

  @Test("the constraints of the scheme hold, whatever the network says", arguments: [TagScheme.bio, .iob1, .bioes])
  func schemes(_ scheme: TagScheme) throws {
    var configuration = Self.small
    configuration.epochs = 1
    configuration.learnedScheme = scheme == .iob1 ? .bio : .bioes
    let tagger = try Tagger.train(
      on: TagExamples(Self.unlabeled(Self.sentences(40, seed: 3, scheme: scheme))), configuration: configuration)
    #expect(tagger.scheme == scheme && !tagger.hasLabels)
    // A network that has learned next to nothing, on words that it does not know.
    var generator = RandomGenerator(seed: 9)
    let texts = (0..<50).map { _ in (0..<1 + Int(generator.next() % 7)).map { _ in "x\(generator.next() % 99)" } }
    let answers = tagger.predict(texts).map { TaggedSentence(words: $0.words, tags: $0.tags) }
    try scheme.check(answers)
    let evaluation = try tagger.evaluate(on: TagExamples(Self.sentences(20, seed: 4, scheme: .bioes)))
    #expect(value("accuracy", evaluation.measures).isFinite)
  }

  @Test("BILOU is BIOES in other letters: it measures the same, baselines too, and is answered as BIOES")
  func otherLetters() throws {
    let sentences = Self.sentences(60, seed: 3, scheme: .bioes)
    let letters = ["E": "L", "S": "U"]
    let others = sentences.map { sentence in
      var sentence = sentence
      sentence.tags = sentence.tags.map { (letters[String($0.prefix(1))] ?? String($0.prefix(1))) + $0.dropFirst() }
      return sentence
    }
    #expect(others.contains { $0.tags.contains("U-PER") && $0.tags.contains("L-LOC") })
    var configuration = Self.small
    configuration.epochs = 1
    let taggers = try [sentences, others].map { try Tagger.train(on: TagExamples($0), configuration: configuration) }
    #expect(taggers[0].scheme == .bioes && taggers[1].scheme == .bioes)
    let evaluations = try zip(taggers, [sentences, others]).map { try $0.evaluate(on: TagExamples($1)) }
    #expect(evaluations[0] == evaluations[1])
    #expect(value("accuracy", evaluations[1].baselines[0].measures) > 0.5)
    for answer in taggers[1].predict(others.map(\.words)) {
      #expect(answer.tags.allSatisfy { "BIOES".contains($0.prefix(1)) })
    }
  }

  @Test("parts of speech are learned as tags of single words")
  func partsOfSpeech() throws {
    let text = Self.sentences(120, seed: 6).map { sentence in
      sentence.words.enumerated().map { place, word in
        let part = word.first!.isUppercase ? "PROPN" : word.first!.isLetter ? "VERB" : "PUNCT"
        return "\(place + 1)\t\(word)\t_\t\(part)\t_\t_\t0\t_\t_\t_\n"
      }.joined() + "\n"
    }.joined()
    let source = DataSource([.bytes(Array(text.utf8), name: "train.conllu")])
    let tagger = try Tagger.train(on: Tagger.examples(from: source, Self.small), configuration: Self.small)
    #expect(tagger.scheme == TagScheme.none)
    let evaluation = try tagger.evaluate(on: tagger.examples(from: source, TagRequest()))
    #expect(evaluation.measures.map(\.name) == ["accuracy", "sentenceAccuracy"])
    #expect(value("accuracy", evaluation.measures) > 0.98)
    #expect(tagger.predict([["Ada", "."]])[0].spans == nil)
    var request = TagRequest()
    request.unit = .span
    #expect(throws: TaskError.self) { try tagger.predict(TagExamples(toAnswer: []), request) }
  }

  @Test("the same seed gives the same bits, on any number of threads, and another seed others")
  func determinism() throws {
    var configuration = Self.small
    configuration.epochs = 2
    func weights(threads: Int, seed: UInt64) throws -> [Tensor] {
      let before = Parallelism.threads
      defer { Parallelism.threads = before }
      Parallelism.threads = threads
      configuration.seed = seed
      return try Tagger.train(on: TagExamples(Self.sentences(60, seed: 7)), configuration: configuration)
        .tagNetwork.tensors
    }
    let one = try weights(threads: 1, seed: 3)
    #expect(try weights(threads: 3, seed: 3) == one)
    #expect(try weights(threads: 1, seed: 4) != one)
  }

  @Test("training on all sentences again, other cells, several layers and another word size work too")
  func choices() throws {
    var configuration = Self.small
    configuration.epochs = 4
    configuration.refits = true
    configuration.cell = "gru"
    configuration.layers = 2
    configuration.batchSize = 8
    let tagger = try Tagger.train(on: TagExamples(Self.sentences(120, seed: 8)), configuration: configuration)
    #expect(tagger.sentenceCount == 120)
    // Sentences that are given for validation are learned from too in the end, whether they have labels or not.
    configuration.epochs = 1
    let other = try Tagger.train(
      on: TagExamples(
        Self.sentences(20, seed: 8), validation: Self.unlabeled(Self.sentences(10, seed: 1))),
      configuration: configuration)
    #expect(other.sentenceCount == 30 && other.training.epochs == 2)
    #expect(value("f1", try tagger.evaluate(on: TagExamples(Self.sentences(50, seed: 9))).measures) > 0.8)
    #expect(tagger.facts.contains { $0.value.contains("gru, 2 layers") })
  }

  @Test("word vectors of others are what the words that have one begin with")
  func vectors() throws {
    try withTemporaryFolder { folder in
      let (train, vectors) = (folder + "/train.txt", folder + "/vectors.txt")
      let text = Self.sentences(30, seed: 1).map { sentence in
        zip(sentence.words, sentence.tags).map { "\($0) \($1)\n" }.joined() + "\n"
      }
      try Data(text.joined().utf8).write(to: URL(filePath: train))
      try Data("in 1 2 3\nlondon -1 0.5 4\nnowhere 9 9 9\n".utf8).write(to: URL(filePath: vectors))
      var configuration = Self.small
      configuration.vectors = vectors
      (configuration.epochs, configuration.learningRate) = (1, 0)
      let examples = try Tagger.examples(from: DataSource(paths: [train]), configuration)
      let tagger = try Tagger.train(on: examples, configuration: configuration)
      func vector(_ word: String) -> [Float] {
        tagger.tagNetwork.words.gatheringRows([tagger.encoder.words.index(of: word)]).values
      }
      #expect(vector("in") == [1, 2, 3] && vector("london") == [-1, 0.5, 4])
      #expect(tagger.tagNetwork.sizes.wordSize == 3 && vector("sings").allSatisfy { $0 != 0 && abs($0) <= 1 })
    }
  }

  @Test("training that is stopped gives the best so far, or says that there is no result")
  func interruption() throws {
    let examples = try TagExamples(Self.sentences(60, seed: 1))
    #expect(throws: TaskError.self) {
      try Tagger.train(on: examples, configuration: Self.small, TrainingContext(shouldStop: { true }))
    }
    let steps = Counter()
    let tagger = try Tagger.train(
      on: examples, configuration: Self.small, TrainingContext(shouldStop: { steps.next() > 12 }))
    #expect(!tagger.isComplete)
  }

  private final class Counter: @unchecked Sendable {
    private var count = 0
    func next() -> Int {
      count += 1
      return count
    }
  }

  @Test("what cannot be learned from is said")
  func tooLittle() throws {
    func problem(_ sentences: [TaggedSentence], _ change: (inout TagConfiguration) -> Void = { _ in }) -> String {
      var configuration = Self.small
      change(&configuration)
      do {
        return "\(try Tagger.train(on: TagExamples(sentences), configuration: configuration).wordCount)"
      } catch { return "\(error)" }
    }
    let some = Self.unlabeled(Self.sentences(20, seed: 1))
    #expect(problem([some[0]]).contains("one sentence is too little"))
    let same = (0..<5).map { _ in TaggedSentence(words: ["a", "b"], tags: ["X", "X"]) }
    #expect(problem(same).contains("every word has the same tag 'X'"))
    #expect(problem(some) { $0.cell = "lstmm" }.contains("there is no cell 'lstmm'"))
    #expect(problem(some) { $0.layers = 0 }.contains("must be at least 1"))
    #expect(problem(some) { $0.hiddenSize = 0 }.contains("must be at least 1"))
    #expect(problem(some + [TaggedSentence(words: ["a"])]).contains("1 words and 0 tags"))
    #expect(
      problem(some + [TaggedSentence(words: ["a"], tags: ["I-LOC"])])
        .contains("the tag 'I-LOC' begins a sentence, which BIO does not allow"))
    let words = Array(repeating: "Oslo", count: TagExamples.longestSentence + 1)
    let long = TaggedSentence(words: words, tags: words.map { _ in "B-LOC" })
    #expect(problem(some + [long]).contains("the sentence has 20001 words, more than 20000"))
  }

  @Test("Sentences that are too long for memory give the same tagger, answers and measures")
  func longerThanMemory() throws {
    var configuration = Self.small
    (configuration.epochs, configuration.refits) = (2, true)
    var settings = LongArraySettings()
    settings.bytes = 256
    func outcome(_ path: String, plain: String) throws -> (Tagger, [TagAnswer], TaskEvaluation, String) {
      let source = DataSource(paths: [path])
      let tagger = try Tagger.train(on: Tagger.examples(from: source, configuration), configuration: configuration)
      let evaluation = try tagger.evaluate(on: tagger.examples(from: source, TagRequest()), TagRequest())
      let examples = try tagger.examples(from: DataSource(paths: [plain, path]), TagRequest())
      let answers = try tagger.predict(examples, TagRequest())
      var parts: [TagAnswer] = []
      try tagger.predictInParts(examples, TagRequest()) { parts += $0 }
      #expect(try encoded(parts) == encoded(answers))
      // A tag in the middle that nobody may write.
      let faulty = DataSource([.bytes(Array("a O\nb O\n\nc O\nd I-PER\n\ne B-LOC\nf I-LOC\n".utf8), name: "faulty")])
      let error = #expect(throws: DataError.self) { try Tagger.examples(from: faulty, configuration) }
      return (tagger, answers, evaluation, error?.description ?? "")
    }
    func encoded(_ answers: [TagAnswer]) throws -> [Data] { try answers.map { try JSONEncoder().encode($0) } }
    try withTemporaryFolder { folder in
      let all = Self.sentences(150, seed: 12)
      let text = all.map { sentence in
        zip(sentence.words, sentence.tags).map { "\($0) \($1)\n" }.joined() + "\n"
      }
      try Data(text.joined().utf8).write(to: URL(filePath: folder + "/tags.txt"))
      try Data(all.map { $0.words.joined(separator: " ") + "\n" }.joined().utf8)
        .write(to: URL(filePath: folder + "/plain.txt"))
      let (path, plain) = (folder + "/tags.txt", folder + "/plain.txt")
      let one = try outcome(path, plain: plain)
      let other = try LongArraySettings.$current.withValue(settings) { try outcome(path, plain: plain) }
      for (mine, its) in zip(one.0.tagNetwork.namedTensors, other.0.tagNetwork.namedTensors) {
        expectSameBits(mine.tensor, its.tensor, mine.name)
      }
      #expect(one.1.count == 300 && one.2.examples == 150)
      #expect(try encoded(one.1) == encoded(other.1))
      #expect(one.2 == other.2 && one.0.evaluation == other.0.evaluation)
      #expect(one.3 == other.3 && one.3.contains("faulty: line 5: the tag 'I-PER'"))
      settings.folder = "/nowhere"
      let error = #expect(throws: DataError.self) {
        try LongArraySettings.$current.withValue(settings) { try outcome(path, plain: plain) }
      }
      #expect(error?.description.contains("TMPDIR") == true)
    }
  }

  // MARK: - Input

  @Test("plain text, words between spaces and columns are told apart")
  func inputs() throws {
    let text = try examples("Does Ada like Oslo?\nNoor sings.\n").sentences
    #expect(text.map(\.words) == [["Does", "Ada", "like", "Oslo", "?"], ["Noor", "sings", "."]])
    #expect(try examples("does Ada like Oslo ?\n").sentences[0].words.count == 5)
    let columns = try examples("Ada B-PER\nsings O\n").sentences
    #expect(Array(columns) == [TaggedSentence(words: ["Ada", "sings"], tags: ["B-PER", "O"])])
    #expect(try examples("Ada\nsings\n\nNoor\n").sentences.map(\.words) == [["Ada", "sings"], ["Noor"]])
    var request = TagRequest()
    request.input = .words
    #expect(try examples("Oslo, Ada\n", request).sentences[0].words == ["Oslo,", "Ada"])
    #expect(throws: DataError.self) { try examples("\n") }
    #expect(throws: DataError.self) { try tagger.examples(from: DataSource([]), TagRequest()) }
    // A line that lacks a column among many that have it is a mistake, and not a sentence of plain text.
    let many = String(repeating: "Ada NNP B-PER\nsings VBZ O\n\n", count: 6)
    let error = dataError { () throws(DataError) in
      try tagger.examples(
        from: DataSource([.bytes(Array((many + "Oslo B-LOC\n").utf8), name: "new.txt")]), TagRequest())
    }
    #expect(error?.description.contains("line 19: there are 2 columns, and 3 in line 1") == true)
    // What a longer sentence takes of memory would have no bound.
    let long = dataError { () throws(DataError) in
      try tagger.examples(
        from: DataSource([
          .bytes(Array(String(repeating: "Oslo ", count: TagExamples.longestSentence + 1).utf8), name: "new.txt")
        ]), TagRequest())
    }
    #expect(long?.description.contains("the sentence has 20001 words, more than 20000") == true)
    #expect(long?.file == "new.txt")
    let spaced = "Ada sings .\nNoor sings in Oslo .\nAda .\n"
    #expect(try examples(spaced).sentences.map(\.words.count) == [3, 5, 2])
  }

  @Test("answers may be of words or of spans")
  func units() throws {
    let examples = try examples("Ada Holm sings .\n\nOslo sleeps\n")
    var request = TagRequest()
    request.unit = .word
    #expect(try tagger.predict(examples, request).count == 6)
    request.unit = .span
    let lines = try tagger.predict(examples, request).map { try JSON(encoding: $0).line }
    #expect(lines[0].hasPrefix(#"{"sentence":1,"type":"PER","start":0,"end":2,"text":"Ada Holm","probability":"#))
  }

  @Test("evaluation refuses tags that were not learned, with the line")
  func foreignTags() throws {
    func problem(_ text: String) -> String {
      do {
        var request = TagRequest()
        request.input = .columns
        return "\(try tagger.evaluate(on: examples(text, request)))"
      } catch { return "\(error)" }
    }
    #expect(problem("Ada NNP\nsings VBZ\n").contains("new.txt: line 1: the tag 'NNP' says nothing of spans"))
    #expect(
      problem("Ada O\nHolm I-PER\n\nOslo B-LOC\nOslo I-LOC\n\nx O\nx B-PER\n").contains("line 2: the tag 'I-PER'"))
    #expect(problem("Ada\nsings\n\n").contains("there are no tags to compare with"))
  }

  // MARK: - Files

  @Test("weights so great that scores are no numbers are an error, and no trap")
  func greatWeights() throws {
    var great = tagger
    great.tagNetwork.forEachTensor { name, tensor in
      if !name.contains("transitions") { tensor = Tensor(repeating: 3e38, shape: tensor.shape) }
    }
    let examples = try TagExamples(Self.sentences(3, seed: 5))
    for verb in [
      { _ = try great.predict(examples) }, { _ = try great.evaluate(on: examples) },
      { _ = try great.explained(examples, TagRequest(), .first(1)) },
      { _ = try great.overview(examples, TagRequest()) },
    ] as [() throws -> Void] {
      let error = #expect(throws: TaskError.self) { try verb() }
      #expect(error?.problem.hasPrefix("the tagger's scores are infinite or no numbers") == true)
    }
    // A file of weights that are no numbers is refused before.
    great.tagNetwork.forEachTensor { name, tensor in
      if name.contains("transitions") { tensor = Tensor(repeating: .nan, shape: tensor.shape) }
    }
    let file = try great.modelFile()
    let error = dataError { () throws(DataError) in try Tagger(modelFile: file, path: nil) }
    #expect(error?.code == .damagedModel && error?.problem.contains("not a number") == true)
  }

  @Test("a saved tagger answers with the same bits")
  func saving() throws {
    let path = temporaryPath(".model")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try tagger.save(to: path)
    let loaded = try Tagger(contentsOf: path)
    #expect(loaded.tagNetwork.tensors == tagger.tagNetwork.tensors)
    let texts = Self.sentences(30, seed: 11).map(\.words)
    #expect(loaded.predict(texts, best: 2) == tagger.predict(texts, best: 2))
    #expect(loaded.evaluation == tagger.evaluation)
    #expect(loaded.facts.map(\.value) == tagger.facts.map(\.value))
    #expect(try loaded.modelFile().metadata == tagger.modelFile().metadata)
  }

  @Test("model files whose parts contradict each other are refused")
  func damaged() throws {
    let file = try tagger.modelFile()
    func refused(_ change: (inout [String: String], inout [NamedArray]) -> Void) -> Bool {
      var (metadata, tensors) = (file.metadata, file.tensors)
      change(&metadata, &tensors)
      let error = dataError { () throws(DataError) in
        try Tagger(modelFile: SafeTensorsFile(tensors: tensors, metadata: metadata))
      }
      return error?.code == .damagedModel
    }
    func replacing(_ old: String, _ new: String) -> Bool {
      #expect(file.metadata["description"]?.contains(old) == true, "\(old)")
      return refused { metadata, _ in metadata["description"] = metadata["description"]?.replacing(old, with: new) }
    }
    #expect(refused { _, tensors in tensors.removeLast() })
    #expect(replacing("\"hiddenSize\":16", "\"hiddenSize\":16000"))
    #expect(replacing("\"hiddenSize\":16", "\"hiddenSize\":0"))
    #expect(replacing("\"layers\":1", "\"layers\":-1"))
    #expect(replacing("\"cell\":\"lstm\"", "\"cell\":\"no\""))
    #expect(replacing("\"learned\":\"bioes\"", "\"learned\":\"none\""))
    #expect(replacing("\"S-PER\"", "\"S-LOC\""))
    #expect(replacing("\"S-PER\"", "\"Q-LOC\""))
    #expect(replacing("\"wordSize\":16", "\"wordSize\":99999999"))
    #expect(replacing("\"tagOfWord\":[", "\"tagOfWord\":[7000,"))
    #expect(replacing("\"dropout\":", "\"dropout\":7,\"other\":"))
    // Tags of which none may begin a sentence.
    #expect(
      refused { metadata, _ in
        for (old, new) in [("\"learned\":\"bioes\"", "\"learned\":\"bio\""), ("\"O\"", "\"I-O\"")] {
          metadata["description"] = metadata["description"]?.replacing(old, with: new)
        }
        for letter in ["S", "B", "E"] {
          metadata["description"] = metadata["description"]?.replacing("\"\(letter)-", with: "\"I-\(letter)")
        }
      })
    let inside = #"{"scheme":"bio","learned":"bio","tags":["I-PER","I-LOC"],"labels":[]}"#
    #expect(try JSONDecoder().decode(TagLabels.self, from: Data(inside.utf8)).constraints == nil)
    #expect(!refused { _, _ in })
  }

  @Test("the options are those of the table, and the shared ones are taken")
  func options() throws {
    var configuration = try TagConfiguration(
      [
        "column": ["upos"], "scheme": ["none"], "learn-as": ["bio"], "validation": ["dev.txt"], "refit": [],
        "batch": ["8"],
      ]
    )
    var shared = SharedOptions()
    (shared.cell, shared.hidden, shared.layers, shared.dropout, shared.epochs, shared.seed) = ("gru", 8, 2, 0.1, 3, 5)
    try configuration.choose(shared)
    #expect(configuration.columns.tags == "upos" && configuration.scheme == TagScheme.none && configuration.refits)
    #expect(
      configuration.learnedScheme == .bio && configuration.validation == "dev.txt" && configuration.batchSize == 8)
    #expect(configuration.cell == "gru" && configuration.hiddenSize == 8 && configuration.layers == 2)
    #expect(configuration.dropout == 0.1 && configuration.epochs == 3 && configuration.seed == 5)
    #expect(throws: OptionError.self) { try TagConfiguration(["scheme": ["iob7"]]) }
    #expect(Tasks.named("tag") != nil)
  }
}
