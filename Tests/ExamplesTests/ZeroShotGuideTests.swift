// The Swift of Guides/ZeroShot.md, so that it compiles and does what the text says. DocumentationTests holds the text
// to it, word for word.
import Refrain
import RefrainTasks
import Testing

@testable import PretrainedForecaster

@Suite("The code of the guide to the pretrained network runs")
struct ZeroShotGuideTests {
  @Test("a forecast without training")
  func forecast() throws {
    var configuration = Forecaster.Configuration()
    configuration.isZeroShot = true
    let forecaster = try Forecaster.train(on: .airline, configuration: configuration)
    for point in try forecaster.forecast().points { print(point.time, point.p10, point.median, point.p90) }

    #expect(forecaster.training.epochs == 0)
    #expect(try forecaster.forecast().points.allSatisfy { $0.p10 < $0.median && $0.median < $0.p90 })
  }
}

@Suite("Series that are made up")
struct SyntheticSeriesTests {
  @Test("They follow from their seed, have values of every kind, and some that are missing")
  func series() {
    func made(_ seed: UInt64) -> [SyntheticSeries] {
      var generator = RandomGenerator(seed: seed)
      return (0..<200).map { _ in SyntheticSeries(count: 120, using: &generator) }
    }
    let (all, again) = (made(1), made(1))
    #expect(zip(all, again).allSatisfy { $0.values.map(\.bitPattern) == $1.values.map(\.bitPattern) })
    #expect(all.allSatisfy { $0.values.count == 120 && $0.season >= 1 && !$0.values.contains { $0.isInfinite } })
    let holes = all.filter { $0.values.contains { $0.isNaN } }.count
    #expect((20..<100).contains(holes))
    let counts = all.filter { made in made.values.allSatisfy { $0.isNaN || $0 >= 0 } }.count
    #expect((40..<160).contains(counts))
  }

  @Test("A few steps of training make the loss of a small network smaller, missing values or not")
  func learning() {
    var generator = RandomGenerator(seed: 5)
    var network = ZeroShotNetwork(hiddenSize: 12, layers: 1, using: &generator)
    let examples = PretrainedForecaster.examples(8, using: &generator)
    #expect(examples.input.values.allSatisfy(\.isFinite) && examples.target.values.allSatisfy(\.isFinite))
    var optimizer = AdamW(learningRate: 3e-3, weightDecay: 0)
    let before = PretrainedForecaster.loss(network, examples).item
    for _ in 0..<15 {
      let (_, gradient) = valueAndGradient(at: network) { PretrainedForecaster.loss($0, examples) }
      optimizer.update(&network, along: gradient)
    }
    #expect(PretrainedForecaster.loss(network, examples).item < before)
  }
}
