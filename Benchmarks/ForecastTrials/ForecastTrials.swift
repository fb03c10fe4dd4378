import Foundation
import RefrainData
import RefrainTasks

/// Forecasts series from three origins each, the last horizons held out, and compares with simple forecasts.
struct ForecastTrials {
  /// One way to forecast on one series: sums over the origins.
  struct Score {
    var error = 0.0, intervalScore = 0.0
    var inside = 0, count = 0

    var meanError: Double { error / Double(max(count, 1)) }
    var meanIntervalScore: Double { intervalScore / Double(max(count, 1)) }
    var coverage: Double { Double(inside) / Double(max(count, 1)) }

    /// - Parameter unit: What errors are told in: the mean difference of values a season apart before the origin.
    mutating func add(_ truth: [Double], _ points: [SimpleForecast.Point], unit: Double) {
      for (value, point) in zip(truth, points) {
        error += abs(value - point.median) / unit
        let outside = max(point.lower - value, value - point.upper, 0)
        // The interval score (Gneiting and Raftery 2007) of 80 %.
        intervalScore += (point.upper - point.lower + 2 / 0.2 * outside) / unit
        inside += outside == 0 ? 1 : 0
        count += 1
      }
    }
  }

  /// What came out on one series.
  struct Outcome {
    let name: String
    let rows: Int, horizon: Int, season: Int
    var scores: [String: Score] = [:]
    var seconds = 0.0
    var methods = ""

    func ratio(_ way: String) -> Double? {
      guard let own = scores[way], let naive = scores[ForecastTrials.naive], naive.meanError > 0, own.count > 0 else {
        return nil
      }
      return own.meanError / naive.meanError
    }
    func intervalRatio(_ way: String) -> Double? {
      guard let own = scores[way], let naive = scores[ForecastTrials.naive], naive.meanIntervalScore > 0 else {
        return nil
      }
      return own.meanIntervalScore / naive.meanIntervalScore
    }
  }

  static let naive = "seasonal naive", own = "refrain"
  static let simple: [(name: String, method: SimpleForecast.Method)] = [
    (naive, .seasonalNaive), ("naive", .naive), ("ETS", .exponentialSmoothing), ("Theta", .theta),
  ]

  var origins = 3
  var target: String?
  var horizon: Int?
  /// Whether only the simple forecasts are made.
  var isSimpleOnly = false
  /// What is taken away of each past before it is learned from.
  var missing: MissingValues?
  /// Whether Refrain trains nothing: the network that comes with it forecasts alone.
  var isZeroShot = false
  /// Other weights of that network, to be asked by themselves, and their names.
  var networks: [(name: String, network: ZeroShotNetwork)] = []

  /// The outcome on a file; its series is the last column of numbers.
  func outcome(_ path: String) throws -> Outcome {
    var options = Series.Options(target: target)
    options.filling = .linear
    let series = try Series.all(in: Table(contentsOf: path), options: options)[0]
    var configuration = Forecaster.Configuration()
    configuration.horizon = horizon
    configuration.isZeroShot = isZeroShot
    let horizon = try Forecaster.horizon(for: series, configuration)
    let season = try Forecaster.season(for: series, configuration)
    let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    var outcome = Outcome(name: name, rows: series.count, horizon: horizon, season: season)
    configuration.horizon = horizon
    for number in 0..<origins {
      let end = series.count - (origins - number) * horizon
      guard end > max(horizon, season, 5) else { continue }
      let past = series.prefix(end)
      let truth = Array(series.values[end..<end + horizon])
      let values = past.values
      let differences = zip(values.dropFirst(season), values).map { abs($0 - $1) }
      let unit = differences.reduce(0, +) / Double(differences.count)
      guard unit > 0 else { continue }
      for (name, method) in Self.simple {
        let points = SimpleForecast(method, of: past, horizon: horizon, season: season).points
        outcome.scores[name, default: Score()].add(truth, points, unit: unit)
      }
      for (name, network) in networks {
        let points = try Forecaster.zeroShotForecast(network, of: past, configuration)
        outcome.scores[name, default: Score()].add(truth, points, unit: unit)
      }
      guard !isSimpleOnly else { continue }
      let began = Date()
      let seen = missing?.taken(from: past, seed: UInt64(number)) ?? past
      let forecaster = try Forecaster.train(on: seen, configuration: configuration)
      let points = try forecaster.forecast().points.map {
        SimpleForecast.Point(median: $0.median, lower: $0.p10, upper: $0.p90)
      }
      outcome.seconds += Date().timeIntervalSince(began)
      outcome.methods = forecaster.methods.map { "\($0.name) \(Int(($0.weight * 100).rounded()))" }.joined(
        separator: ", ")
      outcome.scores[Self.own, default: Score()].add(truth, points, unit: unit)
    }
    return outcome
  }

  /// Tries all files, printing a line each, and what they say together.
  @discardableResult func run(_ paths: [String]) -> [Outcome] {
    var outcomes: [Outcome] = []
    print("series,rows,horizon,season,relativeMASE,coverage,intervalScore,ETS,Theta,naive,seconds,methods")
    for path in paths {
      do {
        let outcome = try outcome(path)
        outcomes.append(outcome)
        func text(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "" }
        print(
          [
            outcome.name, "\(outcome.rows)", "\(outcome.horizon)", "\(outcome.season)", text(outcome.ratio(Self.own)),
            text(outcome.scores[Self.own]?.coverage), text(outcome.intervalRatio(Self.own)), text(outcome.ratio("ETS")),
            text(outcome.ratio("Theta")), text(outcome.ratio("naive")), String(format: "%.2f", outcome.seconds),
            "\"\(outcome.methods)\"",
          ].joined(separator: ","))
      } catch { print("\(path): \(error)") }
      fflush(nil)
    }
    summarize(outcomes)
    return outcomes
  }

  /// Tries all files whole and with values missing, and prints how much larger errors become.
  func compareMissing(_ paths: [String], shares: [Double]) {
    print("# nothing missing")
    let whole = Dictionary(run(paths).map { ($0.name, $0) }) { first, _ in first }
    var lines: [String] = []
    for share in shares {
      for isInBlocks in [false, true] {
        var trials = self
        trials.missing = MissingValues(share: share, isInBlocks: isInBlocks)
        print("\n# \(Int((share * 100).rounded())) % missing, \(isInBlocks ? "in blocks" : "at random")")
        let ratios = trials.run(paths).compactMap { outcome -> Double? in
          guard let own = outcome.ratio(Self.own), let before = whole[outcome.name]?.ratio(Self.own) else { return nil }
          return own / before
        }
        let mean = exp(ratios.reduce(0) { $0 + log($1) } / Double(max(ratios.count, 1)))
        lines.append(
          "\(Int((share * 100).rounded())) % \(isInBlocks ? "in blocks" : "at random")  "
            + String(format: "%+.1f %%  (%d series)", (mean - 1) * 100, ratios.count))
      }
    }
    print("\nrise of the error (MASE, geometric mean) with values missing")
    for line in lines { print(line) }
  }

  private func summarize(_ outcomes: [Outcome]) {
    func geometric(_ values: [Double]) -> Double {
      let positive = values.filter { $0 > 0 && $0.isFinite }
      return positive.isEmpty ? .nan : exp(positive.reduce(0) { $0 + log($1) } / Double(positive.count))
    }
    print("\n\(outcomes.count) series; geometric means relative to the seasonal naive forecast")
    print("way               MASE   interval score   coverage (least)")
    for way in [Self.own] + Self.simple.map(\.name) + networks.map(\.name) {
      let known = outcomes.filter { $0.scores[way] != nil }
      guard !known.isEmpty else { continue }
      let coverages = known.compactMap { $0.scores[way]?.coverage }
      print(
        way.padding(toLength: 16, withPad: " ", startingAt: 0),
        String(
          format: "%.3f  %.3f            %.3f  (%.3f)", geometric(known.compactMap { $0.ratio(way) }),
          geometric(known.compactMap { $0.intervalRatio(way) }),
          coverages.reduce(0, +) / Double(coverages.count), coverages.min() ?? .nan))
    }
    let worse = outcomes.compactMap { outcome -> (String, Double)? in
      guard let own = outcome.ratio(Self.own) else { return nil }
      let best = ([1.0] + ["naive", "ETS", "Theta"].compactMap { outcome.ratio($0) }).min()!
      return (outcome.name, own / best)
    }.sorted { $0.1 > $1.1 }
    let many = worse.filter { $0.1 > 1.1 }
    print("worse than 1.1 of the best of naive, ETS and Theta: \(many.count) of \(worse.count)")
    for (name, ratio) in worse.prefix(6) { print("  \(name) \(String(format: "%.3f", ratio))") }
  }
}
