/// How a sequence differs from the one it should be: the fewest insertions, deletions and substitutions (Levenshtein).
struct EditCounts: Equatable, Sendable {
  private(set) var substitutions = 0
  private(set) var deletions = 0
  private(set) var insertions = 0
  /// The elements that there should be.
  private(set) var length = 0

  /// Nothing compared yet.
  init() {}

  /// The edits between two sequences.
  init<Element: Equatable>(reference: [Element], _ hypothesis: [Element]) {
    length = reference.count
    for edit in edits(from: reference, to: hypothesis) {
      switch edit {
      case (nil, _): insertions += 1
      case (_, nil): deletions += 1
      default: substitutions += 1
      }
    }
  }

  /// All edits.
  var total: Int { substitutions + deletions + insertions }
  /// The edits a element that there should be: the word error rate of words, and so on.
  var rate: Double { length == 0 ? (total == 0 ? 0 : .infinity) : Double(total) / Double(length) }

  /// Adds those of another pair, as error rates are made of whole test sets.
  mutating func add(_ other: EditCounts) {
    substitutions += other.substitutions
    deletions += other.deletions
    insertions += other.insertions
    length += other.length
  }
}

/// The edits that make one sequence another, the fewest there are, in their order: nil in place of what is not there.
///
/// - Complexity: O(*m*·*n*) time and bytes.
func edits<Element: Equatable>(
  from reference: [Element], to hypothesis: [Element]
) -> [(reference: Element?, hypothesis: Element?)] {
  let width = hypothesis.count + 1
  var costs = [Int32](repeating: 0, count: (reference.count + 1) * width)
  for column in 0..<width { costs[column] = Int32(column) }
  for row in 1..<reference.count + 1 {
    costs[row * width] = Int32(row)
    for column in 1..<width {
      let isSame = reference[row - 1] == hypothesis[column - 1]
      costs[row * width + column] = min(
        costs[(row - 1) * width + column - 1] + (isSame ? 0 : 1), costs[(row - 1) * width + column] + 1,
        costs[row * width + column - 1] + 1)
    }
  }
  var result: [(reference: Element?, hypothesis: Element?)] = []
  var (row, column) = (reference.count, hypothesis.count)
  while row > 0 || column > 0 {
    let cost = costs[row * width + column]
    if row > 0, column > 0 {
      let isSame = reference[row - 1] == hypothesis[column - 1]
      if costs[(row - 1) * width + column - 1] + (isSame ? 0 : 1) == cost {
        if !isSame { result.append((reference[row - 1], hypothesis[column - 1])) }
        (row, column) = (row - 1, column - 1)
        continue
      }
    }
    if row > 0, costs[(row - 1) * width + column] + 1 == cost {
      result.append((reference[row - 1], nil))
      row -= 1
    } else {
      result.append((nil, hypothesis[column - 1]))
      column -= 1
    }
  }
  return result.reversed()
}
