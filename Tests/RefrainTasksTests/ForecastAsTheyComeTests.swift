import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

private func noise(_ count: Int, seed: UInt64) -> [Double] {
  var generator = RandomGenerator(seed: seed)
  return (0..<count).map { _ in Double(generator.normal()) }
}

/// A small, quick configuration.
private func quick(_ change: (inout Forecaster.Configuration) -> Void = { _ in }) -> Forecaster.Configuration {
  var configuration = Forecaster.Configuration()
  (configuration.hiddenSize, configuration.epochs, configuration.horizon) = (4, 2, 7)
  change(&configuration)
  return configuration
}

private func again(_ forecaster: Forecaster) throws -> Forecaster {
  try Forecaster(modelFile: SafeTensorsFile(bytes: forecaster.modelFile().bytes()))
}

@Suite("Forecasts of data as it comes") struct ForecastAsTheyComeTests {
  /// A week's wave with noise, and what a promotion adds.
  private func sales(_ count: Int, promo: [Double], effect: Double = 30) -> [Double] {
    let noise = noise(count, seed: 8)
    return (0..<count).map { row in
      let wave: Double = sin(Double(row) * 2 * .pi / 7)
      return 200 + 20 * wave + 3 * noise[row] + effect * promo[row]
    }
  }

  private func promotions(_ count: Int) -> [Double] {
    var generator = RandomGenerator(seed: 4)
    return (0..<count).map { _ in generator.uniform() < 0.2 ? 1 : 0 }
  }

  @Test("Missing values are seasons at their place, and before a barrier nothing of what follows is known")
  func gaps() {
    let truth = (0..<48).map { Double([5, 9, 20, 1][$0 % 4]) + Double($0) * 0.1 }
    var observed = Array(repeating: true, count: 48)
    for row in [10, 11, 12, 13, 30] { observed[row] = false }
    let gaps = FilledGaps(truth.map { $0 }, observed: observed, season: 4)
    for row in [10, 11, 12, 13, 30] { #expect(abs(gaps.values[row] - truth[row]) < 0.3) }
    var changed = truth
    for row in 12..<48 { changed[row] += 1000 }
    var late = observed
    for row in 14..<48 { late[row] = row % 5 != 0 }
    let one = FilledGaps(truth, observed: observed, season: 1, barriers: [13])
    let other = FilledGaps(changed, observed: observed, season: 1, barriers: [13])
    #expect(one.values[..<13] == other.values[..<13] && one.carried[..<13] == other.carried[..<13])
    #expect(one.values[10] == truth[9] && one.carried[13] == truth[9])
  }

  @Test("A series with a third of its values missing is forecast nearly as well as the whole one, and says how many")
  func missing() throws {
    let promo = Array(repeating: 0.0, count: 300)
    let truth = sales(300, promo: promo)
    var generator = RandomGenerator(seed: 2)
    let gapped = truth.prefix(280).enumerated().map { $0.offset > 0 && generator.uniform() < 0.33 ? .nan : $0.element }
    func error(_ values: [Double]) throws -> Double {
      let forecaster = try Forecaster.train(
        on: Series(name: "v", values: values), configuration: quick { $0.season = 7 })
      let points = try again(forecaster).forecast().points
      #expect(try points == forecaster.forecast().points)
      return zip(points, truth[280...]).reduce(0) { $0 + abs($1.0.median - $1.1) } / 7
    }
    let (whole, part) = (try error(Array(truth.prefix(280))), try error(gapped))
    #expect(part < 1.5 * whole + 1)
    let forecaster = try Forecaster.train(on: Series(name: "v", values: gapped), configuration: quick { $0.season = 7 })
    #expect(forecaster.missingCount == gapped.count(where: \.isNaN) && forecaster.plan.hasMask == true)
    #expect(try forecaster.forecast(continuing: Series(name: "v", values: truth)).points.allSatisfy(\.median.isFinite))
  }

  @Test("The mask and the time since a value was seen are inputs of the network; what is missing has no loss")
  func mask() throws {
    var values = sales(120, promo: Array(repeating: 0, count: 120))
    for row in [40, 41, 42, 117, 119] { values[row] = .nan }
    let series = Series(name: "v", values: values)
    var plan = try ForecastPlan(series, quick { ($0.season, $0.context) = (7, 14) })
    plan.note([series], areChannels: false)
    let windows = ForecastWindows(series, training: 120, plan: plan)
    #expect(windows.featureCount == 3)
    let context = windows.contexts(endingAt: [44]).input.values
    let mask = (0..<14).map { context[$0 * 3 + 1] }
    #expect(mask == (30..<44).map { [40, 41, 42].contains($0) ? 0 : 1 })
    #expect(context[13 * 3 + 2] == 0 && context[12 * 3 + 2] > context[10 * 3 + 2])
    var targets: [Float] = []
    windows.appendTarget(after: 38, level: 0, to: &targets)
    #expect(targets.map(\.isNaN) == [false, false, true, true, true, false, false])
    // What is missing right before an end is not taken from what follows it.
    #expect(windows.value(at: 42, before: 43) == windows.value(at: 39, before: 43) || plan.season > 1)
    var later = values
    for row in 43..<117 { later[row] += 500 }
    let other = ForecastWindows(Series(name: "v", values: later), training: 43, plan: plan)
    let same = ForecastWindows(Series(name: "v", values: values), training: 43, plan: plan)
    #expect(other.contexts(endingAt: [43]).input.values == same.contexts(endingAt: [43]).input.values)
  }

  @Test("What is known ahead moves the forecast by what it moved the past, saved or not")
  func promotions() throws {
    let promo = promotions(207)
    let values = sales(200, promo: promo)
    func forecaster(_ covariates: [Series.Covariate]) throws -> Forecaster {
      try Forecaster.train(
        on: Series(name: "v", values: values, covariates: covariates), configuration: quick { $0.season = 7 })
    }
    func known(_ ahead: [Double]) -> Series.Covariate {
      Series.Covariate(column: "promo", role: .future, values: Array(promo.prefix(200)), future: ahead)
    }
    let with = try forecaster([known(Array(repeating: 1, count: 7))])
    let without = try with.forecast(
      continuing: Series(name: "v", values: values, covariates: [known(Array(repeating: 0, count: 7))]))
    let points = try again(with).forecast().points
    for (point, plain) in zip(points, without.points) { #expect(abs(point.median - plain.median - 30) < 5) }
    let backtest = try #require(with.backtest)
    let blind = try #require(try forecaster([]).backtest)
    #expect(backtest.rmse < 0.7 * blind.rmse)
  }

  @Test("Without training, too, what is known ahead moves the forecast, and the notes say that it does")
  func promotionsWithoutTraining() throws {
    let promo = promotions(207)
    let values = sales(200, promo: promo)
    var configuration = Forecaster.Configuration()
    (configuration.season, configuration.horizon, configuration.isZeroShot) = (7, 7, true)
    func series(_ ahead: Double) -> Series {
      let known = Series.Covariate(
        column: "promo", role: .future, values: Array(promo.prefix(200)), future: Array(repeating: ahead, count: 7))
      return Series(name: "v", values: values, covariates: [known])
    }
    let forecaster = try Forecaster.train(on: series(1), configuration: configuration)
    let (with, without) = (try forecaster.forecast(), try forecaster.forecast(continuing: series(0)))
    for (point, plain) in zip(with.points, without.points) { #expect(abs(point.median - plain.median - 30) < 8) }
    #expect(forecaster.notes.contains { $0.hasPrefix("what is known ahead moves the forecast") })
    #expect(!forecaster.notes.contains { $0.contains("no covariates") })
  }

  @Test("A covariate that tells nothing takes nothing away; one whose future is not known is named with its row")
  func useless() throws {
    let values = sales(200, promo: Array(repeating: 0, count: 200))
    let other = Series.Covariate(column: "x", role: .future, values: noise(200, seed: 77), future: noise(7, seed: 78))
    let series = Series(name: "v", values: values, covariates: [other])
    let forecaster = try Forecaster.train(on: series, configuration: quick { $0.season = 7 })
    #expect(forecaster.members[0].effects == nil)
    let csv =
      "date,v,promo\n"
      + (0..<40).map { "2024-\($0 < 31 ? "01" : "02")-\($0 % 31 < 9 ? "0" : "")\($0 % 31 + 1),\($0 % 7),\($0 % 2)\n" }
      .joined() + "2024-02-10,,1\n2024-02-11,,0\n"
    var options = Series.Options(target: "v")
    (options.future, options.filling) = (["promo"], .asIs)
    let short = try Series(table: Table(csv: csv, file: "f.csv"), options: options)
    // By default as far as it is known.
    #expect(try Forecaster.train(on: short, configuration: quick { $0.horizon = nil }).horizon == 2)
    let error = #expect(throws: ForecastError.self) { try Forecaster.checkFuture(of: [short], quick()) }
    #expect(error?.description.contains("row 44, column promo: its value for 2024-02-12 is not known") == true)
    // Where a file of its own tells the future, it is that file that ends too early.
    let ahead = try Table(csv: "date,promo\n2024-02-10,1\n2024-02-11,0\n2024-02-12,0\n", file: "d/ahead.csv")
    let told = try short.knowing(ahead, options: options)
    let early = #expect(throws: ForecastError.self) { try Forecaster.checkFuture(of: [told], quick()) }
    #expect(early?.description.hasPrefix("ahead.csv: column promo: its value for 2024-02-13 is not known") == true)
  }

  @Test("What never changes within a series is told the network, on the scale that all share")
  func fixed() throws {
    func series(_ id: String, size: Double, region: Double) -> Series {
      Series(
        name: "v", values: noise(80, seed: UInt64(size)).map { $0 + 10 * size },
        covariates: [
          .init(column: "size", values: Array(repeating: size, count: 80)),
          .init(column: "region", category: "north", values: Array(repeating: region, count: 80)),
        ]
      ).identified(id)
    }
    let all = [series("a", size: 1, region: 1), series("b", size: 2, region: 0), series("c", size: 3, region: 1)]
    let forecaster = try Forecaster.train(on: all, configuration: quick())
    #expect(forecaster.plan.beside?.map(\.role) == [.fixed, .fixed])
    #expect(forecaster.plan.beside?[0].scaler?.mean == 2)
    #expect(try again(forecaster).forecasts().flatMap(\.points) == forecaster.forecasts().flatMap(\.points))
    #expect(try forecaster.forecast(continuing: series("d", size: 4, region: 0)).points.count == 7)
  }

  @Test("Columns of one table are channels of one network, told apart by it")
  func channels() throws {
    let csv =
      "a,b,c\n" + zip(noise(150, seed: 1), noise(150, seed: 2)).map { "\($0 + 5),\($1 * 3),\($0 - $1)\n" }.joined()
    let source = DataSource([.bytes(Array(csv.utf8), name: "f.csv")])
    for target in ["all", "a, c"] {
      let configuration = quick { $0.target = target }
      let all = try Forecaster.examples(from: source, configuration)
      #expect(all.map(\.id) == (target == "all" ? ["a", "b", "c"] : ["a", "c"]))
      let forecaster = try again(Forecaster.train(on: all, configuration, TrainingContext()))
      #expect(forecaster.plan.channels == all.count && forecaster.seriesIDs == all.map { $0.id ?? "" })
      let points = try forecaster.predict(try forecaster.examples(from: source), ForecastRequest())
      #expect(points.count == 7 * all.count && points.last?.id == "c")
    }
  }

  @Test("A constant series among others goes on as it was; one left alone is forecast as ever")
  func constant() throws {
    let flat = Series(name: "v", values: Array(repeating: 3, count: 80)).identified("flat")
    let other = Series(name: "v", values: noise(80, seed: 3)).identified("other")
    let forecaster = try Forecaster.train(on: [flat, other], configuration: quick())
    for point in try forecaster.forecasts()[0].points { #expect(point.median == 3 && point.p10 == 3 && point.p90 == 3) }
  }
}

@Suite("What people ask of a forecast") struct ForecastAnswersTests {
  private func series(_ value: (Int, Double) -> Double) -> Series {
    let noise = noise(200, seed: 12)
    return Series(name: "v", values: (0..<200).map { value($0, noise[$0]) })
  }

  @Test("Whole numbers, shares and percentages are forecast as such, in every interval")
  func bounds() throws {
    func points(_ series: Series) throws -> [Forecast.Point] {
      try Forecaster.train(on: series, configuration: quick()).forecast(levels: [99]).points
    }
    func numbers(_ point: Forecast.Point) -> [Double] {
      [point.median, point.p10, point.p90, point.intervals[0].lower, point.intervals[0].upper]
    }
    let counts = try points(series { max(0, (2 + 2 * $1).rounded()) })
    #expect(counts.allSatisfy { numbers($0).allSatisfy { $0 >= 0 && $0 == $0.rounded() } })
    let shares = try points(series { min(1, max(0, 0.8 + 0.2 * $1)) })
    #expect(shares.allSatisfy { numbers($0).allSatisfy { (0...1).contains($0) } })
    var percentages = series { min(99.5, 95 + 3 * $1) }
    #expect(try points(percentages).contains { $0.intervals[0].upper > 100 })
    percentages.isPercentage = true
    #expect(try points(percentages).allSatisfy { numbers($0).allSatisfy { (0...100).contains($0) } })
    // What was whole and is so no longer is bound no longer.
    let bounds = ForecastBounds(Array(repeating: 1, count: 5) + [0, 2, 3, 4], isPercentage: false)
    #expect(bounds.isWhole && bounds.lowest == 0 && bounds.allowing([-1]).lowest == nil)
    #expect(bounds(-0.3).sign == .plus)
  }

  @Test("Fitted values are forecasts one step ahead, and residuals are what is left")
  func fitted() throws {
    let series = series { 50 + 10 * sin(Double($0) * .pi / 6) + $1 }
    let forecaster = try Forecaster.train(on: series, configuration: quick { $0.season = 12 })
    let fitted = try forecaster.fitted()
    #expect(fitted.count > 100 && fitted.last?.time == "200" && fitted.last?.value == series.values.last)
    let error = fitted.reduce(0) { $0 + abs($1.fitted - ($1.value ?? .nan)) } / Double(fitted.count)
    #expect(error < 2)
    #expect(try forecaster.fitted(series) == fitted)
  }

  @Test("The backtest tells each horizon and each step, whose means are those of the whole")
  func details() throws {
    let series = series { 50 + 10 * sin(Double($0) * .pi / 6) + $1 }
    let forecaster = try Forecaster.train(on: series, configuration: quick { ($0.season, $0.folds) = (12, 3) })
    let backtest = try #require(again(forecaster).backtest)
    let (folds, steps) = (try #require(backtest.perFold), try #require(backtest.perStep))
    #expect(folds.count == 3 && steps.map(\.step) == Array(1...7))
    #expect(folds.map(\.from) == ["180", "187", "194"] && folds.map(\.to) == ["186", "193", "200"])
    #expect(abs(folds.reduce(0) { $0 + $1.errors.mase } / 3 - backtest.mase) < 1e-9)
    #expect(abs(steps.reduce(0) { $0 + $1.errors.smape } / 7 - backtest.smape) < 1e-9)
    #expect(abs(steps.reduce(0) { $0 + $1.errors.coverage } / 7 - backtest.coverage) < 1e-9)
  }

  @Test("Missing values do not count in the backtest, and are not seen by what it is compared with")
  func backtestWithGaps() throws {
    let values = (0..<60).map { Double($0) }
    let plan = try ForecastPlan(Series(name: "v", values: values), quick { ($0.horizon, $0.folds) = (3, 1) })
    var gapped = values
    for row in [56, 58] { gapped[row] = .nan }
    let exact = [(57..<60).map { [Double($0) - 1, Double($0), Double($0) + 1] }]
    let backtest = Backtest(Series(name: "v", values: gapped), quantiles: exact, plan: plan)
    #expect(backtest.mase == 0 && backtest.coverage == 1)
    // Of 57 and 59 the last value seen is 55.
    #expect(backtest.naive.mase == 3 && backtest.perStep?.map(\.step) == [1, 3])
  }

  @Test("Answers have the names that other programs read, when asked")
  func shape() throws {
    let forecaster = try Forecaster.train(on: .airline, configuration: quick())
    var request = ForecastRequest()
    (request.levels, request.shape) = ([95], .nixtla)
    let line = try JSON(encoding: forecaster.predict([], request)[0]).line
    #expect(line.hasPrefix(#"{"unique_id":"series","ds":"1961-01","Refrain":"#))
    #expect(line.contains(#""Refrain-lo-80":"#) && line.contains(#""Refrain-hi-95":"#))
    #expect(throws: OptionError.self) { try ForecastRequest(["shape": ["x"]]) }
  }

  @Test("A time limit ends the training with what it has, and says so")
  func timeLimit() throws {
    var context = TrainingContext()
    context.timeLimit = 0.6
    let start = ContinuousClock.now
    let forecaster = try Forecaster.train(
      on: [series { 50 + 10 * sin(Double($0) * .pi / 6) + $1 }], quick { ($0.epochs, $0.hiddenSize) = (100_000, 64) },
      context)
    // All the epochs would take hours; a busy machine may take long to get to the end of the first.
    #expect(start.duration(to: .now) < .seconds(120))
    #expect(forecaster.isComplete && forecaster.notes.last?.contains("time limit of 0.6 s") == true)
    #expect(try forecaster.forecast().points.allSatisfy { $0.p10 <= $0.median && $0.median <= $0.p90 })
  }

  @Test(
    "A forged model is refused in one line", arguments: ["effects", "role", "channels", "observed", "bounds", "mask"])
  func forged(part: String) throws {
    let promo = Series.Covariate(
      column: "p", role: .future, values: (0..<144).map { Double($0 % 5) }, future: Array(repeating: 1, count: 12))
    var values = Series.airline.values
    values[50] = .nan
    let series = Series(name: "v", values: values, times: Series.airline.times, covariates: [promo])
    let file = try Forecaster.train(on: series, configuration: quick()).modelFile()
    let changes: [String: (String, String)] = [
      "effects": (#""column":"p""#, #""column":"p","category":5"#), "role": (#""role":"future""#, #""role":"past""#),
      "observed": (#""observed":["#, #""observed":[true,"#), "bounds": (#""bounds":{"#, #""bounds":{"highest":-5,"#),
      "mask": (#""hasMask":true"#, #""hasMask":false"#),
      "channels": (#""hasMask":true"#, #""hasMask":true,"channels":-4"#),
    ]
    let (old, new) = try #require(changes[part])
    var metadata = file.metadata
    let description = try #require(metadata["description"])
    #expect(description.contains(old), "\(description.prefix(3000))")
    metadata["description"] = description.replacing(old, with: new)
    let forged = SafeTensorsFile(tensors: file.tensors, metadata: metadata)
    let error = dataError { () throws(DataError) in try Forecaster(modelFile: forged, path: "m") }
    #expect(error != nil && error?.description.contains("\n") == false)
  }
}
