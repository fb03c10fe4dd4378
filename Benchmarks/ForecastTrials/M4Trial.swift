import Foundation
import RefrainData
import RefrainTasks

/// The hourly series of the M4 competition, by one model, measured as there (Makridakis, Spiliotis and Assimakopoulos
/// 2020).
struct M4Trial {
  static let season = 24, horizon = 48
  /// The errors of the competition's benchmark Naive2 on these series, from its evaluation workbook.
  static let benchmark = (smape: 18.383, mase: 2.395)

  var seed: UInt64 = 0
  /// Only so many of the series, for a quick look.
  var most = Int.max
  var epochs: Int?

  /// - Parameters:
  ///   - training: A row a series: its name, then its values.
  ///   - test: The values that follow, in the same order.
  func run(training: String, test: String) throws {
    let pasts = Array(try rows(training).prefix(most))
    let truths = Dictionary(uniqueKeysWithValues: try rows(test))
    let all = pasts.map { name, values in
      Series(name: "value", values: values).identified(name)
    }
    var configuration = Forecaster.Configuration()
    (configuration.season, configuration.horizon) = (Self.season, Self.horizon)
    (configuration.seed, configuration.epochs) = (seed, epochs)
    let began = Date()
    let forecaster = try Forecaster.train(on: all, configuration: configuration) { fraction, message in
      FileHandle.standardError.write(Data("\(Int(fraction * 100)) %  \(message)\n".utf8))
    }
    let forecasts = try forecaster.forecasts(levels: [95])
    let seconds = Date().timeIntervalSince(began)
    var (own, naive) = (Errors(), Errors())
    var (inside, count) = (0, 0)
    for (past, forecast) in zip(pasts, forecasts) {
      guard let truth = truths[past.name] else { continue }
      let values = past.values
      let repeated = (0..<Self.horizon).map { values[values.count - Self.season + $0 % Self.season] }
      own.add(
        truth, forecast.points.map(\.median), values,
        forecast.points.map { ($0.intervals[0].lower, $0.intervals[0].upper) })
      naive.add(truth, repeated, values, [])
      for (value, point) in zip(truth, forecast.points) {
        inside += point.intervals[0].lower <= value && value <= point.intervals[0].upper ? 1 : 0
        count += 1
      }
    }
    print(
      "\(own.count) series, seed \(seed), \(String(format: "%.0f", seconds)) s, cell \(forecaster.cell), context \(forecaster.context)"
    )
    print(
      "methods: " + forecaster.methods.map { "\($0.name) \(Int(($0.weight * 100).rounded()))" }.joined(separator: ", "))
    for (name, errors) in [("refrain", own), ("seasonal naive", naive)] {
      print(
        name.padding(toLength: 16, withPad: " ", startingAt: 0),
        String(
          format: "sMAPE %.3f  MASE %.3f  OWA %.3f", errors.smape / errors.count, errors.mase / errors.count,
          0.5 * (errors.smape / errors.count / Self.benchmark.smape + errors.mase / errors.count / Self.benchmark.mase))
      )
    }
    print(
      String(
        format: "interval of 95 %%: MSIS %.3f, holds %.1f %%", own.intervalScore / own.count,
        100 * Double(inside) / Double(count)))
  }

  /// Sums over series.
  private struct Errors {
    var smape = 0.0, mase = 0.0, intervalScore = 0.0, count = 0.0

    mutating func add(
      _ truth: [Double], _ forecast: [Double], _ past: [Double], _ bounds: [(low: Double, high: Double)]
    ) {
      let differences = zip(past.dropFirst(M4Trial.season), past).map { abs($0 - $1) }
      let unit = differences.reduce(0, +) / Double(differences.count)
      let steps = Double(truth.count)
      smape += zip(truth, forecast).reduce(0) { $0 + 200 * abs($1.0 - $1.1) / (abs($1.0) + abs($1.1)) } / steps
      mase += zip(truth, forecast).reduce(0) { $0 + abs($1.0 - $1.1) } / steps / unit
      intervalScore +=
        zip(truth, bounds).reduce(0) { sum, pair in
          let (value, bound) = pair
          return sum + bound.high - bound.low + 2 / 0.05 * max(bound.low - value, value - bound.high, 0)
        } / steps / unit
      count += 1
    }
  }

  private func rows(_ path: String) throws -> [(name: String, values: [Double])] {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    return text.split(whereSeparator: \.isNewline).dropFirst().map { line in
      let fields = line.split(separator: ",").map { $0.trimmingCharacters(in: ["\"", " "]) }
      return (fields[0], fields.dropFirst().compactMap(Double.init))
    }
  }
}
