import RealModule

/// Scores words one after another: a language model that a search is guided by. ``CTCPrefixSearch`` asks it whenever a
/// word ends.
public protocol WordScorer: Sendable {
  /// What is known of the words so far; equal states score all words alike.
  associatedtype State: Hashable & Sendable

  /// The state before the first word.
  var start: State { get }
  /// The natural logarithm of the probability of a word after those so far, and the state after it.
  func score(_ word: String, after state: State) -> (logProbability: Double, state: State)
  /// The natural logarithm of the probability that nothing follows.
  func scoreOfEnd(after state: State) -> Double
}

/// No language model: all words are alike.
public struct UniformWords: WordScorer {
  /// Makes it.
  public init() {}
  public var start: Int { 0 }
  public func score(_ word: String, after state: Int) -> (logProbability: Double, state: Int) { (0, 0) }
  public func scoreOfEnd(after state: Int) -> Double { 0 }
}

/// One of the texts that a search found.
public struct CTCHypothesis: Sendable, Equatable {
  /// The symbols, without blanks and repetitions.
  public var symbols: [Int]
  /// The natural logarithm of the probability that the steps say them.
  public var logProbability: Double
  /// That, with what the language model says; the greatest comes first.
  public var score: Double
}

/// Finds what steps of symbol probabilities say: the texts, not the paths, that are the most probable, together with a
/// language model of words (Hannun et al. 2014; Graves 2012, 7.5).
///
///     score = log p(text | steps) + weight · log p(words) + wordBonus · number of words
///
/// All paths that say the same text are added up; separators before the first word, after the last one, and more than
/// one between two words are silence. At each step the `width` best prefixes are kept.
public struct CTCPrefixSearch: Sendable {
  /// The text of each symbol; that of the blank does not matter.
  public var symbols: [String]
  /// The index of the blank.
  public var blank: Int
  /// The symbol between words; nil where the text has no words, and no language model is asked.
  public var separator: Int?
  /// How many prefixes are kept at a step.
  public var width = 100
  /// The weight of the language model, often written α.
  public var weight = 0.5
  /// What each word adds to the score, often written β: language models prefer few words.
  public var wordBonus = 0.0
  /// Symbols below this probability are not tried at a step.
  public var leastProbability: Float = 1e-4
  /// Prefixes whose score is lower than the best one's by more than this are dropped.
  public var scoreRange = 30.0
  /// The words there are; nil takes any.
  public var lexicon: CTCLexicon?

  /// A search over texts of `symbols`.
  public init(symbols: [String], blank: Int = 0, separator: Int? = nil) {
    require(symbols.indices.contains(blank), "the blank is \(blank), and there are \(symbols.count) symbols")
    require(separator != blank, "the blank cannot stand between words")
    self.symbols = symbols
    self.blank = blank
    self.separator = separator
  }

  /// The best texts for the log-probabilities `[T, V]` of one sequence, the best first, at most ``width``.
  ///
  /// - Complexity: O(T · width · V) at most; V is the number of symbols above ``leastProbability``.
  public func callAsFunction<Scorer: WordScorer>(_ logProbabilities: Tensor, scorer: Scorer) -> [CTCHypothesis] {
    require(
      logProbabilities.rank == 2 && logProbabilities.shape[1] == symbols.count,
      "log-probabilities of shape \(logProbabilities.shape); expected [T, \(symbols.count)]")
    var run = PrefixSearch(search: self, scorer: scorer)
    let least = Float.log(max(leastProbability, .leastNonzeroMagnitude))
    logProbabilities.withUnsafeValues { values in
      for step in 0..<logProbabilities.shape[0] {
        run.advance(UnsafeBufferPointer(rebasing: values[step * symbols.count..<(step + 1) * symbols.count]), least)
      }
    }
    return run.finished()
  }

  /// The same without a language model.
  public func callAsFunction(_ logProbabilities: Tensor) -> [CTCHypothesis] {
    self(logProbabilities, scorer: UniformWords())
  }

  /// The text of the most probable path: the best symbol of each step, repetitions and blanks taken out.
  public static func greedy(_ logProbabilities: Tensor, blank: Int = 0) -> [Int] {
    require(
      logProbabilities.rank == 2,
      "log-probabilities of shape \(logProbabilities.shape); expected [T, V] of one sequence")
    let (steps, width) = (logProbabilities.shape[0], logProbabilities.shape[1])
    var result: [Int] = []
    var last = blank
    logProbabilities.withUnsafeValues { values in
      for step in 0..<steps {
        let row = values[step * width..<(step + 1) * width]
        let best = (row.indices.max { values[$0] < values[$1] } ?? row.startIndex) - row.startIndex
        if best != last, best != blank { result.append(best) }
        last = best
      }
    }
    return result
  }
}

/// The words that a ``CTCPrefixSearch`` may find, as a tree of their symbols.
public struct CTCLexicon: Sendable {
  /// For each node the nodes that symbols lead to.
  private var next: [[Int: Int]] = [[:]]
  private var ends: [Bool] = [false]

  /// A lexicon of words, each as its symbols.
  public init(_ words: some Sequence<[Int]>) {
    for word in words where !word.isEmpty {
      var node = 0
      for symbol in word {
        if let known = next[node][symbol] {
          node = known
        } else {
          next[node][symbol] = next.count
          node = next.count
          next.append([:])
          ends.append(false)
        }
      }
      ends[node] = true
    }
  }

  /// Where a symbol leads; nil where no word goes on so. The root is 0.
  func node(after node: Int, _ symbol: Int) -> Int? { next[node][symbol] }
  /// Whether a word ends here.
  func isWord(_ node: Int) -> Bool { ends[node] }
}

/// ln(eᵃ + eᵇ)
private func logSum(_ a: Double, _ b: Double) -> Double {
  let (large, small) = a > b ? (a, b) : (b, a)
  return small == -.infinity ? large : large + .log(onePlus: .exp(small - large))
}

/// A search on its way: a tree of prefixes, of which some are alive.
private struct PrefixSearch<Scorer: WordScorer> {
  /// A prefix.
  struct Node {
    var parent: Int
    var symbol: Int
    var firstChild = -1
    var sibling = -1
    /// What the language model and the word bonus say of the words that are finished.
    var words: Double
    var state: Scorer.State
    /// Where the word that is not finished stands in the lexicon.
    var place: Int
    /// The probabilities of the paths that end in the blank, and of those that do not.
    var blank = -Double.infinity
    var other = -Double.infinity
    var nextBlank = -Double.infinity
    var nextOther = -Double.infinity
    /// The step at which the next probabilities were written.
    var stamp = -1

    var total: Double { logSum(blank, other) }
  }

  let search: CTCPrefixSearch
  let scorer: Scorer
  var nodes: [Node]
  var alive = [0]
  var touched: [Int] = []
  var step = 0

  init(search: CTCPrefixSearch, scorer: Scorer) {
    self.search = search
    self.scorer = scorer
    nodes = [Node(parent: -1, symbol: -1, words: 0, state: scorer.start, place: 0, blank: 0)]
  }

  /// Takes one step's log-probabilities.
  mutating func advance(_ row: UnsafeBufferPointer<Float>, _ least: Float) {
    let blank = search.blank
    let tried = row.indices.filter { $0 != blank && row[$0] >= least }
    touched.removeAll(keepingCapacity: true)
    for prefix in alive {
      let (total, ofBlank, ofOther) = (nodes[prefix].total, nodes[prefix].blank, nodes[prefix].other)
      add(total + Double(row[blank]), to: prefix, isBlank: true)
      for symbol in tried {
        let probability = Double(row[symbol])
        var entering = total
        if symbol == nodes[prefix].symbol {
          add(ofOther + probability, to: prefix, isBlank: false)
          entering = ofBlank
        }
        guard entering > -.infinity else { continue }
        if symbol == search.separator, prefix == 0 || nodes[prefix].symbol == symbol {
          // There is no word that it could end: it is silence, and says no more than a blank.
          add(entering + probability, to: prefix, isBlank: true)
        } else if let child = child(of: prefix, symbol) {
          add(entering + probability, to: child, isBlank: false)
        }
      }
    }
    var scores: [(score: Double, node: Int)] = []
    scores.reserveCapacity(touched.count)
    for node in touched {
      (nodes[node].blank, nodes[node].other) = (nodes[node].nextBlank, nodes[node].nextOther)
      scores.append((nodes[node].total + nodes[node].words, node))
    }
    // The order is of the scores, and where they are the same of the nodes, so that it never depends on chance.
    scores.sort { ($0.score, $1.node) > ($1.score, $0.node) }
    let bound = (scores.first?.score ?? 0) - search.scoreRange
    alive = scores.prefix(search.width).prefix { $0.score >= bound }.map(\.node)
    step += 1
  }

  private mutating func add(_ value: Double, to node: Int, isBlank: Bool) {
    if nodes[node].stamp != step {
      nodes[node].stamp = step
      (nodes[node].nextBlank, nodes[node].nextOther) = (-.infinity, -.infinity)
      touched.append(node)
    }
    if isBlank {
      nodes[node].nextBlank = logSum(nodes[node].nextBlank, value)
    } else {
      nodes[node].nextOther = logSum(nodes[node].nextOther, value)
    }
  }

  /// The prefix that a symbol makes longer; nil where that is no text: a word that is not in the lexicon.
  private mutating func child(of prefix: Int, _ symbol: Int) -> Int? {
    var child = nodes[prefix].firstChild
    while child >= 0 {
      if nodes[child].symbol == symbol { return child }
      child = nodes[child].sibling
    }
    var node = Node(
      parent: prefix, symbol: symbol, words: nodes[prefix].words, state: nodes[prefix].state, place: nodes[prefix].place
    )
    if symbol == search.separator {
      guard search.lexicon?.isWord(node.place) ?? true else { return nil }
      let (words, state) = wordEnded(at: prefix)
      (node.words, node.state, node.place) = (words, state, 0)
    } else if let lexicon = search.lexicon {
      guard let place = lexicon.node(after: node.place, symbol) else { return nil }
      node.place = place
    }
    node.sibling = nodes[prefix].firstChild
    nodes[prefix].firstChild = nodes.count
    nodes.append(node)
    return nodes.count - 1
  }

  /// What the words score once the last one of a prefix is finished too.
  private func wordEnded(at prefix: Int) -> (words: Double, state: Scorer.State) {
    var text: [String] = []
    var node = prefix
    while node > 0, nodes[node].symbol != search.separator {
      text.append(search.symbols[nodes[node].symbol])
      node = nodes[node].parent
    }
    let (logProbability, state) = scorer.score(text.reversed().joined(), after: nodes[prefix].state)
    return (nodes[prefix].words + search.weight * logProbability + search.wordBonus, state)
  }

  /// The texts of what is alive, their last words and ends scored too.
  func finished() -> [CTCHypothesis] {
    var results: [(hypothesis: CTCHypothesis, isWhole: Bool)] = alive.map { prefix in
      var (words, state) = (nodes[prefix].words, nodes[prefix].state)
      var isWhole = true
      if let separator = search.separator {
        if prefix != 0, nodes[prefix].symbol != separator {
          isWhole = search.lexicon?.isWord(nodes[prefix].place) ?? true
          (words, state) = wordEnded(at: prefix)
        }
        words += search.weight * scorer.scoreOfEnd(after: state)
      }
      var symbols: [Int] = []
      var node = prefix
      while node > 0 {
        symbols.append(nodes[node].symbol)
        node = nodes[node].parent
      }
      if symbols.first == search.separator, !symbols.isEmpty { symbols.removeFirst() }
      let total = nodes[prefix].total
      return (
        CTCHypothesis(symbols: symbols.reversed(), logProbability: total, score: total + words), isWhole
      )
    }
    // A text that breaks off within a word of the lexicon is taken only where there is no other.
    if results.contains(where: \.isWhole) { results.removeAll { !$0.isWhole } }
    // A text is there twice where a separator may have followed its last word.
    var (texts, places): ([CTCHypothesis], [[Int]: Int]) = ([], [:])
    for (hypothesis, _) in results {
      guard let place = places[hypothesis.symbols] else {
        places[hypothesis.symbols] = texts.count
        texts.append(hypothesis)
        continue
      }
      let total = logSum(texts[place].logProbability, hypothesis.logProbability)
      texts[place].score += total - texts[place].logProbability
      texts[place].logProbability = total
    }
    return texts.sorted { $0.score > $1.score }
  }
}
