/// Answers that grow token by token: greedily, or drawn from a model's probabilities. An iterator, so that each token
/// can be shown as soon as it is there.
///
///     for step in TokenGeneration(model, from: start, rules: rules, sampling: Sampling(temperature: 0.8)) {
///       if let token = step[0] { print(names[token.token], token.logProbability) }
///     }
public struct TokenGeneration<Model: SteppingDecoder>: Sequence, IteratorProtocol {
  /// A token of an answer.
  public struct Token: Sendable, Equatable {
    /// The token.
    public var token: Int
    /// The logarithm of its probability, by the model alone: at temperature 1, among all tokens.
    public var logProbability: Float
    /// Whether it ends the answer.
    public var isEnd: Bool
  }

  private let model: Model
  private let rules: DecodingRules
  private let start: DecodingStart<Model>
  /// The numbers of the sequences that still run.
  private var running: [Int]
  private var tokens: [Int]
  private var state: Model.State
  private var context: Model.Context
  /// Of every sequence.
  private var draws: [TokenDraw]

  /// Answers for the sequences of `start`.
  public init(_ model: Model, from start: DecodingStart<Model>, rules: DecodingRules, sampling: Sampling = .greedy) {
    self.model = model
    self.rules = rules
    self.start = start
    running = Array(0..<start.count)
    (tokens, state, context) = (start.tokens, start.state, start.context)
    draws = running.map { TokenDraw(rules, sampling, sequence: $0) }
  }

  /// The next token of every sequence, nil for those that have ended; nil once all have.
  public mutating func next() -> [Token?]? {
    guard !running.isEmpty else { return nil }
    var result = [Token?](repeating: nil, count: start.count)
    let logits = model.step(tokens, &state, context: context).logits
    let width = model.vocabulary
    require(
      logits.shape == [running.count, width],
      "a decoder gave logits of shape \(logits.shape), expected \([running.count, width])")
    let logarithms = logits.logSoftmax()
    var kept: [Int] = []
    var next: [Int] = []
    var values = [Float](repeating: 0, count: width)
    logarithms.withUnsafeValues { all in
      for (row, sequence) in running.enumerated() {
        let own = UnsafeBufferPointer(rebasing: all[row * width..<(row + 1) * width])
        guard let token = draws[sequence].next(own, in: &values) else { continue }
        let isEnd = rules.ends.contains(token)
        result[sequence] = Token(token: token, logProbability: own[token], isEnd: isEnd)
        if !isEnd, draws[sequence].length < rules.maximumLength(of: sequence, in: start) {
          kept.append(row)
          next.append(token)
        }
      }
    }
    if kept.count < running.count {
      state = state.mapTensors { $0.gatheringRows(kept) }
      context = context.mapTensors { $0.gatheringRows(kept) }
      running = kept.map { running[$0] }
    }
    tokens = next
    return result.contains { $0 != nil } ? result : nil
  }
}

extension SteppingDecoder {
  /// One answer for each sequence, token by token: greedily, or drawn.
  public func generate(
    from start: DecodingStart<Self>, rules: DecodingRules, sampling: Sampling = .greedy
  ) -> [Hypothesis] {
    var answers = Array(
      repeating: Hypothesis(tokens: [], logProbabilities: [], score: 0, isComplete: false, attention: []),
      count: start.count)
    for step in TokenGeneration(self, from: start, rules: rules, sampling: sampling) {
      for (sequence, element) in step.enumerated() {
        guard let element else { continue }
        answers[sequence].tokens.append(element.token)
        answers[sequence].logProbabilities.append(element.logProbability)
        answers[sequence].score += Double(element.logProbability)
        answers[sequence].isComplete = element.isEnd
      }
    }
    return answers
  }
}
