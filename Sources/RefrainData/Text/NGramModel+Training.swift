import RefrainFoundation

// Modified Kneser-Ney (Chen and Goodman 1998, equations 24 to 27), interpolated, as KenLM's lmplz estimates it
// (Heafield et al. 2013): n-grams that begin a sentence keep their counts, all others of a lower order count how many
// words they follow.

extension NGramModel {
  /// A model of sentences, each a list of words.
  ///
  /// Where there is too little text to estimate the discounts of an order by, they are 0.5, 1 and 1.5, as of KenLM's
  /// `--discount_fallback`.
  ///
  /// - Parameters:
  ///   - sentences: What to learn from. The words `<s>`, `</s>` and `<unk>` in them are taken as unknown words.
  ///   - order: The length of the longest n-grams, 1 to 6.
  /// - Throws: `tooFewRows` where there is no word.
  public init(sentences: some Sequence<[String]>, order: Int = 3) throws(DataError) {
    precondition((1...6).contains(order), "n-grams of \(order) words; choose 1 to 6")
    self.init(order: order)
    let special = [Self.unknown, Self.begin, Self.end]
    let (begin, end) = (identifier(of: Self.begin), identifier(of: Self.end))
    // Its place among the unigrams is as KenLM's: first of all.
    _ = node(adding: [0])
    var counts: [Double] = []
    func count(_ node: Int32, in counts: inout [Double]) {
      while counts.count <= Int(node) { counts.append(0) }
      counts[Int(node)] += 1
    }
    var isEmpty = true
    for sentence in sentences {
      isEmpty = isEmpty && sentence.isEmpty
      let tokens = [begin] + sentence.map { special.contains($0) ? 0 : identifier(adding: $0) } + [end]
      for last in 1..<tokens.count {
        for length in 1...min(order, last + 1) {
          count(node(adding: tokens[(last + 1 - length)...last]), in: &counts)
        }
      }
    }
    guard !isEmpty else {
      throw DataError(.tooFewRows, "there are no words to make a language model of", remedy: "give it texts")
    }
    while counts.count < logProbabilities.count { counts.append(0) }
    adjust(&counts, begin: begin)
    estimate(counts)
  }

  /// Counts of n-grams below the highest order become those of the words they follow, unless they begin a sentence.
  private func adjust(_ counts: inout [Double], begin: Int32) {
    let original = counts
    for length in 1..<max(1, order) {
      for gram in grams[length - 1] { counts[Int(gram.node)] = gram.words[0] == begin ? original[Int(gram.node)] : 0 }
      for longer in grams[length] {
        guard let node = node(of: longer.words.dropFirst()) else { continue }
        counts[Int(node)] += 1
      }
    }
  }

  private mutating func estimate(_ counts: [Double]) {
    /// The uniform distribution that unigrams are interpolated with knows all words but the start.
    let uniform = 1 / Double(words.count - 1)
    var probabilities = [Double](repeating: 0, count: counts.count)
    var left = [Double](repeating: 0, count: counts.count)
    for length in 1...order {
      let discounts = Self.discounts(grams[length - 1].map { counts[Int($0.node)] })
      var totals: [Int32: (count: Double, discount: Double)] = [:]
      for gram in grams[length - 1] {
        let context = node(of: gram.words.dropLast()) ?? 0
        let count = counts[Int(gram.node)]
        let sum = totals[context] ?? (0, 0)
        totals[context] = (sum.count + count, sum.discount + discounts[min(3, Int(count))])
      }
      for gram in grams[length - 1] {
        let context = node(of: gram.words.dropLast()) ?? 0
        guard let total = totals[context], total.count > 0 else { continue }
        let gamma = total.discount / total.count
        left[Int(context)] = gamma
        let shorter = length == 1 ? uniform : probabilities[Int(node(of: gram.words.dropFirst()) ?? 0)]
        let count = counts[Int(gram.node)]
        probabilities[Int(gram.node)] = (count - discounts[min(3, Int(count))]) / total.count + gamma * shorter
      }
    }
    let begin = identifier(of: Self.begin)
    for gram in grams.joined() {
      let isBegin = gram.words == [begin]
      let backoff = left[Int(gram.node)]
      set(
        gram.node, logProbability: isBegin ? 0 : Float(log10(probabilities[Int(gram.node)])),
        backoff: backoff > 0 ? Float(log10(backoff)) : 0)
    }
  }

  /// What is taken from counts of 0, 1, 2 and of 3 and more.
  private static func discounts(_ counts: [Double]) -> [Double] {
    let n = (1...4).map { wanted in Double(counts.count { $0 == Double(wanted) }) }
    let fallback = [0, 0.5, 1, 1.5]
    guard n[0] > 0, n[1] > 0, n[2] > 0 else { return fallback }
    let y = n[0] / (n[0] + 2 * n[1])
    // A discount of nothing may come out as a little less.
    let discounts =
      [0.0]
      + (1...3).map { k -> Double in
        let discount = Double(k) - Double(k + 1) * y * n[k] / n[k - 1]
        return abs(discount) < 1e-9 ? 0 : discount
      }
    let isSound = zip(discounts, [0.0, 1, 2, 3]).allSatisfy { (0...$1).contains($0) }
    return isSound ? discounts : fallback
  }
}
