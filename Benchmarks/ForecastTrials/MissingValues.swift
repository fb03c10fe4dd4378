import Refrain
import RefrainData

/// Values that are taken away, to see what that costs.
struct MissingValues {
  /// Which share of them, from 0 to 1.
  var share: Double
  /// Whether in runs of a dozen on average, and not one by one.
  var isInBlocks: Bool

  /// The series without them; the first value stays.
  func taken(from series: Series, seed: UInt64) -> Series {
    var generator = RandomGenerator(seed: seed &+ UInt64(series.count))
    var values = series.values
    let wanted = Int(Double(values.count) * share)
    var (taken, row) = (0, 0)
    while taken < wanted {
      row = 1 + Int(generator.uniform() * Float(values.count - 1))
      let length = isInBlocks ? 4 + Int(generator.uniform() * 17) : 1
      for place in row..<min(row + length, values.count) where !values[place].isNaN && taken < wanted {
        values[place] = .nan
        taken += 1
      }
    }
    return Series(name: series.name, values: values, times: series.times, covariates: series.covariates)
  }
}
