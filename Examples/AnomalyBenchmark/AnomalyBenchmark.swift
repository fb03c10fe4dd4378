import Foundation
import RefrainData
import RefrainTasks

/// The series of the Numenta Anomaly Benchmark, each judged by a detector that has seen only its first rows.
struct AnomalyBenchmark {
  /// One series and what was said of it.
  struct Result {
    let name: String
    let file: DetectionEvaluation.File
    /// Whether it is one of the first, third, … by name in its folder.
    let isInFirstHalf: Bool
  }

  let labels: DetectionLabels
  private let data: URL
  /// The names of the files, by folders.
  let names: [String]

  init(folder: String) throws {
    labels = try DetectionLabels(contentsOf: folder + "/combined_windows.json")
    data = URL(filePath: folder + "/data")
    var names: [String] = []
    for part in try FileManager.default.contentsOfDirectory(atPath: data.path()).sorted() {
      names += try FileManager.default.contentsOfDirectory(atPath: data.appending(path: part).path()).sorted()
        .filter { $0.hasSuffix(".csv") }.map { "\(part)/\($0)" }
    }
    self.names = names
  }

  /// Trains and judges, file by file.
  func run(
    _ configuration: Detector.Configuration, progress: (_ name: String, _ seconds: Double) -> Void
  ) throws -> [Result] {
    var counts: [Substring: Int] = [:]
    return try names.map { name in
      let start = Date()
      let rows = try ObservedRows(Table(contentsOf: data.appending(path: name).path()))
      let result = Result(
        name: name, file: try judged(rows, configuration),
        isInFirstHalf: counts[name.prefix { $0 != "/" }, default: 0] % 2 == 0)
      counts[name.prefix { $0 != "/" }, default: 0] += 1
      progress(name, Date().timeIntervalSince(start))
      return result
    }
  }

  private func judged(
    _ rows: ObservedRows, _ configuration: Detector.Configuration
  ) throws -> DetectionEvaluation.File {
    let probation = NABScore.probation(rows: rows.count)
    let detector = try Detector.train(on: rows[0..<probation], configuration: configuration)
    var stream = detector.stream()
    var detections = (0..<probation).map { Detection(time: rows.times[$0]) }
    for row in probation..<rows.count {
      detections.append(
        stream.push(rows.channels.map { $0.values[row] }, at: rows.stamps?[row], label: rows.times[row]))
    }
    return DetectionEvaluation.File(rows, detections: detections, windows: try labels.windows(of: rows))
  }
}
