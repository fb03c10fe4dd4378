@testable import Refrain

/// A recurrent cell with a dense layer that reads it: what the learning tests train.
struct Reader<Cell: RecurrentCell>: Module {
  var recurrent: Recurrent<Cell>
  var dense: Dense

  init(
    inputSize: Int, hiddenSize: Int, outputSize: Int, returning: Returning = .lastStep,
    using generator: inout RandomGenerator
  ) {
    recurrent = Recurrent(inputSize: inputSize, hiddenSize: hiddenSize, returning: returning, using: &generator)
    dense = Dense(inputSize: hiddenSize, outputSize: outputSize, using: &generator)
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try recurrent.forEachTensor(under: "recurrent", body)
    try dense.forEachTensor(under: "dense", body)
  }

  func callAsFunction(_ input: Tensor, lengths: [Int]?) -> Tensor { dense(recurrent(input, lengths: lengths)) }

  /// Whether Adam brings the model to where `isSolved` holds within `steps` steps; it is asked every fiftieth.
  mutating func learn(
    steps: Int, learningRate: Float, batch: () -> LearningBatch, loss: (Tensor, LearningBatch) -> Tensor,
    isSolved: (Self) -> Bool
  ) -> Bool {
    var optimizer = Adam(learningRate: learningRate)
    for step in 1...steps {
      let batch = batch()
      var gradient = valueAndGradient(at: self) { loss($0(batch.input, lengths: batch.lengths), batch) }.gradient
      gradient.clip(globalNorm: 1)
      optimizer.update(&self, along: gradient)
      if step % 50 == 0, isSolved(self) { return true }
    }
    return false
  }
}

/// Sequences and what is to be learned of them.
struct LearningBatch {
  /// `[B, T, I]`
  var input: Tensor
  var target: Tensor
  var lengths: [Int]?
}

extension LearningBatch {
  /// The adding problem (Hochreiter and Schmidhuber 1997): of `time` numbers in 0 … 1 two are marked, one in each half;
  /// the target is their sum. Always to say 1 has a mean squared error of 1/6.
  static func adding(_ count: Int, time: Int, using generator: inout RandomGenerator) -> LearningBatch {
    let values = Tensor.uniform([count, time], using: &generator)
    var marks = Tensor.zeros([count, time])
    for row in 0..<count {
      marks[row, generator.integer(below: time / 2)] = 1
      marks[row, time / 2 + generator.integer(below: time / 2)] = 1
    }
    return LearningBatch(
      input: stack([values, marks], axis: 2), target: (values * marks).sum(axes: [1], keepingAxes: true))
  }

  /// The temporal order problem (the same, experiment 6a): among distracting symbols stand two that count, each X or Y,
  /// one in the second tenth and one after the middle; the class says which and in which order.
  static func order(_ count: Int, time: Int, using generator: inout RandomGenerator) -> LearningBatch {
    let symbols = 6
    var input = [Float](repeating: 0, count: count * time * symbols)
    var classes: [Float] = []
    for row in 0..<count {
      let places = [
        time / 10 + generator.integer(below: time / 10), time / 2 + generator.integer(below: time / 10),
      ]
      let chosen = [generator.integer(below: 2), generator.integer(below: 2)]
      for step in 0..<time {
        let symbol = places.firstIndex(of: step).map { chosen[$0] } ?? 2 + generator.integer(below: 4)
        input[(row * time + step) * symbols + symbol] = 1
      }
      classes.append(Float(2 * chosen[0] + chosen[1]))
    }
    return LearningBatch(input: Tensor(input, shape: [count, time, symbols]), target: Tensor(classes))
  }

  /// Strings of the grammar, each to be continued by one letter at every step.
  static func grammar(_ strings: [[ReberGrammar.Letter]]) -> LearningBatch {
    let letters = ReberGrammar.Letter.allCases.count
    let lengths = strings.map { $0.count - 1 }
    let time = lengths.max() ?? 0
    var input = [Float](repeating: 0, count: strings.count * time * letters)
    var target = [Float](repeating: 0, count: strings.count * time)
    for (row, string) in strings.enumerated() {
      for step in 0..<lengths[row] {
        input[(row * time + step) * letters + string[step].rawValue] = 1
        target[row * time + step] = Float(string[step + 1].rawValue)
      }
    }
    return LearningBatch(
      input: Tensor(input, shape: [strings.count, time, letters]),
      target: Tensor(target, shape: [strings.count, time]), lengths: lengths)
  }
}

/// The embedded Reber grammar: B, then T or P, a string of Reber's grammar, the same T or P again, E. Only the second
/// letter tells the last but one.
enum ReberGrammar {
  enum Letter: Int, CaseIterable { case b, t, p, s, x, v, e }

  /// From each state of the inner grammar two letters lead on; the last state ends it.
  private static let edges: [[(letter: Letter, next: Int)]] = [
    [(.t, 1), (.p, 2)], [(.s, 1), (.x, 3)], [(.t, 2), (.v, 4)], [(.x, 2), (.s, 5)], [(.p, 3), (.v, 5)], [],
  ]

  /// A string whose inner part has `lengths` letters; the shorter ones are within a memory's reach by chance.
  static func string(innerLengths lengths: ClosedRange<Int>, using generator: inout RandomGenerator) -> [Letter] {
    while true {
      var inner = [Letter.b]
      var state = 0
      while state < 5 {
        let edge = edges[state][generator.integer(below: 2)]
        inner.append(edge.letter)
        state = edge.next
      }
      inner.append(.e)
      guard lengths.contains(inner.count) else { continue }
      let outer: Letter = generator.integer(below: 2) == 0 ? .t : .p
      return [.b, outer] + inner + [outer, .e]
    }
  }

  /// The letters that may follow each but the last letter of a string.
  static func legal(in string: [Letter]) -> [Set<Letter>] {
    var result: [Set<Letter>] = [[.t, .p], [.b]]
    var state = 0
    for letter in string[2..<string.count - 3] {
      if letter != .b { state = edges[state].first { $0.letter == letter }!.next }
      result.append(state < 5 ? Set(edges[state].map(\.letter)) : [.e])
    }
    return result + [[string[1]], [.e]]
  }
}
