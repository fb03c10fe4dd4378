// How good forecasts are, on series of one's own: `ForecastTrials FILE.csv… [--horizon N] [--simple] [--half
// odd|even] [--zero-shot] [--weights FILE.safetensors]…`. Every file is one series, the last column of numbers. From
// three origins each the last horizons are forecast. With --zero-shot nothing is trained; --weights are checkpoints of
// PretrainedForecaster, which are asked by themselves.
import Foundation
import RefrainTasks

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
      case "--zero-shot": trials.isZeroShot = true
      case "--weights":
        let path = words.popFirst() ?? ""
        do {
          trials.networks.append(
            (path.split(separator: "/").last.map(String.init) ?? path, try ZeroShotNetwork.read(path).network))
        } catch { return print("\(error)") }
      case "--half": half = words.popFirst() == "odd" ? 1 : 0
      default: paths.append(word)
      }
    }
    if let half { paths = paths.sorted().enumerated().filter { $0.offset % 2 == half }.map(\.element) }
    guard !paths.isEmpty else { return print("name files of series, one each") }
    trials.run(paths)
  }
}
