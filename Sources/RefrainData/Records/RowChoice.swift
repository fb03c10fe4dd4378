/// Rows by their numbers, in their order: those that are named, or all but these, of which nothing need be held.
package struct RowChoice: RandomAccessCollection, Sendable {
  private let named: [Int]
  /// How many rows there are where the others are chosen.
  private let total: Int?

  /// These rows.
  package init(_ rows: [Int]) { (named, total) = (rows, nil) }

  /// All of `total` rows but some.
  ///
  /// - Parameter rows: Which ones, in ascending order.
  package init(allOf total: Int, but rows: [Int] = []) { (named, self.total) = (rows, total) }

  package var startIndex: Int { 0 }
  package var endIndex: Int { total.map { $0 - named.count } ?? named.count }

  package subscript(place: Int) -> Int {
    guard total != nil else { return named[place] }
    // Before the row are as many that are left out as have at most `place` others before them.
    var (low, high) = (0, named.count)
    while low < high {
      let middle = (low + high) / 2
      if named[middle] - middle <= place { low = middle + 1 } else { high = middle }
    }
    return place + low
  }
}
