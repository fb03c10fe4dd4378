import Refrain
import RefrainData
import Testing

@testable import RefrainTasks

private func noise(_ count: Int, seed: UInt64) -> [Double] {
  var generator = RandomGenerator(seed: seed)
  return (0..<count).map { _ in Double(generator.normal()) }
}

private func walk(_ count: Int, seed: UInt64) -> [Double] {
  noise(count, seed: seed).reduce(into: []) { values, shock in values.append((values.last ?? 0) + shock) }
}

private func variance(_ values: [Double]) -> Double {
  let mean = values.reduce(0, +) / Double(values.count)
  return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
}

/// The variance of sums of paths over what it would be if steps knew nothing of each other.
private func ratio(_ paths: [[Double]]) -> Double {
  let steps = paths[0].indices.reduce(0.0) { sum, step in sum + variance(paths.map { $0[step] }) }
  return variance(paths.map { $0.reduce(0, +) }) / steps
}

@Suite("Sample paths") struct SamplePathTests {
  private func forecaster(_ series: Series, horizon: Int = 12) throws -> Forecaster {
    var configuration = Forecaster.Configuration()
    (configuration.isZeroShot, configuration.horizon) = (true, horizon)
    return try Forecaster.train(on: series, configuration: configuration)
  }

  @Test("have the quantiles of the forecast at each step, and are none unless they are asked for")
  func marginals() throws {
    let forecaster = try forecaster(.airline)
    #expect(try forecaster.forecast().samples.isEmpty)
    let forecast = try forecaster.forecast(samples: 200)
    #expect(forecast.samples.count == 200 && forecast.samples.allSatisfy { $0.count == 12 })
    for (step, point) in forecast.points.enumerated() {
      let values = forecast.samples.map { $0[step] }.sorted()
      #expect(values[19] <= point.p10 && point.p10 <= values[20])
      #expect(values[99] <= point.median && point.median <= values[100])
      #expect(values[179] <= point.p90 && point.p90 <= values[180])
    }
    // The same in every run, and from a saved model.
    let saved = try Forecaster(modelFile: SafeTensorsFile(bytes: forecaster.modelFile().bytes()))
    #expect(try saved.forecast(samples: 200).samples == forecast.samples)
    #expect(throws: ForecastError.self) { try forecaster.forecast(samples: 10_001) }
    #expect(throws: ForecastError.self) { try forecaster.forecast(samples: -1) }
  }

  @Test("of a random walk hang together, so that their sums spread as its own do; those of noise do not")
  func dependence() throws {
    let horizon = 12
    func errors(_ values: [Double], isWalk: Bool) -> [[Double]] {
      stride(from: 150, to: 300, by: 4).map { end in
        (end..<min(end + horizon, 300)).map { isWalk ? values[$0] - values[end - 1] : values[$0] }
      }
    }
    func drawn(_ errors: [[Double]]) throws -> Double {
      let ranks = try #require(ErrorRanks(errors: errors, horizon: horizon))
      #expect(ranks.isSound(horizon: horizon) && !ranks.isSound(horizon: 7))
      var generator = RandomGenerator(seed: 1)
      let levels = (0..<500).map { (Double($0) + 0.5) / 500 }
      let values = (1...horizon).map { step in levels.map { normalQuantile($0) * Double(step).squareRoot() } }
      let paths = ranks.positions(500, horizon: horizon, using: &generator).shuffling(values)
      for step in 0..<horizon { #expect(paths.map { $0[step] }.sorted() == values[step]) }
      return ratio(paths)
    }
    // By theory 8.3 and 1.
    #expect(try drawn(errors(walk(300, seed: 2), isWalk: true)) > 5)
    #expect(try drawn(errors(noise(300, seed: 2), isWalk: false)) < 2.5)
    let whole = try forecaster(Series(name: "x", values: walk(300, seed: 5)))
    #expect(ratio(try whole.forecast(samples: 300).samples) > 3)
  }

  @Test("of a series too short to tell are those of a walk, and keep what its values can be")
  func short() throws {
    #expect(ErrorRanks(errors: [[1, 2], [2, 1], [0, 1]], horizon: 2) == nil)
    // Origins that know less than half of their horizon do not count.
    #expect(ErrorRanks(errors: [[1, 2, 3], [2, 1, 3], [0, 1, 2], [1, .nan, .nan]], horizon: 3) == nil)
    var configuration = Forecaster.Configuration()
    configuration.horizon = 3
    let few = try Forecaster.train(
      on: Series(name: "x", values: [3, 1, 4, 1, 5, 0, 2, 4, 3]), configuration: configuration)
    let paths = try few.forecast(samples: 400).samples
    #expect(paths.count == 400 && paths.allSatisfy { $0.allSatisfy { $0 >= 0 && $0 == $0.rounded() } })
  }

  @Test("are an array at each step of an answer, one place a path, and of several series each has its own")
  func answers() throws {
    var request = ForecastRequest()
    request.samples = 5
    let forecaster = try forecaster(Series(name: "x", values: walk(60, seed: 3)), horizon: 4)
    let points = try forecaster.predict([], request)
    let samples = try forecaster.forecast(samples: 5).samples
    #expect(
      points.count == 4 && points.enumerated().allSatisfy { step, point in point.samples == samples.map { $0[step] } })
    let all = ["a", "b"].map { Series(name: "x", values: walk(60, seed: 4)).identified($0) }
    var configuration = Forecaster.Configuration()
    (configuration.isZeroShot, configuration.horizon) = (true, 4)
    let both = try Forecaster.train(on: all, configuration: configuration).forecasts(samples: 50)
    #expect(both[0].points.map(\.median) == both[1].points.map(\.median) && both[0].samples != both[1].samples)
  }
}
