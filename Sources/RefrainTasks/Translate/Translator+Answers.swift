import Refrain
import RefrainData

extension Translator {
  /// What is made of texts, in their order; of a text without a token nothing is.
  ///
  /// - Parameter check: Called before each batch; what it throws ends it all.
  func answers<Failure: Error>(
    _ texts: [String], _ request: TranslationRequest, check: () throws(Failure) -> Void
  ) throws(Failure) -> [Translation] {
    let sources = texts.map { sourceTokenizer.encode($0) }
    var answers = [Translation](
      repeating: Translation(text: "", score: 0, alternatives: nil, alignment: nil), count: texts.count)
    for chosen in batches(of: sources, rows: Self.width(request)) {
      try check()
      let found = search(request)(
        translationNetwork, from: translationNetwork.start(chosen.map { sources[$0] }, limit: request.longest))
      for (index, hypotheses) in zip(chosen, found) {
        answers[index] = answer(hypotheses, texts[index], sources[index], request)
      }
    }
    return answers
  }

  /// The most likely tokens, one after another.
  private func greedyTexts(_ texts: [String]) -> [String] {
    let sources = texts.map { sourceTokenizer.encode($0) }
    var answers = [String](repeating: "", count: texts.count)
    for chosen in batches(of: sources, rows: 1) {
      let start = translationNetwork.start(chosen.map { sources[$0] }, limit: nil)
      for (index, answer) in zip(chosen, translationNetwork.generate(from: start, rules: Self.rules())) {
        answers[index] = targetTokenizer.decode(answer.content)
      }
    }
    return answers
  }

  /// The numbers of the sources that have tokens, in batches of about one length.
  ///
  /// - Parameter rows: how many answers each source has on their way.
  private func batches(of sources: [[Int]], rows: Int) -> [[Int]] {
    let ordered = sources.indices.filter { !sources[$0].isEmpty }
      .sorted { (sources[$0].count, $0) < (sources[$1].count, $1) }
    // A batch has logits of some megabytes, and keys too.
    let vocabulary = translationNetwork.vocabulary
    var batches: [[Int]] = []
    for index in ordered {
      let size = max(1, min(64, (1 << 22) / (rows * max(vocabulary, sources[index].count * 16))))
      if let last = batches.last, last.count < size {
        batches[batches.count - 1].append(index)
      } else {
        batches.append([index])
      }
    }
    return batches
  }

  private static func rules(longest: Int? = nil, noRepeat: Int? = nil) -> DecodingRules {
    DecodingRules(
      ends: [Vocabulary.end], maximumLength: longest ?? 100_000,
      forbidden: [Vocabulary.padding, Vocabulary.begin],
      noRepeatSize: noRepeat ?? 0)
  }

  /// How many answers are kept at each step.
  private static func width(_ request: TranslationRequest) -> Int { max(request.beam ?? 5, request.best ?? 1) }

  func search(_ request: TranslationRequest) -> BeamSearch {
    BeamSearch(
      width: Self.width(request), count: request.best ?? 1, lengthPenalty: Double(request.lengthPenalty ?? 1),
      coveragePenalty: Double(request.coveragePenalty ?? 0), keepsAttention: true,
      rules: Self.rules(longest: request.longest, noRepeat: request.noRepeat))
  }

  private func answer(
    _ hypotheses: [Hypothesis], _ text: String, _ source: [Int], _ request: TranslationRequest
  ) -> Translation {
    guard let first = hypotheses.first else { return Translation(text: "", score: 0) }
    let written = sourceTokenizer.tokens(text)
    let others = hypotheses.dropFirst().map {
      Translation.Alternative(text: self.text(of: $0, written), score: $0.score)
    }
    return Translation(
      text: self.text(of: first, written), score: first.score,
      alternatives: request.best ?? 1 > 1 ? Array(others) : nil,
      alignment: request.saysAlignment ? links(first, written) : nil)
  }

  /// The tokens of an answer with the token of the source that counted most for each.
  private func links(_ hypothesis: Hypothesis, _ source: [String]) -> [Translation.Link] {
    zip(hypothesis.content, hypothesis.attention).map { token, weights in
      let valid = weights.prefix(source.count)
      let best = valid.indices.max { valid[$0] < valid[$1] } ?? 0
      return Translation.Link(
        token: targetTokenizer.vocabulary.token(at: token), source: source[best], index: best,
        weight: Double(valid[best]))
    }
  }

  /// The text of an answer. Where a word is unknown, the one of the source that counted most for it stands as it is
  /// (Luong et al. 2015): unknown words are most often names and numbers.
  private func text(of hypothesis: Hypothesis, _ source: [String]) -> String {
    guard hypothesis.content.contains(Vocabulary.unknown) else { return targetTokenizer.decode(hypothesis.content) }
    let links = links(hypothesis, source)
    let texts = zip(hypothesis.content, links).map { token, link in
      token == Vocabulary.unknown ? link.source : targetTokenizer.vocabulary.token(at: token)
    }
    return targetTokenizer.text(of: texts)
  }

  /// How good the answers to some sources are.
  ///
  /// - Parameters:
  ///   - greedily: whether the most likely token is taken at each step, which costs less.
  ///   - losses: whether the cross entropy of the targets is wanted.
  func measure(
    _ texts: (sources: [String], targets: [String]), _ request: TranslationRequest, greedily: Bool = false,
    losses: Bool = true
  ) -> TranslationMeasure {
    let found = greedily ? greedyTexts(texts.sources) : answers(texts.sources, request) {}.map(\.text)
    let tokens = request.bleuTokens ?? bleuTokens
    // What a tokenizer makes of a text is what a network can know of it: capitals, spaces.
    let references = texts.targets.map { targetTokenizer.written($0) }
    let copies = texts.sources.map { targetTokenizer.written($0) }
    func exact(_ answers: [String]) -> Double {
      Double(zip(answers, references).count { $0 == $1 }) / Double(max(answers.count, 1))
    }
    func bleu(_ answers: [String]) -> Double { BLEU(answers, references: references, tokens: tokens).score }
    func rouge(_ answers: [String]) -> Double { ROUGE(answers, references: references, tokens: tokens).longest }
    return TranslationMeasure(
      count: found.count, bleu: bleu(found), rouge: rouge(found), exact: exact(found),
      crossEntropy: losses ? crossEntropy(texts) : nil, copyBLEU: bleu(copies), copyROUGE: rouge(copies),
      copyExact: exact(copies))
  }

  /// The mean of −log p of the targets' tokens, ends among them.
  func crossEntropy(_ texts: (sources: [String], targets: [String])) -> Double {
    let sources = texts.sources.map { sourceTokenizer.encode($0) }
    let targets = texts.targets.map { targetTokenizer.encode($0) }
    var (sum, count) = (0.0, 0)
    for chosen in batches(of: sources, rows: 16) {
      let tokens = chosen.reduce(0) { $0 + targets[$1].count + 1 }
      let loss = translationNetwork.loss(chosen.map { sources[$0] }, chosen.map { targets[$0] }, smoothing: 0).item
      sum += Double(loss) * Double(tokens)
      count += tokens
    }
    return sum / Double(max(count, 1))
  }
}

extension Tokenizer {
  /// A text as it can be known of its tokens: in small letters where they have none other, with single spaces.
  fileprivate func written(_ text: String) -> String {
    let words = text.split { $0.isWhitespace }.joined(separator: " ")
    return options.lowercased ? words.lowercased() : words
  }
}
