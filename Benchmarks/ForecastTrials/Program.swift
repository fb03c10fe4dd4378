// How good forecasts are, on series of one's own: `ForecastTrials FILE.csv… [--horizon N] [--simple] [--half
// odd|even]`. Every file is one series, the last column of numbers. From three origins each the last horizons are
// forecast.
import Foundation

@main enum Program {
  static func main() { run(Array(CommandLine.arguments.dropFirst())) }

  static func run(_ arguments: [String]) {
    var trials = ForecastTrials()
    var paths: [String] = []
    var words = arguments[...]
    var half: Int?
    while let word = words.popFirst() {
      switch word {
      case "--horizon": trials.horizon = words.popFirst().flatMap { Int($0) }
      case "--target": trials.target = words.popFirst()
      case "--origins": trials.origins = words.popFirst().flatMap { Int($0) } ?? 3
      case "--simple": trials.isSimpleOnly = true
      case "--half": half = words.popFirst() == "odd" ? 1 : 0
      default: paths.append(word)
      }
    }
    if let half { paths = paths.sorted().enumerated().filter { $0.offset % 2 == half }.map(\.element) }
    guard !paths.isEmpty else { return print("name files of series, one each") }
    trials.run(paths)
  }
}
