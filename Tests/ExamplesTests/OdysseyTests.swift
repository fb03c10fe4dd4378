import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import Odyssey

@Suite("The odyssey of the LSTM's variants")
struct OdysseyTests {
  @Test("every variant learns a melody that repeats: an untrained network has 88 · log 2 = 61 nats a step")
  func learns() throws {
    let melody = (0..<24).map { [[40, 44, 47], [42, 45, 49], [40, 47], []][$0 % 4] }
    let pieces = Chorales(pieces: [melody, Array(melody.dropFirst(2)), Array(melody.dropFirst(5)), [[3]]])
    let budget = Budget(hiddenSize: 24, epochs: 300, batchSize: 3, learningRate: 0.03, patience: 300, seeds: 1)
    for variant in variants {
      let loss = try testLoss(
        of: variant, seed: 1, budget: budget, training: pieces, validation: pieces, test: pieces)
      #expect(loss < 1, "\(variant.name)")
    }
  }

  @Test("pieces become steps and the steps after them; a piece of one step has none")
  func examples() {
    let (x, y, lengths) = Chorales(pieces: [[[1], [2, 3], []], [[7]], [[87], [0]]]).examples
    #expect(lengths == [2, 1] && x.shape == [2, 2, 88] && y.shape == x.shape)
    let sounding = { (roll: Tensor) in roll.values.enumerated().filter { $0.element == 1 }.map(\.offset) }
    #expect(sounding(x) == [1, 88 + 2, 88 + 3, 2 * 88 + 87])
    #expect(sounding(y) == [2, 3, 2 * 88])
  }

  @Test("Welch's test: t and its degrees of freedom, and a difference between the normal's bound and Student's")
  func welch() {
    let first = Results(values: [9.1, 9.3, 9.2, 9.6, 9.4])
    let second = Results(values: [9.5, 9.4, 9.9, 9.7, 9.6])
    let (t, freedom) = first.welch(second)
    #expect(abs(t + 2.46598) < 1e-5 && abs(freedom - 8) < 1e-9)
    // Student's 97.5 % quantile is 2.306 at 8 degrees, the normal distribution's 1.960.
    #expect(first.differs(from: second))
    let nearer = Results(values: second.values.map { $0 - 0.03 })
    #expect(abs(first.welch(nearer).t + 2.21938) < 1e-4 && !first.differs(from: nearer))
  }

  @Test("a file that is none is refused")
  func badFile() throws {
    let file = URL(filePath: temporaryPath(".json"))
    defer { try? FileManager.default.removeItem(at: file) }
    for text in [
      "", "{}", #"{"dims": 88, "splits": {"train": [[[88]]], "valid": [[[1], [2]]], "test": [[[1], [2]]]}}"#,
    ] {
      try Data(text.utf8).write(to: file)
      #expect(throws: (any Error).self) { try Chorales.parts(of: file) }
    }
  }
}
