import RealModule

/// Looks for the answers that a model finds most likely, several at a time: at each step the best `width` of all
/// answers on their way are kept (Lowerre 1976; for decoders Sutskever, Vinyals and Le 2014).
///
///     let search = BeamSearch(width: 6, lengthPenalty: 1, rules: DecodingRules(ends: [end], maximumLength: 80))
///     let best = search(model, from: start).map { $0[0] }
///
/// Answers are ordered by log P / lp + cp, with the penalties of Wu et al. 2016 (GNMT):
///
///     lp = ((5 + length) / 6)^α              so that long answers are not at a loss
///     cp = β Σ_i log min(Σ_j a_ij, 1)        over the source's steps i: each is to be attended to by some token j
///
/// Complete answers come before those that were cut off. A beam as wide as there are answers finds the best one. All
/// sequences, and all answers of each, take a step in one call of the model, and a sequence that is done costs nothing.
public struct BeamSearch: Sendable {
  /// When a sequence is done.
  public enum Stopping: Sendable {
    /// When no answer on its way can come among the best any more.
    case certain
    /// Also when as many answers as the beam is wide are complete: sooner, and nearly always the same.
    case full
  }

  /// How many answers are kept at each step.
  public var width: Int { didSet { check() } }
  /// How many answers are given, at most ``width``.
  public var count: Int { didSet { check() } }
  /// α: 0 orders by the probability alone.
  public var lengthPenalty: Double
  /// β: 0 does not look at the attention.
  public var coveragePenalty: Double
  /// When a sequence is done.
  public var stopping: Stopping
  /// Whether answers say what the model attended to at each token.
  public var keepsAttention: Bool
  /// Which answers there are.
  public var rules: DecodingRules

  /// A search for the `count` best answers within a beam.
  public init(
    width: Int, count: Int = 1, lengthPenalty: Double = 0, coveragePenalty: Double = 0, stopping: Stopping = .full,
    keepsAttention: Bool = false, rules: DecodingRules
  ) {
    require(coveragePenalty >= 0, "the coverage penalty is \(coveragePenalty), and must not be negative")
    self.width = width
    self.count = count
    self.lengthPenalty = lengthPenalty
    self.coveragePenalty = coveragePenalty
    self.stopping = stopping
    self.keepsAttention = keepsAttention
    self.rules = rules
    check()
  }

  private func check() {
    require(width > 0, "the beam is \(width) wide, and must have at least 1")
    require((1...width).contains(count), "the \(count) best answers of a beam of \(width) were asked for")
  }

  /// The best answers for each sequence of `start`, the best first; at most ``count`` of each.
  public func callAsFunction<Model: SteppingDecoder>(
    _ model: Model, from start: DecodingStart<Model>
  ) -> [[Hypothesis]] {
    var results = [[Hypothesis]](repeating: [], count: start.count)
    var beams = (0..<start.count).map { sequence in
      Beam(
        self, sequence: sequence, sourceLength: start.sourceLengths?[sequence],
        maximumLength: rules.maximumLength(of: sequence, in: start))
    }
    var (tokens, state, context) = (start.tokens, start.state, start.context)
    // How many rows each sequence has.
    var rows = 1
    while !beams.isEmpty {
      let output = model.step(tokens, &state, context: context)
      let vocabulary = model.vocabulary
      require(
        output.logits.shape == [beams.count * rows, vocabulary],
        "a decoder gave logits of shape \(output.logits.shape), expected \([beams.count * rows, vocabulary])")
      advance(&beams, output, rows: rows, vocabulary: vocabulary)
      for beam in beams where beam.isDone { results[beam.sequence] = beam.answers(count) }
      let kept = beams.indices.filter { !beams[$0].isDone }
      if kept.count < beams.count { context = context.mapTensors { $0.gatheringRows(kept) } }
      // Every sequence has as many rows as the one with the most; what fills the others up is asked, and not used.
      let next = kept.map { beams[$0].live.count }.max() ?? 0
      var sources: [Int] = []
      tokens = []
      for index in kept {
        for row in 0..<next {
          let live = row < beams[index].live.count ? beams[index].live[row] : beams[index].live[0]
          sources.append(index * rows + live.row)
          tokens.append(live.token)
        }
      }
      if sources != Array(0..<beams.count * rows) { state = state.mapTensors { $0.gatheringRows(sources) } }
      beams = kept.map { beams[$0] }
      rows = next
    }
    return results
  }

  /// Takes a step of all beams, side by side.
  private func advance(_ beams: inout [Beam], _ output: DecoderOutput, rows: Int, vocabulary: Int) {
    var logarithms = output.logits.logSoftmax()
    let attention = keepsAttention || coveragePenalty > 0 ? output.attention : nil
    require(
      attention.map { $0.rank == 2 && $0.shape[0] == beams.count * rows } ?? true,
      "a decoder gave attention of shape \(attention?.shape ?? []), expected \(beams.count * rows) rows")
    let source = attention?.shape[1] ?? 0
    logarithms.withUnsafeMutableValues { values in
      (attention ?? Tensor(0)).withUnsafeValues { weights in
        beams.withUnsafeMutableBufferPointer { beams in
          parallel(beams.count, grain: max(1, 1 << 16 / max(1, rows * vocabulary))) { part in
            for index in part {
              let own = UnsafeMutableBufferPointer(
                rebasing: values[index * rows * vocabulary..<(index + 1) * rows * vocabulary])
              let seen =
                attention == nil
                ? nil : UnsafeBufferPointer(rebasing: weights[index * rows * source..<(index + 1) * rows * source])
              beams[index].advance(own, vocabulary: vocabulary, attention: seen, source: source)
            }
          }
        }
      }
    }
  }

  /// What the probability of an answer of so many tokens is divided by.
  func lengthFactor(_ length: Int) -> Double {
    lengthPenalty == 0 ? 1 : Double.pow((5 + Double(length)) / 6, lengthPenalty)
  }
}

/// The search for the answers of one sequence.
private struct Beam {
  /// A token of an answer; all of them make a tree.
  private struct Entry {
    let parent: Int
    let token: Int
    let logProbability: Float
    let attention: [Float]
  }

  /// An answer on its way.
  struct Live {
    /// Its last token among the entries; −1 before the first.
    let entry: Int
    /// The sum of its logarithms.
    let sum: Double
    /// The row of the model's state that it goes on from.
    let row: Int
    let token: Int
  }

  let search: BeamSearch
  let sequence: Int
  private let sourceLength: Int?
  private let maximumLength: Int
  private var entries: [Entry] = []
  private(set) var live = [Live(entry: -1, sum: 0, row: 0, token: -1)]
  private var length = 0
  /// The best answers, the best first, at most as many as are asked for.
  private var complete: [Hypothesis] = []
  private var completed = 0
  /// Those that were cut off, in the order of the beam.
  private var cut: [Hypothesis] = []
  private(set) var isDone = false

  init(_ search: BeamSearch, sequence: Int, sourceLength: Int?, maximumLength: Int) {
    self.search = search
    self.sequence = sequence
    self.sourceLength = sourceLength
    self.maximumLength = maximumLength
  }

  /// Takes a step.
  ///
  /// - Parameters:
  ///   - logarithms: of the probabilities, `[rows, V]`, of which the first rows are those of ``live``; changed.
  ///   - attention: `[rows, S]`.
  mutating func advance(
    _ logarithms: UnsafeMutableBufferPointer<Float>, vocabulary: Int, attention: UnsafeBufferPointer<Float>?,
    source: Int
  ) {
    let (width, ends) = (search.width, search.rules.ends)
    // So many that `width` are left when all that end are taken out.
    var best = BestCandidates(min(width + live.count * ends.count, live.count * vocabulary))
    for (row, answer) in live.enumerated() {
      let values = UnsafeMutableBufferPointer(rebasing: logarithms[row * vocabulary..<(row + 1) * vocabulary])
      search.rules.forbid(in: values, length: length, after: path(to: answer.entry).map(\.token), of: sequence)
      var threshold = best.threshold(over: answer.sum)
      for token in 0..<vocabulary where values[token] > threshold {
        best.insert(.init(score: answer.sum + Double(values[token]), row: row, token: token))
        threshold = best.threshold(over: answer.sum)
      }
    }
    length += 1
    let before = live
    live = []
    for (rank, candidate) in best.sorted().enumerated() {
      let isEnd = ends.contains(candidate.token)
      // What ends outside the beam is as lost as what goes on outside of it.
      guard isEnd ? rank < width : live.count < width else { continue }
      let weights = attention.map { Array($0[candidate.row * source..<(candidate.row + 1) * source]) } ?? []
      entries.append(
        Entry(
          parent: before[candidate.row].entry, token: candidate.token,
          logProbability: logarithms[candidate.row * vocabulary + candidate.token], attention: weights))
      if isEnd {
        finish(entries.count - 1, sum: candidate.score, isComplete: true)
        completed += 1
      } else {
        live.append(Live(entry: entries.count - 1, sum: candidate.score, row: candidate.row, token: candidate.token))
      }
    }
    if live.isEmpty, completed == 0 {
      // The rules allow nothing more: what there is was cut off here.
      for answer in before { finish(answer.entry, sum: answer.sum, isComplete: false) }
    }
    if length == maximumLength, !live.isEmpty {
      for answer in live { finish(answer.entry, sum: answer.sum, isComplete: false) }
      live = []
    }
    isDone = live.isEmpty || search.stopping == .full && completed >= width || isCertain
  }

  /// Whether no answer on its way can come among the best. Its sum only falls, and so does its score, but for the
  /// length penalty, which is greatest at one end of the lengths that it may still get.
  private var isCertain: Bool {
    guard complete.count == search.count, let worst = complete.last, let first = live.first else { return false }
    let factor = max(search.lengthFactor(length + 1), search.lengthFactor(maximumLength))
    return first.sum / factor <= worst.score
  }

  private func path(to entry: Int) -> [Entry] {
    var path: [Entry] = []
    var entry = entry
    while entry >= 0 {
      path.append(entries[entry])
      entry = entries[entry].parent
    }
    return path.reversed()
  }

  /// Takes an answer among the best, if it is one of them.
  private mutating func finish(_ entry: Int, sum: Double, isComplete: Bool) {
    let path = path(to: entry)
    let score = sum / search.lengthFactor(path.count) + coverage(of: path)
    let others = isComplete ? complete : cut
    let place = others.firstIndex { $0.score < score } ?? others.count
    guard place < search.count else { return }
    let answer = Hypothesis(
      tokens: path.map(\.token), logProbabilities: path.map(\.logProbability), score: score, isComplete: isComplete,
      attention: search.keepsAttention ? path.map(\.attention) : [])
    if isComplete {
      complete.insert(answer, at: place)
      if complete.count > search.count { complete.removeLast() }
    } else {
      cut.insert(answer, at: place)
      if cut.count > search.count { cut.removeLast() }
    }
  }

  private func coverage(of path: [Entry]) -> Double {
    guard search.coveragePenalty > 0, let steps = path.first?.attention.count else { return 0 }
    var sum = 0.0
    for step in 0..<min(sourceLength ?? steps, steps) {
      let seen = path.reduce(0.0) { $0 + Double($1.attention[step]) }
      // The logarithm of nothing would rule out answers that leave out a word, which they may.
      sum += Double.log(min(max(seen, 1e-10), 1))
    }
    return search.coveragePenalty * sum
  }

  /// The best answers, complete ones first.
  func answers(_ count: Int) -> [Hypothesis] { Array((complete + cut).prefix(count)) }
}
