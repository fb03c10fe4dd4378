import Refrain
import RefrainData

/// The values of many rows, `[T, width]` each: four bytes a value, in a file where they are too long for memory.
struct StepRows: Sendable {
  /// The values of a step.
  let width: Int
  private var values = LongArray<Float>()
  /// Where the values of each row end.
  private var ends = LongArray<Int>()

  /// None yet.
  init(width: Int) { self.width = width }

  /// Adds a row, of whole steps.
  mutating func append(_ row: [Float]) {
    values.append(contentsOf: row)
    ends.append(values.count)
  }

  /// How many rows there are.
  var count: Int { ends.count }

  /// How many steps a row has.
  func length(of row: Int) -> Int { ends.step(to: row).count / width }

  /// The values of a row.
  subscript(row: Int) -> ArraySlice<Float> { values[ends.step(to: row)] }

  /// Some rows together, `[B, T, width]`, with zeros behind the shorter ones.
  ///
  /// - Parameter least: How many steps there are at least.
  /// - Throws: Where the file that they are in fails.
  func batch(_ rows: [Int], least: Int) throws(TrainingError) -> StepValues {
    let lengths = rows.map { length(of: $0) }
    let time = max(least, lengths.max() ?? 0)
    var all: [Float] = []
    all.reserveCapacity(rows.count * time * width)
    for (row, length) in zip(rows, lengths) {
      all += self[row]
      all += repeatElement(0, count: (time - length) * width)
    }
    do throws(DataError) { try check() } catch { throw TrainingError(.unreadableData, error.description) }
    return StepValues(Tensor(all, shape: [rows.count, time, width]), steps: Steps(lengths: lengths))
  }

  /// Makes sure that all values could be kept, and read as far as they were asked for.
  func check() throws(DataError) {
    try values.check()
    try ends.check()
  }
}
