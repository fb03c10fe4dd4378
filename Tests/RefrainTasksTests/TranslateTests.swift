import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainTasks

/// Pairs at hand.
private func examples(_ pairs: [(String, String)]) -> TranslationExamples {
  TranslationExamples(.init(.values(pairs.map(\.0)), .values(pairs.map(\.1))))
}

private func configuration(
  _ given: [String: [String]], epochs: Int, hidden: Int, layers: Int = 1, dropout: Float = 0
) throws -> Translator.Configuration {
  var given = given
  let rate = given.removeValue(forKey: "rate").flatMap { Float($0[0]) }
  var configuration = try Translator.Configuration(given)
  configuration.training.rate = rate
  var options = SharedOptions()
  (options.hidden, options.layers, options.epochs, options.dropout) = (hidden, layers, epochs, dropout)
  try configuration.choose(options)
  return configuration
}

private func measure(_ name: String, of evaluation: TaskEvaluation) throws -> Double {
  try #require(evaluation.measures.first { $0.name == name }).value
}

private func problem(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch { return "\(error)" }
}

@Suite("Translation") struct TranslateTests {
  @Test("With PyTorch's weights the probabilities and the smoothed loss are PyTorch's, step by step as well")
  func parity() throws {
    let fixture = try Fixture("text_networks").under("translate")
    let architecture = TranslationArchitecture(
      sourceVocabulary: 9, targetVocabulary: 12, cell: "gru", embedding: 6, hidden: 8, layers: 2, attention: .general)
    var generator = RandomGenerator(seed: 0)
    let network = try TranslationNetwork(architecture, using: &generator).filled(from: fixture)
    func texts(_ name: String) throws -> [[Int]] {
      let (rows, lengths) = (try fixture(name), try fixture.integers(name + "_lengths"))
      return lengths.enumerated().map { row, length in (0..<length).map { Int(rows[row, $0]) } }
    }
    let (sources, targets) = (try texts("sources"), try texts("targets"))
    let (logits, tokens) = network(sources, targets)
    let rows = logits.logSoftmax()
    let found = tokens.enumerated().map { rows[$0, $1] }
    expectClose(Tensor(found), try fixture("log_probabilities"), "the logarithms of the probabilities")
    expectClose(network.loss(sources, targets, smoothing: 0.1), try fixture("loss"), "the loss")
    // The steps of a search are those of the scan: of several answers for several sources at once.
    let search = BeamSearch(width: 3, count: 3, rules: DecodingRules(ends: [3], maximumLength: 5))
    for (source, answers) in zip(sources, search(network, from: network.start(sources, limit: nil))) {
      #expect(answers.count == 3)
      for answer in answers {
        let content = Array(answer.content)
        let (logits, tokens) = network([source], [content])
        let rows = logits.logSoftmax()
        let wanted = answer.tokens.indices.map { rows[$0, tokens[$0]] }
        #expect(zip(answer.logProbabilities, wanted).allSatisfy { abs($0 - $1) < 1e-4 })
      }
    }
  }

  @Test("Words are turned around, exactly, and nearly no text is copied; the same again after it was saved")
  func reversal() throws {
    var generator = RandomGenerator(seed: 3)
    let words = ["rot", "grün", "blau", "gelb", "weiß", "schwarz", "lila", "grau"]
    func pairs(_ count: Int) -> [(String, String)] {
      (0..<count).map { _ in
        let text = (0..<3 + generator.integer(below: 4)).map { _ in words[generator.integer(below: 8)] }
        return (text.joined(separator: " "), text.reversed().joined(separator: " "))
      }
    }
    let model = try Translator.train(
      on: examples(pairs(1500)),
      configuration: configuration(
        ["unit": ["words"], "batch": ["32"], "rate": ["0.005"], "embedding": ["32"], "smoothing": ["0"]], epochs: 8,
        hidden: 64))
    let evaluation = try model.evaluate(on: examples(pairs(100)))
    #expect(try measure("exactMatch", of: evaluation) >= 0.95)
    #expect(try measure("bleu", of: evaluation) > 97 && measure("perplexity", of: evaluation) < 1.1)
    #expect(try #require(evaluation.baselines[0].measures.first { $0.name == "bleu" }).value < 40)
    #expect(model.evaluation?.examples == 75)

    let again = try Translator(modelFile: model.modelFile())
    let request = try TranslationRequest(["beam": ["4"], "best": ["3"], "alignment": []])
    let texts = TranslationExamples(.init(.values(["rot grün blau gelb", "", "grau lila weiß"])))
    let answers = try again.predict(texts, request)
    #expect(answers == (try model.predict(texts, request)))
    #expect(answers.map(\.text) == ["gelb blau grün rot", "", "weiß lila grau"])
    #expect(answers[0].alternatives?.count == 2 && answers[0].alternatives?[0].score ?? 1 <= answers[0].score)
    // What each word was made of is the same word.
    #expect(answers[0].alignment?.map(\.token) == ["gelb", "blau", "grün", "rot"])
    let alone = try model.predict(TranslationExamples(.init(.values(["grau lila weiß"]))), request)
    #expect(alone[0].text == answers[2].text && abs(alone[0].score - answers[2].score) < 1e-4)
  }

  @Test("Numbers in words become figures, by characters, with two layers of LSTM and an additive score")
  func normalization() throws {
    let ones = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    let tens = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    func words(_ number: Int) -> String {
      [number > 99 ? ones[number / 100] + " hundred" : "", tens[number / 10 % 10], ones[number % 10]]
        .filter { !$0.isEmpty }.joined(separator: " ")
    }
    var numbers = (20...999).filter { $0 / 10 % 10 != 1 && $0 % 100 > 9 }
    var generator = RandomGenerator(seed: 1)
    numbers.shuffle(using: &generator)
    let pairs = numbers.map { (words($0), String($0)) }
    let model = try Translator.train(
      on: examples(Array(pairs.dropLast(60))),
      configuration: configuration(
        [
          "unit": ["characters"], "batch": ["16"], "rate": ["0.005"], "embedding": ["24"], "attention": ["additive"],
          "choose-by": ["loss"], "smoothing": ["0"],
        ], epochs: 14, hidden: 64))
    let evaluation = try model.evaluate(on: examples(Array(pairs.suffix(60))))
    #expect(try measure("exactMatch", of: evaluation) >= 0.9, "\(evaluation)")
  }

  @Test("An unknown word is the one of the source that was looked at")
  func unknownWords() throws {
    var generator = RandomGenerator(seed: 5)
    let known = ["anna", "bert", "carl", "dora", "emil", "frida", "georg", "hanna"]
    // Most names are known, so that what is looked at is learned; the others are found there.
    func name() -> String {
      guard generator.integer(below: 5) == 0 else { return known[generator.integer(below: known.count)] }
      return String((0..<6).map { _ in "abcdefghijklmnopqrstuvwxyz".randomElement(using: &generator)! })
    }
    func pair() -> (String, String) {
      let (first, second) = (name(), name())
      return Bool.random(using: &generator)
        ? ("\(first) meets \(second) today", "heute trifft \(first) \(second)")
        : ("where is \(first) ?", "wo ist \(first) ?")
    }
    let model = try Translator.train(
      on: examples((0..<900).map { _ in pair() }),
      configuration: configuration(
        [
          "unit": ["words"], "minimum-count": ["20"], "batch": ["32"], "rate": ["0.005"], "embedding": ["24"],
          "smoothing": ["0"], "choose-by": ["rouge"],
        ], epochs: 24, hidden: 48))
    #expect(model.sourceTokenizer.vocabulary.count < 24)
    let evaluation = try model.evaluate(on: examples((0..<100).map { _ in pair() }))
    #expect(try measure("exactMatch", of: evaluation) >= 0.85, "\(evaluation)")
  }

  @Test("Files are read as pairs: two of lines, or a table; what does not fit is named with its line")
  func reading() throws {
    try withTemporaryFolder { folder in
      func write(_ name: String, _ text: String) throws -> String {
        let path = folder + "/" + name
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
      }
      let english = try write("a.en", "one\n\ntwo three\nfour\n" + String(repeating: "x ", count: 300) + "\n")
      let german = try write("a.de", "eins\nleer\nzwei drei\nvier\nlang\n")
      let short = try write("b.de", "eins\n")
      let table = try write("a.csv", "id,en,de\n1,one,eins\n2,\"two, three\",\"zwei, drei\"\n")
      func read(_ files: [String], _ given: [String: [String]] = [:]) throws -> TranslationExamples {
        try Translator.examples(from: DataSource(paths: files), Translator.Configuration(given))
      }
      #expect(try read([english, german]).pairs.sources.count == 5)
      let columns = try read([table], ["source": ["en"], "target": ["de"]]).pairs
      let targets = Array(try #require(columns.targets))
      #expect(Array(columns.sources) == ["one", "two, three"] && targets[1] == "zwei, drei")
      #expect(Array(try read([table]).pairs.sources) == ["1", "2"])
      #expect(problem { _ = try read([english, short]) }.contains("a.en has 5 lines and"))
      #expect(problem { _ = try read([english]) }.contains("name a second file"))
      #expect(problem { _ = try read([folder + "/none"]) }.contains("there is no such file"))
      #expect(problem { _ = try read([english, german, short]) }.contains("3 files were given"))
      #expect(problem { _ = try read([table], ["source": ["fr"]]) }.contains("fr"))
      #expect(problem { _ = try read([]) }.contains("0 files"))
      // What is not named is the first column besides the one that is.
      let first = try read([table], ["target": ["id"]]).pairs
      #expect(Array(first.sources) == ["one", "two, three"] && first.targets.map(Array.init) == ["1", "2"])
      #expect(
        problem { _ = try read([table], ["source": ["en"], "target": ["en"]]) }
          .hasSuffix("a.csv: the column 'en' cannot be both source and target; name two columns"))

      let configuration = try configuration(
        ["unit": ["words"], "embedding": ["4"], "validation": [english, german]], epochs: 1, hidden: 4)
      let read = try Translator.examples(from: DataSource(paths: [english, german]), configuration)
      let model = try Translator.train(on: read, configuration: configuration)
      #expect(model.notes.count == 2, "\(model.notes)")
      #expect(model.notes[0].hasPrefix("1 pairs without a text on a side") && model.notes[0].hasSuffix("a.en, line 2"))
      #expect(model.notes[1].contains("more than 200 tokens") && model.notes[1].hasSuffix("a.en, line 5"))
      #expect(model.facts.filter { $0.name == "Note" }.count == 2 && model.evaluation?.examples == 4)
      // A source may be asked for alone, but not measured.
      let alone = try model.examples(from: DataSource(paths: [english]), TranslationRequest())
      #expect(try model.predict(alone).count == 5 && model.predict(alone)[1].text == "")
      #expect(problem { _ = try model.evaluate(on: alone) }.contains("name a second file"))
      let long = try write("long.en", "a\n" + String(repeating: "word ", count: 20_000) + "\n")
      #expect(
        problem { _ = try model.examples(from: DataSource(paths: [long]), TranslationRequest()) }
          .contains("long.en, line 2: the text has 100000 bytes"))
      let two = try write("two.en", "a\nb\n")
      #expect(
        problem { _ = try model.examples(from: DataSource(paths: [two, long]), TranslationRequest()) }
          .contains("long.en, line 2: the text has 100000 bytes"))
    }
  }

  @Test("The columns of the training are those of what is asked, unless others are named")
  func columns() throws {
    try withTemporaryFolder { folder in
      func table(_ name: String, _ text: String) throws -> DataSource {
        let path = folder + "/" + name
        try Data(text.utf8).write(to: URL(filePath: path))
        return DataSource(paths: [path])
      }
      let whole = try table("a.csv", "id,en,de\n1,one,eins\n2,two,zwei\n3,three,drei\n4,four,vier\n")
      let given = ["unit": ["words"], "embedding": ["4"], "source": ["en"], "target": ["de"]]
      let configuration = try configuration(given, epochs: 1, hidden: 4)
      let trained = try Translator.train(
        on: Translator.examples(from: whole, configuration), configuration: configuration)
      let file = try trained.modelFile()
      let model = try Translator(modelFile: file)
      let request = TranslationRequest()
      let pairs = try model.examples(from: whole, request).pairs
      #expect(Array(pairs.sources) == ["one", "two", "three", "four"])
      #expect(pairs.targets.map(Array.init) == ["eins", "zwei", "drei", "vier"])
      let other = try TranslationRequest(["source": ["de"], "target": ["id"]])
      let turned = try model.examples(from: whole, other).pairs
      #expect(Array(turned.sources).first == "eins" && turned.targets.map(Array.init)?.first == "1")
      // A table without the targets has sources alone, which cannot be measured.
      let alone = try model.examples(from: table("b.csv", "id,fr,en\n1,un,one\n2,deux,two\n"), request)
      #expect(Array(alone.pairs.sources) == ["one", "two"] && alone.pairs.targets == nil)
      #expect(problem { _ = try model.evaluate(on: alone) }.contains("sources alone"))
      #expect(
        problem { _ = try model.examples(from: table("c.csv", "id,fr,es\n1,un,uno\n2,deux,dos\n"), request) }
          .contains("there is no column 'en'"))
      // Files of before they were saved take the first two.
      var metadata = file.metadata
      let saved = #""columns":{"source":"en","target":"de"},"#
      #expect(metadata["description"]?.contains(saved) == true)
      metadata["description"] = metadata["description"]?.replacing(saved, with: "")
      let older = try Translator(modelFile: SafeTensorsFile(tensors: file.tensors, metadata: metadata))
      #expect(Array(try older.examples(from: whole, request).pairs.sources).first == "1")
    }
  }

  @Test("A checkpoint of a training that goes on is not complete")
  func checkpoint() throws {
    try withTemporaryFolder { folder in
      let pairs = (0..<30).map { ("a \($0 % 7)", "b \($0 % 5)") }
      let steps = Mutex(0)
      var context = TrainingContext(
        shouldStop: {
          steps.withLock { count in
            count += 1
            return count > 6
          }
        })
      context.checkpoints = CheckpointFolder(folder, every: .epochs(1))
      let stopped = try Translator.train(
        on: examples(pairs),
        configuration: configuration(["unit": ["words"], "embedding": ["4"]], epochs: 20, hidden: 4), context)
      #expect(!stopped.isComplete)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(!names.isEmpty)
      for name in names { #expect(try !Translator(contentsOf: folder + "/" + name).isComplete, "\(name)") }
    }
  }

  @Test("A damaged or forged file is refused")
  func forged() throws {
    let pairs = (0..<50).map { ("a \($0 % 7)", "b \($0 % 5)") }
    let model = try Translator.train(
      on: examples(pairs),
      configuration: configuration(["unit": ["words"], "embedding": ["4"], "shared": []], epochs: 1, hidden: 4))
    let file = try model.modelFile()
    func refusal(_ old: String, _ new: String, dropping: Int = 0) -> String {
      var metadata = file.metadata
      metadata["description"] = metadata["description"]?.replacingOccurrences(of: old, with: new)
      let forged = SafeTensorsFile(tensors: Array(file.tensors.dropFirst(dropping)), metadata: metadata)
      return dataError { () throws(DataError) in try Translator(modelFile: forged, path: "m") }?.description ?? ""
    }
    #expect(refusal("\"hidden\":4", "\"hidden\":16000").contains("weights"))
    #expect(refusal("\"hidden\":4", "\"hidden\":5").contains("in two directions"))
    #expect(refusal("\"layers\":1", "\"layers\":0").contains("its layers cannot be"))
    #expect(refusal("\"dropout\":", "\"dropout\":7,\"other\":").contains("at least 0 and below 1"))
    #expect(refusal("\"smoothing\":", "\"smoothing\":7,\"other\":").contains("at least 0 and below 1"))
    #expect(refusal("\"isShared\":true", "\"isShared\":false").contains("do not fit"))
    #expect(refusal("", "", dropping: 1).contains("is missing"))
    #expect(refusal("", "") == "")
  }
}
