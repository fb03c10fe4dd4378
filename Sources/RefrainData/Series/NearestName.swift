/// The name that `name` was probably meant to be: the least edits away, letter case aside, and at most a third of its
/// letters (one edit for a short name). Nil when none is that near.
public func nearestName(to name: String, among names: [String]) -> String? {
  let wanted = Array(name.lowercased())
  // A name of another length by more than a third is not meant; names of megabytes are not compared at all.
  let near = names.lazy.filter {
    $0.utf8.count <= 200 && abs($0.count - wanted.count) <= max(1, max(wanted.count, $0.count) / 3)
  }
  guard wanted.count <= 200 else { return nil }
  let distances = near.map { (name: $0, edits: editDistance(wanted, Array($0.lowercased()))) }
  guard let nearest = distances.min(by: { $0.edits < $1.edits }) else { return nil }
  return nearest.edits <= max(1, max(wanted.count, nearest.name.count) / 3) ? nearest.name : nil
}

/// The fewest insertions, deletions, replacements and swaps of neighbors that turn one text into the other.
///
/// - Complexity: O(*m*·*n*) time.
private func editDistance(_ first: [Character], _ second: [Character]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...second.count)
  for (i, a) in first.enumerated() {
    var row = [i + 1]
    for (j, b) in second.enumerated() {
      var edits = min(last[j] + (a == b ? 0 : 1), last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, a == second[j - 1], first[i - 1] == b { edits = min(edits, beforeLast[j - 1] + 1) }
      row.append(edits)
    }
    (beforeLast, last) = (last, row)
  }
  return last[second.count]
}
