import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData
@testable import RefrainTasks

/// Rows that say "good" or "bad" among other words, with a number and a category that help as well.
private func table(_ count: Int, seed: UInt64 = 1, header: Bool = true) -> String {
  var generator = RandomGenerator(seed: seed)
  let others = ["the", "film", "was", "and", "room", "food", "a", "really", "place"]
  var text = header ? "review,stars,city,label\n" : ""
  for row in 0..<count {
    let isGood = row % 3 != 0
    var words = (0..<6).map { _ in others[generator.integer(below: others.count)] }
    words.insert(isGood ? "good" : "bad", at: generator.integer(below: words.count))
    let stars = isGood ? 3 + generator.integer(below: 3) : 1 + generator.integer(below: 3)
    text += "\(words.joined(separator: " ")),\(stars),\(isGood ? "Rom" : "Ulm"),\(isGood ? "yes" : "no")\n"
  }
  return text
}

private func source(_ text: String, _ name: String = "t.csv") -> DataSource {
  DataSource([.bytes(Array(text.utf8), name: name)])
}

private func chosen(_ given: [String: [String]] = [:]) throws -> ClassifierConfiguration {
  var configuration = try ClassifierConfiguration(given)
  var shared = SharedOptions()
  (shared.hidden, shared.epochs, shared.dropout) = (8, 20, 0.1)
  try configuration.choose(shared)
  if given["embedding"] == nil { configuration.columns.embeddingSize = 8 }
  if given["members"] == nil { configuration.columns.members = 1 }
  return configuration
}

private func trained(_ text: String, _ given: [String: [String]] = [:], name: String = "t.csv") throws -> Classifier {
  let configuration = try chosen(given)
  let examples = try Classifier.examples(from: source(text, name), configuration)
  return try Classifier.train(on: examples, configuration, TrainingContext())
}

private func measure(_ name: String, _ evaluation: TaskEvaluation?) -> Double? {
  evaluation?.measures.first { $0.name == name }?.value
}

@Suite("Classification") struct ClassifierTests {
  @Test("Text, number and category columns are found, a model learns of them, and its answers are the same once saved")
  func lifecycle() throws {
    let classifier = try trained(table(300))
    #expect(classifier.columns.encoders.map { type(of: $0.encoder).kind } == ["text", "number", "category"])
    #expect(classifier.target == "label" && classifier.classes == ["no", "yes"])
    let other = try classifier.examples(from: source(table(90, seed: 7)))
    let evaluation = try classifier.evaluate(on: other)
    #expect(measure("accuracy", evaluation) ?? 0 > 0.95)
    #expect(evaluation.baselines.map(\.name) == ["majority", "bagOfWords"] && evaluation.examples == 90)
    #expect(evaluation.baselines[0].measures[0].value == 2.0 / 3)
    let copy = try Classifier(modelFile: classifier.modelFile())
    #expect(try copy.predict(other) == classifier.predict(other))
    #expect(copy.evaluation == classifier.evaluation && copy.evaluation != nil)
    #expect(try Tasks.model(in: classifier.modelFile(), path: nil) is Classifier)
  }

  @Test("The same seed gives the same model, another one another")
  func seeds() throws {
    func answers(_ seed: UInt64) throws -> [ClassAnswer] {
      var configuration = try chosen()
      configuration.columns.shared.seed = seed
      configuration.columns.shared.epochs = 2
      let examples = try Classifier.examples(from: source(table(60)), configuration)
      let classifier = try Classifier.train(on: examples, configuration, TrainingContext())
      return try classifier.predict(classifier.examples(from: source(table(10, seed: 5))))
    }
    #expect(try answers(1) == answers(1) && answers(1) != answers(2))
  }

  @Test("An answer has label, probability and probabilities, in the order of the classes")
  func answers() throws {
    let classifier = try trained(table(200))
    let answers = try classifier.predict(classifier.examples(from: source("review,stars,city\nbad film,1,Ulm\n")))
    let line = try JSON(encoding: try #require(answers.first)).line
    #expect(line.hasPrefix(#"{"label":"no","probability":0."#) && line.contains(#""probabilities":{"no":0."#))
    #expect(abs(answers[0].probabilities.reduce(0) { $0 + $1.probability } - 1) < 1e-6)
  }

  @Test("Empty texts, missing numbers, unknown categories and words, and the order of columns disturb nothing")
  func oddRows() throws {
    let classifier = try trained(table(200))
    let rows = "city,review,stars,more\n,,,x\nParis,xyz 你好 👍🏽,,x\nRom,good,5,\n"
    let answers = try classifier.predict(classifier.examples(from: source(rows)))
    #expect(answers.count == 3 && answers.allSatisfy { $0.probability.isFinite } && answers[2].label == "yes")
    let text = try trained(table(200), ["inputs": ["review"]])
    let lines = try text.predict(text.examples(from: source("a good place\nthe food was bad\n", "lines.txt")))
    #expect(lines.map(\.label) == ["yes", "no"])
  }

  @Test("A row may have several labels, between separators or as a list of JSON")
  func severalLabels() throws {
    var (csv, json) = ("text,tags\n", "")
    for row in 0..<240 {
      let tags = [row % 2 == 0 ? "sun" : nil, row % 3 == 0 ? "rain" : nil].compactMap(\.self)
      let text = (tags + ["weather", "day \(row % 7)"]).joined(separator: " ")
      csv += "\(text),\(tags.joined(separator: "; "))\n"
      json += #"{"text":"\#(text)","tags":[\#(tags.map { "\"\($0)\"" }.joined(separator: ","))]}"# + "\n"
    }
    for (text, name, given) in [(csv, "t.csv", ["separator": [";"]]), (json, "t.jsonl", [:])] {
      let classifier = try trained(text, given.merging(["target": ["tags"]]) { $1 }, name: name)
      #expect(classifier.classes == ["rain", "sun"] && classifier.labels.areSeveral)
      #expect(measure("accuracy", classifier.evaluation) ?? 0 > 0.9)
      let two = try classifier.examples(from: source("text\nsun and rain\nweather\n"))
      let answers = try classifier.predict(two)
      #expect(answers.map(\.labels) == [["rain", "sun"], []])
      #expect(try JSON(encoding: answers[0]).line.hasPrefix(#"{"labels":["rain","sun"],"probabilities":{"#))
      let title = try classifier.explained(two, ClassifierRequest(), .first(1))[0].title
      #expect(title.contains("rain (") && title.contains("sun ("), "\(title)")
    }
  }

  @Test("A folder with a folder of texts for each class is learned, and single files are answered")
  func folder() throws {
    try withTemporaryFolder { folder in
      for row in 0..<60 {
        let (label, word) = row % 2 == 0 ? ("pos", "good") : ("neg", "bad")
        let path = folder + "/" + label
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data("this was\nvery \(word) \(row)".utf8).write(to: URL(filePath: path + "/\(row).txt"))
      }
      let configuration = try chosen()
      let examples = try Classifier.examples(from: DataSource(paths: [folder]), configuration)
      let classifier = try Classifier.train(on: examples, configuration, TrainingContext())
      let paths = [folder + "/pos/0.txt", folder + "/neg/1.txt"]
      let two = try classifier.examples(from: DataSource(paths: paths))
      let answers = try classifier.predict(two)
      #expect(answers.map(\.label) == ["pos", "neg"])
      // Of several files each answer says of which it is.
      #expect(answers.map(\.file) == paths && answers[0] != answers[1])
      #expect(try JSON(encoding: answers[1]).line.hasPrefix(#"{"file":"\#(paths[1])","label":"neg","#))
      #expect(
        try classifier.predict(two, ClassifierRequest(), share: ExampleShare(1, of: 2))?.map(\.file) == [paths[1]])
      var parts: [ClassAnswer] = []
      try classifier.predictInParts(two, ClassifierRequest()) { parts += $0 }
      #expect(parts == answers)
      let one = try classifier.predict(classifier.examples(from: DataSource(paths: [paths[0]])))
      #expect(one.map(\.file) == [nil])
      #expect(try JSON(encoding: one[0]).line.hasPrefix(#"{"label":"pos","#))
    }
  }

  @Test("What cannot be learned is said in one line, with its place")
  func faults() throws {
    func problem(_ text: String, _ given: [String: [String]] = [:]) -> String {
      do {
        let configuration = try chosen(given)
        _ = try Classifier.examples(from: source(text), configuration)
        return ""
      } catch { return "\(error)" }
    }
    #expect(problem("text,label\na b,x\nc d,\n").contains("row 3, column label: the label is missing"))
    #expect(problem("text,label\na b,x\nc d,x\n").contains("all 2 rows have the label 'x'"))
    #expect(problem("a,a,label\n1,2,x\n3,4,y\n").contains("two columns are named 'a'"))
    let empty = try Classifier.examples(from: source("a,label\n,x\n,y\n,x\n,y\n"), chosen())
    let error = #expect(throws: TaskError.self) { try Classifier.train(on: empty, chosen(), TrainingContext()) }
    #expect(error?.description.contains("column a: the column is empty") == true)
    #expect(problem(table(20), ["target": ["lable"]]).contains("did you mean 'label'?"))
    #expect(problem(table(20), ["inputs": ["review,revue"]]).contains("there is no column 'revue'"))
    #expect(problem(table(20), ["inputs": ["label"], "target": ["label"]]).contains("two things at once"))
    #expect(
      problem("first,second\nq w,e r\nt z,u i\n")
        .contains("which column is to be learned is not clear: 'column 1', 'column 2'; name it as the target"))
    let many = "text,label\n" + (0..<30).map { "a b,l\($0)\n" }.joined()
    #expect(problem(many).hasSuffix("30 different labels in 30 rows; name a column with fewer different values"))
    #expect(problem("review,stars,label\ngood,x,1\nbad,2,0\n", ["inputs": ["stars:number"]]) == "")
    var configuration = try chosen(["inputs": ["stars:number"]])
    configuration.columns.target = "label"
    let examples = try Classifier.examples(
      from: source("review,stars,label\ngood,x,1\nbad,2,0\ngood,3,1\n"), configuration)
    #expect(throws: TaskError.self) { try Classifier.train(on: examples, configuration, TrainingContext()) }
    for change: (inout SharedOptions) -> Void in [{ $0.hidden = 0 }, { $0.layers = 0 }, { $0.dropout = 1 }] {
      configuration = try chosen()
      change(&configuration.columns.shared)
      let all = try Classifier.examples(from: source(table(20)), configuration)
      let error = #expect(throws: TaskError.self) {
        try Classifier.train(on: all, configuration, TrainingContext())
      }
      #expect(error?.description.contains("this network cannot be; choose 1 to 64 layers") == true)
    }
  }

  @Test("Numbers with a word among them are read as text with a note, unless they are many")
  func oddNumber() throws {
    func notes(_ value: (Int) -> String) throws -> [String] {
      let rows = (0..<30).map { "\(value($0));\($0 % 2)\n" }.joined()
      let examples = try Classifier.examples(from: source("a;label\n" + rows), chosen())
      var notes: [String] = []
      let columns = try InputColumns(
        learning: examples.records, examples.choices, rows: RowChoice(allOf: 30), ColumnSettings(), notes: &notes)
      #expect(columns.encoders.count == 1 && columns.encoders[0].encoder is TextColumn)
      return notes
    }
    #expect(
      try notes { $0 == 16 ? "oops" : "\($0 * $0).5" }
        == ["the column 'a' is read as text, not as numbers: 'oops' is none"])
    let comma = "'0,5' has a decimal comma in place of a point, which may be said (decimal)"
    #expect(try notes { "\($0 * $0),5" } == ["the column 'a' is read as text, not as numbers: \(comma)"])
    #expect(try notes { "word\($0)" }.isEmpty)
    #expect(try notes { "0x1F\($0 + 10)" }.isEmpty, "hexadecimal numbers are names")
  }

  @Test("Nines among numbers that never are below 0 are noted")
  func fillers() throws {
    let rows = (0..<60).map { "\($0 % 20 == 7 ? "-999" : "\($0 * 31 % 2000)");\($0 % 2)\n" }.joined()
    let examples = try Classifier.examples(from: source("a;label\n" + rows), chosen())
    var notes: [String] = []
    _ = try InputColumns(
      learning: examples.records, examples.choices, rows: RowChoice(allOf: 60), ColumnSettings(), notes: &notes)
    #expect(
      notes == [
        "the column 'a': -999 stands in 3 of 60 values looked at, below 0, where no other is: if it means "
          + "missing, leave it empty"
      ])
  }

  @Test(
    "Numbers with signs, groups and marks are numbers, and that is said",
    arguments: [
      ("$1,\u{7F}.50", "'$1,100.50' is 1100.5", 1202), ("\u{7F} %", "'100 %' is 100", 201.5),
      ("−\u{7F}", "'−100' is -100", -201.5), ("(\u{7F}.5)", "'(100.5)' is -100.5", -202),
      ("1\u{A0}\u{7F}", "'1\u{A0}100' is 1100", 1201.5), ("1'\u{7F}", "'1'100' is 1100", 1201.5),
      ("€ 1.\u{7F},50", "'€ 1.100,50' is 1100.5", 1202), ("\u{7F}*", "'100*' is 100", 201.5),
      ("\u{7F}-", "'100-' is -100", -201.5),
    ])
  func writtenNumbers(pattern: String, note: String, mean: Double) throws {
    let rows = (0..<30).map { "\"\(pattern.replacing("\u{7F}", with: "\(100 + $0 * 7)"))\";\($0 % 2)\n" }.joined()
    let examples = try Classifier.examples(from: source("a;label\n" + rows), chosen())
    var notes: [String] = []
    let columns = try InputColumns(
      learning: examples.records, examples.choices, rows: RowChoice(allOf: 30), ColumnSettings(), notes: &notes)
    let column = try #require(columns.encoders.first?.encoder as? NumberColumn)
    #expect(abs(Double(column.mean) - mean) < 0.01 && column.deviation > 50)
    #expect(notes == ["the column 'a' is read as numbers: \(note)"])
    #expect(
      NumberColumn.number("1,234") == nil && NumberColumn.number("1,5") == nil
        && NumberColumn.number("12 apples") == nil)
  }

  @Test("The classes have one order, however the rows are: numbers by their values, then texts")
  func order() throws {
    func permutations(_ items: [String]) -> [[String]] {
      guard items.count > 1 else { return [items] }
      return items.indices.flatMap { place in
        var rest = items
        let first = rest.remove(at: place)
        return permutations(rest).map { [first] + $0 }
      }
    }
    for labels in [
      ["9", "10", "10+"], ["1", "2", "nan"], ["01", "1", "1.0", "x"], ["-1", "2", "10", "a", "b", "inf"],
      ["1e3", "2000", "2000 m", "Z", "é"], ["-0", "0", "NaN", "nan"],
    ] {
      for permutation in permutations(labels) { #expect(Labels.ordered(permutation) == labels) }
    }
    for rows in permutations(["9", "10", "10+", "nan"]) {
      let records = try Records(source("label\n" + rows.joined(separator: "\n") + "\n"), columns: ["label"])
      #expect(try Labels(Column(records, 0), separator: nil).names == ["9", "10", "10+", "nan"])
    }
  }

  @Test("Of several labels one that training never saw counts as wrong, and one that stands twice counts once")
  func unknownOfSeveral() throws {
    func column(_ rows: String) throws -> Column {
      Column(try Records(source("tags\n" + rows), columns: ["tags"]), 0)
    }
    let labels = try Labels(column("a+b\na\nb+a+b\n"), separator: "+")
    #expect(labels.names == ["a", "b"])
    let truth = try labels.places(in: column("a+c\na+a\nb\n"))
    #expect(truth == [[0, -1], [0], [1]])
    #expect(labels.target(truth[0]) == [1, 0])
    let evaluation = try ClassificationMeasures(
      labels, [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]], truth: truth, baseline: nil, shares: [0.5, 0.5]
    ).evaluation()
    #expect(measure("accuracy", evaluation) == 2.0 / 3 && measure("recall", evaluation) == 1)
    #expect(evaluation.tables[0].rows.map { $0.values[3] } == [2, 1])
  }

  @Test("A class with one example is learned with a note, and one that training never saw counts as wrong")
  func rareClasses() throws {
    let classifier = try trained(table(120) + "something else,3,Rom,maybe\n")
    #expect(classifier.classes == ["maybe", "no", "yes"])
    #expect(classifier.report.notes.contains { $0.contains("'maybe'") })
    let examples = try classifier.examples(from: source(table(30, seed: 3) + "odd,1,Rom,never\n"))
    let evaluation = try classifier.evaluate(on: examples)
    #expect(evaluation.examples == 31 && measure("accuracy", evaluation) ?? 1 < 1)
    let confusion = evaluation.tables.first { $0.name == "confusion" }
    #expect(confusion?.rows.last?.name == "(another label)")
  }

  @Test("Measures are those of scikit-learn on a small case")
  func measures() throws {
    // sklearn.metrics: accuracy_score, and precision, recall and F1 with average='macro', log_loss.
    let labels = try Labels(
      Column(try Records(source("label\na\na\nb\nc\n"), columns: ["label"]), 0), separator: nil)
    let truth = [0, 0, 1, 1, 2, 2, 2]
    let answers = [0, 1, 1, 1, 2, 0, 2]
    let probabilities = answers.map { answer in (0..<3).map { $0 == answer ? 0.8 : 0.1 } }
    let evaluation = try ClassificationMeasures(
      labels, probabilities, truth: truth.map { [$0] }, baseline: nil, shares: [0.3, 0.3, 0.4]
    ).evaluation()
    let expected = [
      ("accuracy", 5.0 / 7), ("precision", (0.5 + 2.0 / 3 + 1) / 3), ("recall", (0.5 + 1 + 2.0 / 3) / 3),
      ("f1", (0.5 + 0.8 + 0.8) / 3), ("logLoss", -(5 * log(0.8) + 2 * log(0.1)) / 7),
    ]
    for (name, value) in expected { #expect(abs((measure(name, evaluation) ?? 0) - value) < 1e-12, "\(name)") }
    #expect(
      evaluation.tables.first { $0.name == "confusion" }?.rows.map(\.values) == [[1, 1, 0], [0, 2, 0], [1, 0, 2]])
  }

  @Test("Area under the ROC and average precision are those of scikit-learn, with ties")
  func ranking() throws {
    // sklearn.metrics: roc_auc_score, average_precision_score.
    let plain = RankingMeasures([0.1, 0.4, 0.35, 0.8], [false, false, true, true])
    #expect(plain.auc == 0.75 && abs(plain.averagePrecision - 0.833_333_333_333_333_3) < 1e-12)
    let ties = RankingMeasures([0.5, 0.5, 0.5, 0.2, 0.9], [true, false, false, true, false])
    #expect(abs(ties.auc - 1.0 / 6) < 1e-12 && abs(ties.averagePrecision - 0.325) < 1e-12)
    #expect(RankingMeasures([1, 2], [true, true]).auc.isNaN && RankingMeasures([], []).averagePrecision.isNaN)
    let labels = try Labels(
      Column(try Records(source("label\nham\nspam\nham\n"), columns: ["label"]), 0), separator: nil)
    let evaluation = try ClassificationMeasures(
      labels, [0.1, 0.4, 0.35, 0.8].map { [1 - $0, $0] }, truth: [[0], [0], [1], [1]], baseline: nil,
      shares: [0.5, 0.5]
    ).evaluation()
    #expect(
      measure("auc", evaluation) == 0.75 && evaluation.baselines[0].measures.first { $0.name == "auc" }?.value == 0.5)
    let three = try Labels(Column(try Records(source("label\na\nb\nc\na\n"), columns: ["label"]), 0), separator: nil)
    let other = ClassificationMeasures(three, [[1, 0, 0]], truth: [[0]], baseline: nil, shares: [0.5, 0.25, 0.25])
    #expect(try measure("auc", other.evaluation()) == nil)
  }

  @Test("Measures of rows that come in parts, too many for memory, are the same")
  func measuresInParts() throws {
    var generator = RandomGenerator(seed: 4)
    for (csv, separator) in [("label\nham\nspam\nham\n", nil), ("label\na+b\nc\nb+a\n", "+")] {
      let labels = try Labels(Column(try Records(source(csv), columns: ["label"]), 0), separator: separator)
      let count = labels.names.count
      func scores() -> [[Double]] {
        (0..<300).map { _ in (0..<count).map { _ in (Double.random(in: 0...1, using: &generator) * 20).rounded() / 20 }
        }
      }
      let (probabilities, baseline) = (scores(), scores())
      let truth = (0..<300).map { row in [Int.random(in: 0..<count, using: &generator)] }
      let shares = [Double](repeating: 1 / Double(count), count: count)
      let whole = ClassificationMeasures(labels, probabilities, truth: truth, baseline: baseline, shares: shares)
      var settings = LongArraySettings()
      settings.bytes = 1000
      try LongArraySettings.$current.withValue(settings) {
        var parts = ClassificationMeasures(labels, shares: shares, hasBaseline: true)
        for start in stride(from: 0, to: 300, by: 7) {
          let rows = start..<min(start + 7, 300)
          parts.add(Array(probabilities[rows]), truth: Array(truth[rows]), baseline: Array(baseline[rows]))
        }
        let (one, other) = (try whole.evaluation(), try parts.evaluation())
        #expect(one.measures.map(\.value) == other.measures.map(\.value) && one.measures.count > 6)
        #expect(one.baselines.map { $0.measures.map(\.value) } == other.baselines.map { $0.measures.map(\.value) })
      }
      // Where all scores are the same, as among the shares of the training, half of the pairs are in order.
      #expect(try whole.evaluation().baselines[0].measures.first { $0.name == "auc" }?.value == 0.5)
    }
  }

  @Test("The temperature makes probabilities as sure as they are right")
  func calibration() {
    // Right in three of four cases, with scores that say more than 99 %.
    let truth = (0..<400).map { $0 % 4 == 0 ? 1 : 0 }
    let calibration = Calibration(examples: truth.count) { temperature in
      var calibration = Calibration()
      calibration.temperature = temperature
      let probabilities = calibration.probabilities([6, 0][...], areSeveral: false)
      return truth.reduce(0) { $0 - log(probabilities[$1]) }
    }
    #expect(abs(calibration.probabilities([6, 0][...], areSeveral: false)[0] - 0.75) < 1e-3)
    #expect(Calibration(examples: 5) { $0 }.temperature == 1)
  }

  @Test("A few rows that are all right make probabilities no surer than their number allows")
  func calibrationByFewRows() throws {
    let labels = try Labels(Column(try Records(source("label\na\nb\na\n"), columns: ["label"]), 0), separator: nil)
    let truths = (0..<30).map { [$0 % 2] }
    let scores: [Float] = truths.flatMap { truth -> [Float] in truth[0] == 0 ? [5, -5] : [-5, 5] }
    let calibration = Calibration(scores, labels, truths)
    #expect(abs(calibration.probabilities([5, -5], areSeveral: false)[0] - 31.0 / 32) < 1e-3)
    // Of several labels each is one by itself.
    let tags = try Labels(Column(try Records(source("tags\na+b\na\nb\n"), columns: ["tags"]), 0), separator: "+")
    let several = Calibration(scores, tags, truths)
    #expect(abs(several.probabilities([5, -5], areSeveral: true)[1] - 1.0 / 32) < 1e-3)
  }

  @Test("Balanced weights find a rare class more often")
  func balance() throws {
    var text = "text,label\n"
    for row in 0..<400 { text += row % 20 == 0 ? "alpha beta \(row % 3),rare\n" : "alpha gamma \(row % 3),common\n" }
    for row in 0..<40 { text += "alpha beta \(row % 3),common\n" }
    let recalls = try ["none", "balanced"].map { way -> Double in
      let classifier = try trained(text, ["class-weights": [way]])
      let evaluation = try classifier.evaluate(on: classifier.examples(from: source(text)))
      return try #require(evaluation.tables.first?.rows.first { $0.name == "rare" }?.values[1])
    }
    #expect(recalls[1] > recalls[0] || recalls == [1, 1])
  }

  @Test("Balanced weights hold for several labels a row, each by itself, and the report says what they do")
  func balanceOfSeveral() throws {
    let labels = try Labels(Column(try Records(source("tags\na+b\na\na\na\n"), columns: ["tags"]), 0), separator: "+")
    var sets = ClassSets()
    for set in [[0, 1], [0], [0], [0]] { sets.append(set) }
    let truths = ChosenTruths(sets, RowChoice(allOf: 4))
    let head = ClassHead(labels: labels, classWeights: .balanced)
    #expect(head.weights(truths) == nil)
    let logits = Tensor([0, 0, 0, 0], shape: [2, 2])
    let target = Tensor(truths.prefix(2).flatMap(head.target), shape: [2, 2])
    // ln 2 times the weights: 4 / (2 · 4) for a, which all have; 4 / (2 · 1) and 4 / (2 · 3) for b.
    let loss = head.loss(for: truths)(logits, target).item
    #expect(abs(loss - Float(log(2.0)) * (0.5 + 2 + 0.5 + 2 / 3.0) / 4) < 1e-6)
    let plain = ClassHead(labels: labels, classWeights: .none).loss(for: truths)(logits, target).item
    #expect(abs(plain - Float(log(2.0))) < 1e-6)
    let classifier = try trained(table(60), ["class-weights": ["balanced"]])
    #expect(classifier.facts.contains { $0.value.contains("as if none were rare") })
    #expect(classifier.facts.contains { $0.name == "Training" && $0.value.contains("learning rate 0.002") })
  }

  @Test("A forged file is refused and not obeyed")
  func forgery() throws {
    let file = try trained(table(60)).modelFile()
    for (find, replace) in [
      (#""hiddenSize":8"#, #""hiddenSize":4000"#), (#""cell":"lstm""#, #""cell":"x""#),
      (#""members":1"#, #""members":60"#), (#""kind":"text""#, #""kind":"smell""#),
      (#""shares":["#, #""shares":[7,1],"other":["#), (#""deviation":"#, #""deviation":0,"other":"#),
    ] {
      var metadata = file.metadata
      let text = try #require(metadata["description"])
      #expect(text.contains(find), "\(find)")
      metadata["description"] = text.replacing(find, with: replace)
      let error = dataError { () throws(DataError) in
        try Classifier(modelFile: SafeTensorsFile(tensors: file.tensors, metadata: metadata))
      }
      #expect(error?.code == .damagedModel, "\(replace)")
    }
    // A layer that reads very many columns is not made before it is held against the file.
    var metadata = file.metadata
    let more = String(repeating: #"{"kind":"number","learned":{"deviation":1,"mean":0},"name":"n"},"#, count: 1000)
    metadata["description"] = metadata["description"]?.replacing(#""encoders":["#, with: #""encoders":["# + more)
    let error = dataError { () throws(DataError) in
      try Classifier(modelFile: SafeTensorsFile(tensors: file.tensors, metadata: metadata))
    }
    #expect(error?.problem.contains("its layers would need") == true)
    for text in [
      #"{"means":[],"deviations":[],"hasGaps":false}"#, #"{"means":[1],"deviations":[1,2],"hasGaps":false}"#,
      #"{"means":[1],"deviations":[0],"hasGaps":false}"#, #"{"means":[1],"deviations":[-1],"hasGaps":true}"#,
    ] {
      #expect(throws: DecodingError.self) { try JSONDecoder().decode(SeriesColumn.self, from: Data(text.utf8)) }
    }
    // Weights that are no numbers answer with none, and are measured all the same.
    let labels = try Labels(Column(try Records(source("label\na\na\nb\n"), columns: ["label"]), 0), separator: nil)
    for value in [Double.nan, .infinity] {
      let evaluation = try ClassificationMeasures(
        labels, [[value, value]], truth: [[0]], baseline: nil, shares: [0.5, 0.5]
      ).evaluation()
      #expect(evaluation.examples == 1)
    }
  }

  @Test(
    "Names of three languages, of other people, are told apart by their characters",
    .enabled(if: TextData.isThere, TextData.missing))
  func names() throws {
    var text = "name,language\n"
    for language in ["German", "Italian", "Russian"] {
      for name in try TextLines(paths: [TextData.path("names/\(language).txt")]).prefix(300) {
        text += "\"\(name)\",\(language)\n"
      }
    }
    let classifier = try trained(text)
    #expect(classifier.columns.encoders.first?.encoder.summary.hasSuffix("characters") == true)
    #expect(measure("accuracy", classifier.evaluation) ?? 0 > 0.6)
  }
}

/// Texts of other people, in the folder `shared` beside the repository.
private enum TextData {
  static let folder = Repository.root.appending(path: "../shared/data/text").standardizedFileURL
  static let isThere = FileManager.default.fileExists(atPath: path("names/German.txt"))
  static let missing: Comment = "the folder ../shared/data/text is not there"

  static func path(_ name: String) -> String { folder.appending(path: name).path(percentEncoded: false) }
}
