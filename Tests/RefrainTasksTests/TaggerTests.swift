import Foundation
import RefrainData
import RefrainTestSupport
import Synchronization
import Testing

@testable import Refrain
@testable import RefrainTasks

/// The rates at the ends of epochs.
private final class Rates: TrainingObserver, Sendable {
  private let values = Mutex<[Float]>([])
  var all: [Float] { values.withLock { $0 } }

  func observe(_ event: TrainingEvent) throws(TrainingError) -> TrainingDecision {
    if case .epoch(let epoch) = event.kind { values.withLock { $0.append(epoch.learningRate) } }
    return .proceed
  }
}

@Suite("Tagger") struct TaggerTests {
  private var tagger: Tagger { TaggerSample.trained }

  private func value(_ name: String, _ measures: [TaskEvaluation.Measure]) -> Double {
    measures.first { $0.name == name }?.value ?? .nan
  }

  @Test("spans and labels of sentences that were not seen are found, better than by the most frequent tag of a word")
  func learning() throws {
    let new = TaggerSample.sentences(100, seed: 2)
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
    let sentences = TaggerSample.sentences(60, seed: 5).map(\.words) + [["Ada"]]
    let together = tagger.predict(sentences)
    for (sentence, answer) in zip(sentences, together) {
      let alone = tagger.predict([sentence])[0]
      #expect(alone.tags == answer.tags && alone.label == answer.label)
    }
    #expect(tagger.predict([]).isEmpty)
  }

  @Test("the constraints of the scheme hold, whatever the network says", arguments: [TagScheme.bio, .iob1, .bioes])
  func schemes(_ scheme: TagScheme) throws {
    var configuration = TaggerSample.small
    configuration.epochs = 1
    configuration.learnedScheme = scheme == .iob1 ? .bio : .bioes
    let tagger = try Tagger.train(
      on: TagExamples(TaggerSample.unlabeled(TaggerSample.sentences(40, seed: 3, scheme: scheme))),
      configuration: configuration)
    #expect(tagger.scheme == scheme && !tagger.hasLabels)
    // A network that has learned next to nothing, on words that it does not know.
    var generator = RandomGenerator(seed: 9)
    let texts = (0..<50).map { _ in (0..<1 + Int(generator.next() % 7)).map { _ in "x\(generator.next() % 99)" } }
    let answers = tagger.predict(texts).map { TaggedSentence(words: $0.words, tags: $0.tags) }
    try scheme.check(answers)
    let evaluation = try tagger.evaluate(on: TagExamples(TaggerSample.sentences(20, seed: 4, scheme: .bioes)))
    #expect(value("accuracy", evaluation.measures).isFinite)
  }

  @Test("BILOU is BIOES in other letters: it measures the same, baselines too, and is answered as BIOES")
  func otherLetters() throws {
    let sentences = TaggerSample.sentences(60, seed: 3, scheme: .bioes)
    let letters = ["E": "L", "S": "U"]
    let others = sentences.map { sentence in
      var sentence = sentence
      sentence.tags = sentence.tags.map { (letters[String($0.prefix(1))] ?? String($0.prefix(1))) + $0.dropFirst() }
      return sentence
    }
    #expect(others.contains { $0.tags.contains("U-PER") && $0.tags.contains("L-LOC") })
    var configuration = TaggerSample.small
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
    let text = TaggerSample.sentences(120, seed: 6).map { sentence in
      sentence.words.enumerated().map { place, word in
        let part = word.first!.isUppercase ? "PROPN" : word.first!.isLetter ? "VERB" : "PUNCT"
        return "\(place + 1)\t\(word)\t_\t\(part)\t_\t_\t0\t_\t_\t_\n"
      }.joined() + "\n"
    }.joined()
    let source = DataSource([.bytes(Array(text.utf8), name: "train.conllu")])
    let tagger = try Tagger.train(
      on: Tagger.examples(from: source, TaggerSample.small), configuration: TaggerSample.small)
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
    var configuration = TaggerSample.small
    configuration.epochs = 2
    func weights(threads: Int, seed: UInt64) throws -> [Tensor] {
      let before = Parallelism.threads
      defer { Parallelism.threads = before }
      Parallelism.threads = threads
      configuration.seed = seed
      return try Tagger.train(on: TagExamples(TaggerSample.sentences(60, seed: 7)), configuration: configuration)
        .tagNetwork.tensors
    }
    let one = try weights(threads: 1, seed: 3)
    #expect(try weights(threads: 3, seed: 3) == one)
    #expect(try weights(threads: 1, seed: 4) != one)
  }

  @Test("training on all sentences again, other cells, several layers and another word size work too")
  func choices() throws {
    var configuration = TaggerSample.small
    configuration.epochs = 4
    configuration.refits = true
    configuration.cell = "gru"
    configuration.layers = 2
    configuration.batchSize = 8
    let tagger = try Tagger.train(on: TagExamples(TaggerSample.sentences(120, seed: 8)), configuration: configuration)
    #expect(tagger.sentenceCount == 120)
    // Sentences that are given for validation are learned from too in the end, whether they have labels or not.
    configuration.epochs = 1
    let other = try Tagger.train(
      on: TagExamples(
        TaggerSample.sentences(20, seed: 8), validation: TaggerSample.unlabeled(TaggerSample.sentences(10, seed: 1))),
      configuration: configuration)
    #expect(other.sentenceCount == 30 && other.training.epochs == 2)
    #expect(value("f1", try tagger.evaluate(on: TagExamples(TaggerSample.sentences(50, seed: 9))).measures) > 0.8)
    #expect(tagger.facts.contains { $0.value.contains("gru, 2 layers") })
  }

  @Test("word vectors of others are what the words that have one begin with")
  func vectors() throws {
    try withTemporaryFolder { folder in
      let (train, vectors) = (folder + "/train.txt", folder + "/vectors.txt")
      let text = TaggerSample.sentences(30, seed: 1).map { sentence in
        zip(sentence.words, sentence.tags).map { "\($0) \($1)\n" }.joined() + "\n"
      }
      try Data(text.joined().utf8).write(to: URL(filePath: train))
      try Data("in 1 2 3\nlondon -1 0.5 4\nnowhere 9 9 9\n".utf8).write(to: URL(filePath: vectors))
      var configuration = TaggerSample.small
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
    let examples = try TagExamples(TaggerSample.sentences(60, seed: 1))
    #expect(throws: TaskError.self) {
      try Tagger.train(on: examples, configuration: TaggerSample.small, TrainingContext(shouldStop: { true }))
    }
    let steps = Counter()
    let tagger = try Tagger.train(
      on: examples, configuration: TaggerSample.small, TrainingContext(shouldStop: { steps.next() > 12 }))
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
      var configuration = TaggerSample.small
      change(&configuration)
      do {
        return "\(try Tagger.train(on: TagExamples(sentences), configuration: configuration).wordCount)"
      } catch { return "\(error)" }
    }
    let some = TaggerSample.unlabeled(TaggerSample.sentences(20, seed: 1))
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

  @Test("Long sentences come in smaller batches, and all batches of short ones in one that is asked for")
  func longSentences() throws {
    let short = TaggerSample.sentences(90, seed: 3)
    let words = Array(repeating: short[0], count: 130).flatMap(\.words)
    let long = TaggedSentence(words: words, tags: words.map { $0 == "Oslo" ? "B-LOC" : "O" })
    // One sentence has more than 512 words, so that 64 of them would be more than a batch has.
    #expect(words.count > 512 && TagTraining.words(64, longest: words.count) == 1 << 15)
    #expect(TagTraining.words(63, longest: 520) == 63 * 520 && TagTraining.words(64, longest: 512) == 1 << 15)
    #expect(TagTraining.words(1, longest: 40_000) == 40_000 && TagTraining.words(.max, longest: 7) == 1 << 15)
    #expect(TagTraining.words(0, longest: 7) == 0)
    var configuration = TaggerSample.small
    (configuration.hiddenSize, configuration.wordSize, configuration.epochs) = (4, 4, 2)
    let rates = Rates()
    func network(_ sentences: [TaggedSentence], batch: BatchSize) throws -> Tagger {
      configuration.batchSize = batch
      var context = TrainingContext()
      context.observers = { _ in [rates] }
      return try MemoryBudget(1 << 50).run {
        try Tagger.train(
          on: TagExamples(TaggerSample.unlabeled(sentences), validation: TaggerSample.unlabeled(short)),
          configuration: configuration, context)
      }
    }
    #expect(try network(short + [long], batch: 64).isComplete)
    // The rate falls until the last epoch ends, not the first.
    let fallen = rates.all
    #expect(fallen.count == 2 && fallen[0] > 5 * fallen[1], "\(fallen)")
    let (whole, greatest) = (try network(short, batch: 90), try network(short, batch: .count(.max)))
    for (mine, its) in zip(whole.tagNetwork.namedTensors, greatest.tagNetwork.namedTensors) {
      expectSameBits(mine.tensor, its.tensor, mine.name)
    }
  }

  @Test("Sentences that are too long for memory give the same tagger, answers and measures")
  func longerThanMemory() throws {
    var configuration = TaggerSample.small
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
      let all = TaggerSample.sentences(150, seed: 12)
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
}
