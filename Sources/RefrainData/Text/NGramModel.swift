import Refrain
import RefrainFoundation

/// A language model of words: how probable a word is after those before it, from counts of n-grams with backing off.
///
///     let model = try NGramModel(sentences: texts.map { $0.split(separator: " ").map(String.init) }, order: 3)
///     let perplexity = model.perplexity(of: others)
///     try model.write(to: "words.arpa")
///
/// It is made from texts (modified Kneser-Ney, NGramModel+Training.swift) or read from an ARPA file, the format that
/// KenLM, SRILM and others write. It guides a ``CTCPrefixSearch``.
public struct NGramModel: Sendable, Equatable {
  /// The longest n-grams.
  public let order: Int
  /// The words, unknown, start and end among them.
  public private(set) var words: [String] = []
  private var identifiers: [String: Int32] = [:]

  /// A tree of the n-grams, from their first word on; node 0 is the empty one. An n-gram that only longer ones begin
  /// with has no probability of its own, NaN.
  private(set) var logProbabilities: [Float] = [.nan]
  private(set) var backoffs: [Float] = [0]
  private var children: [UInt64: Int32] = [:]
  /// The nodes of each order, from 1, in the order in which they were added, with their words.
  private(set) var grams: [[(node: Int32, words: [Int32])]] = []

  /// What stands for words that are not known.
  public static let unknown = "<unk>"
  /// What stands before the first word of a sentence.
  public static let begin = "<s>"
  /// What stands behind the last.
  public static let end = "</s>"

  /// The words before one that matter to it, at most `order` − 1.
  public struct State: Hashable, Sendable {
    var words: [Int32]
  }

  /// A model without n-grams but for the three that stand for something.
  init(order: Int) {
    self.order = order
    grams = Array(repeating: [], count: order)
    for word in [Self.unknown, Self.begin, Self.end] { _ = identifier(adding: word) }
  }

  /// The number of n-grams of each order, from 1.
  public var counts: [Int] { grams.map(\.count) }

  public static func == (left: NGramModel, right: NGramModel) -> Bool {
    guard left.order == right.order, left.counts == right.counts else { return false }
    return left.arpa() == right.arpa()
  }

  // MARK: - The tree

  /// The number of a word, a new one where it has none.
  mutating func identifier(adding word: String) -> Int32 {
    if let known = identifiers[word] { return known }
    let new = Int32(words.count)
    identifiers[word] = new
    words.append(word)
    return new
  }

  /// The number of a word; that of unknown words where it has none.
  func identifier(of word: String) -> Int32 { identifiers[word] ?? 0 }

  /// Whether a word is known.
  public func contains(_ word: String) -> Bool {
    identifiers[word].map { logProbability(of: $0, after: [])?.isFinite ?? false } ?? false
  }

  private static func key(_ node: Int32, _ word: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: node)) << 32 | UInt64(UInt32(bitPattern: word))
  }

  /// The node of some words; nil where there is none.
  func node(of words: some Sequence<Int32>) -> Int32? {
    var node: Int32 = 0
    for word in words {
      guard let next = children[Self.key(node, word)] else { return nil }
      node = next
    }
    return node
  }

  /// The node of some words, at most ``order`` of them, a new one where there is none.
  mutating func node(adding gram: ArraySlice<Int32>) -> Int32 {
    var node: Int32 = 0
    for place in gram.indices {
      let key = Self.key(node, gram[place])
      if let next = children[key] {
        node = next
      } else {
        node = Int32(logProbabilities.count)
        children[key] = node
        logProbabilities.append(.nan)
        backoffs.append(0)
        grams[place - gram.startIndex].append((node, Array(gram[...place])))
      }
    }
    return node
  }

  /// Sets the decadic logarithms of a node.
  mutating func set(_ node: Int32, logProbability: Float, backoff: Float) {
    logProbabilities[Int(node)] = logProbability
    backoffs[Int(node)] = backoff
  }

  // MARK: - Probabilities

  /// The decadic logarithm of the probability of a word after exactly these; nil where the n-gram is not known.
  private func logProbability(of word: Int32, after context: ArraySlice<Int32>) -> Float? {
    guard let node = node(of: context), let child = children[Self.key(node, word)] else { return nil }
    let value = logProbabilities[Int(child)]
    return value.isNaN ? nil : value
  }

  /// The decadic logarithm of the probability of a word after those of a state, backing off where the n-gram is not
  /// known.
  func logProbability(of word: Int32, after state: State) -> Double {
    var backoff = 0.0
    for start in 0...state.words.count {
      let context = state.words[start...]
      if let value = logProbability(of: word, after: context) { return backoff + Double(value) }
      if let node = node(of: context), !context.isEmpty { backoff += Double(backoffs[Int(node)]) }
    }
    // A model of another program may have no word for what it does not know.
    return backoff - 100
  }

  /// The state after a word more.
  func state(after word: Int32, _ state: State) -> State {
    var words = Array((state.words + [word]).suffix(order - 1))
    while !words.isEmpty, node(of: words) == nil { words.removeFirst() }
    return State(words: words)
  }

  /// The decadic logarithm of the probability of a sentence, its end included, and how many words were not known.
  public func logProbability(of sentence: [String]) -> (value: Double, unknown: Int) {
    var (state, sum, unknown) = (start, 0.0, 0)
    for word in sentence.map({ identifier(of: $0) }) + [identifier(of: Self.end)] {
      sum += logProbability(of: word, after: state)
      if word == 0 { unknown += 1 }
      state = self.state(after: word, state)
    }
    return (sum, unknown)
  }

  /// The perplexity of some sentences: 10 to the mean −log₁₀ p of a word, ends of sentences included, unknown words
  /// with the probability of ``unknown``. NaN where there is no sentence.
  public func perplexity(of sentences: [[String]]) -> Double {
    let sum = sentences.reduce(0.0) { $0 + logProbability(of: $1).value }
    let count = sentences.reduce(0) { $0 + $1.count + 1 }
    return count == 0 ? .nan : pow(10, -sum / Double(count))
  }
}

extension NGramModel: WordScorer {
  /// The beginning of a sentence.
  public var start: State { state(after: identifier(of: Self.begin), State(words: [])) }

  public func score(_ word: String, after state: State) -> (logProbability: Double, state: State) {
    let identifier = identifier(of: word)
    return (logProbability(of: identifier, after: state) * M_LN10, self.state(after: identifier, state))
  }

  public func scoreOfEnd(after state: State) -> Double {
    logProbability(of: identifier(of: Self.end), after: state) * M_LN10
  }
}
