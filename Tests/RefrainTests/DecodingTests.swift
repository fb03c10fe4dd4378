import RealModule
import RefrainTestSupport
import Testing

@testable import Refrain

/// A small language model whose next token depends on all before: random, and far from even.
private func languageModel(vocabulary: Int, seed: UInt64) throws -> StreamDecoder<Sequential> {
  let model = Sequential(seed: seed) {
    Embedding(vocabulary, 6)
    LSTM(8, returning: .everyStep)
    Dense(vocabulary)
  }
  return try StreamDecoder(model.filledWithRamps(Double(seed), scale: 1.3))
}

/// The logarithms of the probabilities of tokens after a prompt, by the model on the whole sequence at once.
private func logProbabilities(_ decoder: StreamDecoder<Sequential>, _ prompt: [Int], _ tokens: [Int]) -> [Float] {
  let whole = prompt + tokens
  let all = decoder.model(Tensor(Array(whole.dropLast()), shape: [1, whole.count - 1])).logSoftmax()
  return tokens.indices.map { all[0, prompt.count - 1 + $0, tokens[$0]] }
}

/// All answers of at most `length` tokens that end with `end`.
private func answers(vocabulary: Int, end: Int, length: Int) -> [[Int]] {
  var open: [[Int]] = [[]]
  var complete: [[Int]] = []
  for _ in 0..<length {
    complete += open.map { $0 + [end] }
    open = open.flatMap { start in (0..<vocabulary).filter { $0 != end }.map { start + [$0] } }
  }
  return complete
}

/// A decoder whose next token depends on the last one, the sequence and the number of tokens; what it attends to
/// depends on the token.
private struct Scripted: SteppingDecoder {
  struct State: TensorGroup {
    var count: Tensor
    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) { try body("count", &count) }
  }
  let vocabulary = 4
  let source = 3

  func logits(_ token: Int, _ count: Int, _ context: Float) -> [Float] {
    (0..<vocabulary).map { next in
      3 * Float.sin(Float(7 * token + 3 * next + 5 * count) + context * Float(next + 1))
    }
  }
  func attention(_ token: Int) -> [Float] {
    var weights: [Float] = [0.1, 0.1, 0.1]
    weights[token % source] = 0.8
    return weights
  }
  func step(_ tokens: [Int], _ state: inout State, context: Tensor) -> DecoderOutput {
    let (counts, contexts) = (state.count.values, context.values)
    let answers = tokens.count / contexts.count
    state.count = state.count + 1
    return DecoderOutput(
      logits: Tensor(tokens.indices.map { logits(tokens[$0], Int(counts[$0]), contexts[$0 / answers]) }),
      attention: Tensor(tokens.map(attention)))
  }
  func start(_ contexts: [Float]) -> DecodingStart<Self> {
    DecodingStart(
      tokens: contexts.map { _ in 0 }, state: State(count: .zeros([contexts.count, 1])),
      context: Tensor(contexts, shape: [contexts.count, 1]), sourceLengths: contexts.map { _ in source })
  }
}

/// A decoder whose next token depends on the last alone.
private struct Bigrams: SteppingDecoder {
  var table: Tensor
  var vocabulary: Int { table.shape[1] }
  func step(_ tokens: [Int], _ state: inout NoMemory, context: NoMemory) -> DecoderOutput {
    DecoderOutput(logits: table.gatheringRows(tokens))
  }
}

@Suite("Decoding") struct DecodingTests {
  @Test(
    "A beam as wide as there are answers finds the best of them in order, by exhaustive search",
    arguments: [0.0, 0.7, -0.5])
  func exhaustive(penalty: Double) throws {
    let (vocabulary, end, length) = (4, 3, 5)
    for seed in UInt64(1)...4 {
      let decoder = try languageModel(vocabulary: vocabulary, seed: seed)
      let prompt = [0, Int(seed) % 3]
      let all = answers(vocabulary: vocabulary, end: end, length: length).map { tokens in
        let sum = logProbabilities(decoder, prompt, tokens).reduce(0.0) { $0 + Double($1) }
        return (tokens: tokens, score: sum / Double.pow((5 + Double(tokens.count)) / 6, penalty))
      }.sorted { $0.score > $1.score }
      for stopping in [BeamSearch.Stopping.certain, .full] {
        let search = BeamSearch(
          width: 400, count: 20, lengthPenalty: penalty, stopping: stopping,
          rules: DecodingRules(ends: [end], maximumLength: length))
        let found = search(decoder, from: decoder.start([prompt]))[0]
        #expect(found.map(\.tokens) == all.prefix(20).map(\.tokens))
        for (answer, expected) in zip(found, all) {
          #expect(abs(answer.score - expected.score) < 1e-4 && answer.isComplete)
          #expect(Array(answer.content) == Array(expected.tokens.dropLast()))
          for (one, other) in zip(answer.logProbabilities, logProbabilities(decoder, prompt, answer.tokens)) {
            #expect(abs(one - other) < 1e-4)
          }
        }
      }
    }
  }

  @Test("A search that stops when it is certain finds with a narrow beam what one that never stops finds in it")
  func certain() throws {
    for seed in UInt64(1)...6 {
      let decoder = try languageModel(vocabulary: 5, seed: seed)
      var search = BeamSearch(
        width: 3, lengthPenalty: 0.6, stopping: .certain, rules: DecodingRules(ends: [4], maximumLength: 12))
      let best = search(decoder, from: decoder.start([[0]]))[0][0]
      // A search for as many answers as the beam is wide goes on when the best one is certain.
      search.count = search.width
      let longer = search(decoder, from: decoder.start([[0]]))[0][0]
      #expect(best.tokens == longer.tokens && best.score == longer.score)
      (search.count, search.stopping) = (1, .full)
      let sooner = search(decoder, from: decoder.start([[0]]))[0][0]
      #expect(best.score >= sooner.score)
    }
  }

  @Test("Sequences and answers in one batch are what they are alone")
  func batches() throws {
    let prompts = [[1], [2, 5, 3], [4, 4], [6, 0, 1, 2]]
    let search = BeamSearch(
      width: 4, count: 3, lengthPenalty: 0.8, rules: DecodingRules(ends: [0], maximumLength: 9))
    var best = Set<[Int]>()
    for seed in UInt64(3)...12 {
      let decoder = try languageModel(vocabulary: 7, seed: seed)
      let together = search(decoder, from: decoder.start(prompts))
      let alone = prompts.map { search(decoder, from: decoder.start([$0]))[0] }
      #expect(together.map { $0.map(\.tokens) } == alone.map { $0.map(\.tokens) })
      best.formUnion(together.map { $0[0].tokens })
    }
    #expect(best.count > 3)
    let decoder = try languageModel(vocabulary: 7, seed: 3)
    let rules = DecodingRules(ends: [0], maximumLength: 12)
    let drawn = decoder.generate(from: decoder.start(prompts), rules: rules, sampling: Sampling(seed: 5))
    // The first sequence draws from the same generator wherever it stands alone.
    #expect(
      decoder.generate(from: decoder.start([prompts[0]]), rules: rules, sampling: Sampling(seed: 5))[0] == drawn[0])
  }

  @Test(
    "The context of a sequence stays with it while others end, and the coverage penalty counts what was attended to")
  func contextAndCoverage() {
    let model = Scripted()
    let contexts: [Float] = [0.3, 1.9, 4.4, 5.2, 2.7]
    for coverage in [0.0, 0.5] {
      let search = BeamSearch(
        width: 300, count: 5, lengthPenalty: 0.5, coveragePenalty: coverage, stopping: .certain, keepsAttention: true,
        rules: DecodingRules(ends: [3], maximumLength: 5))
      let found = search(model, from: model.start(contexts))
      for (context, best) in zip(contexts, found) {
        let all = answers(vocabulary: 4, end: 3, length: 5).map { tokens -> (tokens: [Int], score: Double) in
          var (sum, last) = (0.0, 0)
          var seen = [0.0, 0.0, 0.0]
          for (count, token) in tokens.enumerated() {
            sum += Double(Tensor([model.logits(last, count, context)]).logSoftmax()[0, token])
            for (step, weight) in model.attention(last).enumerated() { seen[step] += Double(weight) }
            last = token
          }
          let penalty = seen.reduce(0.0) { $0 + Double.log(min($1, 1)) }
          return (tokens, sum / Double.pow((5 + Double(tokens.count)) / 6, 0.5) + coverage * penalty)
        }.sorted { $0.score > $1.score }
        #expect(best.map(\.tokens) == all.prefix(5).map(\.tokens))
        #expect(zip(best, all).allSatisfy { abs($0.score - $1.score) < 1e-4 })
        #expect(best[0].attention == ([0] + best[0].tokens.dropLast()).map(model.attention))
      }
    }
  }

  @Test("A beam of one is the greedy answer")
  func greedy() throws {
    for seed in UInt64(1)...5 {
      let decoder = try languageModel(vocabulary: 6, seed: seed)
      let rules = DecodingRules(ends: [2], maximumLength: 15)
      let start = decoder.start([[1], [3, 4]])
      let greedy = decoder.generate(from: start, rules: rules)
      let beam = BeamSearch(width: 1, rules: rules)(decoder, from: start).map { $0[0] }
      #expect(greedy.map(\.tokens) == beam.map(\.tokens))
      #expect(greedy.map(\.isComplete) == beam.map(\.isComplete))
      #expect(zip(greedy, beam).allSatisfy { abs($0.score - $1.score) < 1e-4 })
      // By hand: the most likely token after what there is.
      var tokens: [Int] = []
      while tokens.count < 15, tokens.last != 2 {
        let all = decoder.model(Tensor([3, 4] + tokens, shape: [1, 2 + tokens.count]))
        tokens.append(all.at(-1, axis: 1).argmax()[0])
      }
      #expect(greedy[1].tokens == tokens)
    }
  }

  @Test("Rules hold: least and greatest length, forbidden tokens, no run twice, and a list of answers")
  func rules() throws {
    let decoder = try languageModel(vocabulary: 6, seed: 2)
    let start = decoder.start([[1], [2]])
    func both(_ rules: DecodingRules, _ check: (_ answer: Hypothesis, _ sequence: Int) -> Bool) {
      let found = BeamSearch(width: 4, count: 4, rules: rules)(decoder, from: start)
      let drawn = decoder.generate(from: start, rules: rules, sampling: Sampling(seed: 1))
      for (sequence, answers) in found.enumerated() {
        #expect(!answers.isEmpty && (answers + [drawn[sequence]]).allSatisfy { check($0, sequence) })
      }
    }
    both(DecodingRules(ends: [0], minimumLength: 4, maximumLength: 6)) { answer, _ in
      answer.content.count >= 4 && answer.tokens.count <= 6
    }
    both(DecodingRules(ends: [0], maximumLength: 8, forbidden: [3, 4])) { answer, _ in
      !answer.tokens.contains(3) && !answer.tokens.contains(4)
    }
    both(DecodingRules(maximumLength: 12, noRepeatSize: 2)) { answer, _ in
      let pairs = zip(answer.tokens, answer.tokens.dropFirst()).map { [$0, $1] }
      return answer.tokens.count == 12 && Set(pairs).count == pairs.count
    }
    both(DecodingRules(maximumLength: 4, noRepeatSize: 1)) { answer, _ in Set(answer.tokens).count == 4 }
    let lists = [[[5, 4, 0], [5, 3, 3, 0]], [[1, 0]]]
    both(
      DecodingRules(
        ends: [0], maximumLength: 9,
        allowed: { tokens, sequence in
          lists[sequence].compactMap { $0.starts(with: tokens) && $0.count > tokens.count ? $0[tokens.count] : nil }
        })
    ) { answer, sequence in answer.isComplete && lists[sequence].contains(answer.tokens) }
    // Probabilities stay the model's own.
    let only = DecodingRules(ends: [0], maximumLength: 2, allowed: { tokens, _ in tokens.isEmpty ? [5] : [0] })
    let answer = decoder.generate(from: start, rules: only)[0]
    #expect(zip(answer.logProbabilities, logProbabilities(decoder, [1], [5, 0])).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  @Test("An answer that is cut off comes after those that are complete, and one that may not go on is given as it is")
  func cutOff() {
    // Token 0 follows everything, the end 2 is unlikely.
    let model = Bigrams(table: [[5, 0, -3], [5, 0, -3], [0, 0, 0]])
    let search = BeamSearch(width: 3, count: 3, rules: DecodingRules(ends: [2], maximumLength: 4))
    let found = search(model, from: DecodingStart(tokens: [0]))[0]
    #expect(found.map(\.isComplete).firstIndex(of: false) == found.count { $0.isComplete })
    let none = DecodingRules(ends: [2], maximumLength: 9, allowed: { tokens, _ in tokens.count < 2 ? [1] : [] })
    let stuck = BeamSearch(width: 2, rules: none)(model, from: DecodingStart(tokens: [0]))[0]
    #expect(stuck.map(\.tokens) == [[1, 1]] && !stuck[0].isComplete)
    #expect(model.generate(from: DecodingStart(tokens: [0]), rules: none)[0].tokens == [1, 1])
    let limited = DecodingStart<Bigrams>(tokens: [0, 0], maximumLengths: [1, 3])
    #expect(
      model.generate(from: limited, rules: DecodingRules(maximumLength: 9)).map(\.tokens.count) == [1, 3])
  }

  @Test("Generators of neighboring sequences have no word of their states in common, and no draw")
  func generators() {
    let sampling = Sampling(seed: 5)
    var (words, draws): (Set<UInt64>, Set<UInt64>) = ([], [])
    for sequence in 0..<100 {
      var generator = sampling.generator(of: sequence)
      let state = generator.state
      words.formUnion([state.0, state.1, state.2, state.3])
      for _ in 0..<20 { draws.insert(generator.next()) }
    }
    #expect(words.count == 400 && draws.count == 2000)
  }

  @Test("Tokens are drawn as often as they are likely, at any temperature and among the most likely")
  func frequencies() {
    let model = Bigrams(table: [[0, 1, 2, -1, 0.5]])
    let logits: [Float] = [0, 1, 2, -1, 0.5]
    func frequencies(_ sampling: Sampling) -> [Double] {
      let count = 20_000
      let start = DecodingStart<Bigrams>(tokens: Array(repeating: 0, count: count))
      var counts = [Double](repeating: 0, count: 5)
      for answer in model.generate(from: start, rules: DecodingRules(maximumLength: 1), sampling: sampling) {
        counts[answer.tokens[0]] += 1 / Double(count)
      }
      return counts
    }
    func expected(_ temperature: Float, among kept: Set<Int>) -> [Double] {
      let weights = logits.indices.map { kept.contains($0) ? Double.exp(Double(logits[$0] / temperature)) : 0 }
      return weights.map { $0 / weights.reduce(0, +) }
    }
    func check(_ sampling: Sampling, among kept: Set<Int>, line: SourceLocation = #_sourceLocation) {
      // Within five standard deviations.
      for (found, wanted) in zip(frequencies(sampling), expected(sampling.temperature, among: kept)) {
        #expect(
          abs(found - wanted) <= 5 * (wanted * (1 - wanted) / 20_000).squareRoot() + 1e-9, "\(found), \(wanted)",
          sourceLocation: line)
      }
    }
    check(Sampling(seed: 1), among: [0, 1, 2, 3, 4])
    check(Sampling(temperature: 0.5, seed: 2), among: [0, 1, 2, 3, 4])
    check(Sampling(temperature: 2, topK: 3, seed: 3), among: [1, 2, 4])
    // The probabilities are 0.56, 0.21, 0.13, …: the first two are not enough for 0.8.
    check(Sampling(topP: 0.8, seed: 4), among: [1, 2, 4])
    check(Sampling(topP: 0.69, seed: 4), among: [1, 2])
    check(Sampling(topK: 4, topP: 0.2, seed: 5), among: [2])
    check(Sampling(temperature: 0.01, seed: 6), among: [2])
  }
}
