import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData
@testable import RefrainTasks

/// Rows whose price is 20 a star, 30 more in Rom, 50 less with the word "bad" somewhere, and noise.
private func table(_ count: Int, seed: UInt64 = 1, noise: Double = 2) -> String {
  var generator = RandomGenerator(seed: seed)
  let others = ["the", "room", "was", "and", "food", "a", "really", "place"]
  var text = "review,stars,city,price\n"
  for _ in 0..<count {
    var words = (0..<5).map { _ in others[generator.integer(below: others.count)] }
    let (stars, isRom) = (1 + generator.integer(below: 5), generator.integer(below: 2) == 0)
    let isBad = generator.integer(below: 2) == 0
    if isBad { words.insert("bad", at: generator.integer(below: words.count)) }
    let price = 100 + 20 * Double(stars) + (isRom ? 30 : 0) - (isBad ? 50 : 0) + noise * Double(generator.normal())
    text += "\(words.joined(separator: " ")),\(stars),\(isRom ? "Rom" : "Ulm"),\((price * 100).rounded() / 100)\n"
  }
  return text
}

private func source(_ text: String, _ name: String = "t.csv") -> DataSource {
  DataSource([.bytes(Array(text.utf8), name: name)])
}

private func trained(
  _ text: String, _ given: [String: [String]] = [:], name: String = "t.csv", epochs: Int = 20
) throws -> Regressor {
  var configuration = try RegressorConfiguration(given)
  var shared = SharedOptions()
  (shared.hidden, shared.epochs, shared.dropout) = (16, epochs, 0)
  try configuration.choose(shared)
  (configuration.columns.members, configuration.columns.embeddingSize) = (1, 8)
  let examples = try Regressor.examples(from: source(text, name), configuration)
  return try Regressor.train(on: examples, configuration, TrainingContext())
}

private func measure(_ name: String, _ measures: [TaskEvaluation.Measure]?) -> Double? {
  measures?.first { $0.name == name }?.value
}

@Suite("Regression") struct RegressorTests {
  @Test("Of several files each answer says of which it is; of one, and of the rows of a table, none does")
  func files() throws {
    try withTemporaryFolder { folder in
      for row in 0..<40 {
        let path = "\(folder)/\(1 + row % 4)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let text = "there \(Array(repeating: "were many", count: row % 4).joined(separator: " ")) birds"
        try Data(text.utf8).write(to: URL(filePath: path + "/\(row).txt"))
      }
      var configuration = RegressorConfiguration()
      var shared = SharedOptions()
      (shared.hidden, shared.epochs) = (4, 1)
      try configuration.choose(shared)
      configuration.columns.members = 1
      let regressor = try Regressor.train(
        on: Regressor.examples(from: DataSource(paths: [folder]), configuration), configuration, TrainingContext())
      let paths = [folder + "/3/2.txt", folder + "/1/4.txt"]
      func answers(_ paths: [String]) throws -> [RegressionAnswer] {
        try regressor.predict(regressor.examples(from: DataSource(paths: paths)))
      }
      let two = try answers(paths)
      #expect(two.map(\.file) == paths && two.allSatisfy { $0.id == nil })
      #expect(try JSON(encoding: two[0]).line.hasPrefix(#"{"file":"\#(paths[0])","value":"#))
      let examples = try regressor.examples(from: DataSource(paths: paths))
      let second = try regressor.predict(examples, RegressorRequest(), share: ExampleShare(1, of: 2))
      #expect(second?.map(\.file) == [paths[1]])
      #expect(try answers([paths[0]]).map(\.file) == [nil])
    }
  }

  @Test("A number is learned of text, number and category columns, and answers are the same once saved")
  func lifecycle() throws {
    let regressor = try trained(table(600), ["target": ["price"]])
    #expect(regressor.target == "price")
    #expect(regressor.columns.encoders.map { type(of: $0.encoder).kind } == ["text", "number", "category"])
    let other = try regressor.examples(from: source(table(150, seed: 7)))
    let evaluation = try regressor.evaluate(on: other)
    #expect(evaluation.task == "regress" && evaluation.measures.map(\.name) == ["mae", "rmse", "r2", "coverage"])
    #expect(evaluation.baselines.map(\.name) == ["mean", "linear"])
    let (own, mean) = (measure("mae", evaluation.measures), measure("mae", evaluation.baselines[0].measures))
    #expect(own ?? 99 < 8 && mean ?? 0 > 25, "\(evaluation)")
    // What was made of sums is what a linear model is best at.
    #expect(measure("mae", evaluation.baselines[1].measures) ?? 99 < 3)
    #expect(measure("r2", evaluation.measures) ?? 0 > 0.9)
    let copy = try Regressor(modelFile: regressor.modelFile())
    #expect(try copy.predict(other) == regressor.predict(other))
    #expect(copy.evaluation == regressor.evaluation && copy.evaluation?.measures.count == 3)
    #expect(try Tasks.model(in: regressor.modelFile(), path: nil) is Regressor)
    let answer = try #require(regressor.predict(other).first)
    let line = try JSON(encoding: answer).line
    #expect(line.hasPrefix(#"{"value":"#) && line.contains(#","low":"#) && line.contains(#","high":"#))
  }

  @Test("Intervals hold the share of truths that they are asked to, at any level")
  func coverage() throws {
    var generator = RandomGenerator(seed: 3)
    func rows(_ count: Int) -> String {
      "x,y\n"
        + (0..<count).map { _ in
          let x = Double(generator.normal())
          return "\(x),\(2 * x + Double(generator.normal()))\n"
        }.joined()
    }
    let regressor = try trained(rows(2000), epochs: 5)
    let test = try regressor.examples(from: source(rows(3000)))
    for level in [50.0, 80, 95] {
      var request = RegressorRequest()
      request.level = level
      let held = measure("coverage", try regressor.evaluate(on: test, request).measures) ?? 0
      // 200 rows were kept aside: two deviations of what they can say.
      let spread = 2 * (level / 100 * (1 - level / 100) / 200).squareRoot()
      #expect(abs(held - level / 100) < spread + 0.02, "\(level): \(held)")
    }
  }

  @Test("An interval ends at the errors that so few of new rows exceed, and there is none where too few are known")
  func residuals() {
    let nine = Residuals([3, -1, 2, 0, 9, -4, 1, -2, 5])
    #expect(nine.offsets(80).map { [$0.low, $0.high] } == [-4, 9])
    #expect(nine.offsets(60).map { [$0.low, $0.high] } == [-2, 5])
    #expect(nine.offsets(81) == nil && Residuals([]).offsets(80) == nil)
    // Thinned out, the intervals are not narrower.
    let all = (0..<10_001).map { Double($0) }
    let thin = Residuals(all)
    #expect(thin.isSound && thin.count == 10_001)
    let offsets = thin.offsets(80)
    #expect(offsets.map { $0.low <= 999 && $0.low > 990 && $0.high >= 9001 && $0.high < 9010 } == true)
  }

  @Test("A level that too few rows were kept aside for is refused where it is asked for")
  func level() throws {
    let regressor = try trained("x,price\n" + (0..<40).map { "\($0 % 7),\($0 % 7 + 1)\n" }.joined(), epochs: 1)
    let examples = try regressor.examples(from: source("x,price\n1,2\n"))
    #expect(try regressor.predict(examples)[0].low == nil)
    for (level, rows) in [(50.0, 3), (80, 9), (95, 39)] {
      var request = RegressorRequest()
      request.level = level
      guard rows > 4 else {
        #expect(try regressor.predict(examples, request)[0].low != nil)
        continue
      }
      for ask in [{ _ = try regressor.predict($0, request) }, { _ = try regressor.evaluate(on: $0, request) }]
        as [(LabelledRecords) throws -> Void]
      {
        let error = #expect(throws: TaskError.self) { try ask(examples) }
        #expect(error?.description.contains("need \(rows) rows kept aside, and there were 4; ask") == true)
      }
    }
  }

  @Test("Measures are those of scikit-learn on a small case")
  func measures() {
    // sklearn.metrics: mean_absolute_error, mean_squared_error, r2_score.
    let answers = [2.5, 0, 2, 8].map { RegressionAnswer(value: $0, low: $0 - 0.5, high: $0 + 0.5) }
    let evaluation = RegressionMeasures.evaluation(of: answers, truth: [3, -0.5, 2, 7], mean: 1, linear: nil)
    let expected = [("mae", 0.5), ("rmse", 0.375.squareRoot()), ("r2", 0.948_608_137_044_967_9), ("coverage", 0.75)]
    for (name, value) in expected {
      #expect(abs((measure(name, evaluation.measures) ?? 0) - value) < 1e-12, "\(name)")
    }
    let constant = RegressionMeasures.evaluation(of: answers, truth: [1, 1, 1, 1], mean: 1, linear: nil)
    #expect(constant.measures[2].value.isNaN)
  }

  @Test("The linear baseline is the solution of the normal equations")
  func ridge() throws {
    var generator = RandomGenerator(seed: 5)
    var text = "a,b,y\n"
    for _ in 0..<40 {
      let (a, b) = (Double(generator.normal()), Double(generator.normal()))
      text += "\(a),\(b),\(1 + a - 3 * b + Double(generator.normal()))\n"
    }
    let records = try Records(source(text))
    var notes: [String] = []
    let columns = try InputColumns(
      learning: records, [.init(place: 0), .init(place: 1)], rows: RowChoice(allOf: 40), ColumnSettings(), notes: &notes
    )
    let rows = try columns.encode(records)
    let truths = try NumberHead(Column(records, 2)).truths(in: Column(records, 2))
    let targets = (0..<40).map { [Float(truths[$0])] }
    let examples = ColumnExamples(rows: rows, places: RowChoice(allOf: 40), targets: targets, weights: nil)
    let none = ColumnExamples(rows: rows, places: RowChoice([]), targets: [], weights: nil)
    // Where there is no room for their order, batches end, and that is told.
    let batches = examples.inOrder(size: 8, maximumSteps: 100)
    #expect(batches.reduce(0) { $0 + $1.count } == 40 && batches.failure == nil)
    var settings = LongArraySettings()
    (settings.bytes, settings.folder) = (8, "/nowhere")
    LongArraySettings.$current.withValue(settings) { #expect(Array(batches).isEmpty) }
    #expect(batches.failure?.code == .unreadableData)
    var baseline = try #require(RidgeRegression(columns))
    try baseline.fit(examples, heldOut: none)
    // Whether what is in the rows is in memory or in a file.
    var other = try #require(RidgeRegression(columns))
    try other.fit(examples, heldOut: none, most: 5)
    expectSameBits(baseline, other)
    // The same by elimination: two numbers with their penalty of 10, and the constant without.
    let z = (0..<40).map { row in [rows.columns[0], rows.columns[1]].map { Double($0.bag(of: row).first?.value ?? 0) } }
    var (matrix, right) = ([Double](repeating: 0, count: 9), [Double](repeating: 0, count: 3))
    for (row, target) in zip(z, targets) {
      let x = row + [1]
      for i in 0..<3 {
        right[i] += x[i] * Double(target[0])
        for j in 0..<3 { matrix[3 * i + j] += x[i] * x[j] }
      }
    }
    matrix[0] += 10
    matrix[4] += 10
    let solution = try #require(solveSymmetric(matrix, right))
    for (value, row) in zip(baseline.values(rows, Array(0..<40)), z) {
      #expect(abs(Double(value) - (solution[0] * row[0] + solution[1] * row[1] + solution[2])) < 1e-4)
    }
  }

  @Test("What never was below 0 is not said to be, nor do its intervals reach there")
  func bounds() throws {
    var text = "x,y\n"
    for row in 0..<200 { text += "\(row % 10),\(row % 10 < 8 ? 0 : 100)\n" }
    let regressor = try trained(text, epochs: 2)
    let answers = try regressor.predict(regressor.examples(from: source("x\n-3\n0\n9\n")))
    #expect(answers.allSatisfy { $0.value >= 0 && $0.low ?? 0 >= 0 && $0.high ?? 0 >= $0.low ?? 0 })
    let signed = try NumberHead(Column(try Records(source("y\n-1\n2\n"), columns: ["y"]), 0))
    #expect(!signed.isNeverNegative && signed.value(-1) < 0)
  }

  @Test("Series with real targets are learned, as .ts files have them")
  func series() throws {
    var text = "@problemName Level\n@univariate true\n@targetlabel true\n@data\n"
    var generator = RandomGenerator(seed: 2)
    for _ in 0..<200 {
      let level = Double(generator.normal())
      let values = (0..<(6 + generator.integer(below: 4))).map { _ in "\(level + 0.1 * Double(generator.normal()))" }
      text += "\(values.joined(separator: ",")):\(10 * level)\n"
    }
    let regressor = try trained(text, name: "a.ts")
    #expect(regressor.columns.encoders.map { type(of: $0.encoder).kind } == ["series"])
    #expect(measure("r2", regressor.evaluation?.measures) ?? 0 > 0.9, "\(String(describing: regressor.evaluation))")
  }

  @Test("Decimal commas are numbers where they are said to be, in what is answered too, and plain numbers stay")
  func decimalCommas() throws {
    let rows = (0..<60).map { "\($0 % 7),5;\(1 + $0 % 5).000,25;\($0 % 2 == 0 ? "a,b" : "c");\(2 * ($0 % 7) + 1),0\n" }
    let text = "x;y;word;price\n" + rows.joined()
    let regressor = try trained(text, ["target": ["price"], "decimal": [","]], epochs: 1)
    #expect(regressor.columns.encoders.map { type(of: $0.encoder).kind } == ["number", "number", "category"])
    let copy = try Regressor(modelFile: regressor.modelFile())
    let examples = try copy.examples(from: source("x;y;word;price\n1,5;2.000,25;a,b;1.234,5\n2;3,5;c;7\n"))
    let shown = (0..<2).map { row in (0..<4).map { examples.records.text(row: row, column: $0) } }
    #expect(shown == [["1.5", "2000.25", "a,b", "1234.5"], ["2", "3.5", "c", "7"]])
    // The mark of thousands says which that of decimals is; both cannot be one.
    #expect(try RegressorConfiguration(["thousands": ["."]]).columns.decimalMark == .comma)
    #expect(throws: OptionError.self) { try RegressorConfiguration(["decimal": [","], "thousands": [","]]) }
    // Without them nothing is read otherwise.
    let plain = try Regressor.examples(
      from: source("x;price\n1,5;2\n2;3\n"), RegressorConfiguration(["target": ["price"]]))
    #expect(plain.decimal == nil && plain.records.text(row: 0, column: 0) == "1,5")
  }

  @Test("What cannot be learned is said in one line, with its place")
  func faults() throws {
    func problem(_ text: String, _ given: [String: [String]] = [:]) -> String {
      do {
        _ = try Regressor.examples(from: source(text), RegressorConfiguration(given))
        return ""
      } catch { return "\(error)" }
    }
    #expect(
      problem("x,price\n1,2\n2,\n", ["target": ["price"]]).contains(
        "row 3, column price: the number to learn is missing"))
    #expect(
      problem("x,price\n1,2\n2,cheap\n", ["target": ["price"]]).contains("row 3, column price: 'cheap' is not a number")
    )
    #expect(problem("x,price\n1,2\n2,2\n", ["target": ["price"]]).contains("all 2 rows have the number 2"))
    #expect(problem("a,b\n1,2\n2,5\n").contains("which column is to be learned is not clear: 'a', 'b'"))
    #expect(problem("a,word\n1,x\n2,y\n") == "")
    #expect(
      problem("x;price\n1;2,5\n2;3,25\n", ["target": ["price"]]).contains(
        "row 2, column price: '2,5' is not a number; write decimal points: 2.5"))
    // One of another name is not taken in place of the one that is meant.
    #expect(problem("a,price\n1,2\n2,3\n3,cheap\n4,5\n").contains("row 4, column price: 'cheap' is not a number"))
    #expect(problem("a,price\n1,5\n2,5\n3,5\n").contains("all 3 rows have the number 5"))
    #expect(problem("a,price\n1,1e200\n2,-1e200\n").contains("numbers from -1e+200 to 1e+200 differ too much"))
    #expect(
      problem("a,price\n1,1000000000000000\n2,1000000000000001\n").contains("differ too little beside their size"))
    // A column of words is not taken for the numbers to learn because of its name.
    let examples = try Regressor.examples(from: source("label,price\nx,2\ny,5\nz,7\n"), RegressorConfiguration())
    #expect(examples.target == 1)
  }

  @Test("A forged file is refused and not obeyed")
  func forgery() throws {
    let file = try trained(table(80), epochs: 1).modelFile()
    for (find, replace) in [
      (#""deviation":"#, #""deviation":0,"other":"#), (#""members":1"#, #""members":60"#),
      (#""errors":["#, #""errors":[9e9,"#), (#""hiddenSize":16"#, #""hiddenSize":4000"#),
      (#""count":"#, #""count":-5,"other":"#),
    ] {
      var metadata = file.metadata
      let text = try #require(metadata["description"])
      #expect(text.contains(find), "\(find)")
      metadata["description"] = text.replacing(find, with: replace)
      let error = dataError { () throws(DataError) in
        try Regressor(modelFile: SafeTensorsFile(tensors: file.tensors, metadata: metadata))
      }
      #expect(error?.code == .damagedModel, "\(replace)")
    }
  }
}
