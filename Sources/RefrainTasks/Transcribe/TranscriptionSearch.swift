import Refrain
import RefrainData
import RefrainFoundation

/// How a transcriber finds words: a prefix search with a language model of the texts it was trained on.
struct TranscriptionSearch: Codable, Equatable {
  /// The weight of the language model.
  var weight = 0.0
  /// What each word adds.
  var wordBonus = 0.0
  /// Whether only words of the training are found.
  var isClosed = false
  /// How many prefixes are kept.
  var width = 100

  /// The search over symbols.
  func prefixSearch(_ plan: TranscriptionPlan, lexicon: CTCLexicon?) -> CTCPrefixSearch {
    var search = CTCPrefixSearch(symbols: plan.symbols, separator: plan.separator)
    (search.weight, search.wordBonus, search.width) = (weight, wordBonus, width)
    search.lexicon = isClosed ? lexicon : nil
    return search
  }
}

/// A language model of texts, and the words in them.
struct SpokenLanguage {
  let model: NGramModel?
  let lexicon: CTCLexicon?

  /// - Parameter texts: What is said in the training.
  init(texts: [String], order: Int, plan: TranscriptionPlan) {
    let sentences = texts.map { $0.split(separator: " ").map(String.init) }
    self.init(model: try? NGramModel(sentences: sentences, order: order), plan: plan)
  }

  /// - Parameter model: A language model, whose words are the ones there are.
  init(model: NGramModel?, plan: TranscriptionPlan) {
    self.model = model
    lexicon = model.map { model in
      let special = [NGramModel.unknown, NGramModel.begin, NGramModel.end]
      let known = model.words.filter { !special.contains($0) && model.contains($0) }
      // A word with a character that is not written cannot be found.
      return CTCLexicon(
        known.map { (word: $0, labels: plan.labels($0)) }.filter { $0.word.count == $0.labels.count }.map(\.labels))
    }
  }

  /// The best text of a recording.
  func best(_ logProbabilities: Tensor, _ search: CTCPrefixSearch) -> [Int] {
    guard logProbabilities.shape[0] > 0 else { return [] }
    let found = model.map { search(logProbabilities, scorer: $0) } ?? search(logProbabilities)
    return found.first?.symbols ?? []
  }

  /// The search whose word error rate on held-out recordings is the lowest: first the weight and the bonus, one after
  /// the other, then whether only known words are taken.
  ///
  /// - Parameter texts: What the recordings say.
  func tuned(
    _ logProbabilities: [Tensor], texts: [String], plan: TranscriptionPlan, isClosed: Bool?,
    shouldStop: () -> Bool
  ) -> TranscriptionSearch {
    func errors(_ candidate: TranscriptionSearch) -> Double {
      var candidate = candidate
      candidate.width = 40
      let search = candidate.prefixSearch(plan, lexicon: lexicon)
      var (words, characters) = (EditCounts(), EditCounts())
      for (values, text) in zip(logProbabilities, texts) {
        let found = plan.text(self.best(values, search))
        words.add(EditCounts(reference: text.split(separator: " "), found.split(separator: " ")))
        characters.add(EditCounts(reference: Array(text), Array(found)))
      }
      // Where as many words are wrong, the nearer spelling decides.
      return words.rate + 0.01 * characters.rate
    }
    var least = Double.infinity
    var best = TranscriptionSearch(isClosed: isClosed ?? false)
    guard model != nil, plan.separator != nil, !logProbabilities.isEmpty else { return best }
    least = errors(best)
    func attempt(_ candidate: TranscriptionSearch) {
      guard candidate != best, !shouldStop() else { return }
      let value = errors(candidate)
      if value < least { (best, least) = (candidate, value) }
    }
    let lexicons = isClosed.map { [$0] } ?? [false, true]
    for closed in lexicons {
      for weight in [0.25, 0.5, 1, 1.5, 2] {
        attempt(TranscriptionSearch(weight: weight, wordBonus: 1, isClosed: closed))
      }
    }
    let middle = best
    for bonus in [-1.0, 0, 0.5, 2, 3, 4] {
      var candidate = middle
      candidate.wordBonus = bonus
      attempt(candidate)
    }
    let last = best
    for factor in [0.5, 0.75, 1.25, 1.5] {
      var candidate = last
      candidate.weight = last.weight * factor
      attempt(candidate)
    }
    return best
  }
}
