import Foundation
import RefrainData
import RefrainTasks

/// All columns of ETTh1 (Zhou et al. 2021) by one model, measured as papers do: twelve months to learn from, four to
/// choose by, four to test on; scaled by the first; all test windows.
struct ChannelTrial {
  static let training = 12 * 30 * 24, part = 4 * 30 * 24

  var context = 96
  var horizon = 96
  var seed: UInt64 = 0
  var hidden: Int?
  var epochs: Int?
  /// Measures on the months to choose by, and leaves the test alone.
  var isValidation = false

  func run(_ path: String) throws {
    let table = try Table(contentsOf: path)
    var options = Series.Options()
    options.isWide = true
    let whole = try Series.all(in: table, options: options)
    var configuration = Forecaster.Configuration()
    (configuration.target, configuration.horizon, configuration.context) = ("all", horizon, context)
    (configuration.season, configuration.seed, configuration.hiddenSize) = (24, seed, hidden)
    (configuration.epochs, configuration.folds) = (epochs, 1)
    let began = Date()
    let forecaster = try Forecaster.train(
      on: whole.map { $0.prefix(Self.training) }, configuration: configuration
    ) { fraction, message in FileHandle.standardError.write(Data("\(Int(fraction * 100)) %  \(message)\n".utf8)) }
    let start = isValidation ? Self.training : Self.training + Self.part
    let ends = Array(start...start + Self.part - horizon)
    var sums: [String: (square: Double, absolute: Double)] = [:]
    var count = 0
    for series in whole {
      let past = series.values.prefix(Self.training)
      let mean = past.reduce(0, +) / Double(past.count)
      let deviation = (past.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(past.count)).squareRoot()
      for (name, paths) in try forecaster.medians(of: series, at: ends) {
        for (end, path) in zip(ends, paths) {
          for (step, value) in path.enumerated() {
            let error = (value - series.values[end + step]) / deviation
            sums[name, default: (0, 0)].square += error * error
            sums[name, default: (0, 0)].absolute += abs(error)
          }
        }
      }
      count += ends.count * horizon
    }
    print(
      "\(whole.count) columns, context \(context), horizon \(horizon), \(ends.count) windows of "
        + "\(isValidation ? "validation" : "test"), \(forecaster.cell), \(forecaster.hiddenSize) units, seed \(seed), "
        + "\(Int(Date().timeIntervalSince(began))) s")
    for (name, sum) in sums.sorted(by: { $0.key < $1.key }) {
      print(
        name.padding(toLength: 12, withPad: " ", startingAt: 0),
        String(format: "MSE %.3f  MAE %.3f", sum.square / Double(count), sum.absolute / Double(count)))
    }
  }
}
