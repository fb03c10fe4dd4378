import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

@Suite("Score of the Numenta benchmark") struct NABScoreTests {
  /// 100 rows, so 15 of probation, with windows that hold 10 rows each.
  private func score(
    _ alarms: [Int], windows: [ClosedRange<Int>] = [40...49, 70...79], _ profile: NABScore.Profile = .standard
  ) -> NABScore {
    var scores = Array(repeating: 0.0, count: 100)
    for row in alarms { scores[row] = 1 }
    return NABScore([.init(scores: scores, windows: windows)], profile: profile, threshold: 1)
  }

  /// 2/(1+e^5x) − 1
  private func sigmoid(_ position: Double) -> Double { 2 / (1 + exp(5 * position)) - 1 }

  @Test("No alarm scores 0, an alarm on the first row of every window 100")
  func ends() {
    #expect(score([]).normalized == 0)
    #expect(abs(score([40, 70]).normalized - 100) < 1e-12)
    #expect(score([40, 70]).windowsFound == 2 && score([40, 70]).falseAlarms == 0)
  }

  @Test("Within a window the first alarm counts, and the less the later it is")
  func position() {
    // Row 44 is the fifth of ten: position −0.6. One window is found, the other costs 1.
    let expected = 100 * (sigmoid(-0.6) / sigmoid(-1) - 1 + 2) / 4
    #expect(abs(score([44]).normalized - expected) < 1e-12)
    #expect(score([44, 45, 49]).normalized == score([44]).normalized)
    #expect(score([43]).normalized > score([44]).normalized)
    // The last row, at position −0.1, is still worth something.
    #expect(abs(score([49]).normalized - 100 * (sigmoid(-0.1) / sigmoid(-1) + 1) / 4) < 1e-12)
  }

  @Test("A false alarm costs by its distance behind the last window, and all of it before the first")
  func falseAlarms() {
    let found = score([40, 70]).normalized
    #expect(abs(score([20, 40, 70]).normalized - (found - 100 * 0.11 / 4)) < 1e-12)
    // Three rows behind the window's last, of nine steps that it has.
    #expect(abs(score([40, 52, 70]).normalized - (found + 100 * 0.11 * sigmoid(3.0 / 9) / 4)) < 1e-12)
    // Three windows away or more it costs all.
    #expect(abs(score([40, 70], windows: [16...17, 40...49, 70...79]).falseAlarms) == 0)
    #expect(score([40, 70, 99]).falseAlarms == 1)
    let twice = score([20, 40, 70], .lowFalsePositives).normalized
    #expect(abs(twice - (found - 100 * 0.22 / 4)) < 1e-12)
  }

  @Test("A missed window costs twice where that is asked")
  func falseNegatives() {
    // (1 − 2 + 4) of (2 + 4).
    #expect(abs(score([40], .lowFalseNegatives).normalized - 50) < 1e-12)
    #expect(abs(score([40]).normalized - 50) < 1e-12)
  }

  @Test("Rows of the probation count for nothing: 15 % of the rows, at most 750")
  func probation() {
    #expect(score([3, 14, 40, 70]).normalized == score([40, 70]).normalized)
    #expect(score([15, 40, 70]).falseAlarms == 1)
    #expect(NABScore.probation(rows: 100) == 15 && NABScore.probation(rows: 4032) == 604)
    #expect(NABScore.probation(rows: 22_695) == 750)
  }

  @Test("The threshold is the one that is best for all series together")
  func sweep() {
    var first = Array(repeating: 0.0, count: 100)
    (first[40], first[20]) = (0.9, 0.5)
    var second = Array(repeating: 0.0, count: 100)
    (second[60], second[90]) = (0.7, 0.8)
    let score = NABScore([
      .init(scores: first, windows: [40...49]), .init(scores: second, windows: [60...69]),
    ])
    // 0.7 takes both windows and the false alarm on row 90, far behind the window; 0.5 takes another.
    #expect(score.threshold == 0.7 && score.windowsFound == 2 && score.falseAlarms == 1)
    #expect(abs(score.normalized - 100 * (2 + 0.11 * sigmoid(21.0 / 9) + 2) / 4) < 1e-12)
    #expect(abs(score.parts[0] - 1) < 1e-12 && abs(score.parts[1] - (1 + 0.11 * sigmoid(21.0 / 9))) < 1e-12)
    // Where every alarm costs more than it brings, none is best.
    let none = NABScore([.init(scores: second, windows: [])])
    #expect(none.threshold == .infinity && none.falseAlarms == 0 && none.normalized.isNaN)
  }

  @Test(
    "The windowed Gaussian has its published score, 39.65, on the benchmark's 58 series",
    .enabled(if: NABData.isThere, NABData.missing))
  func published() throws {
    let labels = try DetectionLabels(contentsOf: NABData.path("combined_windows.json"))
    // The scores of the published detector, of which the file has six digits: enough to see that ours are the same, but
    // not to tell apart the many that are nearly 1, on which the threshold falls.
    let table = try Table(contentsOf: NABData.path("windowed-gaussian-scores.csv.gz"))
    let published = try table.numbers(in: table.column(named: "score"))
    let names = try table.column(named: "file")
    var begin: [String: Int] = [:]
    for row in (0..<table.rowCount).reversed() { begin[table.text(row: row, column: names)] = row }
    var all: [NABScore.Scored] = []
    var difference = 0.0
    for (name, first) in begin.sorted(by: { $0.key < $1.key }) {
      let rows = try ObservedRows(Table(contentsOf: NABData.path("data/" + name)))
      let scores = DetectionBaselines.windowedGaussian(rows.channels[0].values)
      for row in scores.indices { difference = max(difference, abs(scores[row] - published[first + row])) }
      all.append(.init(scores: scores, windows: try labels.windows(of: rows)))
    }
    #expect(difference < 1e-5)
    #expect(abs(NABScore(all).normalized - 39.65) < 0.005)
  }
}

/// The Numenta benchmark, in the folder `shared` beside the repository.
enum NABData {
  static let folder = RealData.folder.deletingLastPathComponent().appending(path: "anomalies/nab")
  static let isThere = FileManager.default.fileExists(atPath: path("combined_windows.json"))
  static let missing: Comment = "the folder ../shared/data/anomalies/nab is not there"
  static func path(_ name: String) -> String { folder.appending(path: name).path(percentEncoded: false) }
}
