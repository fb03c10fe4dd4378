import RealModule
import Refrain

/// A series made up at random: what trends, seasons, noise, breaks and counts put together look like.
struct SyntheticSeries {
  /// NaN is missing.
  var values: [Double]
  /// The steps of its season; 1 for none.
  let season: Int

  /// A series of `count` values.
  init(count: Int, using generator: inout RandomGenerator) {
    var maker = Maker(count: count, generator: generator)
    self = maker.series()
    generator = maker.generator
  }

  fileprivate init(values: [Double], season: Int) {
    self.values = values
    self.season = season
  }
}

private struct Maker {
  let count: Int
  var generator: RandomGenerator

  private mutating func uniform(_ low: Double = 0, _ high: Double = 1) -> Double {
    low + (high - low) * Double(generator.uniform())
  }
  private mutating func normal() -> Double { Double(generator.normal()) }
  private mutating func happens(_ chance: Double) -> Bool { uniform() < chance }
  private mutating func one<Value>(of values: [Value]) -> Value { values[generator.integer(below: values.count)] }

  mutating func series() -> SyntheticSeries {
    let season = pickSeason()
    var parts = happens(0.35) ? stateSpace(season) : sum(season)
    if happens(0.35) {
      // Growth by factors: swings and noise grow with the level.
      let size = max(parts.map(abs).max() ?? 1, 1e-6)
      let strength = uniform(0.1, 1.6) / size
      parts = parts.map { .exp(strength * $0) }
    } else {
      let offset = uniform(-8, 8) * (happens(0.3) ? 5 : 1)
      for index in parts.indices { parts[index] += offset }
    }
    if happens(0.15) { shiftLevels(&parts) }
    if happens(0.15) { becomeCounts(&parts) }
    if happens(0.05) { becomeIntermittent(&parts) }
    if happens(0.1) { parts = parts.map { max($0, 0) } }
    if happens(0.2) { addOutliers(&parts) }
    if happens(0.25) { removeSome(&parts) }
    let scale = Double.exp(normal() * 3)
    // Sometimes nobody knows of the season.
    return SyntheticSeries(values: parts.map { $0 * scale }, season: happens(0.06) ? 1 : season)
  }

  /// Trends, seasons, waves and noise, one upon the other.
  private mutating func sum(_ season: Int) -> [Double] {
    var parts = [Double](repeating: 0, count: count)
    func add(_ part: [Double], _ size: Double) { for index in parts.indices { parts[index] += size * part[index] } }
    if happens(0.75) { add(trend(), .exp(normal() * 0.8)) }
    if season > 1, happens(0.93) { add(seasonal(season), .exp(normal() * 0.7)) }
    if season > 1, 7 * season < count / 2, happens(0.4) { add(seasonal(7 * season), .exp(normal() * 0.5) * 0.6) }
    if happens(season > 1 ? 0.12 : 0.3) { add(cycle(), .exp(normal() * 0.6)) }
    if happens(0.3) { add(smooth(uniform(4, Double(count) / 3)), .exp(normal() * 0.7)) }
    add(noise(), .exp(normal() * 0.9 - (happens(0.2) ? 3 : 1.2)))
    return parts
  }

  /// Level, trend and season that every shock changes a little, as exponential smoothing takes a series to be; with no
  /// trend and a level that keeps all of every shock it is a random walk (Hyndman et al. 2002).
  private mutating func stateSpace(_ season: Int) -> [Double] {
    let levelShare = happens(0.2) ? 1 : uniform()
    let trendShare = happens(0.5) ? uniform(0, 0.2) : 0
    let seasonShare = happens(0.5) ? uniform(0, 0.4) : 0
    let damping = happens(0.5) ? uniform(0.8, 1) : 1
    var season = season > 1 ? Array(seasonal(season).prefix(season)) : [0]
    let size = Double.exp(normal() * 0.8 + 0.5)
    season = (0..<max(season.count, 1)).map { $0 < season.count ? season[$0] * size : 0 }
    var (level, trend) = (0.0, happens(0.4) ? normal() * uniform(0, 0.4) : 0)
    return noise().enumerated().map { index, shock in
      let phase = index % season.count
      let value = level + damping * trend + season[phase] + shock
      level += damping * trend + levelShare * shock
      trend = damping * trend + levelShare * trendShare * shock
      season[phase] += seasonShare * (1 - levelShare) * shock
      return value
    }
  }

  private mutating func pickSeason() -> Int {
    let draw = uniform()
    let usual: [(Int, Double)] = [
      (1, 0.22), (12, 0.24), (4, 0.1), (7, 0.1), (24, 0.12), (52, 0.05), (5, 0.03), (48, 0.02),
    ]
    var sum = 0.0
    for (season, share) in usual {
      sum += share
      if draw < sum { return season }
    }
    return 2 + generator.integer(below: 40)
  }

  /// A line, a bent one, a walk or one that levels off, of about unit size.
  private mutating func trend() -> [Double] {
    let length = Double(count)
    switch generator.integer(below: 6) {
    case 0:
      // A line, that may bend.
      var (slope, value) = (normal() * 2, 0.0)
      let chance = happens(0.5) ? 1.5 / length : 0
      return (0..<count).map { _ in
        if happens(chance) { slope *= uniform(-0.3, 1) }
        value += slope / length
        return value
      }
    case 1:
      let (rate, slope) = (uniform(1, 8), normal() * 2)
      return (0..<count).map { slope * (1 - .exp(-rate * Double($0) / length)) }
    case 2:
      var (slope, value) = (normal() * 3, 0.0)
      let chance = uniform(1, 5) / length
      return (0..<count).map { _ in
        if happens(chance) { slope = normal() * 3 }
        value += slope / length
        return value
      }
    case 3:
      let step = 2 / length.squareRoot()
      let drift = normal() * 0.5 / length
      var value = 0.0
      return (0..<count).map { _ in
        value += step * normal() + drift
        return value
      }
    case 4:
      // A trend that walks itself.
      var (slope, value) = (0.0, 0.0)
      let size = 6 / (length * length.squareRoot())
      return (0..<count).map { _ in
        slope = 0.995 * slope + size * normal()
        value += slope
        return value
      }
    default:
      return smooth(length / uniform(1, 3))
    }
  }

  /// A season of a shape drawn at random, which may swell and change.
  private mutating func seasonal(_ period: Int) -> [Double] {
    var shape: [Double]
    switch generator.integer(below: 4) {
    case 0, 1:
      let harmonics = 1 + generator.integer(below: max(1, min(period / 2, 6)))
      let decay = uniform(0.5, 2)
      shape = Array(repeating: 0, count: period)
      for number in 1...harmonics {
        let (phase, size) = (uniform(0, 2 * .pi), normal() / .pow(Double(number), decay))
        for place in 0..<period {
          shape[place] += size * .sin(2 * .pi * Double(number * place) / Double(period) + phase)
        }
      }
    case 2: shape = (0..<period).map { _ in normal() }
    default:
      // Some places are unlike the rest, as weekends are.
      let size = normal() * 2
      let start = generator.integer(below: period)
      let width = 1 + generator.integer(below: max(1, period / 3))
      shape = (0..<period).map { ($0 + period - start) % period < width ? size : 0 + 0.1 * normal() }
    }
    let mean = shape.reduce(0, +) / Double(period)
    let spread = (shape.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(period)).squareRoot()
    shape = shape.map { ($0 - mean) / max(spread, 1e-6) }
    let change = happens(0.4) ? uniform(0.02, 0.25) : 0
    let swelling = happens(0.3) ? uniform(-0.7, 1.5) : 0
    return (0..<count).map { index in
      if change > 0 { shape[index % period] += change * normal() }
      return shape[index % period] * (1 + swelling * Double(index) / Double(count))
    }
  }

  /// Waves whose length varies, as those of sunspots and populations (a damped autoregression of two steps).
  private mutating func cycle() -> [Double] {
    let length = uniform(5, max(6, Double(count) / 5))
    let radius = uniform(0.9, 0.995)
    let (first, second) = (2 * radius * .cos(2 * .pi / length), -radius * radius)
    var (before, value) = (0.0, 0.0)
    var result = (0..<count + 50).map { _ in
      (before, value) = (value, first * value + second * before + normal())
      return value
    }
    result.removeFirst(50)
    return standardized(result)
  }

  /// A draw of a Gaussian process with a smooth kernel of some length, by random waves (Rahimi and Recht 2007).
  private mutating func smooth(_ length: Double) -> [Double] {
    var result = [Double](repeating: 0, count: count)
    for _ in 0..<24 {
      let (frequency, phase) = (normal() / max(length, 1), uniform(0, 2 * .pi))
      for index in 0..<count { result[index] += .cos(frequency * Double(index) + phase) / 3.46 }
    }
    return result
  }

  /// Unit noise: independent or not, heavy-tailed or not, steady or not.
  private mutating func noise() -> [Double] {
    let memory = happens(0.4) ? uniform(-0.3, 0.95) : 0
    let isHeavy = happens(0.25)
    let wandering = happens(0.25) ? 0.25 : 0
    var (value, volatility) = (0.0, 0.0)
    return (0..<count).map { _ in
      volatility = 0.95 * volatility + wandering * normal()
      var shock = normal()
      if isHeavy { shock /= max(abs(normal()), 0.25) }
      value = memory * value + shock * (1 - memory * memory).squareRoot() * .exp(volatility * 0.5)
      return value
    }
  }

  private func standardized(_ values: [Double]) -> [Double] {
    let mean = values.reduce(0, +) / Double(values.count)
    let spread = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    return values.map { ($0 - mean) / max(spread, 1e-9) }
  }

  private func spread(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    return max((values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot(), 1e-9)
  }

  private mutating func shiftLevels(_ values: inout [Double]) {
    let size = spread(values)
    for _ in 0...generator.integer(below: 2) {
      let place = generator.integer(below: count)
      let shift = normal() * 2 * size
      for index in place..<count { values[index] += shift }
    }
  }

  /// Whole numbers around the values, on a level from a few to some hundreds.
  private mutating func becomeCounts(_ values: inout [Double]) {
    let low = values.min() ?? 0
    let size = spread(values)
    let factor = Double.exp(uniform(-0.7, 4))
    for index in values.indices {
      let rate = max(0, (values[index] - low) / size * factor)
      values[index] = max(0, (rate + rate.squareRoot() * normal()).rounded())
    }
  }

  private mutating func becomeIntermittent(_ values: inout [Double]) {
    let chance = uniform(0.1, 0.7)
    let low = values.min() ?? 0
    let size = spread(values)
    for index in values.indices {
      values[index] = happens(chance) ? ((values[index] - low) / size * 3 * .exp(0.5 * normal()) + 1).rounded() : 0
    }
  }

  private mutating func addOutliers(_ values: inout [Double]) {
    let size = spread(values)
    let chance = uniform(0.002, 0.02)
    for index in values.indices where happens(chance) { values[index] += normal() * size * uniform(3, 12) }
  }

  private mutating func removeSome(_ values: inout [Double]) {
    if happens(0.6) {
      let chance = uniform(0.02, 0.4)
      for index in values.indices where happens(chance) { values[index] = .nan }
    } else {
      for _ in 0...generator.integer(below: 3) {
        let start = generator.integer(below: count)
        let length = 1 + generator.integer(below: max(1, count / 6))
        for index in start..<min(start + length, count) { values[index] = .nan }
      }
    }
  }
}
