import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData
@testable import RefrainTasks

private func source(_ text: String, _ name: String = "t.csv") -> DataSource {
  DataSource([.bytes(Array(text.utf8), name: name)])
}

private func configuration(
  _ given: [String: [String]] = [:], cell: String? = nil, epochs: Int = 15
) throws -> ClassifierConfiguration {
  var configuration = try ClassifierConfiguration(given)
  var shared = SharedOptions()
  (shared.hidden, shared.epochs, shared.dropout, shared.cell) = (8, epochs, 0, cell)
  try configuration.choose(shared)
  configuration.columns.members = 1
  return configuration
}

private func examples(_ text: String, _ given: [String: [String]]) throws -> LabelledRecords {
  try Classifier.examples(from: source(text), configuration(given))
}

private func fields(_ examples: LabelledRecords, _ column: String) throws -> [String?] {
  let place = try examples.records.column(named: column)
  return (0..<examples.records.count).map { examples.records.text(row: $0, column: place) }
}

private func problem(_ text: String, _ given: [String: [String]]) -> String {
  do {
    _ = try examples(text, given)
    return ""
  } catch { return "\(error)" }
}

@Suite("How series stand in tables") struct SeriesLayoutTests {
  private static let long = """
    stay,hours,pulse,pressure,age,ward,label
    a,1.5,80,,,,
    a,0,70,120,30,north,up
    b,0,NA,140,41,south,down
    a,3,,130,,,up
    b,0.25,60,,41,,
    c,0,66,99,50,north,up

    """

  @Test("Rows that are steps become a row for each series, in the order of their times, with what is said of the whole")
  func rowsAreSteps() throws {
    let found = try examples(Self.long, ["id": ["stay"], "time": ["hours"], "target": ["label"]])
    #expect(found.records.columns == ["stay", "age", "ward", "label", "series"] && found.ids == ["a", "b", "c"])
    #expect(try fields(found, "label") == ["up", "down", "up"] && fields(found, "age") == ["30", "41", "50"])
    let series = try fields(found, "series").map { try #require($0.flatMap { SeriesText($0) }) }
    #expect(series[0].channels == [[70, 80], [120, 130]] && series[0].times == [[0, 1.5], [0, 3]])
    #expect(series[1].channels == [[60], [140]] && series[1].times == [[0.25], [0]])
    let (values, times) = series[0].steps()
    #expect(times == [0, 1.5, 3] && values.map { $0.isNaN ? -1 : $0 } == [70, 120, 80, -1, -1, 130])
    guard case .long(let layout) = found.layout else { throw DataError(.wrongInput, "no layout") }
    #expect(layout.channels == ["pulse", "pressure"] && layout.others == ["age", "ward"])
    #expect(found.choices.map { found.records.columns[$0.place] } == ["age", "ward", "series"])
    // The rows of a series are told by the first of them.
    #expect(found.records.place(of: 1).row == 4)
  }

  @Test("Without times steps are as the rows follow, and inputs choose among channels and other columns")
  func countedSteps() throws {
    let found = try examples(
      Self.long, ["id": ["stay"], "inputs": ["pulse,ward:category"], "target": ["label"]])
    #expect(try fields(found, "series") == ["80,70,?", "?,60", "66"])
    #expect(found.choices.map { found.records.columns[$0.place] } == ["ward", "series"])
    let two = "store,item,v,label\n1,x,1,a\n1,y,2,b\n1,x,3,a\n1,y,5,b\n"
    #expect(try examples(two, ["id": ["store,item"], "target": ["label"]]).ids == ["1, x", "1, y"])
  }

  @Test("The label of series is known by its name, whatever the inputs are and whatever is wrong in a row of it")
  func label() throws {
    let given = ["id": ["stay"], "time": ["hours"]]
    let found = try examples(Self.long, given.merging(["inputs": ["pulse"]]) { $1 })
    #expect(try found.target == found.records.column(named: "label") && found.choices.count == 1)
    let wrong = Self.long.replacing("b,0.25,60,,41,,", with: "b,0.25,60,,41,,up")
    #expect(problem(wrong, given).contains("column label: 'up' is another value than 'down'"))
    // What a row belongs to, or stands at, is nothing to learn.
    let rows = (0..<12).map { "\($0 / 3),\($0 % 3),\($0 * 7 % 5)\n" }.joined()
    #expect(
      problem("stay,hours,pulse\n" + rows, given).hasSuffix(
        "which column is to be learned is not clear: 'pulse'; name it as the target"))
  }

  @Test("Times of the calendar are seconds, and dates that fit one order only are read in it")
  func calendar() throws {
    let text = "id,when,v,label\na,2024-01-31 12:00,1,x\na,2024-01-31 12:30,2,x\nb,2024-02-01,5,y\nb,2024-02-02,6,y\n"
    let found = try examples(text, ["id": ["id"], "time": ["when"]])
    let series = try fields(found, "series").map { try #require($0.flatMap { SeriesText($0) }) }
    #expect(series[0].times == [[0, 1800]] && series[1].times == [[0, 86_400]])
    let days = "id,when,v,label\na,03/04/2024,1,x\na,05/04/2024,2,x\nb,28/04/2024,5,y\nb,29/04/2024,6,y\n"
    let other = try examples(days, ["id": ["id"], "time": ["when"]])
    #expect(try fields(other, "series")[0].flatMap { SeriesText($0) }?.times == [[0, 2 * 86_400]])
  }

  @Test("What does not fit is refused with its row and column")
  func refusals() {
    let id = ["id": ["stay"], "time": ["hours"], "target": ["label"]]
    func changed(_ find: String, _ replace: String) -> String { problem(Self.long.replacing(find, with: replace), id) }
    #expect(
      changed("a,3,,130,,,up", "a,3,,130,,,down").contains("row 5, column label: 'down' is another value than 'up'"))
    #expect(changed("a,1.5,", ",1.5,").contains("row 2, column stay: which series the row belongs to is missing"))
    #expect(changed("a,1.5,", "a,,").contains("row 2, column hours: the time is missing"))
    #expect(changed("b,0.25,", "b,soon,").contains("row 6, column hours: 'soon' is not a time"))
    #expect(problem(Self.long, ["id": ["stay"], "time": ["stay"]]).contains("cannot be two things at once"))
    #expect(problem("id,a,label\nx,1,u\nx,1,u\ny,2,v\n", ["id": ["id"]]).contains("no column of numbers changes"))
    #expect(problem(Self.long, ["id": ["stai"]]).contains("did you mean 'stay'?"))
    // A column of words that change is left out, with a note.
    let words = Self.long.replacing("b,0.25,60,,41,,", with: "b,0.25,60,,41,north,")
    let notes = (try? examples(words, id))?.records.notes ?? []
    #expect(notes.contains { $0.contains("'ward' is left out: it changes within a series") })
  }

  @Test("Columns that count and go up and down with their neighbors are a series; others are columns by themselves")
  func columnsAreSteps() throws {
    func table(_ value: (Int, Int) -> Double) -> String {
      let head = (0..<10).map { "t\($0)" }.joined(separator: ",")
      return "\(head),age,label\n"
        + (0..<40).map { row in
          (0..<10).map { "\(value(row, $0))" }.joined(separator: ",") + ",\(row % 7),\(row % 2 == 0 ? "x" : "y")\n"
        }.joined()
    }
    let smooth = table { row, step in Double(row % 5) + Double(step) * (row % 2 == 0 ? 1 : -1) }
    let found = try examples(smooth, ["target": ["label"]])
    #expect(found.records.columns == ["age", "label", "series"])
    #expect(try fields(found, "series")[0]?.hasPrefix("0.0,1.0,2.0") == true)
    #expect(found.records.notes.contains { $0.contains("'t0' to 't9' are taken for the steps of a series") })
    var generator = RandomGenerator(seed: 4)
    let wild = table { _, _ in Double(generator.normal()) }
    #expect(try examples(wild, ["target": ["label"]]).records.columns.count == 12)
    #expect(try examples(wild, ["target": ["label"], "series": ["t*"]]).records.columns == ["age", "label", "series"])
    #expect(try examples(smooth, ["target": ["label"], "inputs": ["t0", "age"]]).records.columns.count == 12)
  }

  @Test("Patterns are channels; what is missing at the end of a row is no step; a wrong pattern is refused")
  func patterns() throws {
    let text = "x2,x1,x10,y1,y2,y10,label\n2,1,3,4,5,,a\n2,1,,4,NA,,b\n"
    let found = try examples(text, ["series": ["x*,y*"]])
    #expect(try fields(found, "series") == ["1,2,3:4,5,?", "1,2:4,?"])
    #expect(problem(text, ["series": ["z*"]]).contains("no column is called like 'z*'"))
    #expect(problem(text, ["series": ["x*,y1,y2"]]).contains("channels have 3 and 2 columns"))
    #expect(
      problem(text.replacing("4,5,", with: "4,five,"), ["series": ["x*,y*"]]).contains("row 2, column y2: 'five'"))
    #expect(problem(text, ["series": ["x*"], "id": ["label"]]).contains("at once"))
    #expect(
      try examples(text, ["series": ["x1,x2"]]).records.columns == ["x10", "y1", "y2", "y10", "label", "series"])
  }

  @Test("A table without names whose columns count is read as series, and names that are numbers are a header")
  func numbersAsNames() throws {
    let rows = (0..<30).map { row in
      "\(row % 2)\t"
        + (0..<12).map { "\(Double(row % 3) + Double($0) * (row % 2 == 0 ? 0.5 : -0.5))" }.joined(separator: "\t")
    }
    let bare = try Classifier.examples(
      from: source(rows.joined(separator: "\n") + "\n", "t.tsv"), configuration(["target": ["1"]]))
    #expect(bare.records.columns == ["column 1", "series"] && bare.records.count == 30)
    let head = "label\t" + (0..<12).map { "\($0)" }.joined(separator: "\t")
    let named = try Classifier.examples(from: source(([head] + rows).joined(separator: "\n"), "t.tsv"), configuration())
    #expect(named.records.columns == ["label", "series"] && named.records.count == 30)
  }

  @Test("A model answers tables that are arranged as those it learned of, series by series, also once it was saved")
  func answers() throws {
    var long = "id,time,v,label\n"
    for series in 0..<60 {
      for step in 0..<5 {
        long += "s\(series),\(step),\(series % 2 == 0 ? step : -step),\(series % 2 == 0 ? "up" : "down")\n"
      }
    }
    let configuration = try configuration(["id": ["id"], "time": ["time"]])
    let trained = try Classifier.train(
      on: Classifier.examples(from: source(long), configuration), configuration, TrainingContext())
    let classifier = try Classifier(modelFile: trained.modelFile())
    let new = try classifier.examples(from: source("id,time,v\nq,0,0\np,2,-2\nq,1,1\np,0,0\np,1,-1\nq,2,2\n"))
    let answers = try classifier.predict(new)
    #expect(answers.map(\.id) == ["q", "p"] && answers.map(\.label) == ["up", "down"])
    #expect(try JSON(encoding: answers[0]).line.hasPrefix(#"{"id":"q","label":"up""#))
    #expect(try classifier.evaluate(on: classifier.examples(from: source(long))).examples == 60)
    let error = dataError { () throws(DataError) in try classifier.examples(from: source("id,time,w\nq,0,0\n")) }
    #expect(error?.problem == "there is no column 'v'")
    #expect(dataError { () throws(DataError) in try classifier.examples(from: source("id,time,v\nq,0,x\n")) }?.row == 2)
  }

  @Test("A folder of tables, each a series with channels and times, is learned, and single tables are answered")
  func folders() throws {
    try withTemporaryFolder { folder in
      for series in 0..<40 {
        let label = series % 2 == 0 ? "up" : "down"
        try FileManager.default.createDirectory(atPath: folder + "/" + label, withIntermediateDirectories: true)
        var text = "time,a,note,b\n"
        for step in 0..<(4 + series % 3) {
          text += "\(step),\(series % 2 == 0 ? step : -step),w,\(step % 2 == 0 ? "" : "1.5")\n"
        }
        try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(label)/\(series).csv"))
      }
      let configuration = try configuration()
      let examples = try Classifier.examples(from: DataSource(paths: [folder]), configuration)
      let trained = try Classifier.train(on: examples, configuration, TrainingContext())
      let encoder = try #require(trained.columns.encoders.first?.encoder as? SeriesColumn)
      #expect(encoder.tables?.channels == ["a", "b"] && encoder.tables?.time == "time" && encoder.hasGaps)
      let classifier = try Classifier(modelFile: trained.modelFile())
      let answers = try classifier.predict(
        classifier.examples(from: DataSource(paths: [folder + "/up/0.csv", folder + "/down/1.csv"])))
      #expect(answers.map(\.label) == ["up", "down"])
      // The same tables named in a table, with another column beside them.
      var list = "path,city,label\n"
      for series in 0..<40 {
        let label = series % 2 == 0 ? "up" : "down"
        list += "\(label)/\(series).csv,\(series % 3 == 0 ? "Rom" : "Ulm"),\(label)\n"
      }
      try Data(list.utf8).write(to: URL(filePath: folder + "/list.csv"))
      let named = try Classifier.train(
        on: Classifier.examples(from: DataSource(paths: [folder + "/list.csv"]), configuration), configuration,
        TrainingContext())
      #expect(named.columns.encoders.map { type(of: $0.encoder).kind } == ["series", "category"])
      try Data("path,city,label\nup/0.csv,Rom,up\nup/none.csv,Rom,up\n".utf8).write(
        to: URL(filePath: folder + "/bad.csv"))
      let error = dataError { () throws(DataError) in
        try named.examples(from: DataSource(paths: [folder + "/bad.csv"]))
      }
      #expect(error?.row == 3 && error?.problem.contains("none.csv") == true)
    }
  }

  @Test("GRU-D and T-LSTM tell series apart that differ in when something was seen and in nothing else")
  func times() throws {
    var text = "id,time,v,w,label\n"
    var generator = RandomGenerator(seed: 8)
    for series in 0..<120 {
      var time = 0.0
      for step in 0..<6 {
        text += "\(series),\(time),\(step % 2 == 0 ? "1" : ""),\(step % 3),\(series % 2 == 0 ? "quick" : "slow")\n"
        time += (series % 2 == 0 ? 1 : 4) * (1 + 0.2 * Double(generator.uniform()))
      }
    }
    for cell in ["gru-d", "t-lstm", "gru"] {
      let configuration = try configuration(["id": ["id"], "time": ["time"]], cell: cell, epochs: 12)
      let classifier = try Classifier.train(
        on: Classifier.examples(from: source(text), configuration), configuration, TrainingContext())
      #expect(classifier.evaluation?.measures[0].value == 1, "\(cell)")
      let copy = try Classifier(modelFile: classifier.modelFile())
      let all = try copy.examples(from: source(text))
      #expect(try copy.predict(all) == classifier.predict(all))
    }
    // A cell that reads times has nothing to read where no column is a series.
    let words = try configuration(cell: "gru-d")
    let rows = try Classifier.examples(from: source("text,label\na b,x\nc d,y\na e,x\nc f,y\n"), words)
    let error = #expect(throws: TaskError.self) { try Classifier.train(on: rows, words, TrainingContext()) }
    #expect(error?.description.contains("the cell gru-d reads the times of series") == true)
  }

  @Test("One slip of a finger does not decide how a channel is scaled")
  func outliers() throws {
    var rows = (0..<400).map { "\(7 + Double($0 % 5) / 10),\(7.1 + Double($0 % 3) / 10)" }
    let clean = try SeriesColumn(learning: column(rows), ColumnSettings())
    rows[7] = "735,7.2"
    let slipped = try SeriesColumn(learning: column(rows), ColumnSettings())
    #expect(abs(clean.deviations[0] - slipped.deviations[0]) < 1e-3 && slipped.means[0] < 7.3)
    // The value itself is as far away as anything can be.
    #expect(try slipped.encode(column(rows)).batch([7]).values.values[0] == 10)
  }

  private func column(_ rows: [String]) throws -> Column {
    let text = "@univariate true\n@data\n" + rows.map { "\($0)\n" }.joined()
    return Column(try Records(source(text, "a.ts")), 0)
  }

  @Test("A series is read with its times, of which there are all or none")
  func text() {
    let pairs = SeriesText("(0,1.5),(2,NaN):(1,3);(2,4)")
    #expect(pairs?.times == [[0, 2], [1, 2]] && pairs?.channels[1] == [3, 4])
    #expect(pairs?.steps().times == [0, 1, 2])
    #expect(SeriesText("(0,1):?")?.channels == [[1], []] && SeriesText("?:(0,1)")?.channels == [[], [1]])
    #expect(SeriesText("(0,1),2") == nil && SeriesText("(0,1") == nil && SeriesText("(x,1)") == nil)
    #expect(SeriesText("(0,1),(0,3)")?.steps().values == [2])
    #expect(SeriesText("1,,3:,5")?.channels.map { $0.map { $0.isNaN ? -1 : $0 } } == [[1, -1, 3], [-1, 5]])
    #expect(SeriesText(" 1 , 2 ")?.channels == [[1, 2]] && SeriesText("1:2:")?.channels.count == 3)
  }
}
