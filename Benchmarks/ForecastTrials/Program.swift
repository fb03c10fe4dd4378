// How good forecasts are, on series of one's own: `ForecastTrials FILE.csv… [--horizon N] [--simple] [--half
// odd|even] [--zero-shot] [--weights FILE.safetensors]…`. Every file is one series, the last column of numbers. From
// three origins each the last horizons are forecast. `--missing 0.1,0.3,0.5` compares with values taken away, one by
// one and in blocks. With --zero-shot nothing is trained; --weights are checkpoints of PretrainedForecaster, which are
// asked by themselves.
//
// `ForecastTrials m4 Hourly-train.csv Hourly-test.csv`: M4's hourly series by one model. `ForecastTrials channels
// ETTh1.csv --horizon 96 [--validation]`: all columns by one model.
import Foundation
import RefrainTasks

@main enum Program {
  static func main() throws { try run(Array(CommandLine.arguments.dropFirst())) }

  static func run(_ arguments: [String]) throws {
    var trials = ForecastTrials()
    var (m4, channels) = (M4Trial(), ChannelTrial())
    var paths: [String] = []
    var words = arguments[...]
    var half: Int?
    var shares: [Double] = []
    while let word = words.popFirst() {
      func number() -> Int? { words.popFirst().flatMap { Int($0) } }
      switch word {
      case "--horizon":
        trials.horizon = number()
        channels.horizon = trials.horizon ?? channels.horizon
      case "--context": channels.context = number() ?? channels.context
      case "--hidden": channels.hidden = number()
      case "--epochs":
        channels.epochs = number()
        m4.epochs = channels.epochs
      case "--seed":
        m4.seed = UInt64(number() ?? 0)
        channels.seed = m4.seed
      case "--most": m4.most = number() ?? m4.most
      case "--validation": channels.isValidation = true
      case "--target": trials.target = words.popFirst()
      case "--origins": trials.origins = number() ?? 3
      case "--simple": trials.isSimpleOnly = true
      case "--zero-shot": trials.isZeroShot = true
      case "--weights":
        let path = words.popFirst() ?? ""
        do {
          trials.networks.append(
            (path.split(separator: "/").last.map(String.init) ?? path, try ZeroShotNetwork.read(path).network))
        } catch { return print("\(error)") }
      case "--half": half = words.popFirst() == "odd" ? 1 : 0
      case "--missing": shares = (words.popFirst() ?? "").split(separator: ",").compactMap { Double($0) }
      default: paths.append(word)
      }
    }
    switch paths.first {
    case "m4" where paths.count == 3: return try m4.run(training: paths[1], test: paths[2])
    case "channels" where paths.count == 2: return try channels.run(paths[1])
    default: break
    }
    if let half { paths = paths.sorted().enumerated().filter { $0.offset % 2 == half }.map(\.element) }
    guard !paths.isEmpty else { return print("name files of series, one each") }
    if shares.isEmpty { trials.run(paths) } else { trials.compareMissing(paths, shares: shares) }
  }
}
