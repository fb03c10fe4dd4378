import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

@Suite("Series as examples") struct SeriesColumnTests {
  private func records(_ text: String) throws(DataError) -> Records {
    try Records(DataSource([.bytes(Array(text.utf8), name: "a.ts")]))
  }

  @Test("A .ts file is a row for each series, with its label; lengths and missing values may differ")
  func reading() throws {
    let records = try records(
      """
      # a comment
      @problemName Test
      @timeStamps false
      @univariate false
      @dimensions 2
      @classLabel true up down
      @data
      1,2,3:4,5,6:up
      1.5,?,2.5,3:7,8,9,10: down
      """)
    #expect(records.columns == ["series", "label"] && records.count == 2)
    #expect(records.text(row: 1, column: 1) == "down" && records.text(row: 0, column: 0) == "1,2,3:4,5,6")
    let column = try SeriesColumn(learning: Column(records, 0), ColumnSettings())
    let encoded = try column.encode(Column(records, 0))
    let batch = try encoded.batch([0, 1])
    #expect(batch.values.shape == [2, 4, 4] && batch.steps.lengths == [3, 4])
    #expect(encoded.length(of: 0) == 3 && batch.values.values.allSatisfy { $0.isFinite })
    #expect(SeriesColumn.likelihood(of: Column(records, 0).sample) > 0.9)
    #expect(SeriesColumn.likelihood(of: Column(records, 1).sample) == 0)
  }

  @Test("A wrong number of channels, a label that is not named and a text are refused with the row")
  func refusals() {
    let head = "@univariate false\n@dimensions 2\n@classLabel true a b\n@data\n"
    #expect(dataError { () throws(DataError) in try records(head + "1,2:a") }?.row == 5)
    #expect(dataError { () throws(DataError) in try records(head + "1,2:3,4:c") }?.problem.contains("'c'") == true)
    #expect(dataError { () throws(DataError) in try records(head) }?.code == .noRows)
    #expect(
      dataError { () throws(DataError) in
        try SeriesColumn(learning: Column(records(head + "1,x:3,4:a"), 0), ColumnSettings())
      }?.code == .notANumber)
  }

  @Test("A series is written with commas, semicolons or blanks, channels with colons, or as pairs of time and value")
  func text() {
    #expect(SeriesText("1 2 3")?.channels == [[1, 2, 3]])
    #expect(SeriesText("1, 2; 3:4,5")?.channels == [[1, 2, 3], [4, 5]])
    #expect(SeriesText("(2024-01-01 10:00:00,1.5),(2024-01-01 11:00:00,2)")?.channels == [[1.5, 2]])
    #expect(SeriesText("1,?,3")?.channels[0][1].isNaN == true)
    #expect(SeriesText("one,two") == nil && SeriesText("") == nil && SeriesText("1,inf") == nil)
  }

  @Test("Each channel's last value is read beside the recurrent layers, by the linear model too, whatever the lengths")
  func lastValues() throws {
    let layout = SeriesStepLayout(channels: 2, hasGaps: true, hasTimes: false)
    var rows = StepRows(width: 4)
    for row in [[1, 5, 1, 1, 2, 5, 1, 0], [3, 7, 1, 1, 4, 6, 1, 1, 9, 8, 1, 1]] as [[Float]] { rows.append(row) }
    let series = EncodedSeries(rows: rows, layout: layout)
    let bags = (0..<rows.count).map { row in Dictionary(uniqueKeysWithValues: series.bag(of: row).map { ($0.0, $0.1) })
    }
    #expect(layout.bagSize == 12 && bags.map { $0[4] } == [2, 9] && bags.map { $0[9] } == [5, 8])
    #expect(bags[0][10] == 1 && bags[0][11] == 0.5, "how often each was seen")
    var generator = RandomGenerator(seed: 1)
    var plan = NetworkPlan()
    (plan.hiddenSize, plan.dropout) = (3, 0)
    let part = SeriesPart(plan, layout, using: &generator)
    let features = part(try series.batch([0, 1]), layers: LayerCalls())
    #expect(features.shape == [2, part.featureSize])
    let last = features.slice(part.featureSize - 2..<part.featureSize, axis: 1)
    #expect(last.values == [2, 5, 9, 8])
  }

  @Test("Series are the same from a file where they are too long for memory")
  func longSeries() throws {
    let rows = (0..<200).map { row in
      let steps = 0..<1 + row % 7
      let channels = [steps.map { "\(row * $0 % 13)" }, steps.map { $0 == 2 ? "?" : "\(row)" }]
      return channels.map { $0.joined(separator: ",") }.joined(separator: ":")
    }
    let text = "series,label\n" + rows.map { "\"\($0)\",a\n" }.joined()
    let column = Column(try Records(DataSource([.bytes(Array(text.utf8), name: "a.csv")]), columns: ["series"]), 0)
    let learned = try SeriesColumn(learning: column, ColumnSettings())
    let short = try learned.encode(column)
    var settings = LongArraySettings()
    settings.bytes = 400
    try LongArraySettings.$current.withValue(settings) {
      let long = try learned.encode(column)
      #expect(long.count == 200 && (0..<200).allSatisfy { long.length(of: $0) == short.length(of: $0) })
      for rows in [[0], [199, 3, 3], Array(50..<70)] {
        let (one, other) = (try long.batch(rows), try short.batch(rows))
        #expect(one.values.shape == other.values.shape && one.values.values == other.values.values)
        #expect(one.steps.lengths == other.steps.lengths)
        #expect(rows.allSatisfy { row in long.bag(of: row).elementsEqual(short.bag(of: row)) { $0 == $1 } })
      }
      try long.check()
    }
  }
}
