// The Swift of Guides/ManySeries.md and Guides/MissingData.md, so that it compiles and does what the text says.
// DocumentationTests holds the texts to it, word for word.
import Foundation
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

@Suite("The code of the guides to many series and missing data runs")
struct ManySeriesGuideTests {
  @Test("several targets of one table are one model")
  func targets() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/t.csv"
      let rows = (0..<60).map { "\($0 % 7 + $0 / 10),\(100 - $0 % 7)" }
      try Data(("load,price\n" + rows.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: path))

      let configuration = try Forecaster.Configuration(["target": ["load,price"], "horizon": ["6"]])
      let series = try Forecaster.examples(from: DataSource(paths: [path]), configuration)
      let forecaster = try Forecaster.train(on: series, configuration, TrainingContext())
      for answer in try forecaster.predict(series) { print(answer.id ?? "", answer.median) }

      #expect(series.count == 2)
      #expect(Set(try forecaster.predict(series).map { $0.id }) == ["load", "price"])
    }
  }

  @Test("rows at irregular times are brought together")
  func irregular() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/orders.csv"
      let rows = [
        "2024-01-01 00:05,1", "2024-01-01 00:40,2", "2024-01-01 01:10,3", "2024-01-01 01:50,4", "2024-01-01 02:00,5",
        "2024-01-01 02:30,6",
      ]
      try Data(("time,orders\n" + rows.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: path))

      var configuration = try Forecaster.Configuration(["aggregate": ["sum"]])
      try configuration.choose(every: "1h")
      let hourly = try Forecaster.examples(from: DataSource(paths: [path]), configuration)
      print(hourly[0].count, hourly[0].values)

      #expect(hourly[0].values == [3, 7, 11])
    }
  }
}
