import Foundation
import RefrainTestSupport
import Testing

@testable import Refrain
@testable import RefrainData
@testable import RefrainTasks

/// Rows that say "good" or "bad" among other words, with a number and a category.
private func reviews(_ count: Int, seed: UInt64 = 1, flipping flipped: Set<Int> = []) -> String {
  var generator = RandomGenerator(seed: seed)
  let others = ["the", "film", "was", "and", "room", "food", "a", "really", "place"]
  var text = "review,stars,city,label\n"
  for row in 0..<count {
    let isGood = row % 3 != 0
    var words = (0..<6).map { _ in others[generator.integer(below: others.count)] }
    words.insert(isGood ? "good" : "bad", at: generator.integer(below: words.count))
    let label = isGood != flipped.contains(row)
    text += "\(words.joined(separator: " ")),\(generator.integer(below: 5)),Ulm,\(label ? "yes" : "no")\n"
  }
  return text
}

private func source(_ text: String, _ name: String = "t.csv") -> DataSource {
  DataSource([.bytes(Array(text.utf8), name: name)])
}

private func classifier(
  _ text: String, _ given: [String: [String]] = [:], members: Int = 1
) throws -> Classifier {
  var configuration = try ClassifierConfiguration(given)
  var shared = SharedOptions()
  (shared.hidden, shared.epochs, shared.dropout) = (8, 12, 0.1)
  try configuration.choose(shared)
  (configuration.columns.embeddingSize, configuration.columns.members) = (8, members)
  return try Classifier.train(
    on: Classifier.examples(from: source(text), configuration), configuration, TrainingContext())
}

@Suite("What a task explains") struct TaskExplanationTests {
  @Test("of a text is its words: the one that decides has the greatest part, and all methods add up")
  func text() throws {
    let model = try classifier(reviews(240), ["inputs": ["review:text"]])
    let examples = try model.examples(from: source(reviews(9, seed: 4)))
    let all = try model.explained(examples, ClassifierRequest(), .numbers([2, 4]))
    #expect(all.count == 2 && all[0].title.hasPrefix("row 2: yes") && all[1].title.hasPrefix("row 4: no"))
    for one in all {
      let explanation = one.explanation(points: 300)
      #expect(explanation.features.isEmpty && one.baselines.map(\.name) == ["zeros", "mean", "unknown"])
      #expect(
        explanation.methods.map(\.method) == ["integratedGradients", "gradientTimesInput", "occlusion", "relevance"])
      #expect(abs(try #require(explanation.methods[0].gap)) < 1e-2 * abs(explanation.score))
      // Gates of recurrent cells and weights of attention get nothing, so that relevance adds up to the score.
      #expect(
        abs(try #require(explanation.methods[3].gap)) < 1e-3 * abs(explanation.score), "\(explanation.methods[3].gap!)")
      let greatest = explanation.steps.indices.max {
        explanation.methods[0].steps[$0] < explanation.methods[0].steps[$1]
      }
      #expect(["good", "bad"].contains(one.steps[greatest ?? 0]), "\(one.steps) \(explanation.methods[0].steps)")
      let faithfulness = try #require(explanation.faithfulness)
      #expect(faithfulness.deletion.areas.ordered < faithfulness.deletion.areas.random)
      #expect(explanation.levels.count == 2 && explanation.levels[0].units.count == 8)
    }
    #expect(throws: TaskError.self) { try model.explained(examples, ClassifierRequest(), .numbers([10])) }
  }

  @Test(
    "of a row of several columns are all of them, and the score is that of the networks together", arguments: [1, 2])
  func columns(members: Int) throws {
    let model = try classifier(reviews(120), members: members)
    let examples = try model.examples(from: source(reviews(6, seed: 4)))
    let one = try model.explained(examples, ClassifierRequest(), .first(1))[0]
    #expect(one.steps.contains { $0.hasPrefix("stars ") } && one.steps.count == 8, "\(one.steps)")
    #expect(one.features.names == ["numbers and categories", "review"])
    let explanation = one.explanation(points: 60)
    let scores = try model.model.scores(model.columns.encode(examples.records), [0])
    let best = scores[0] > scores[1] ? 0 : 1
    #expect(abs(explanation.score - (scores[best] - scores[1 - best])) < 1e-4)
    #expect(abs(try #require(explanation.methods[0].gap)) < 2e-2 * abs(explanation.score))
    #expect(explanation.levels.count == 2 * members && explanation.withoutFeature.count == 2)
  }

  @Test("of a row of several columns shows for each level the steps that it reads, and like ones once")
  func stepsOfLevels() throws {
    let model = try classifier(reviews(60), ["inputs": ["stars,review"]])
    let examples = try model.examples(from: source(reviews(6, seed: 4)))
    let one = try model.explained(examples, ClassifierRequest(), .first(1))[0]
    #expect(one.steps.count == 8 && one.steps[0].hasPrefix("stars "))
    for level in one.explanation(points: 8).levels { #expect(level.steps == Array(one.steps.dropFirst())) }
    var contexts = UnitContexts()
    for _ in 0..<2 { contexts.add(one) }
    for exhibit in contexts.exhibits {
      let line = exhibit.json.line
      #expect(!line.contains("stars") && !line.contains(" | "), "\(line)")
    }
  }

  @Test("of a series are its channels") func series() throws {
    var generator = RandomGenerator(seed: 3)
    func rows(_ count: Int) -> String {
      "series,label\n"
        + (0..<count).map { row in
          let first = (0..<12).map { step in
            Double(generator.normal()) + (row % 2 == 0 && step == 5 ? 8 : 0)
          }
          let second = (0..<12).map { _ in Double(generator.normal()) }
          func text(_ values: [Double]) -> String {
            values.map { "\(($0 * 100).rounded() / 100)" }.joined(separator: ";")
          }
          return "\(text(first)):\(text(second)),\(row % 2 == 0 ? "spike" : "flat")\n"
        }.joined()
    }
    let model = try classifier(rows(120))
    let examples = try model.examples(from: source(rows(2)))
    let one = try model.explained(examples, ClassifierRequest(), .first(1))[0]
    #expect(one.features.names == ["channel 1", "channel 2"] && one.steps.count == 12)
    let explanation = one.explanation()
    let values = explanation.methods[0].values
    let greatest = values.values.indices.max { values.values[$0] < values.values[$1] }
    #expect(greatest == 10, "the spike is at step 5 of channel 1: \(values.values)")
  }

  @Test("of series at irregular times adds up by relevance, squares and times being passed on whole")
  func relevanceOfSeries() {
    var generator = RandomGenerator(seed: 2)
    var plan = NetworkPlan()
    (plan.hiddenSize, plan.dropout) = (4, 0)
    let layout = SeriesStepLayout(channels: 1, hasGaps: true, hasTimes: true)
    let part = SeriesPart(plan, layout, using: &generator)
    let input = Tensor([0.5, 1, 0, -1, 0, 2, 2, 1, 0.3], shape: [3, 3])
    var twins = LayerCalls { layer, _, input in layer.twinOrSelf(input) }
    twins.passesRelevance = true
    let relevance = Attribution.relevance(of: part, at: input) { [twins] part, inputs in
      part(StepValues(inputs), layers: twins)
    }
    let value = part(StepValues(stack([input])), layers: LayerCalls()).sum().item
    #expect(abs(relevance.score - value) < 1e-4 && abs(relevance.gap) < 1e-3, "\(relevance.score) \(relevance.gap)")
  }

  @Test("of a series calls channels and steps as the table does, and a series by its name")
  func seriesNames() throws {
    let wide = SeriesLayout.wide([.init(name: "series", channels: [["x0", "x1", "x2"], ["y0", "y1", "y2"]])])
    #expect(wide.names(of: "series").channels == ["x", "y"] && wide.names(of: "series").steps.isEmpty)
    #expect(SeriesLayout.wide([.init(name: "s", channels: [["0", "1"]])]).names(of: "s") == ([], ["0", "1"]))
    let steps = (0..<24).map { "p\($0 / 3),\($0 % 3),\($0 * 7 % 5),\($0 / 3 % 2 == 0 ? "a" : "b")\n" }.joined()
    let model = try classifier("stay,hours,pulse,label\n" + steps, ["id": ["stay"], "time": ["hours"]])
    let examples = try model.examples(from: source("stay,hours,pulse\nnew,0,1\nold,0,2\nold,1,3\n"))
    let one = try model.explained(examples, ClassifierRequest(), .numbers([2]))[0]
    #expect(one.title.hasPrefix("series 2 (old): ") && one.steps == ["1", "2"] && one.features.names == ["pulse"])
    let error = #expect(throws: TaskError.self) { try model.explained(examples, ClassifierRequest(), .numbers([3])) }
    #expect(error?.description == "there is no series 3; there are 2, numbered from 1")
  }

  @Test("of a number is how far it lies from the mean, in its own unit") func numbers() throws {
    func rows(_ count: Int, seed: UInt64) -> String {
      var generator = RandomGenerator(seed: seed)
      return "size,noise,price\n"
        + (0..<count).map { _ in
          let size = generator.integer(below: 100)
          return "\(size),\(generator.integer(below: 100)),\(5000 + 30 * size)\n"
        }.joined()
    }
    var configuration = RegressorConfiguration()
    var shared = SharedOptions()
    (shared.hidden, shared.epochs, shared.dropout) = (8, 12, 0)
    try configuration.choose(shared)
    configuration.columns.members = 2
    let model = try Regressor.train(
      on: Regressor.examples(from: source(rows(200, seed: 1)), configuration), configuration, TrainingContext())
    let examples = try model.examples(from: source(rows(11, seed: 5) + "98,50,7940\n"))
    let one = try model.explained(examples, RegressorRequest(), .numbers([12]))[0]
    let answer = try model.predict(examples)[11].value
    #expect(one.title.hasPrefix("row 12: ") && one.title.contains(", in truth ") && one.outputs.count == 1)
    #expect(one.steps.count == 2 && one.steps[0].hasPrefix("size ") && one.steps[1].hasPrefix("noise "))
    let explanation = one.explanation(points: 100)
    #expect(abs(Double(explanation.score) + model.scale.mean - answer) < 0.1)
    #expect(abs(try #require(explanation.methods[0].gap)) < Float(0.02 * model.scale.deviation))
    #expect(abs(explanation.methods[0].steps[0]) > abs(explanation.methods[0].steps[1]))
    let exhibits = try model.overview(examples, RegressorRequest())
    guard case .table(let columns, let lines) = try #require(exhibits.first).content else {
      throw TaskError("no table")
    }
    #expect(columns.first == "row" && lines.count == 12)
    // The farthest from the truth come first.
    let errors = lines.compactMap { if case .number(let value) = $0[3] { abs(value) } else { nil } }
    #expect(errors.count == 12 && errors == errors.sorted(by: >))
    let unknown = try model.examples(from: source("size,noise\n1,2\n"))
    #expect(try model.overview(unknown, RegressorRequest()).isEmpty)
  }

  @Test("of all rows together are hard examples, labels that are wrong, and what is taken for what")
  func overview() throws {
    let flipped: Set = [7, 30, 61]
    let model = try classifier(reviews(180, seed: 9))
    let examples = try model.examples(from: source(reviews(90, flipping: flipped)))
    let exhibits = try model.overview(examples, ClassifierRequest())
    #expect(exhibits.map(\.name) == ["likelyLabelErrors", "confusions", "hardExamples"])
    guard case .table(let columns, let rows) = exhibits[0].content else { throw TaskError("no table") }
    #expect(columns.first == "row" && Set(rows.map { $0[0] }) == Set(flipped.map { .number(Double($0 + 1)) }))
    var contexts = UnitContexts()
    for one in try model.explained(examples, ClassifierRequest(), .first(40)) { contexts.add(one) }
    #expect(contexts.exhibits.count == 2 && contexts.exhibits.allSatisfy { !$0.isEmpty })
    let line = contexts.exhibits[0].json.line
    #expect(line.contains("good") && line.contains("bad"))
  }

  @Test("of two examples is what differs") func comparison() throws {
    let model = try classifier(reviews(120), ["inputs": ["review:text"]])
    let examples = try model.examples(from: source(reviews(6, seed: 4)))
    let both = try model.explained(examples, ClassifierRequest(), .numbers([1, 2])).map { $0.explanation(points: 8) }
    let exhibits = ExplanationComparison(both[0], both[1]).exhibits
    #expect(exhibits.map(\.name) == ["scores", "steps", "units"])
    var page = ExplanationPage(title: "A", subtitle: "", explanations: both)
    page.comparison = ExplanationComparison(both[0], both[1])
    page.overview = [
      Exhibit("x", title: "<b>", .words([("a & b", 1)])),
      Exhibit("y", title: "y", .table(columns: ["row", "said", "share"], rows: [[.number(69), "no", .number(0.25)]])),
    ]
    #expect(page.text.contains(#"<th scope="col" class="text">said</th><th scope="col">share</th>"#))
    #expect(page.text.contains(#"<tr><td>69</td><td class="text">no</td><td>0.25</td></tr>"#))
    #expect(
      page.text.contains("id=\"comparison\"") && page.text.contains("a &amp; b") && !page.text.contains("<h3><b>"))
  }

  @Test("of a sentence are its words and their parts, for each tag and the label") func tags() throws {
    var sentences: [TaggedSentence] = []
    for index in 0..<80 {
      let name = ["Ada", "Noor", "Linus"][index % 3]
      let isFirst = index % 2 == 0
      sentences.append(
        TaggedSentence(
          words: isFirst ? [name, "sings", "."] : ["today", name, "sleeps"],
          tags: isFirst ? ["B-PER", "O", "O"] : ["O", "B-PER", "O"], label: isFirst ? "a" : "b"))
    }
    var configuration = TagConfiguration()
    (configuration.hiddenSize, configuration.wordSize, configuration.epochs) = (8, 8, 6)
    (configuration.learningRate, configuration.dropout) = (1e-2, 0)
    let model = try Tagger.train(on: TagExamples(sentences), configuration: configuration)
    let examples = TagExamples(toAnswer: [sentences[0], sentences[1]])
    let all = try model.explained(examples, TagRequest(), .first(5))
    #expect(all.count == 2 && all[0].title.hasPrefix("sentence 1: Ada (PER)"))
    #expect(all[0].outputs == ["label a", "1 Ada: B-PER", "2 sings: O", "3 .: O"], "\(all[0].outputs)")
    #expect(all[0].features.names.count == 5 && all[0].features.names[0] == "the word")
    for output in 0..<3 {
      let one = all[0].explanation(of: output)
      #expect(abs(try #require(one.methods[0].gap)) < 2e-2 * max(1, abs(one.score)))
      #expect(abs(try #require(one.methods[3].gap)) < 1e-3 * max(1, abs(one.score)))
      #expect(one.methods[0].values.shape == [3, 5])
    }
    // What the name is said by is the name.
    let name = all[1].explanation(of: 1)
    let steps = name.methods[0].steps
    #expect(all[1].outputs[1] == "2 Noor: B-PER" && steps[1] > steps[0] && steps[1] > steps[2])
    var wrong = sentences[0]
    wrong.tags = ["O", "B-PER", "O"]
    let exhibits = try model.overview(TagExamples(toAnswer: [sentences[1], wrong]), TagRequest())
    #expect(exhibits.map(\.name) == ["confusions", "hardExamples"])
  }

  @Test("of a line is where its probability is lost, and why") func language() throws {
    let text = (0..<60).map { $0 % 2 == 0 ? "the dog sees the dog" : "a cat hears a cat" }.joined(separator: "\n")
    var configuration = try LanguageModel.Configuration(["unit": ["words"]])
    var shared = SharedOptions()
    (shared.hidden, shared.layers, shared.epochs, shared.dropout) = (16, 1, 40, 0)
    try configuration.choose(shared)
    configuration.training.rate = 0.02
    let lines = try TextLines(source(text, "text"))
    let model = try LanguageModel.train(on: LanguageExamples(lines), configuration: configuration)
    let other = LanguageExamples(try TextLines(source("the dog sees\nthe dog sees a cat", "text")))
    let one = try model.explained(other, LanguageRequest(), .numbers([2]))[0]
    let judged = model.languageNetwork.logProbabilities(of: [
      [LanguageModel.lineEnd] + model.tokenizer.encode("the dog sees a cat") + [LanguageModel.lineEnd]
    ])[0]
    let explanation = one.explanation(points: 60)
    // The least probable token is explained, and the score is the logarithm of its probability.
    #expect(abs(explanation.score - judged.min()!) < 1e-4 && one.steps.count == 6 && one.outputs.count == 6)
    #expect(one.outputs[0].hasPrefix("4 a ("), "\(one.outputs)")
    #expect(abs(try #require(explanation.methods[0].gap)) < 2e-2 * abs(explanation.score))
    // What comes after a token has no part in it.
    #expect(explanation.methods[0].steps[4...].allSatisfy { abs($0) < 1e-5 })
    #expect(explanation.methods.count == 4 && explanation.methods[3].subject != nil)
    #expect(abs(try #require(explanation.methods[3].gap)) < 1e-2)
    #expect(explanation.exhibits.map(\.name) == ["tokens", "worstTokens"])
    let next = try model.explained(LanguageExamples(prompts: ["the dog sees"]), LanguageRequest(), .first(1))[0]
    #expect(next.outputs.count == 10 || next.outputs.count == model.tokenizer.vocabulary.count - 2)
    #expect(next.outputs[0].hasPrefix("the ("), "\(next.outputs)")
    #expect(try model.overview(other, LanguageRequest()).map(\.name) == ["lostByToken", "hardExamples"])
  }

  @Test("of a translation is each of its tokens, and where was looked") func translation() throws {
    let words = ["a", "b", "c", "d"]
    var generator = RandomGenerator(seed: 2)
    let pairs = (0..<120).map { _ in
      let chosen = (0..<3).map { _ in words[generator.integer(below: 4)] }
      return (chosen.joined(separator: " "), chosen.map { $0 + $0 }.joined(separator: " "))
    }
    var configuration = try Translator.Configuration(["unit": ["words"]])
    var shared = SharedOptions()
    (shared.hidden, shared.layers, shared.epochs, shared.dropout) = (16, 1, 20, 0)
    try configuration.choose(shared)
    configuration.embedding = 16
    let examples = TranslationExamples(.init(.values(pairs.map(\.0)), .values(pairs.map(\.1))))
    let model = try Translator.train(on: examples, configuration: configuration)
    let other = TranslationExamples(.init(.values(["a b c"])))
    let one = try model.explained(other, TranslationRequest(), .first(1))[0]
    let answer = try model.predict(other, TranslationRequest())[0].text
    let target = model.targetTokenizer.encode(answer)
    #expect(one.outputs.count == target.count + 2 && one.steps == ["a", "b", "c"])
    let explanation = one.explanation(points: 60)
    let loss = model.translationNetwork.loss([model.sourceTokenizer.encode("a b c")], [target], smoothing: 0).item
    #expect(abs(explanation.score + loss * Float(target.count + 1)) < 1e-3)
    #expect(abs(try #require(explanation.methods[0].gap)) < 5e-2 * max(1, abs(explanation.score)))
    #expect(explanation.methods.count == 3 && !explanation.levels.isEmpty)
    guard case .grid(let rows, let columns, let values) = explanation.exhibits[0].content else {
      throw TaskError("no grid")
    }
    #expect(columns == ["a", "b", "c"] && rows.count == target.count + 1 || rows.count == target.count)
    #expect(values.sum(axes: [1]).values.allSatisfy { abs($0 - 1) < 1e-4 })
    #expect(throws: TaskError.self) {
      try model.explained(TranslationExamples(.init(.values([""]))), TranslationRequest(), .first(1))
    }
  }

  @Test("of an alarm are the rows before it") func detection() throws {
    func rows(_ count: Int, spike: Int? = nil) -> ObservedRows {
      var generator = RandomGenerator(seed: 5)
      let values = (0..<count).map { row in
        10 + 3 * sin(Double(row) / 4) + 0.1 * Double(generator.normal()) + (row == spike ? 20 : 0)
      }
      return ObservedRows(
        channels: [
          ObservedRows.Channel(name: "load", values: values),
          ObservedRows.Channel(name: "noise", values: (0..<count).map { _ in Double(generator.normal()) }),
        ], stamps: nil)
    }
    var configuration = Detector.Configuration()
    (configuration.epochs, configuration.hiddenSize) = (30, 16)
    let model = try Detector.train(on: rows(500), configuration: configuration)
    let examples = Detector.Examples([rows(300, spike: 200)])
    let one = try model.explained(examples, DetectionRequest(), .first(1))[0]
    #expect(one.title.hasPrefix("201: load was ") && one.title.hasSuffix("an alarm"), "\(one.title)")
    #expect(one.outputs == ["expected of load", "expected of noise"] && one.features.names == ["load", "noise"])
    #expect(one.steps.last == "200")
    let explanation = one.explanation()
    #expect(abs(try #require(explanation.methods[0].gap)) < 1e-2)
    #expect(explanation.methods.last?.method == "relevance")
    let sums = abs(explanation.methods[0].values).sum(axes: [0]).values
    #expect(sums[0] > sums[1], "what is expected of a wave is told by it, and not by noise: \(sums)")
    #expect(throws: TaskError.self) { try model.explained(examples, DetectionRequest(), .numbers([1])) }
    configuration.method = .reconstruction
    let other = try Detector.train(on: rows(500), configuration: configuration)
    let window = try other.explained(examples, DetectionRequest(), .first(1))[0]
    #expect(window.outputs[0].hasPrefix("how far off is ") && window.steps.count == other.plan.window)
    #expect(abs(try #require(window.explanation(points: 200).methods[0].gap)) < 0.05)
  }

  @Test("of a recording are its steps and features, for each word") func recording() throws {
    try withTemporaryFolder { folder in
      try MadeSpeech.write(24, seed: 3, to: folder, table: "train.csv")
      var configuration = Transcriber.Configuration()
      (configuration.hiddenSize, configuration.layers, configuration.epochs) = (24, 1, 12)
      configuration.dropout = 0
      let source = DataSource(paths: [folder + "/train.csv"])
      let model = try Transcriber.train(
        on: Transcriber.examples(from: source, configuration), configuration, TrainingContext())
      let examples = try model.examples(from: source)
      let answer = try model.predict(examples)[1]
      guard !answer.text.isEmpty else { return }
      let one = try model.explained(examples, TranscriptionRequest(), .numbers([2]))[0]
      #expect(one.title.contains(answer.text) && one.outputs.count == answer.words.count + 1)
      let explanation = one.explanation(of: 0, points: 30)
      #expect(abs(try #require(explanation.methods[0].gap)) < 5e-2 * max(1, abs(explanation.score)))
      #expect(abs(try #require(explanation.methods[3].gap)) < 1e-2 * max(1, abs(explanation.score)))
      #expect(explanation.features.count == 40 && explanation.exhibits[0].name == "alignment")
    }
  }
}
