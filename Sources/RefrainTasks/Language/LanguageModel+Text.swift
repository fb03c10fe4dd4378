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
      var texts = (0..<count).map { _ in WholeText(Continuation(self, prompt, stop: request.stop)) }
      var sampling = request.sampling
      sampling.seed = sampling.seed &+ UInt64(first)
      let start = languageNetwork.start(Array(repeating: promptTokens(prompt), count: count))
      for step in TokenGeneration(languageNetwork, from: start, rules: rules(request), sampling: sampling) {
        try TaskError.checkCancellation()
        for (index, element) in step.enumerated() {
          if let element { texts[index].take(element.token, element.logProbability) }
        }
        if texts.allSatisfy(\.isOver) { break }
      }
      answers += texts.map { text in
        answer(
          text.whole, tokens: text.tokens, text.logProbabilities, prompt: prompt,
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

/// A text that grows: tokens go in, and what each adds to it comes out. The pieces make the text, whatever the tokens
/// are; a token takes as long however many stand before it.
struct Continuation: Sendable {
  let model: LanguageModel
  private let stop: String?
  /// The token before, on the same line: how a word is written depends on it.
  private var previous: String?
  /// What was not given yet, as what the text stops before may begin in it.
  private var held = ""
  private(set) var isStopped = false

  init(_ model: LanguageModel, _ prompt: String, stop: String?) {
    let all = model.promptTokens(prompt)
    let lead = all.suffix(from: all.lastIndex(of: LanguageModel.lineEnd).map { $0 + 1 } ?? 0)
    self.init(model, lead: Array(lead), stop: stop)
  }

  /// - Parameter lead: The last tokens of the line on which the text begins.
  init(_ model: LanguageModel, lead: [Int], stop: String?) {
    (self.model, self.stop) = (model, stop?.isEmpty == true ? nil : stop)
    previous = lead.reversed().lazy.compactMap { model.tokenizer.shown($0) }.first
  }

  /// The next piece of the text; nothing where a token adds none, or where it has stopped.
  mutating func take(_ token: Int) -> String {
    guard !isStopped else { return "" }
    held += text(of: token)
    guard let stop else { return rest() }
    if let found = held.firstRange(of: stop) {
      isStopped = true
      held = String(held[..<found.lowerBound])
      return rest()
    }
    // A mark that comes next may still join the last character.
    let kept = held.suffix(stop.count)
    defer { held = String(kept) }
    return String(held[..<kept.startIndex])
  }

  /// What was held back, when no more tokens come.
  mutating func rest() -> String {
    defer { held = "" }
    return held
  }

  /// What a token adds, with a line break for the end of a line.
  private mutating func text(of token: Int) -> String {
    if token == LanguageModel.lineEnd {
      previous = nil
      return "\n"
    }
    return model.tokenizer.shown(token).map { model.tokenizer.text(of: $0, after: &previous) } ?? ""
  }
}

/// A text that is written as a whole.
private struct WholeText {
  private var continuation: Continuation
  private var text = ""
  private(set) var tokens: [Int] = []
  private(set) var logProbabilities: [Float] = []

  init(_ continuation: Continuation) { self.continuation = continuation }

  var isOver: Bool { continuation.isStopped }

  /// What was added to the prompt, up to where it stops.
  var whole: String {
    var copy = continuation
    return text + copy.rest()
  }

  mutating func take(_ token: Int, _ logProbability: Float) {
    guard !isOver else { return }
    tokens.append(token)
    logProbabilities.append(logProbability)
    text += continuation.take(token)
  }
}

/// A text that a language model writes, in pieces as they are found.
public struct LanguageStream: Sequence, IteratorProtocol {
  private var generation: TokenGeneration<LanguageNetwork>
  private var continuation: Continuation

  fileprivate init(_ model: LanguageModel, _ prompt: String, _ request: LanguageRequest) {
    generation = TokenGeneration(
      model.languageNetwork, from: model.languageNetwork.start([model.promptTokens(prompt)]),
      rules: model.rules(request), sampling: request.sampling)
    continuation = Continuation(model, prompt, stop: request.stop)
  }

  /// The next piece; nil at the end.
  public mutating func next() -> String? {
    while !continuation.isStopped, let element = generation.next()?[0] {
      let piece = continuation.take(element.token)
      if !piece.isEmpty { return piece }
    }
    let rest = continuation.rest()
    return rest.isEmpty ? nil : rest
  }
}
