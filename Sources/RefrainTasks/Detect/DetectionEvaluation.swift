import RefrainData

/// How well detections fit labeled windows, beside ways to score rows that cost nothing. The first 15 % of the rows of
/// a file, at most 750, count for nothing, as in the Numenta benchmark.
public struct DetectionEvaluation: Sendable {
  /// One file's rows, what was said of them, and the windows in which something was the matter.
  public struct File: Sendable {
    let values: [Double]
    let detections: [Detection]
    /// Rows, from 0.
    public var windows: [ClosedRange<Int>]

    /// Detections, one a row.
    public init(_ rows: ObservedRows, detections: [Detection], windows: [ClosedRange<Int>]) {
      values = rows.channels.first?.values ?? []
      self.detections = detections
      self.windows = windows
    }

    /// How many rows count for nothing.
    public var probation: Int { NABScore.probation(rows: detections.count) }
  }

  /// The benchmark's scores by its three profiles, each under the threshold that is best for all files together.
  public let scores: [NABScore]
  /// The field's measures, and the baselines'.
  public let evaluation: TaskEvaluation

  /// Compares detections with windows.
  public init(_ files: [File]) {
    let scored = files.map { NABScore.Scored(scores: $0.detections.map(\.score), windows: $0.windows) }
    scores = NABScore.Profile.all.map { NABScore(scored, profile: $0) }

    var own = DetectionMeasures()
    let alarms = files.map { file in file.detections.indices.filter { file.detections[$0].isAnomaly } }
    for (file, alarms) in zip(files, alarms) {
      own.add(alarms: alarms, windows: file.windows, probation: file.probation)
    }

    func measures(_ scores: [NABScore], _ measures: DetectionMeasures) -> [TaskEvaluation.Measure] {
      let names = ["nab", "nabLowFalsePositives", "nabLowFalseNegatives"]
      return zip(names, scores).map { .init($0, $1.normalized) } + [
        .init("f1", measures.f1), .init("precision", measures.precision), .init("recall", measures.recall),
        .init("alarms", Double(measures.alarms)),
      ]
    }
    /// As many alarms as the detector's own, on the rows of all files that score highest.
    func baseline(_ name: String, _ all: [[Double]]) -> TaskEvaluation.Baseline {
      let scored = zip(files, all).map { NABScore.Scored(scores: $1, windows: $0.windows) }
      var rows: [(file: Int, row: Int, score: Double)] = []
      for (number, (file, scores)) in zip(files, all).enumerated() {
        for row in scores.indices.dropFirst(file.probation) { rows.append((number, row, scores[row])) }
      }
      let chosen = rows.sorted { $0.score > $1.score }.prefix(own.alarms)
      var found = DetectionMeasures()
      for (number, file) in files.enumerated() {
        found.add(
          alarms: chosen.filter { $0.file == number }.map(\.row), windows: file.windows, probation: file.probation)
      }
      return .init(name, measures(NABScore.Profile.all.map { NABScore(scored, profile: $0) }, found))
    }
    evaluation = TaskEvaluation(
      task: Detector.name, examples: files.reduce(0) { $0 + $1.detections.count },
      measures: measures(scores, own),
      baselines: [
        baseline("windowedGaussian", files.map { DetectionBaselines.windowedGaussian($0.values) }),
        baseline(
          "random",
          files.enumerated().map {
            DetectionBaselines.random(count: $0.element.detections.count, seed: UInt64($0.offset))
          }),
      ])
  }
}
