/// Learns which pairs of pieces to join: again and again the most frequent one, ties to the pair whose pieces came
/// first (as the program `tokenizers` does).
///
/// Counts of pairs are kept up to date where a pair is joined, and the most frequent is taken from a heap whose entries
/// may be out of date, so that the work grows with what changes and not with the size of the text.
struct BytePairTraining {
  /// The texts of the pieces: single characters first, in the order of their code points.
  private(set) var pieces: [String] = []
  /// Left and right piece of each pair, by their places in ``pieces``.
  private(set) var pairs: [Int32] = []

  private struct Word {
    var pieces: [Int32]
    let count: Int
  }
  private struct Pair {
    var count = 0
    /// Words that hold it, or did.
    var words: [Int32] = []
  }

  private var words: [Word] = []
  private var table: [UInt64: Pair] = [:]
  private var queue = PairQueue()
  private var places: [String: Int32] = [:]

  /// - Parameters:
  ///   - counts: How often each word occurs.
  ///   - size: The greatest number of pieces.
  init(_ counts: [String: Int], size: Int) {
    let alphabet = Self.alphabet(of: counts, size: size)
    // Two ways to write one character are one piece.
    var known: [UnicodeScalar: Int32] = [:]
    for scalar in alphabet { known[scalar] = add(String(scalar)) }
    for (text, count) in counts.sorted(by: { $0.key < $1.key }) {
      // A character that is not known parts what stands around it.
      for part in text.unicodeScalars.split(whereSeparator: { known[$0] == nil }) where part.count > 1 {
        words.append(Word(pieces: part.map { known[$0]! }, count: count))
      }
    }
    countPairs()
    while pieces.count < size, let (key, count) = queue.popFirst() {
      let now = table[key]?.count ?? 0
      if now != count {
        if now > 0 { queue.insert(key, now) }
        continue
      }
      join(key)
    }
  }

  /// How often each piece occurs, in the order of ``pieces``.
  var pieceCounts: [Int] {
    var counts = [Int](repeating: 0, count: pieces.count)
    for word in words { for piece in word.pieces { counts[Int(piece)] += word.count } }
    return counts
  }

  /// The characters, in the order of their code points; the most frequent where there are more than `size`.
  private static func alphabet(of counts: [String: Int], size: Int) -> [UnicodeScalar] {
    var scalars: [UnicodeScalar: Int] = [:]
    for (text, count) in counts { for scalar in text.unicodeScalars { scalars[scalar, default: 0] += count } }
    let frequent = scalars.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(size)
    return frequent.map(\.key).sorted()
  }

  private mutating func add(_ text: String) -> Int32 {
    if let place = places[text] { return place }
    places[text] = Int32(pieces.count)
    pieces.append(text)
    return Int32(pieces.count - 1)
  }

  private mutating func countPairs() {
    for (number, word) in words.enumerated() {
      for index in 1..<word.pieces.count {
        change(BytePairs.key(word.pieces[index - 1], word.pieces[index]), by: word.count, in: number)
      }
    }
    for (key, pair) in table { queue.insert(key, pair.count) }
  }

  private mutating func change(_ key: UInt64, by count: Int, in word: Int) {
    table[key, default: Pair()].count += count
    guard count > 0 else { return }
    if table[key]!.words.last != Int32(word) { table[key]!.words.append(Int32(word)) }
  }

  /// Makes one piece of a pair, everywhere.
  private mutating func join(_ key: UInt64) {
    guard let pair = table.removeValue(forKey: key) else { return }
    let (left, right) = (Int32(truncatingIfNeeded: key >> 32), Int32(truncatingIfNeeded: key & 0xFFFF_FFFF))
    let joined = add(pieces[Int(left)] + pieces[Int(right)])
    pairs += [left, right]
    var grown: Set<UInt64> = []
    for number in pair.words {
      let word = Int(number)
      let count = words[word].count
      var index = 0
      while index + 1 < words[word].pieces.count {
        guard words[word].pieces[index] == left, words[word].pieces[index + 1] == right else {
          index += 1
          continue
        }
        if index > 0 {
          let before = words[word].pieces[index - 1]
          change(BytePairs.key(before, left), by: -count, in: word)
          change(BytePairs.key(before, joined), by: count, in: word)
          grown.insert(BytePairs.key(before, joined))
        }
        words[word].pieces[index] = joined
        words[word].pieces.remove(at: index + 1)
        if index + 1 < words[word].pieces.count {
          let after = words[word].pieces[index + 1]
          change(BytePairs.key(right, after), by: -count, in: word)
          change(BytePairs.key(joined, after), by: count, in: word)
          grown.insert(BytePairs.key(joined, after))
        }
        index += 1
      }
    }
    // The pair itself occurs no more, whatever its neighbors took from it.
    table[key] = nil
    for key in grown { if let count = table[key]?.count, count > 0 { queue.insert(key, count) } }
  }
}

/// Pairs by their counts, the greatest first, ties to the lesser pair.
private struct PairQueue {
  private var entries: [(count: Int, key: UInt64)] = []

  private func isBefore(_ first: Int, _ second: Int) -> Bool {
    (entries[second].count, entries[first].key) < (entries[first].count, entries[second].key)
  }

  mutating func insert(_ key: UInt64, _ count: Int) {
    entries.append((count, key))
    var child = entries.count - 1
    while child > 0, isBefore(child, (child - 1) / 2) {
      entries.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func popFirst() -> (key: UInt64, count: Int)? {
    guard let first = entries.first else { return nil }
    entries.swapAt(0, entries.count - 1)
    entries.removeLast()
    var parent = 0
    while true {
      var next = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count && isBefore(child, next) {
        next = child
      }
      if next == parent { return (first.key, first.count) }
      entries.swapAt(parent, next)
      parent = next
    }
  }
}
