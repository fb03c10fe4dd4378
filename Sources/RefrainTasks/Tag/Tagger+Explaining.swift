import Refrain
import RefrainData

extension Tagger {
  /// What speaks for the tag of each word of sentences, and for the label of each: its score less the mean of the
  /// others', before it is known which tag may follow which. Words that are part of a span come first.
  public func explained(
    _ examples: TagExamples, _ request: TagRequest, _ choice: ExampleChoice
  ) throws(TaskError) -> [ExplainedExample] {
    let sentences = examples.sentences
    var explained: [ExplainedExample] = []
    for place in try choice.places(of: sentences.count, called: "sentence") {
      explained.append(try self.explained(sentences[place], place + 1))
    }
    return explained
  }

  private func explained(_ sentence: TaggedSentence, _ number: Int) throws(TaskError) -> ExplainedExample {
    let source = TagSource(encoded: EncodedSentences([sentence], encoder), tags: nil, labels: nil)
    let input = tagNetwork.inputs(TagBatch([0], of: source)).at(0, axis: 0)
    let (tags, scores) = tagNetwork(stack([input]), lengths: nil, layers: LayerCalls())
    try checkScores(tags, [sentence.words.count])
    let path = tagNetwork.field.bestPaths(tags, lengths: [sentence.words.count], constraints: labels.constraints)[0]
    let written = labels.written(path)
    let answer = text(of: sentence, written)
    var asked = path.enumerated().map {
      (word: Int?.some($0), value: $1, name: "\($0 + 1) \(sentence.words[$0]): \(written[$0])")
    }
    // Stable: spans first, then the others.
    asked = asked.filter { written[$0.word!] != "O" } + asked.filter { written[$0.word!] == "O" }
    if let label = scores?.argmax()[0] { asked.insert((nil, label, "label \(labels.labels[label])"), at: 0) }
    let order = asked
    let (tagCount, labelCount) = (labels.tags.count, labels.labels.count)
    return ExplainedExample(
      title: "sentence \(number): \(answer)", input: input, steps: sentence.words, features: tagNetwork.sizes.features,
      outputs: order.map(\.name), network: tagNetwork
    ) { network, inputs, layers, output in
      let (tags, labels) = network(inputs, lengths: nil, layers: layers)
      let (word, value, _) = order[output]
      let scores = word.map { tags.at($0, axis: 1) } ?? labels ?? tags.at(0, axis: 1)
      return scores.margin(of: value, among: word == nil ? labelCount : tagCount)
    }
  }

  /// A line that says what was found: spans with their types, or words with their tags.
  private func text(of sentence: TaggedSentence, _ tags: [String]) -> String {
    let spans = scheme == .none ? [] : TagSpan.spans(of: tags)
    let found = spans.map { "\(sentence.words[$0.range].joined(separator: " ")) (\($0.type))" }
    return excerpt(
      scheme == .none
        ? zip(sentence.words, tags).map { "\($0)/\($1)" }.joined(separator: " ")
        : found.isEmpty ? "no span" : found.joined(separator: ", "))
  }

  /// What is hard in sentences whose tags are known: what is taken for what, and the sentences with the most errors.
  public func overview(_ examples: TagExamples, _ request: TagRequest) throws(TaskError) -> [Exhibit] {
    let sentences = examples.sentences.filter { $0.tags.count == $0.words.count }
    guard !sentences.isEmpty else { return [] }
    let texts = try texts(sentences, best: nil, check: checkScores)
    func written(_ tags: [String]) -> [String] { scheme == .none ? tags : scheme.converted(tags) }
    var pairs: [[String]: (count: Int, example: String, probability: Double)] = [:]
    var lines: [(number: Int, wrong: Int, words: String)] = []
    for (number, (sentence, found)) in zip(sentences, texts).enumerated() {
      var wrong: [String] = []
      for (place, (truth, tag)) in zip(written(sentence.tags), found.tags).enumerated() where truth != tag {
        let (word, probability) = (sentence.words[place], found.probabilities[place])
        wrong.append("\(word): \(truth) → \(tag)")
        let known = pairs[[truth, tag]]
        let isSurer = probability > known?.probability ?? -1
        let around = sentence.words[max(0, place - 3)..<min(sentence.words.count, place + 4)].joined(separator: " ")
        pairs[[truth, tag]] = (
          (known?.count ?? 0) + 1, isSurer ? "\(word) in “\(around)”" : known?.example ?? "",
          max(probability, known?.probability ?? 0)
        )
      }
      if !wrong.isEmpty { lines.append((number + 1, wrong.count, wrong.joined(separator: ", "))) }
    }
    let confused = pairs.sorted { ($1.value.count, $0.key[0], $0.key[1]) < ($0.value.count, $1.key[0], $1.key[1]) }
    let hard = lines.sorted { ($1.wrong, $0.number) < ($0.wrong, $1.number) }
    return [
      Exhibit(
        "confusions", title: "What is taken for what", note: "With the word of which the tagger is surest.",
        .table(
          columns: ["tag", "taken for", "words", "probability", "for example"],
          rows: confused.prefix(20).map { key, value in
            [
              .text(key[0]), .text(key[1]), .number(Double(value.count)), .number(value.probability),
              .text(excerpt(value.example, 100)),
            ]
          })),
      Exhibit(
        "hardExamples", title: "Hard sentences", note: "Those with the most wrong tags.",
        .table(
          columns: ["sentence", "wrong tags", "which"],
          rows: hard.prefix(20).map {
            [.number(Double($0.number)), .number(Double($0.wrong)), .text(excerpt($0.words, 120))]
          })
      ),
    ].filter { !$0.isEmpty }
  }
}

extension TagNetwork.Sizes {
  /// The parts of what is read of a word.
  fileprivate var features: ExplainedExample.Features {
    let parts = [
      ("the word", wordSize), ("its beginning", affixSize), ("its end", affixSize), ("its shape", shapeSize),
      ("its characters", 2 * spellingSize),
    ]
    return .grouped(
      parts.map(\.0), places: parts.enumerated().flatMap { Array(repeating: $0, count: $1.1) })
  }
}
