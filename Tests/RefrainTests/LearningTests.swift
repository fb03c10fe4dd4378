import Testing

@testable import Refrain

/// What the LSTM was made for: to learn what lies far back. Under the same budget of steps the Elman network must fail,
/// or the task would show nothing.
@Suite("Learning")
struct LearningTests {
  static let seeds: [UInt64] = [1, 2, 3]

  @Test("an LSTM learns to add two marked numbers among 100, an Elman network does not", arguments: seeds)
  func adding(seed: UInt64) {
    func isSolved<Cell: RecurrentCell>(by type: Cell.Type) -> Bool {
      var generator = RandomGenerator(seed: seed)
      var model = Reader<Cell>(inputSize: 2, hiddenSize: 16, outputSize: 1, using: &generator)
      let test = LearningBatch.adding(300, time: 100, using: &generator)
      return model.learn(steps: 2000, learningRate: 0.01) {
        .adding(20, time: 100, using: &generator)
      } loss: { output, batch in
        Loss.meanSquaredError(output, batch.target)
      } isSolved: { model in
        Loss.meanSquaredError(model(test.input, lengths: nil), test.target).item < 0.01
      }
    }
    #expect(isSolved(by: LSTMCell.self))
    #expect(!isSolved(by: TanhRNNCell.self))
  }

  @Test("an LSTM learns the order of two symbols 20 steps apart, an Elman network does not", arguments: seeds)
  func temporalOrder(seed: UInt64) {
    func isSolved<Cell: RecurrentCell>(by type: Cell.Type) -> Bool {
      var generator = RandomGenerator(seed: seed)
      var model = Reader<Cell>(inputSize: 6, hiddenSize: 32, outputSize: 4, using: &generator)
      let test = LearningBatch.order(300, time: 50, using: &generator)
      return model.learn(steps: 1000, learningRate: 0.01) {
        .order(20, time: 50, using: &generator)
      } loss: { output, batch in
        Loss.crossEntropy(output, batch.target)
      } isSolved: { model in
        let classes = model(test.input, lengths: nil).argmax()
        return zip(classes, test.target.values).count { $0 != Int($1) } <= 3
      }
    }
    #expect(isSolved(by: LSTMCell.self))
    #expect(!isSolved(by: TanhRNNCell.self))
  }

  /// Where this task becomes easy hangs by a hair, so that rounding may move it: most of three seeds decide.
  @Test("an LSTM learns the embedded Reber grammar, an Elman network does not")
  func reber() {
    func isSolved<Cell: RecurrentCell>(by type: Cell.Type, seed: UInt64) -> Bool {
      var generator = RandomGenerator(seed: seed)
      var model = Reader<Cell>(
        inputSize: 7, hiddenSize: 32, outputSize: 7, returning: .everyStep, using: &generator)
      func strings(_ count: Int) -> [[ReberGrammar.Letter]] {
        (0..<count).map { _ in ReberGrammar.string(innerLengths: 10...30, using: &generator) }
      }
      let tested = strings(200)
      let test = LearningBatch.grammar(tested)
      return model.learn(steps: 1500, learningRate: 0.01) {
        .grammar(strings(32))
      } loss: { output, batch in
        Loss.crossEntropy(output, batch.target, lengths: batch.lengths)
      } isSolved: { model in
        // In 99 of 100 strings a legal letter comes next at every step, the closing one included.
        let output = model(test.input, lengths: test.lengths)
        let (time, best) = (output.shape[1], output.argmax())
        let right = tested.enumerated().count { row, string in
          ReberGrammar.legal(in: string).enumerated().allSatisfy { step, letters in
            letters.contains { $0.rawValue == best[row * time + step] }
          }
        }
        return right >= 198
      }
    }
    #expect(Self.seeds.count { isSolved(by: LSTMCell.self, seed: $0) } >= 2)
    #expect(Self.seeds.count { isSolved(by: TanhRNNCell.self, seed: $0) } <= 1)
  }

  @Test("the grammar's strings follow its rules")
  func grammarStrings() {
    var generator = RandomGenerator(seed: 1)
    for _ in 0..<50 {
      let string = ReberGrammar.string(innerLengths: 5...30, using: &generator)
      let legal = ReberGrammar.legal(in: string)
      #expect(legal.count == string.count - 1)
      for (step, letters) in legal.enumerated() { #expect(letters.contains(string[step + 1])) }
      #expect(string[1] == string[string.count - 2] && string.last == .e)
    }
  }
}
