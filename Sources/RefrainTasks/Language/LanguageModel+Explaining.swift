import RealModule
import Refrain
import RefrainData

extension LanguageModel {
  /// Why tokens are as probable as they are: the logarithm of a token's probability, in nats, as a function of the
  /// tokens before it. Of lines, the least probable token comes first; after a prompt, the most probable next one.
  public func explained(
    _ examples: LanguageExamples, _ request: LanguageRequest, _ choice: ExampleChoice
  ) throws(TaskError) -> [ExplainedExample] {
    guard let lines = examples.lines else {
      let prompts = examples.prompts
      return try choice.places(of: prompts.count, called: "prompt").map { explained(after: prompts[$0]) }
    }
    let places = try choice.places(of: lines.count, called: "line")
    let wanted = Set(places)
    var found: [Int: String] = [:]
    for (number, line) in lines.enumerated() where wanted.contains(number) {
      found[number] = line
      if found.count == wanted.count { break }
    }
    return places.map { explained(line: found[$0] ?? "", $0 + 1) }
  }

  /// So many tokens are looked at: what came long before says little, and costs as much.
  private static let window = 256

  private func explained(line: String, _ number: Int) -> ExplainedExample {
    let tokens = [Self.lineEnd] + tokenizer.encode(line) + [Self.lineEnd]
    let names = [Self.endSign] + tokenizer.tokens(line) + [Self.endSign]
    let probabilities = languageNetwork.logProbabilities(of: [tokens])[0]
    let worst = probabilities.indices.min { probabilities[$0] < probabilities[$1] } ?? 0
    let (count, most) = (probabilities.count, Self.window)
    let start = max(0, min(worst - most * 3 / 4, count - most))
    let part = start..<min(start + most, count)
    let order = part.sorted { (probabilities[$0], $0) < (probabilities[$1], $1) }
    let lost = Double(-probabilities.reduce(0, +)) / Double(max(1, count))
    var one = explained(
      title: "line \(number): “\(excerpt(line, 60))”"
        + (part.count < count ? ", tokens \(start + 1) to \(part.upperBound)" : ""),
      input: Array(tokens[part]), names: Array(names[part]),
      outputs: order.map {
        (
          step: $0 - start, token: tokens[$0 + 1],
          name: "\($0 + 1) \(names[$0 + 1]) (\(Self.percent(probabilities[$0])))"
        )
      })
    one.exhibits = [
      Exhibit(
        "tokens", title: "Where probability is lost",
        note: "The darker a token, the less probable it was after those before it: "
          + "\(Self.rounded(lost / Double.log(2))) bits in the mean.",
        .words(
          zip(names.dropFirst(), probabilities).map { ($0, Double(-$1) / Double.log(2)) })),
      Exhibit(
        "worstTokens", title: "The least probable tokens",
        .table(
          columns: ["token", "text", "bits", "probability", "more probable"],
          rows: worstTokens(tokens, names, probabilities))),
    ]
    return one
  }

  /// The ten least probable tokens, with what would have been more probable.
  private func worstTokens(_ tokens: [Int], _ names: [String], _ probabilities: [Float]) -> [[Exhibit.Cell]] {
    let order = probabilities.indices.sorted { (probabilities[$0], $0) < (probabilities[$1], $1) }.prefix(10)
    return order.map { place in
      let before = Array(tokens[max(0, place + 1 - 1000)...place])
      let best = next(after: before, count: 3).map { "\(name(of: $0.token)) \(Self.percent($0.logProbability))" }
      return [
        .number(Double(place + 1)), .text(names[place + 1]),
        .number((Double(-probabilities[place]) / Double.log(2) * 100).rounded() / 100),
        .text(Self.percent(probabilities[place])), .text(best.joined(separator: ", ")),
      ]
    }
  }

  private func explained(after prompt: String) -> ExplainedExample {
    let tokens = Array(promptTokens(prompt).suffix(Self.window))
    let names = tokens.map(name)
    let best = next(after: tokens, count: 10)
    return explained(
      title: "after “\(excerpt(String(prompt.suffix(60)), 60))”", input: tokens, names: names,
      outputs: best.map { (tokens.count - 1, $0.token, "\(name(of: $0.token)) (\(Self.percent($0.logProbability)))") })
  }

  private func explained(
    title: String, input tokens: [Int], names: [String], outputs: [(step: Int, token: Int, name: String)]
  ) -> ExplainedExample {
    let table = (languageNetwork.trunk.layers[0] as? Embedding)?.weight ?? .zeros([1, 1])
    let rows = table.gatheringRows(tokens)
    @Sendable func logits(_ network: LanguageNetwork, _ inputs: Tensor, _ layers: LayerCalls, _ step: Int) -> Tensor {
      network.logits(network.trunk(inputs, from: 1, layers: layers, named: "layer").at(step, axis: 1))
    }
    let unknown = table.gatheringRows(Array(repeating: Vocabulary.unknown, count: tokens.count))
    let mean = table.mean(axes: [0], keepingAxes: true).expanded(to: rows.shape)
    return ExplainedExample(
      title: title, input: rows, steps: names, features: .parts, outputs: outputs.map(\.name),
      baselines: [.init("zeros", .zeros(rows.shape)), .init("mean", mean), .init("unknown", unknown)],
      network: languageNetwork,
      relevance: .of("the token's logit less the mean of the others") { network, inputs, layers, output in
        logits(network, inputs, layers, outputs[output].step)
          .margin(of: outputs[output].token, among: network.vocabulary)
      }
    ) { network, inputs, layers, output in
      logits(network, inputs, layers, outputs[output].step).logSoftmax().at(outputs[output].token, axis: 1)
    }
  }

  /// The most probable next tokens.
  private func next(after tokens: [Int], count: Int) -> [(token: Int, logProbability: Float)] {
    var memory = languageNetwork.initialMemory(1)
    let hidden = languageNetwork.trunk(Tensor(tokens, shape: [1, tokens.count]), steps: Steps(), memory: &memory)
    let values = languageNetwork.logits(hidden.at(tokens.count - 1, axis: 1)).logSoftmax().values
    let shown = values.indices.filter {
      $0 == Self.lineEnd || $0 >= Vocabulary.specials.count || $0 == Vocabulary.unknown
    }
    return shown.sorted { (values[$0], $1) > (values[$1], $0) }.prefix(count).map { ($0, values[$0]) }
  }

  private static let endSign = "⏎"

  private func name(of token: Int) -> String {
    token == Self.lineEnd ? Self.endSign : tokenizer.vocabulary.token(at: token)
  }

  private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

  private static func percent(_ logProbability: Float) -> String {
    let percent = 100 * Double.exp(Double(logProbability))
    return percent >= 0.01 ? "\(rounded(percent)) %" : "< 0.01 %"
  }

  /// Where probability is lost in all lines, the first 2,000 at most: by token, and by line.
  public func overview(_ examples: LanguageExamples, _ request: LanguageRequest) throws(TaskError) -> [Exhibit] {
    guard let lines = examples.lines else { return [] }
    var losses: [Int: (sum: Double, count: Int)] = [:]
    var worst: [(number: Int, mean: Double, text: String)] = []
    var (sum, count) = (0.0, 0)
    var waiting: [(number: Int, text: String)] = []
    func judge() {
      let texts = waiting.map { [Self.lineEnd] + tokenizer.encode($0.text) + [Self.lineEnd] }
      for ((number, text), (tokens, own)) in zip(waiting, zip(texts, languageNetwork.logProbabilities(of: texts))) {
        let bits = own.map { Double(-$0) / Double.log(2) }
        for (token, lost) in zip(tokens.dropFirst(), bits) {
          losses[token, default: (0, 0)].sum += lost
          losses[token, default: (0, 0)].count += 1
        }
        sum += bits.reduce(0, +)
        count += bits.count
        worst.append((number, bits.reduce(0, +) / Double(max(1, bits.count)), text))
      }
      waiting = []
    }
    for (number, line) in lines.prefix(2000).enumerated() {
      waiting.append((number + 1, line))
      if waiting.count == 64 { judge() }
    }
    judge()
    let tokens = losses.sorted { ($0.value.sum, $1.key) > ($1.value.sum, $0.key) }
    let hard = worst.sorted { ($0.mean, $1.number) > ($1.mean, $0.number) }
    return [
      Exhibit(
        "lostByToken", title: "The tokens at which most probability is lost",
        note: "\(Self.rounded(sum / Double(max(1, count)))) bits a token in the mean of \(count).",
        .table(
          columns: ["token", "times", "bits in all", "share", "bits in the mean"],
          rows: tokens.prefix(20).map { token, lost in
            [
              .text(name(of: token)), .number(Double(lost.count)), .number(Self.rounded(lost.sum)),
              .number(Self.rounded(lost.sum / max(sum, 1e-9) * 100) / 100),
              .number(Self.rounded(lost.sum / Double(lost.count))),
            ]
          })),
      Exhibit(
        "hardExamples", title: "The least probable lines",
        .table(
          columns: ["line", "bits a token", "text"],
          rows: hard.prefix(20).map {
            [.number(Double($0.number)), .number(Self.rounded($0.mean)), .text(excerpt($0.text, 100))]
          })),
    ].filter { !$0.isEmpty }
  }
}
