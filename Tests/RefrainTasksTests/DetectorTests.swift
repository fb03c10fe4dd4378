import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

@Suite("Detector") struct DetectorTests {
  /// A wave with noise, one row each ten minutes, with what is wrong with it.
  private func rows(
    _ count: Int, seed: UInt64 = 1, channels: Int = 1, spike: Int? = nil, missing: Set<Int> = []
  ) -> ObservedRows {
    var generator = RandomGenerator(seed: seed)
    let all = (0..<channels).map { channel in
      ObservedRows.Channel(
        name: "load \(channel)",
        values: (0..<count).map { row in
          let value =
            20 + 5 * sin(2 * Double.pi * Double(row) / 144 + Double(channel)) + 0.3 * Double(generator.normal())
          if missing.contains(row) { return .nan }
          return row == spike && channel == channels - 1 ? value + 25 : value
        })
    }
    let stamps = (0..<count).map { TimeStamp(ticks: 1_700_000_000_000_000 + $0 * 600_000_000) }
    return ObservedRows(channels: all, stamps: stamps)
  }

  private var quick: Detector.Configuration {
    var configuration = Detector.Configuration()
    (configuration.epochs, configuration.hiddenSize) = (2, 8)
    return configuration
  }

  @Test("A spike is an alarm with the channel, what was expected and seen, and since when")
  func spike() throws {
    let all = rows(1200, channels: 2, spike: 1100)
    let detector = try Detector.train(on: all[0..<800], configuration: quick)
    let detections = detector.detections(in: all[800..<1200])
    let found = detections.filter(\.isAnomaly)
    let alarm = try #require(found.max { $0.score < $1.score })
    #expect(alarm.time == "1101" && alarm.channel == "load 1" && found.count <= 3)
    #expect(abs(alarm.expected - 20) < 8 && alarm.seen! > 35 && alarm.since == alarm.time, "\(alarm)")
    #expect(alarm.reason!.contains("load 1 is "))
  }

  @Test(
    "Row by row, from a snapshot, and from files, answers are the same to the last bit",
    arguments: Detector.Method.allCases)
  func streams(method: Detector.Method) throws {
    var configuration = quick
    configuration.method = method
    let all = rows(700, channels: 2, spike: 600, missing: [450, 451, 630])
    let detector = try Detector.train(on: all[0..<400], configuration: configuration)
    let whole = detector.detections(in: all[400..<700])
    let path = temporaryPath("detector")
    let snapshot = temporaryPath("stream")
    try detector.save(to: path)
    let loaded = try Detector(contentsOf: path)
    #expect(loaded.detections(in: all[400..<700]) == whole)

    var stream = detector.stream()
    for row in 400..<550 {
      #expect(stream.push(all.values(row), at: all.stamps![row], label: all.times[row]) == whole[row - 400])
    }
    try stream.save(to: snapshot)
    var restored = try loaded.stream(contentsOf: snapshot)
    var copy = stream
    for row in 550..<700 {
      let (one, other) = (
        copy.push(all.values(row), at: all.stamps![row], label: all.times[row]),
        restored.push(all.values(row), at: all.stamps![row], label: all.times[row])
      )
      #expect(one == other && one == whole[row - 400])
    }
    // Forged counts are refused, as one more of the greatest number is none; a time that cannot be is only far away.
    let file = try SafeTensorsFile(contentsOf: snapshot)
    let text = try #require(file.metadata["description"])
    func forged(_ pattern: String, _ new: String) throws -> SafeTensorsFile {
      var forged = file
      forged.metadata["description"] = try text.replacing(Regex(pattern), with: new)
      #expect(forged.metadata != file.metadata, "\(pattern)")
      return forged
    }
    for name in ["rows", "calm", "count"] {
      let forged = try forged("\"\(name)\":\\d+", "\"\(name)\":\(Int.max)")
      #expect(throws: DataError.self, "\(name)") { try detector.stream(forged, path: nil) }
    }
    for ticks in [Int.min, Int.max] {
      let file = try forged("\"last\":\\{\"ticks\":\\d+", "\"last\":{\"ticks\":\(ticks)")
      var far = try detector.stream(file, path: nil)
      let detection = far.push(all.values(600), at: all.stamps![600], label: all.times[600])
      #expect(detection.time == all.times[600])
    }
  }

  @Test("Two detectors are compared by their scores, without labels")
  func differences() throws {
    let all = rows(900, spike: 850)
    let detector = try Detector.train(on: all[0..<700], configuration: quick)
    let examples = Detector.Examples([all[700..<900]])
    func differences(_ other: Detector) throws -> [String: Double] {
      var request = DetectionRequest()
      request.onlyAlarms = true
      let found = try detector.differences(to: other, on: examples, request)
      return Dictionary(found.map { ($0.name, $0.value) }) { $1 }
    }
    let same = try differences(detector)
    let alarms = detector.detections(in: all[700..<900]).count(where: \.isAnomaly)
    #expect(
      same == [
        "rows": 200, "meanScoreDifference": 0, "greatestScoreDifference": 0, "alarms": Double(alarms),
        "alarmsChanged": 0,
      ])
    let other = try differences(Detector.train(on: rows(700, seed: 9)[0..<700], configuration: quick))
    let (mean, greatest) = (other["meanScoreDifference"] ?? 0, other["greatestScoreDifference"] ?? 0)
    #expect(mean > 0 && greatest >= mean)
  }

  @Test("A context that is longer than the rows is refused with what it takes")
  func longContext() {
    var configuration = quick
    configuration.context = 60
    let error = #expect(throws: TaskError.self) { try Detector.train(on: rows(60), configuration: configuration) }
    #expect(error?.description.contains("there are 60 rows, and a context of 60 takes 61") == true)
  }

  @Test(
    "The reason of an alarm tells values of any size", arguments: [(1e300, "1e+300"), (2e-300, "2e-300"), (3, "3")])
  func reason(value: Double, text: String) {
    var detection = Detection(time: "1")
    (detection.isAnomaly, detection.channel, detection.seen, detection.expected) = (true, "load", value, 20)
    #expect(detection.reason == "load is \(text), expected 20: beyond what was seen so far")
  }

  @Test("Where nothing is the matter, alarms are about as rare as was asked for")
  func falseAlarms() throws {
    var configuration = quick
    configuration.falseAlarms = FalseAlarmRate(per: 200, .row)
    let detector = try Detector.train(on: rows(1500, seed: 3), configuration: configuration)
    let later = rows(7500, seed: 3)[1500..<7500]
    let alarms = detector.detections(in: later).count(where: \.isAnomaly)
    #expect((5...60).contains(alarms), "\(alarms) alarms, 30 expected")
  }

  @Test("Missing values are passed over; a constant series is quiet until it changes; nothing is ever NaN")
  func oddities() throws {
    var values = Array(repeating: 7.0, count: 500)
    for row in 300..<340 { values[row] = .nan }
    values[450] = 8
    let constant = ObservedRows(channels: [.init(name: "flat", values: values)])
    let detector = try Detector.train(on: constant[0..<200], configuration: quick)
    let detections = detector.detections(in: constant[200..<500])
    #expect(detections.allSatisfy { $0.score.isFinite && $0.expected.isFinite })
    #expect(detections.filter(\.isAnomaly).map(\.time) == ["451"])
    let extreme = ObservedRows(
      channels: [.init(name: "wide", values: (0..<300).map { $0 == 250 ? 1.7e308 : $0 % 2 == 0 ? -1e300 : 1e300 })])
    let wide = try Detector.train(on: extreme[0..<200], configuration: quick)
    #expect(wide.detections(in: extreme[200..<300]).allSatisfy { $0.score.isFinite && $0.expected.isFinite })
  }

  @Test("Too few rows, a channel without values and a rate by time without times are refused in words")
  func refusals() throws {
    func problem(_ rows: ObservedRows, _ change: (inout Detector.Configuration) -> Void = { _ in }) -> String {
      var configuration = quick
      change(&configuration)
      do {
        _ = try Detector.train(on: rows, configuration: configuration)
        return ""
      } catch { return error.description }
    }
    #expect(problem(rows(20)).contains("there are 20 rows"))
    let empty = ObservedRows(channels: [.init(name: "none", values: Array(repeating: .nan, count: 100))])
    #expect(problem(empty).contains("column none has no value"))
    let counted = ObservedRows(channels: [.init(name: "a", values: (0..<100).map { Double($0 % 7) })])
    #expect(problem(counted) { $0.falseAlarms = FalseAlarmRate("1/week") }.contains("to a week is not known"))
    #expect(problem(rows(100)) { $0.falseAlarms = FalseAlarmRate("1/minute") }.contains("every other row"))
    #expect(problem(rows(100)) { $0.cell = "lsm" }.contains("did you mean"))
  }

  @Test("Rates of false alarms are read as people write them")
  func rates() {
    #expect(FalseAlarmRate("1/week") == FalseAlarmRate(1, .week))
    #expect(FalseAlarmRate("2 per day") == FalseAlarmRate(2, .day))
    #expect(FalseAlarmRate("1/30 days") == FalseAlarmRate(per: 30, .day))
    #expect(FalseAlarmRate("1/1000") == .usual && FalseAlarmRate("0.001")?.perRow(step: nil) == 0.001)
    #expect(abs(FalseAlarmRate("1/week")!.perRow(step: 300)! * 2016 - 1) < 1e-12)
    for text in ["", "x", "0/day", "-1/day", "1/", "1/fortnight", "3", "1/2/3", "nan/day", "inf"] {
      #expect(FalseAlarmRate(text) == nil, "\(text)")
    }
  }
}

@Suite("Task detect") struct DetectTaskTests {
  @Test("Files with gaps, a clock set back, missing values and several columns are taken as they are")
  func reading() throws {
    var lines = ["time,a,b,text"]
    for row in 0..<120 where row != 60 {
      let (hour, minute) = (row / 6, row % 6 * 10)
      lines.append(
        "2024-01-01 \(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute):00,\(row % 12),\(row == 30 ? "" : "\(row % 5)"),x"
      )
    }
    lines.swapAt(100, 101)
    let source = DataSource([.bytes(Array(lines.joined(separator: "\n").utf8), name: "a.csv")])
    let examples = try Detector.examples(from: source, Detector.Configuration())
    let rows = examples.files[0]
    #expect(rows.channels.map(\.name) == ["a", "b"] && rows.count == 119 && rows.channels[1].values[30].isNaN)
    #expect(rows.usualStep == 600_000_000)
    #expect(rows.notes.contains { $0.contains("the clock goes back") })
    var configuration = Detector.Configuration()
    configuration.channels = ["c"]
    #expect(
      dataError { () throws(DataError) in try Detector.examples(from: source, configuration) }?.code == .noSuchColumn)
  }

  @Test("Series below each other are refused, and not taken for one whose clock is set back")
  func several() throws {
    let days = (10..<29).map { "2024-01-\($0)" }
    let long = "day,store,v\n" + ["a", "b"].flatMap { store in days.map { "\($0),\(store),5\n" } }.joined()
    let wide =
      (["store"] + days).joined(separator: ",") + "\n"
      + ["a", "b"].map { $0 + days.map { _ in ",5" }.joined() + "\n" }.joined()
    for (text, row) in [(long, 21), (wide, 3)] {
      let source = DataSource([.bytes(Array(text.utf8), name: "a.csv")])
      let error = dataError { () throws(DataError) in try Detector.examples(from: source, Detector.Configuration()) }
      #expect(error?.code == .repeatedTime && error?.row == row && error?.problem.contains("below each other") == true)
    }
  }

  @Test("Labels are windows of times by file; alarms are measured by them beside baselines")
  func labels() throws {
    let path = temporaryPath("labels.json")
    let data = temporaryPath("/nab/taxi.csv")
    try FileManager.default.createDirectory(
      atPath: (data as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    var lines = ["timestamp,value"]
    for row in 0..<400 {
      let (day, hour) = (1 + row / 24, row % 24)
      let time = "2024-01-\(day < 10 ? "0" : "")\(day) \(hour < 10 ? "0" : "")\(hour):00:00"
      lines.append(
        "\(time),\(row == 300 ? 50 : Double(row % 24 * (24 - row % 24)) / 20 + Double(row * 7919 % 13) / 10)")
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: data))
    try Data(#"{"nab/taxi.csv": [["2024-01-13 08:00:00.000000", "2024-01-13 16:00"]], "other.csv": []}"#.utf8)
      .write(to: URL(filePath: path))
    var configuration = Detector.Configuration()
    configuration.epochs = 2
    let rows = try Detector.examples(from: DataSource(paths: [data]), configuration).files[0]
    let detector = try Detector.train(on: rows[0..<200], configuration: configuration)
    let request = try DetectionRequest(["labels": [path]])
    let examples = try detector.examples(from: DataSource(paths: [data]), request)
    #expect(examples.windows == [[296...304]])
    let evaluation = try detector.evaluate(on: examples, request)
    #expect(evaluation.measures.map(\.name).prefix(4) == ["nab", "nabLowFalsePositives", "nabLowFalseNegatives", "f1"])
    #expect(evaluation.measures[0].value > 50 && evaluation.baselines.map(\.name) == ["windowedGaussian", "random"])
    #expect(throws: TaskError.self) { try detector.evaluate(on: Detector.Examples([rows]), DetectionRequest()) }
    try Data(#"{"other.csv": []}"#.utf8).write(to: URL(filePath: path))
    #expect(
      dataError { () throws(DataError) in try detector.examples(from: DataSource(paths: [data]), request) }?.code
        == .wrongInput)
  }
}
