// Detects anomalies in all series of the Numenta Anomaly Benchmark, one setting for all, and prints the scores.
//
//   AnomalyBenchmark [FOLDER] [--method prediction|reconstruction|both] [--seed N] [--files]
//
// FOLDER has the benchmark's data/ and combined_windows.json. Of each series the probation (15 % of the rows, at most
// 750) is trained on; the rows after it are judged one by one, each before anything of it or of later rows is learned.
import Foundation
import RefrainData
import RefrainTasks

var configuration = Detector.Configuration()
var folder = "../shared/data/anomalies/nab"
var showsFiles = false
var words = Array(CommandLine.arguments.dropFirst())
while let word = words.popLast() {
  // From the last word to the first: the value of an option comes before its name.
  switch word {
  case "--files": showsFiles = true
  case _ where words.last == "--method":
    configuration.method = Detector.Method(rawValue: word)
    words.removeLast()
  case _ where words.last == "--seed":
    configuration.seed = UInt64(word) ?? 0
    words.removeLast()
  default: folder = word
  }
}

do {
  let start = Date()
  let result = try AnomalyBenchmark(folder: folder).run(configuration) { name, seconds in
    if showsFiles { print("\(name): \(seconds) s") }
  }
  let all = DetectionEvaluation(result.map(\.file))
  // Every second file of each folder, by name: settings were chosen on the first half.
  let halves = [true, false].map { isFirst in
    DetectionEvaluation(result.filter { $0.isInFirstHalf == isFirst }.map(\.file)).scores[0].normalized
  }
  for score in all.scores {
    print(
      "\(score.profile.name): \(rounded(score.normalized)) at threshold \(rounded(score.threshold)), "
        + "\(score.windowsFound) of \(score.windowCount) windows, \(score.falseAlarms) false alarms")
  }
  print("standard, first half of the files: \(rounded(halves[0])), second half: \(rounded(halves[1]))")
  for measure in all.evaluation.measures { print("\(measure.name): \(rounded(measure.value))") }
  for baseline in all.evaluation.baselines {
    print("\(baseline.name):", baseline.measures.map { "\($0.name) \(rounded($0.value))" }.joined(separator: ", "))
  }
  if showsFiles {
    for (file, part) in zip(result, all.scores[0].parts) { print(file.name, file.file.windows.count, rounded(part)) }
  }
  print("\(rounded(Date().timeIntervalSince(start))) s")
} catch {
  print(error)
  exit(1)
}

func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
