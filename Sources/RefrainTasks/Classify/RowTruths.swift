import RefrainData

/// What is true of rows: few bytes of each, in a file where they are too many for memory.
protocol RowTruths: Sendable {
  /// What is true of a row.
  associatedtype Truth: Sendable
  /// How many rows there are.
  var count: Int { get }
  /// What is true of a row.
  subscript(row: Int) -> Truth { get }
  /// Makes sure that all could be kept, and read as far as it was asked for.
  func check() throws(DataError)
}

extension LongArray: RowTruths {}

/// The classes of rows: those of each kind of row once, and four bytes a row.
struct ClassSets: RowTruths {
  private var sets: [[Int]] = []
  private var numbers: [[Int]: Int32] = [:]
  private var rows = LongArray<Int32>()

  var count: Int { rows.count }
  subscript(row: Int) -> [Int] { sets[Int(rows[row])] }
  func check() throws(DataError) { try rows.check() }

  mutating func append(_ set: [Int]) {
    if let known = numbers[set] { return rows.append(known) }
    numbers[set] = Int32(sets.count)
    rows.append(Int32(sets.count))
    sets.append(set)
  }
}

/// What is true of some rows.
struct ChosenTruths<Truths: RowTruths>: Sequence, Sendable {
  private let truths: Truths
  private let rows: RowChoice

  init(_ truths: Truths, _ rows: RowChoice) { (self.truths, self.rows) = (truths, rows) }

  var count: Int { rows.count }
  var underestimatedCount: Int { count }

  func makeIterator() -> some IteratorProtocol<Truths.Truth> { rows.lazy.map { truths[$0] }.makeIterator() }
}
