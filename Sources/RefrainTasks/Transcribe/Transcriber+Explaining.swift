import Refrain
import RefrainData

extension Transcriber {
  /// Where in recordings what was written down was heard: for each word the scores of its characters at the steps where
  /// they are said, less the mean of the other symbols', and the mean over all words. What the language model made of
  /// it is no part of this.
  public func explained(
    _ examples: Utterances, _ request: TranscriptionRequest, _ choice: ExampleChoice
  ) throws(TaskError) -> [ExplainedExample] {
    let places = try choice.places(of: examples.all.count, called: "recording")
    // Speakers are normalized by all that there is of them.
    let inputs = plan.inputs(examples)
    var search = search
    if let width = request.width { search.width = width }
    let prefixes = search.prefixSearch(plan, lexicon: language.lexicon)
    var explained: [ExplainedExample] = []
    for place in places {
      let one = examples.all[place]
      if let problem = one.problem { throw TaskError(problem.description) }
      explained.append(try self.explained(one, inputs[place], place + 1) { language.best($0, prefixes) })
    }
    return explained
  }

  private func explained(
    _ one: Utterance, _ frames: FeatureFrames, _ number: Int, labels best: (Tensor) -> [Int]
  ) throws(TaskError) -> ExplainedExample {
    let values = TranscriptionExamples(inputs: [frames], labels: [[]]).logProbabilities(transcriptionNetwork)[0]
    let time = frames.count
    guard time > 0 else { throw TaskError("\(one.name): there is nothing to be heard", remedy: "choose another") }
    let labels = best(values)
    guard let alignment = labels.isEmpty ? nil : CTCAlignment(values, labels: labels) else {
      throw TaskError("\(one.name): nothing was written down, so there is nothing to explain", remedy: "choose another")
    }
    // For each output, how much each symbol at each step counts.
    let count = plan.symbols.count
    var words: [(name: String, labels: Range<Int>)] = [("the whole text", labels.indices)]
    var start = 0
    for end in 0...labels.count where end == labels.count || labels[end] == plan.separator {
      if end > start { words.append(("\(words.count) \(plan.text(Array(labels[start..<end])))", start..<end)) }
      start = end + 1
    }
    let weights = words.map { _, part -> Tensor in
      var weights = [Float](repeating: 0, count: time * count)
      for label in part {
        let steps = alignment.steps[label]
        let share = 1 / Float(steps.count * part.count)
        for step in steps {
          for symbol in 0..<count {
            weights[step * count + symbol] += symbol == labels[label] ? share : -share / Float(max(1, count - 1))
          }
        }
      }
      return Tensor(weights, shape: [time * count, 1])
    }
    let input = Tensor(frames.values, shape: [time, plan.inputSize])
    let names = plan.encoding.names(steps: time, stacking: plan.stacking)
    var explained = ExplainedExample(
      title: "recording \(number), \(one.name.onOneLine): “\(excerpt(plan.text(labels)))”", input: input,
      steps: names.steps,
      features: .grouped(names.features, places: names.places), outputs: words.map(\.name),
      network: transcriptionNetwork
    ) { network, inputs, layers, output in
      let logits = network([inputs], layers: layers)[0]
      return logits.reshaped([inputs.shape[0], time * count]).matrixProduct(weights[output]).at(0, axis: 1)
    }
    explained.exhibits = [
      Exhibit(
        "alignment", title: "When each character is said",
        .table(
          columns: ["character", "from", "to", "probability"],
          rows: labels.indices.map { index in
            let steps = alignment.steps[index]
            func seconds(_ step: Int) -> Double { (Double(step) * plan.period * 1000).rounded() / 1000 }
            return [
              .text(plan.symbols[labels[index]]), .number(seconds(steps.lowerBound)),
              .number(seconds(steps.upperBound)),
              .number((Double(exp(Tensor(alignment.logProbabilities[index])).item) * 1000).rounded() / 1000),
            ]
          }))
    ]
    return explained
  }
}
