import Foundation
import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("Conditional random field") struct ConditionalRandomFieldTests {
  private let fixture = try! Fixture("crf")
  private static let cases = ["small", "wide", "far"]

  private func field(_ fixture: Fixture) throws -> ConditionalRandomField {
    try ConditionalRandomField(
      transitions: fixture("transitions"), start: fixture("start"), end: fixture("end"))
  }

  @Test(
    "the likelihood and every gradient equal pytorch-crf's, ragged, for small scores and great ones", arguments: cases)
  func parity(_ name: String) throws {
    let fixture = fixture.under(name)
    let (tags, lengths, weights) = try (fixture("tags"), fixture.integers("lengths"), fixture("weights"))
    let field = try field(fixture)
    try expectClose(field.negativeLogLikelihood(fixture("scores"), tags, lengths: lengths), fixture("losses"))
    let gradient = try valueAndGradient(at: fixture("scores"), field) { scores, field in
      (field.negativeLogLikelihood(scores, tags, lengths: lengths) * weights).sum()
    }.gradient
    try expectClose(gradient.0, fixture("grad.scores"), "the gradient of the scores")
    try expectClose(gradient.1.transitions, fixture("grad.transitions"), "the gradient of the transitions")
    try expectClose(gradient.1.start, fixture("grad.start"), "the gradient of the start")
    try expectClose(gradient.1.end, fixture("grad.end"), "the gradient of the end")
  }

  @Test("the best paths equal pytorch-crf's, and the marginals those of all paths", arguments: cases)
  func decoding(_ name: String) throws {
    let fixture = fixture.under(name)
    let (field, scores, lengths) = try (field(fixture), fixture("scores"), fixture.integers("lengths"))
    let (best, expected) = try (fixture("best"), fixture("marginals"))
    let paths = field.bestPaths(scores, lengths: lengths)
    let marginals = field.marginals(scores, lengths: lengths)
    for (sequence, length) in lengths.enumerated() {
      #expect(paths[sequence] == (0..<length).map { Int(best[sequence, $0]) })
      for step in 0..<length {
        for tag in 0..<field.tagCount {
          let p = marginals[sequence].probability(of: tag, at: step)
          #expect((p - Double(expected[sequence, step, tag])).magnitude < 1e-6)
        }
      }
    }
  }

  @Test("the gradient of the mean loss is that of differences")
  func differences() throws {
    let fixture = fixture.under("small")
    let (tags, lengths) = try (fixture("tags"), fixture.integers("lengths"))
    struct Point: TensorGroup {
      var scores: Tensor
      var field: ConditionalRandomField
      mutating func forEachTensor<E: Error>(_ body: (String, inout Tensor) throws(E) -> Void) throws(E) {
        try body("scores", &scores)
        try field.forEachTensor(under: "field", body)
      }
    }
    try expectGradientMatchesDifferences(at: Point(scores: fixture("scores"), field: field(fixture))) { point in
      [point.field.loss(point.scores, tags, lengths: lengths)]
    }
  }

  /// All paths of a sequence with their scores, those that constraints allow.
  private func allPaths(
    _ field: ConditionalRandomField, _ scores: Tensor, _ sequence: Int, _ length: Int, _ rules: TransitionConstraints?
  ) -> [(tags: [Int], score: Double)] {
    var paths: [[Int]] = [[]]
    for _ in 0..<length { paths = paths.flatMap { path in (0..<field.tagCount).map { path + [$0] } } }
    return paths.compactMap { path in
      var score = Double(field.start[path[0]]) + Double(field.end[path[length - 1]])
      for (step, tag) in path.enumerated() {
        score += Double(scores[sequence, step, tag])
        if step > 0 { score += Double(field.transitions[path[step - 1], tag]) }
      }
      if let rules {
        guard rules.allowsStart(path[0]), rules.allowsEnd(path[length - 1]),
          zip(path, path.dropFirst()).allSatisfy({ rules.allows($1, after: $0) })
        else { return nil }
      }
      return (path, score)
    }
  }

  /// Of the four tags of the small case: 1 not first, 1 after 0 or 1 alone, 3 not last.
  private var rules: TransitionConstraints {
    var rules = TransitionConstraints(tagCount: 4)
    rules.forbidStart(1)
    rules.forbid(1, after: 2)
    rules.forbid(1, after: 3)
    rules.forbidEnd(3)
    return rules
  }

  @Test("the n best paths are the first of all paths in order, with and without constraints", arguments: [false, true])
  func several(isConstrained: Bool) throws {
    let fixture = fixture.under("small")
    let (field, scores, lengths) = try (field(fixture), fixture("scores"), fixture.integers("lengths"))
    let rules = isConstrained ? rules : nil
    let found = field.bestPaths(scores, count: 7, lengths: lengths, constraints: rules)
    let one = field.bestPaths(scores, lengths: lengths, constraints: rules)
    for (sequence, length) in lengths.enumerated() {
      let all = allPaths(field, scores, sequence, length, rules).sorted { $0.score > $1.score }
      let total = all.reduce(0) { $0 + exp($1.score) }
      #expect(found[sequence].map(\.tags) == all.prefix(7).map(\.tags))
      #expect(one[sequence] == all[0].tags)
      for (path, expected) in zip(found[sequence], all) {
        #expect((path.score - expected.score).magnitude < 1e-9)
        #expect((exp(path.logProbability) - exp(expected.score) / total).magnitude < 1e-9)
      }
    }
  }

  @Test("the probability of some tags in a row is the sum over all paths that have them")
  func rows() throws {
    let fixture = fixture.under("small")
    let (field, scores, lengths) = try (field(fixture), fixture("scores"), fixture.integers("lengths"))
    for rules in [nil, rules] {
      let marginals = field.marginals(scores, lengths: lengths, constraints: rules)
      for (sequence, length) in lengths.enumerated() where length > 2 {
        let all = allPaths(field, scores, sequence, length, rules)
        let total = all.reduce(0) { $0 + exp($1.score) }
        let expected = all.filter { $0.tags[1] == 0 && $0.tags[2] == 1 }
        let open = expected.filter { length == 3 || $0.tags[3] != 2 }
        let found = marginals[sequence].probability(ofTags: [0, 1], from: 1)
        #expect((found - expected.reduce(0) { $0 + exp($1.score) } / total).magnitude < 1e-9)
        let followed = marginals[sequence].probability(ofTags: [0, 1], from: 1) { $0 != 2 }
        #expect((followed - open.reduce(0) { $0 + exp($1.score) } / total).magnitude < 1e-9)
      }
    }
  }

  @Test("what stands past a sequence's length has no influence, and a sequence without a step has no loss")
  func lengths() throws {
    let fixture = fixture.under("small")
    let (field, scores, tags) = try (field(fixture), fixture("scores"), fixture("tags"))
    var spoiled = scores
    for tag in 0..<4 { spoiled[2, 3, tag] = .nan }
    let lengths = [5, 0, 3]
    #expect(
      field.negativeLogLikelihood(spoiled, tags, lengths: lengths)
        == field.negativeLogLikelihood(scores, tags, lengths: lengths))
    #expect(field.negativeLogLikelihood(scores, tags, lengths: lengths)[1] == 0)
    #expect(field.bestPaths(scores, lengths: lengths)[1].isEmpty)
    let gradient = valueAndGradient(at: spoiled) {
      field.negativeLogLikelihood($0, tags, lengths: lengths).sum()
    }.gradient
    #expect((0..<4).allSatisfy { gradient[2, 3, $0] == 0 && gradient[1, 0, $0] == 0 })
  }

  @Test("a long sequence of great scores stays exact: every step's probabilities add up to 1")
  func longSequence() {
    var generator = RandomGenerator(seed: 3)
    let field = ConditionalRandomField(tagCount: 5, using: &generator)
    let scores = Tensor.normal([1, 3000, 5], deviation: 200, using: &generator)
    let marginals = field.marginals(scores)[0]
    for step in stride(from: 0, to: 3000, by: 100) {
      let sum = (0..<5).reduce(0) { $0 + marginals.probability(of: $1, at: step) }
      #expect((sum - 1).magnitude < 1e-6)
    }
    let best = field.bestPaths(scores, count: 1)[0][0]
    #expect(best.logProbability <= 0 && best.logProbability.isFinite)
    #expect(best.tags == field.bestPaths(scores)[0])
  }

  @Test("terms that vanish beside others at one step are there when a later step makes them the greatest")
  func vanishing() {
    let scores = Tensor([0, -1000, 0, 5000], shape: [1, 2, 2])
    let field = ConditionalRandomField(
      transitions: Tensor([[0, -2000], [0, 0]]), start: .zeros([2]), end: .zeros([2]))
    // 1 1 has the score 4000, 0 1 has 3000, all others 0 and less.
    let (loss, gradient) = valueAndGradient(at: scores, field) { scores, field in
      field.negativeLogLikelihood(scores, Tensor([0, 1], shape: [1, 2])).sum()
    }
    #expect(loss == 1000)
    #expect(gradient.0.values == [-1, 1, 0, 0])
    #expect(gradient.1.transitions.values == [0, -1, 0, 1])
    #expect(field.marginals(scores)[0].probability(of: 1, at: 0) == 1)
    #expect(field.bestPaths(scores, count: 2)[0].map(\.tags) == [[1, 1], [0, 1]])
  }

  @Test("a field learns which tag follows which")
  func learning() throws {
    struct Model: Module {
      var dense: Dense
      var field: ConditionalRandomField
      mutating func forEachTensor<E: Error>(_ body: (String, inout Tensor) throws(E) -> Void) throws(E) {
        try dense.forEachTensor(under: "dense", body)
        try field.forEachTensor(under: "field", body)
      }
    }
    // Tags go 0 1 2 0 1 2 … from any of them, and the input says only which the first one is.
    var generator = RandomGenerator(seed: 1)
    let first = (0..<30).map { $0 % 3 }
    var input = Tensor.zeros([30, 6, 3])
    var tags = Tensor.zeros([30, 6])
    for row in 0..<30 {
      input[row, 0, first[row]] = 1
      for step in 0..<6 { tags[row, step] = Float((first[row] + step) % 3) }
    }
    var model = Model(
      dense: Dense(inputSize: 3, outputSize: 3, using: &generator),
      field: ConditionalRandomField(tagCount: 3, using: &generator))
    var optimizer = Adam(learningRate: 0.1)
    let history = try Trainer(epochs: 60).fit(&model, optimizer: &optimizer, examples: Batch(input, tags)) {
      model, batch in model.field.loss(model.dense(batch.input), batch.target)
    }
    #expect((history.losses.last ?? 9) < 0.2)
    let paths = model.field.bestPaths(model.dense(input))
    #expect(paths.flatMap { $0 }.map(Float.init) == tags.values)
  }
}
