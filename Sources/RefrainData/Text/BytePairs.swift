/// Pairs of pieces that are joined, in the order in which they were learned (Sennrich, Haddow and Birch 2016).
struct BytePairs: Sendable, Equatable {
  /// What a word that follows white space begins with, as in SentencePiece: texts can be put together again.
  static let wordStart: UnicodeScalar = "\u{2581}"
  /// Words are cut to so many characters before pairs are joined.
  static let longestWord = 64

  /// Left and right piece of each pair, by their indices in the vocabulary.
  let pairs: [Int32]
  /// The rank of a pair and the piece that it becomes.
  private let ranks: [UInt64: (rank: Int32, piece: Int32)]

  /// - Parameters:
  ///   - pairs: Left and right piece of each pair, one after another.
  ///   - vocabulary: Has all pieces, and what they become.
  /// - Returns: nil where a piece is missing.
  init?(pairs: [Int32], in vocabulary: Vocabulary) {
    guard pairs.count.isMultiple(of: 2), pairs.allSatisfy({ $0 >= 0 && $0 < vocabulary.count }) else { return nil }
    var ranks: [UInt64: (rank: Int32, piece: Int32)] = [:]
    ranks.reserveCapacity(pairs.count / 2)
    for rank in 0..<pairs.count / 2 {
      let (left, right) = (pairs[2 * rank], pairs[2 * rank + 1])
      let text = vocabulary.tokens[Int(left)] + vocabulary.tokens[Int(right)]
      guard vocabulary.contains(text) else { return nil }
      let key = Self.key(left, right)
      if ranks[key] == nil { ranks[key] = (Int32(rank), Int32(vocabulary.index(of: text))) }
    }
    (self.pairs, self.ranks) = (pairs, ranks)
  }

  static func == (first: BytePairs, second: BytePairs) -> Bool { first.pairs == second.pairs }

  static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Joins pairs of a word's pieces, the earliest learned first, from left to right.
  func join(_ pieces: inout [Int32]) {
    while pieces.count > 1 {
      var best: (rank: Int32, piece: Int32, key: UInt64)?
      for index in 1..<pieces.count {
        let key = Self.key(pieces[index - 1], pieces[index])
        if let found = ranks[key], found.rank < best?.rank ?? .max { best = (found.rank, found.piece, key) }
      }
      guard let best else { return }
      var kept = 0
      var index = 0
      while index < pieces.count {
        if index + 1 < pieces.count, Self.key(pieces[index], pieces[index + 1]) == best.key {
          pieces[kept] = best.piece
          index += 2
        } else {
          pieces[kept] = pieces[index]
          index += 1
        }
        kept += 1
      }
      pieces.removeLast(pieces.count - kept)
    }
  }
}
