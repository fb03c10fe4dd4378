import Refrain
import RefrainFoundation

extension Augmentations {
  /// Series in other forms (Um et al. 2017; Iwana and Uchida 2021), each by draws of its own: what moves steps comes
  /// first, then what changes values.
  ///
  /// - Parameters:
  ///   - input: `[B, T, I]`
  ///   - channels: How many of the **I** values are those of channels, the first ones; others go where their steps go.
  ///   - flags: Which of the others is the first of those that say by 1 whether a channel's value is there; what is
  ///     not there has no noise. nil where all are there.
  ///   - timeColumn: Which of the others is the time since the step before, 0 at the first.
  public func changed(
    series input: StepValues, channels: Int, flags: Int? = nil, timeColumn: Int? = nil,
    using generator: inout RandomGenerator
  ) -> StepValues {
    guard !only(Augmentation.Content.series.kinds.filter { $0 != .mixup }).isEmpty else { return input }
    let series = input.sequences.map { one in
      var one = moved(one, channels: channels, using: &generator)
      if let timeColumn, one.count > 0 { one.values[timeColumn] = 0 }
      for channel in 0..<channels {
        guard let factors = factors(steps: one.count, using: &generator) else { break }
        for (step, factor) in factors.enumerated() { one.values[step * one.width + channel] *= factor }
      }
      if let deviation = self[.noise] {
        for start in stride(from: 0, to: one.values.count, by: one.width) {
          for channel in 0..<channels where flags.map({ one.values[start + $0 + channel] > 0 }) ?? true {
            one.values[start + channel] += deviation * generator.normal()
          }
        }
      }
      return one
    }
    return series.contains { $0.count > 0 } ? FeatureFrames.batch(series) : input
  }

  /// The factors of the steps of a channel that scaling and magnitude warping draw; nil where neither is among the
  /// changes. For values of one series in several places, such as a context and what is to be foretold of it.
  public func factors(steps count: Int, using generator: inout RandomGenerator) -> [Float]? {
    var factors: [Float]?
    if let deviation = self[.scaling] {
      factors = Array(repeating: 1 + deviation * generator.normal(), count: count)
    }
    if let deviation = self[.magnitudeWarp] {
      let curve = Self.curve(count, deviation: deviation, using: &generator)
      factors = factors.map { zip($0, curve).map { $0 * $1 } } ?? curve
    }
    return factors
  }

  /// Steps in other places.
  private func moved(
    _ series: FeatureFrames, channels: Int, using generator: inout RandomGenerator
  ) -> FeatureFrames {
    var series = series
    if let most = self[.permutation].map({ Int($0) }), most > 1, series.count > 1 {
      let pieces = min(2 + generator.integer(below: most - 1), series.count)
      let cuts = generator.permutation(series.count - 1).prefix(pieces - 1).map { $0 + 1 }.sorted()
      let bounds = [0] + cuts + [series.count]
      let order = generator.permutation(pieces)
      series = series.selecting(order.flatMap { Array(bounds[$0]..<bounds[$0 + 1]) })
    }
    if let share = self[.slice] {
      let cut = generator.integer(below: Int((share * Float(series.count)).rounded(.up)) + 1)
      let kept = max(min(1, series.count), series.count - cut)
      let start = generator.integer(below: series.count - kept + 1)
      series = series.selecting(Array(start..<start + kept))
    }
    if let deviation = self[.timeWarp], series.count > 2 {
      // Time may slow down, and does not turn back.
      let speeds = Self.curve(series.count - 1, deviation: deviation, using: &generator).map { max($0, 0.1) }
      let scale = Float(series.count - 1) / speeds.reduce(0, +)
      var places: [Float] = [0]
      for speed in speeds { places.append(min(places[places.count - 1] + speed * scale, Float(series.count - 1))) }
      series = series.interpolated(at: places, columns: channels)
    }
    return series
  }

  /// A smooth curve: cubic (Catmull and Rom 1974) through six knots equally far apart, each normal with mean 1.
  static func curve(_ count: Int, deviation: Float, using generator: inout RandomGenerator) -> [Float] {
    let knots = (0..<6).map { _ in 1 + deviation * generator.normal() }
    return (0..<count).map { step in
      let place = count > 1 ? Float(step) / Float(count - 1) * Float(knots.count - 1) : 0
      let left = min(Int(place), knots.count - 2)
      let t = place - Float(left)
      let (b, c) = (knots[left], knots[left + 1])
      let (a, d) = (knots[max(left - 1, 0)], knots[min(left + 2, knots.count - 1)])
      let (rise, turn) = (c - a, 2 * a - 5 * b + 4 * c - d)
      return b + 0.5 * t * (rise + t * (turn + t * (3 * (b - c) + d - a)))
    }
  }

  /// Numbers `[B, I]` with noise on the first `count` of each row, where `isThere` says so.
  public func changed(
    numbers input: Tensor, count: Int, isThere: (_ row: ArraySlice<Float>) -> Bool = { _ in true },
    using generator: inout RandomGenerator
  ) -> Tensor {
    guard let deviation = self[.noise] else { return input }
    let width = input.shape[1]
    var values = input.values
    for start in stride(from: 0, to: values.count, by: width) {
      for place in start..<start + count {
        let noise = deviation * generator.normal()
        if isThere(values[start..<start + width]) { values[place] += noise }
      }
    }
    return Tensor(values, shape: input.shape)
  }
}

extension StepValues {
  /// The steps of each sequence of `[B, T, I]` that there are.
  var sequences: [FeatureFrames] {
    let (batch, time, width) = (values.shape[0], values.shape[1], values.shape[2])
    let all = values.values
    return (0..<batch).map { row in
      let length = steps.lengths?[row] ?? time
      return FeatureFrames(Array(all[row * time * width..<(row * time + length) * width]), width: width)
    }
  }
}

extension FeatureFrames {
  /// Some rows, in that order.
  func selecting(_ rows: [Int]) -> FeatureFrames {
    FeatureFrames(rows.flatMap { self[$0] }, width: width)
  }

  /// Rows at places between those there are: the first columns linear between their neighbors, the others those of the
  /// nearest.
  func interpolated(at places: [Float], columns: Int) -> FeatureFrames {
    var result: [Float] = []
    result.reserveCapacity(places.count * width)
    for place in places {
      let left = min(Int(place), count - 1)
      let right = min(left + 1, count - 1)
      let share = place - Float(left)
      let (low, high) = (left * width, right * width)
      for column in 0..<columns {
        result.append(values[low + column] + share * (values[high + column] - values[low + column]))
      }
      let nearest = share < 0.5 ? low : high
      result += values[nearest + columns..<nearest + width]
    }
    return FeatureFrames(result, width: width)
  }
}
