import Refrain
import RefrainData

extension Translator {
  /// Why answers are as probable as they are: the logarithm of the probability of the whole answer, or of each of its
  /// tokens after those before it, in nats, as a function of the source's tokens.
  public func explained(
    _ examples: TranslationExamples, _ request: TranslationRequest, _ choice: ExampleChoice
  ) throws(TaskError) -> [ExplainedExample] {
    let sources = examples.pairs.sources
    let places = try choice.places(of: sources.count, called: "text")
    let wanted = Set(places)
    var found: [Int: String] = [:]
    for (number, text) in sources.enumerated() where wanted.contains(number) {
      found[number] = text
      if found.count == wanted.count { break }
    }
    var explained: [ExplainedExample] = []
    for place in places { explained.append(try self.explained(found[place] ?? "", place + 1, request)) }
    return explained
  }

  private func explained(
    _ text: String, _ number: Int, _ request: TranslationRequest
  ) throws(TaskError) -> ExplainedExample {
    let source = sourceTokenizer.encode(text)
    guard !source.isEmpty else {
      throw TaskError("text \(number) is empty: there is nothing to explain", remedy: "choose another")
    }
    let names = sourceTokenizer.tokens(text)
    let start = translationNetwork.start([source], limit: request.longest)
    let best = search(request)(translationNetwork, from: start).first?.first
    let target = best.map { Array($0.content) } ?? []
    let written = target.map { targetTokenizer.vocabulary.token(at: $0) } + [Self.endSign]
    let tokens = target + [Vocabulary.end]
    let table = translationNetwork.source ?? translationNetwork.target
    let rows = table.gatheringRows(source)
    let unknown = table.gatheringRows(Array(repeating: Vocabulary.unknown, count: source.count))
    var one = ExplainedExample(
      title: "text \(number): “\(excerpt(text, 60))” → “\(excerpt(targetTokenizer.decode(target), 60))”", input: rows,
      steps: names, features: .parts,
      outputs: ["the whole answer"] + written.enumerated().map { "\($0 + 1) \($1)" },
      baselines: [
        .init("zeros", .zeros(rows.shape)),
        .init("mean", table.mean(axes: [0], keepingAxes: true).expanded(to: rows.shape)), .init("unknown", unknown),
      ], network: translationNetwork,
      // The attention and the layers of the decoder have no rule.
      relevance: .none
    ) { network, inputs, layers, output in
      let said = network.readouts(target, from: inputs, layers: layers)
      func logProbability(_ place: Int) -> Tensor {
        network.logits(said.at(place, axis: 1)).logSoftmax().at(tokens[place], axis: 1)
      }
      return output > 0
        ? logProbability(output - 1)
        : tokens.indices.dropFirst().reduce(logProbability(0)) { $0 + logProbability($1) }
    }
    let weights = best.map { Array($0.attention.prefix(tokens.count)) } ?? []
    if !weights.isEmpty, weights.allSatisfy({ $0.count >= source.count }) {
      one.exhibits.append(
        Exhibit(
          "attention", title: "Attention",
          note: "How much of each token of the source (across) was looked at for each token of the answer (down). It "
            + "is where was looked, not what it was worth.",
          .grid(
            rows: Array(written.prefix(weights.count)), columns: names,
            values: Tensor(weights.flatMap { $0.prefix(source.count) }, shape: [weights.count, source.count]))))
    }
    return one
  }

  private static let endSign = "⏎"
}

extension TranslationNetwork {
  /// What is known before each token of an answer and its end, `[N, T + 1, E]`, for many vectors of a source.
  ///
  /// - Parameter rows: `[N, S, E]`, of the source's tokens.
  func readouts(_ target: [Int], from rows: Tensor, layers: LayerCalls) -> Tensor {
    let (count, length) = (rows.shape[0], rows.shape[1])
    let (source, state) = read(
      keys: encoder(rows, layers: layers, named: "encoder"), lengths: Array(repeating: length, count: count))
    let before = Tokens(
      Array(repeating: [Vocabulary.begin] + target, count: count), padding: Vocabulary.padding)
    return readouts(before, source, state)
  }
}
