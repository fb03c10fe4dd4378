import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

@Suite("The pretrained network") struct ZeroShotTests {
  private func shipped() throws -> ZeroShotNetwork { try ZeroShotWeights.shipped.get() }
  private func isSound(_ quantiles: [[Double]]) -> Bool {
    quantiles.allSatisfy { $0.allSatisfy(\.isFinite) && zip($0.dropFirst(), $0).allSatisfy { $0 >= $1 } }
  }
  private static func wave(_ step: Int) -> Double {
    let season: Double = sin(Double(step) * .pi / 6)
    return 50 + Double(step) / 4 + 12 * season
  }
  private let wave = (0..<100).map(Self.wave)

  struct Case: Decodable {
    let name: String
    let values: [Double?]
    let season: Int, horizon: Int
    let quantiles: [[Double]]
  }

  @Test("The weights that ship give the numbers that a program of its own computes from them")
  func parity() throws {
    let url = Repository.root.appending(path: "Tests/Fixtures/zero_shot.json")
    let cases = try JSONDecoder().decode([Case].self, from: Data(contentsOf: url))
    #expect(cases.count >= 6)
    for one in cases {
      let forecast = try shipped().forecast(
        continuing: one.values.map { $0 ?? .nan }, season: one.season, horizon: one.horizon)
      #expect(forecast.count == one.horizon)
      let width = one.quantiles[0].last! - one.quantiles[0][0]
      for (own, theirs) in zip(forecast, one.quantiles) {
        #expect(zip(own, theirs).allSatisfy { abs($0 - $1) < 1e-4 * width }, "\(one.name): \(own), \(theirs)")
      }
    }
  }

  @Test("Weights are the same after they were a string, but for rounding to halves")
  func string() throws {
    var generator = RandomGenerator(seed: 3)
    let network = ZeroShotNetwork(hiddenSize: 5, layers: 1, using: &generator)
    #expect(ZeroShotNetwork.parameterCount(hiddenSize: 5, layers: 1) == network.parameterCount)
    let again = try ZeroShotWeights.network(ZeroShotWeights.text(of: network))
    for (own, theirs) in zip(network.namedTensors, again.namedTensors) {
      #expect(own.name == theirs.name && own.tensor.shape == theirs.tensor.shape)
      #expect(zip(own.tensor.values, theirs.tensor.values).allSatisfy { abs($0 - $1) < 1e-3 * max(1, abs($0)) })
    }
    #expect(ZeroShotWeights.text(of: again) == ZeroShotWeights.text(of: network))
  }

  @Test("A string that is not one of weights is an error that says so")
  func forged() throws {
    var generator = RandomGenerator(seed: 3)
    let text = ZeroShotWeights.text(of: ZeroShotNetwork(hiddenSize: 4, layers: 1, using: &generator))
    let bytes = [UInt8](try #require(Data(base64Encoded: text)))
    func encoded(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
    /// Bytes with a checksum that fits them.
    func signed(_ change: (inout [UInt8]) -> Void) -> String {
      var content = Array(bytes.dropLast(4))
      change(&content)
      let sum = ZeroShotWeights.hash(content)
      return encoded(content + (0..<4).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) })
    }
    var flipped = bytes
    flipped[100] ^= 1
    let forgeries = [
      "", "?", "UlpE", "text", encoded([]), encoded(Array(bytes.prefix(40))), encoded(flipped),
      // Sizes that would take all memory there is, or none.
      signed { ($0[3], $0[4], $0[5]) = (255, 255, 255) }, signed { $0[3] = 0 }, signed { ($0[4], $0[5]) = (0, 0) },
      signed { $0[2] = 9 }, signed { $0.removeLast(2) }, signed { $0.append(0) },
      // A half that is infinite, and one that is no number.
      signed { ($0[8], $0[9]) = (0, 0x7C) }, signed { ($0[20], $0[21]) = (1, 0x7C) },
    ]
    for forgery in forgeries {
      let error = #expect(throws: TaskError.self) { try ZeroShotWeights.network(forgery) }
      #expect(error?.description.contains("weights of the pretrained network are damaged") == true)
    }
    #expect(throws: Never.self) { try ZeroShotWeights.network(signed { _ in }) }
  }

  @Test(
    "Whatever it is given, it gives as many steps as asked for, all numbers, quantiles in order",
    arguments: [1, 8, 9, 65, 1000])
  func steps(horizon: Int) throws {
    let nan = Double.nan
    let pasts: [[Double]] = [
      [], [nan], [3], [0], [-1e300], [nan, nan, 5, nan], [1, 2], Array(repeating: 0, count: 30), wave,
      wave.enumerated().map { $0 % 3 == 0 ? nan : $1 }, wave + Array(repeating: nan, count: 40),
      Array(repeating: nan, count: 600) + [4, 5, 4], [1e308, -1e308, 1e308, 4],
      [.leastNonzeroMagnitude, 0, .leastNonzeroMagnitude, Double(bitPattern: 2024)],
      [1, 2, .infinity, 3, -.infinity, 4], (0..<60).map { $0 % 9 == 0 ? 3 : 0 }, (0..<3000).map { Double($0 % 24) },
      wave.enumerated().map { $0 == 90 ? 1e200 : $1 }, (0..<200).map { exp(Double($0) / 3) },
    ]
    for past in pasts {
      for season in [1, 7, 12, 365] {
        let forecast = try shipped().forecast(continuing: past, season: season, horizon: horizon)
        #expect(forecast.count == horizon && isSound(forecast), "\(past.prefix(4)) … at season \(season)")
      }
    }
  }

  @Test("A constant goes on; so does what repeats without any change")
  func constant() throws {
    let forecast = try shipped().forecast(continuing: Array(repeating: 4.25, count: 9), season: 1, horizon: 20)
    #expect(forecast.allSatisfy { $0.allSatisfy { $0 == 4.25 } })
    let repeated = (0..<120).map { 10 + 5 * Double([0, 1, 3, 2][$0 % 4]) }
    for (step, quantiles) in try shipped().forecast(continuing: repeated, season: 4, horizon: 8).enumerated() {
      #expect(abs(quantiles[3] - repeated[step % 4]) < 0.5)
    }
  }

  @Test("Scale and sign of the unit do not matter; nor do the other series asked about, or more of them")
  func invariance() throws {
    let network = try shipped()
    let own = network.forecast(continuing: wave, season: 12, horizon: 14)
    let large = network.forecast(continuing: wave.map { $0 * 0x1p40 }, season: 12, horizon: 14)
    #expect(zip(own, large).allSatisfy { zip($0, $1).allSatisfy { $1 == $0 * 0x1p40 } })
    let together = network.forecasts(
      continuing: [wave.reversed(), wave, wave.map(-)], season: 12, horizon: 14)
    #expect(zip(own, together[1]).allSatisfy { zip($0, $1).allSatisfy { abs($0 - $1) < 1e-4 } })
  }

  @Test("What lies far from zero is forecast as closely as what lies near", arguments: [1e9, -1e9, 1e12])
  func far(offset: Double) throws {
    let near = try shipped().forecast(continuing: wave, season: 12, horizon: 12)
    let far = try shipped().forecast(continuing: wave.map { $0 + offset }, season: 12, horizon: 12)
    for (step, (own, other)) in zip(near, far).enumerated() {
      // The whole wave is 24 high; what was said was off by a hundred.
      #expect(abs(other[3] - offset - own[3]) < 20, "step \(step): \(own[3]), \(other[3] - offset)")
      #expect(other[6] - other[0] < 60)
    }
  }

  @Test("With a tenth of the values missing, the forecast of a wave is about the same")
  func missing() throws {
    let whole = try shipped().forecast(continuing: wave, season: 12, horizon: 12)
    let gaps = wave.enumerated().map { $0 % 10 == 7 ? Double.nan : $1 }
    let some = try shipped().forecast(continuing: gaps, season: 12, horizon: 12)
    func error(_ forecast: [Double]) -> Double {
      forecast.enumerated().reduce(0) { $0 + abs($1.element - Self.wave(100 + $1.offset)) }
    }
    let naive = error((0..<12).map { wave[88 + $0] })
    #expect(error(whole.map { $0[3] }) < naive && error(some.map { $0[3] }) < 1.2 * naive)
  }
}

@Suite("A forecast without training") struct ZeroShotForecasterTests {
  private var configuration: Forecaster.Configuration {
    var configuration = Forecaster.Configuration()
    configuration.isZeroShot = true
    return configuration
  }

  @Test("Nothing is trained, the report says so, and a backtest says how good it is")
  func airline() throws {
    let forecaster = try Forecaster.train(on: .airline, configuration: configuration)
    #expect(forecaster.methods.map(\.name) == ["pretrained network"] && forecaster.training.epochs == 0)
    #expect(forecaster.notes.contains { $0.hasPrefix("nothing was trained") })
    let backtest = try #require(forecaster.backtest)
    #expect(backtest.mase < backtest.seasonalNaive.mase)
    for point in try forecaster.forecast(levels: [50]).points {
      #expect(point.p10 < point.median && point.median < point.p90)
      #expect(point.p10 < point.intervals[0].lower && point.intervals[0].upper < point.p90)
    }
  }

  @Test("Saved and read again it says the same to the last bit")
  func saved() throws {
    let forecaster = try Forecaster.train(on: .airline, configuration: configuration)
    let again = try Forecaster(modelFile: forecaster.modelFile())
    let (own, theirs) = (try forecaster.forecast().points, try again.forecast().points)
    #expect(own == theirs)
  }

  @Test("Several series share a model and each has its own forecast")
  func several() throws {
    let texts = (0..<3).map { number in
      let rows = (0..<60).map { "s\(number),\(Double(10 * number + $0 % 7) + 0.3 * Double($0 * 37 % 11))" }
      return rows.joined(separator: "\n")
    }
    let table = try Table(csv: "id,x\n" + texts.joined(separator: "\n"))
    var options = Series.Options(target: "x")
    options.id = ["id"]
    let all = try Series.all(in: table, options: options)
    var configuration = configuration
    configuration.season = 7
    let forecasts = try Forecaster.train(on: all, configuration: configuration).forecasts()
    #expect(forecasts.map(\.id) == ["s0", "s1", "s2"])
    #expect(forecasts[2].points[0].median > forecasts[0].points[0].median + 10)
  }

  @Test("Short series are forecast, and one that stands still")
  func short() throws {
    for count in [3, 6, 11, 20] {
      let values = (0..<count).map { 100 + Double($0 * 37 % 11) }
      let points = try Forecaster.train(on: Series(name: "x", values: values), configuration: configuration)
        .forecast().points
      #expect(points.allSatisfy { $0.median.isFinite && $0.p10 <= $0.median && $0.median <= $0.p90 })
    }
    let still = Series(name: "x", values: Array(repeating: 7, count: 30))
    #expect(
      try Forecaster.train(on: still, configuration: configuration).forecast().points.allSatisfy { $0.median == 7 })
  }

  @Test("Sizes of a network make no sense without one")
  func sizes() throws {
    var configuration = configuration
    var options = SharedOptions()
    options.epochs = 3
    #expect(throws: TaskError.self) { try configuration.choose(options) }
  }
}
