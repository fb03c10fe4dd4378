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
    let numbers = try Self.numbers(in: column)
    var (count, mean, squares) = (0.0, 0.0, 0.0)
    for number in numbers {
      // Welford's update: sums of squares of large numbers would lose their small differences.
      count += 1
      let difference = number - mean
      mean += difference / count
      squares += difference * (number - mean)
    }
    let deviation = (squares / max(count, 1)).squareRoot()
    guard deviation.isNormal, deviation > 1e-12 * abs(mean) else {
      if let low = numbers.min(), let high = numbers.max(), low < high {
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
    isNeverNegative = numbers.allSatisfy { $0 >= 0 }
  }

  /// Whether a file's numbers can be a scale.
  var isSound: Bool { mean.isFinite && deviation.isNormal && deviation > 0 }

  var outputSize: Int { 1 }
  func loss(for truths: [Double]) -> Loss { .meanSquaredError }

  func truths(in column: Column) throws(DataError) -> [Double] { try Self.numbers(in: column) }
  func target(_ truth: Double) -> [Float] { [Float((truth - mean) / deviation)] }

  /// The number that a network's value stands for.
  func value(_ score: Float) -> Double { bounded(mean + Double(score) * deviation) }

  /// A number as near as can be to one that may be.
  func bounded(_ value: Double) -> Double { isNeverNegative ? max(value, 0) : value }

  private static func numbers(in column: Column) throws(DataError) -> [Double] {
    var numbers: [Double] = []
    numbers.reserveCapacity(column.count)
    for row in 0..<column.count {
      guard let number = try NumberColumn.number(in: column, row: row) else {
        throw column.fault(
          .missingValue, row: row, "the number to learn is missing", remedy: "add it, or remove the row")
      }
      numbers.append(number)
    }
    return numbers
  }
}
