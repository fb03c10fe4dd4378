import Refrain
import RefrainData

/// A number of each row. Networks say how many deviations it lies from the mean.
struct NumberHead: ColumnHead, Codable, Equatable {
  /// Of the numbers that were learned.
  let mean: Double
  let deviation: Double
  /// Whether none of them was below 0: then none is said to be.
  let isNeverNegative: Bool

  /// Learns the scale of a column.
  ///
  /// - Throws: `notANumber` or `missingValue` with the row; `constantSeries` where all numbers are the same.
  init(_ column: Column) throws(DataError) {
    var (count, mean, squares) = (0.0, 0.0, 0.0)
    var (low, high) = (Double.infinity, -Double.infinity)
    for row in 0..<column.count {
      let number = try Self.number(in: column, row: row)
      (low, high) = (min(low, number), max(high, number))
      // Welford's update: sums of squares of large numbers would lose their small differences.
      count += 1
      let difference = number - mean
      mean += difference / count
      squares += difference * (number - mean)
    }
    let deviation = (squares / max(count, 1)).squareRoot()
    guard deviation.isNormal, deviation > 1e-12 * abs(mean) else {
      if low < high {
        throw DataError(
          .wrongInput, column: column.name,
          "numbers from \(low) to \(high) differ too \(deviation.isFinite ? "little beside their size" : "much") to be learned",
          remedy: "write how far they are from one of them, or in another unit")
      }
      throw DataError(
        .constantSeries, column: column.name,
        "all \(column.count) rows have the number \(mean), so that there is nothing to learn",
        remedy: "add other rows, or name another column")
    }
    (self.mean, self.deviation) = (mean, deviation)
    isNeverNegative = low >= 0
  }

  /// Whether a file's numbers can be a scale.
  var isSound: Bool { mean.isFinite && deviation.isNormal && deviation > 0 }

  var outputSize: Int { 1 }
  func loss(for truths: ChosenTruths<LongArray<Double>>) -> Loss { .meanSquaredError }

  func truths(in column: Column) throws(DataError) -> LongArray<Double> {
    var numbers = LongArray<Double>()
    for row in 0..<column.count { numbers.append(try Self.number(in: column, row: row)) }
    return numbers
  }

  func target(_ truth: Double) -> [Float] { [Float((truth - mean) / deviation)] }

  /// The number that a network's value stands for.
  func value(_ score: Float) -> Double { bounded(mean + Double(score) * deviation) }

  /// A number as near as can be to one that may be.
  func bounded(_ value: Double) -> Double { isNeverNegative ? max(value, 0) : value }

  private static func number(in column: Column, row: Int) throws(DataError) -> Double {
    guard let number = try NumberColumn.number(in: column, row: row) else {
      throw column.fault(
        .missingValue, row: row, "the number to learn is missing", remedy: "add it, or remove the row")
    }
    return number
  }
}
