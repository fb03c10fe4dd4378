import RealModule
import Refrain
import RefrainData

extension LanguageModel {
  /// How a prompt goes on, piece by piece as it is found; what they make together is the text.
  public func stream(after prompt: String, _ request: LanguageRequest = LanguageRequest()) -> LanguageStream {
    LanguageStream(self, prompt, request)
  }

  /// How a prompt goes on, as often as the request says.
  ///
  /// - Throws: ``TaskError`` when the task that this runs in is canceled.
  func continuations(of prompt: String, _ request: LanguageRequest) throws(TaskError) -> [LanguageAnswer] {
    let samples = request.samples ?? 1
    // So many side by side that their states and logits fit in some megabytes.
    let batch = max(1, min(samples, 64))
    var answers: [LanguageAnswer] = []
    for first in stride(from: 0, to: samples, by: batch) {
      let count = min(batch, samples - first)
      var streams = (0..<count).map { _ in Continuation(self, prompt, stop: request.stop) }
      var sampling = request.sampling
      sampling.seed = sampling.seed &+ UInt64(first)
      let start = languageNetwork.start(Array(repeating: promptTokens(prompt), count: count))
      for step in TokenGeneration(languageNetwork, from: start, rules: rules(request), sampling: sampling) {
        try TaskError.checkCancellation()
        for (index, element) in step.enumerated() {
          if let element { streams[index].take(element.token, element.logProbability) }
        }
        if streams.allSatisfy(\.isStopped) { break }
      }
      answers += streams.map { stream in
        answer(
          stream.text, tokens: stream.tokens, stream.logProbabilities, prompt: prompt,
          saysProbabilities: request.saysProbabilities)
      }
    }
    return answers
  }

  /// The tokens of a prompt after the end of a line.
  func promptTokens(_ prompt: String) -> [Int] {
    let lines = prompt.split(omittingEmptySubsequences: false) { $0.isNewline }
    return lines.flatMap { [Self.lineEnd] + tokenizer.encode(String($0)) }
  }

  func rules(_ request: LanguageRequest) -> DecodingRules {
    let length = request.length ?? (tokenizer.options.unit == .characters ? 400 : 100)
    return DecodingRules(
      maximumLength: length, forbidden: [Vocabulary.padding, Vocabulary.unknown, Vocabulary.begin])
  }

  /// The text of tokens, with a line break for each end of a line.
  func text(of tokens: some Sequence<Int>) -> String {
    tokens.split(separator: Self.lineEnd, omittingEmptySubsequences: false).map { tokenizer.decode($0) }
      .joined(separator: "\n")
  }

  /// How likely lines are, each alone, with its end.
  func judgments(of lines: [String], _ request: LanguageRequest) -> [LanguageAnswer] {
    guard !lines.isEmpty else { return [] }
    let texts = lines.map { [Self.lineEnd] + tokenizer.encode($0) + [Self.lineEnd] }
    return zip(lines, zip(texts, languageNetwork.logProbabilities(of: texts))).map { line, judged in
      answer(
        line, tokens: Array(judged.0.dropFirst()), judged.1, prompt: nil, saysProbabilities: request.saysProbabilities)
    }
  }

  private func answer(
    _ text: String, tokens: [Int], _ logProbabilities: [Float], prompt: String?, saysProbabilities: Bool
  ) -> LanguageAnswer {
    let sum = logProbabilities.reduce(0.0) { $0 + Double($1) }
    let shown = zip(tokens, logProbabilities).map { token, logarithm in
      LanguageAnswer.Token(
        token: token == Self.lineEnd ? "\n" : tokenizer.vocabulary.token(at: token),
        probability: Double.exp(Double(logarithm)))
    }
    return LanguageAnswer(
      prompt: prompt, text: text, logProbability: sum,
      perplexity: tokens.isEmpty ? 1 : Double.exp(-sum / Double(tokens.count)),
      tokens: saysProbabilities ? shown : nil)
  }
}

/// A text that grows.
struct Continuation: Sendable {
  let model: LanguageModel
  private let stop: String?
  /// The tokens of the prompt on whose line the text begins: how a word is written depends on the one before it.
  private let lead: [Int]
  private let leadText: String
  private(set) var tokens: [Int] = []
  private(set) var logProbabilities: [Float] = []
  private(set) var isStopped = false

  init(_ model: LanguageModel, _ prompt: String, stop: String?) {
    let all = model.promptTokens(prompt)
    let lead = all.suffix(from: all.lastIndex(of: LanguageModel.lineEnd).map { $0 + 1 } ?? 0)
    self.init(model, lead: Array(lead), stop: stop)
  }

  /// - Parameter lead: The tokens of the line on which the text begins.
  init(_ model: LanguageModel, lead: [Int], stop: String?) {
    (self.model, self.stop, self.lead) = (model, stop?.isEmpty == true ? nil : stop, lead)
    leadText = model.text(of: lead)
  }

  mutating func take(_ token: Int, _ logProbability: Float) {
    guard !isStopped else { return }
    tokens.append(token)
    logProbabilities.append(logProbability)
    // Whole again at every token: the text of a token may change that of the one before it.
    if let stop, model.text(of: lead + tokens).dropFirst(leadText.count).contains(stop) { isStopped = true }
  }

  /// What was added to the prompt, up to where it stops.
  var text: String {
    let whole = model.text(of: lead + tokens)
    // A prompt with unknown words is not spelled again.
    let text = whole.hasPrefix(leadText) ? String(whole.dropFirst(leadText.count)) : model.text(of: tokens)
    guard let stop, isStopped, let range = text.firstRange(of: stop) else { return text }
    return String(text[..<range.lowerBound])
  }
}

/// A text that a language model writes, in pieces as they are found.
public struct LanguageStream: Sequence, IteratorProtocol {
  private var generation: TokenGeneration<LanguageNetwork>
  private var continuation: Continuation
  private var given = 0

  fileprivate init(_ model: LanguageModel, _ prompt: String, _ request: LanguageRequest) {
    generation = TokenGeneration(
      model.languageNetwork, from: model.languageNetwork.start([model.promptTokens(prompt)]),
      rules: model.rules(request), sampling: request.sampling)
    continuation = Continuation(model, prompt, stop: request.stop)
  }

  /// The next characters; nil at the end.
  public mutating func next() -> String? {
    while !continuation.isStopped, let element = generation.next()?[0] {
      continuation.take(element.token, element.logProbability)
      let text = continuation.text
      guard text.count > given else { continue }
      defer { given = text.count }
      return String(text.dropFirst(given))
    }
    return nil
  }
}
