import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import WordLanguageModel

/// A language whose entropy is known. At each turn a key is shown, one of two; or a question is asked, and the word
/// after it is the answer that belongs to the key shown last, however long ago; or nothing happens. The answer is
/// certain to whoever remembers the key, and one of two to all others.
private enum Keys {
  static let words = ["<eos>", "nothing", "key0", "key1", "answer0", "answer1"]
  /// The chances of a turn: a key, either with half of the chance; a question, which the end of a line stands for;
  /// nothing.
  private static let (key, question, nothing) = (0.15, 0.5, 0.35)

  /// `count` words, or one more, as their places in ``words``.
  static func stream(_ count: Int, seed: UInt64) -> [Int] {
    var generator = RandomGenerator(seed: seed)
    var (shown, stream) = (0, [2])
    while stream.count < count {
      switch Double(generator.uniform()) {
      case ..<key:
        shown = generator.integer(below: 2)
        stream.append(2 + shown)
      case ..<(key + question): stream += [0, 4 + shown]
      default: stream.append(1)
      }
    }
    return stream
  }

  /// exp of the entropy a word; a turn has 1 + `question` words.
  static let perplexity = exp(
    -(key * log(key / 2) + question * log(question) + nothing * log(nothing)) / (1 + question))

  /// The perplexity of a stream to whoever knows the language: that of its very words, not of words in the mean.
  static func perplexity(of stream: [Int]) -> Double {
    let chances = [question, nothing, key / 2, key / 2, 1, 1]
    return exp(-stream.dropFirst().reduce(0) { $0 + log(chances[$1]) } / Double(stream.count - 1))
  }
}

@Suite("WordLanguageModel")
struct WordLanguageModelTests {
  private static func model(_ vocabulary: Int = Keys.words.count, hiddenSize: Int = 48) -> LanguageModel {
    var generator = RandomGenerator(seed: 3)
    return LanguageModel(vocabulary: vocabulary, hiddenSize: hiddenSize, using: &generator)
  }

  @Test("It learns a language to its entropy and not below, if the state is carried from piece to piece")
  func entropy() {
    let (text, held) = (Keys.stream(20_000, seed: 1), Keys.stream(10_000, seed: 2))
    let (bestOfText, bestOfHeld) = (Keys.perplexity(of: text), Keys.perplexity(of: held))
    #expect(abs(bestOfHeld / Keys.perplexity - 1) < 0.02)

    var model = Self.model()
    var training: [Double] = []
    for rate in [0.5, 0.5, 0.25, 0.1] as [Float] {
      training.append(model.train(on: pieces(of: text, rows: 10, steps: 20), learningRate: rate))
    }
    let validation = pieces(of: held, rows: 1, steps: 20)
    let ratio = model.perplexity(of: validation) / bestOfHeld
    #expect(ratio > 0.999 && ratio < 1.01)

    // What is forgotten at the beginning of each piece, while training or after it, is missed.
    #expect(training.last! / bestOfText > 0.999 && training.last! / bestOfText < 1.01)
    let forgetful = validation.map { log(model.perplexity(of: [$0])) * Double($0.target.count) }.reduce(0, +)
    #expect(exp(forgetful / Double(held.count - 1)) > 1.02 * bestOfHeld)
  }

  @Test("The perplexity does not depend on how the text is cut into pieces, while training neither")
  func cuts() {
    let text = Keys.stream(500, seed: 4)
    var model = Self.model()
    let whole = model.perplexity(of: pieces(of: text, rows: 1, steps: 1000))
    #expect(abs(model.perplexity(of: pieces(of: text, rows: 1, steps: 7)) - whole) < 1e-5 * whole)
    let trained = model.train(on: pieces(of: text, rows: 1, steps: 7), learningRate: 0)
    #expect(abs(trained - whole) < 1e-5 * whole)
  }

  @Test("An untrained model is in doubt among all words, and has the paper's size")
  func untrained() {
    let vocabulary = 2000
    let text = (0..<1000).map { $0 * 7919 % vocabulary }
    let perplexity = Self.model(vocabulary, hiddenSize: 200).perplexity(of: pieces(of: text, rows: 20, steps: 20))
    #expect(abs(perplexity / Double(vocabulary) - 1) < 0.02)

    // The paper's two biases a gate act as one, so there is one.
    let lstms = 2 * 4 * 200 * (200 + 200 + 1)
    #expect(Self.model(10_000, hiddenSize: 200).parameterCount == 10_000 * 200 + lstms + 10_000 * (200 + 1))
    #expect(Self.model().tensors.allSatisfy { $0.values.allSatisfy { abs($0) <= 0.1 } })
  }

  @Test("The gradient is of the sum over steps and the mean over rows, and its norm is clipped")
  func scale() {
    let (rows, steps) = (4, 5)
    let batch = pieces(of: Keys.stream(rows * (steps + 1), seed: 5), rows: rows, steps: steps)[0]
    let before = Self.model()
    func change(clipping: Float) -> LanguageModel {
      var after = before
      _ = after.train(on: [batch], learningRate: 1, clipping: clipping)
      return after.replacingTensors(zip(after.tensors, before.tensors).map { $0 - $1 })
    }
    // By a logit's bias it is the sum of probability less truth, over steps and over rows, divided by the rows.
    let truth = (0..<Keys.words.count).map { word in batch.target.values.count { $0 == Float(word) } }
    let chances = before(batch.input, from: nil).logits.softmax().sum(axes: [0, 1])
    let expected = (Tensor(truth) - chances) * (1 / Float(rows))
    let bias = change(clipping: 100).linear.bias
    #expect(zip(bias.values, expected.values).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(abs(change(clipping: 0.5).globalNorm - 0.5) < 1e-4)
  }

  @Test("The learning rate is halved after the fourth epoch and after each one later")
  func rates() {
    #expect((1...8).map(learningRate) == [1, 1, 1, 1, 0.5, 0.25, 0.125, 0.0625])
  }

  @Test("Lines end in <eos>, words have numbers in their order, unknown words are <unk>, pieces follow one another")
  func text() throws {
    let learned = sentences(" a <unk> b \n b a\n")
    #expect(learned == ["a", "<unk>", "b", "<eos>", "b", "a", "<eos>"])
    let vocabulary = Vocabulary(learned)
    #expect(vocabulary.count == 4)
    #expect(try vocabulary.numbers(of: sentences("b new a")) == [2, 1, 0, 3])
    #expect(throws: Failure.self) { try Vocabulary(["a", "b"]).numbers(of: ["c"]) }

    let cut = pieces(of: Array(0..<15), rows: 2, steps: 4)
    #expect(cut.map(\.input) == [Tensor([[0, 1, 2, 3], [7, 8, 9, 10]]), Tensor([[4, 5], [11, 12]])])
    #expect(cut.map(\.target) == [Tensor([[1, 2, 3, 4], [8, 9, 10, 11]]), Tensor([[5, 6], [12, 13]])])
  }

  @Test("The program runs from files to a test perplexity, and says in one line what is wrong")
  func program() throws {
    let folder = URL(filePath: temporaryPath())
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func write(_ part: String, _ text: String) throws {
      try Data(text.utf8).write(to: folder.appendingPathComponent("ptb.\(part).txt"))
    }
    func failure(_ arguments: [String]) -> Failure? {
      do {
        _ = try wordLanguageModel(Settings(arguments))
        return nil
      } catch {
        return error
      }
    }
    for (seed, part) in ["train", "valid", "test"].enumerated() {
      let words = Keys.stream(4000, seed: UInt64(seed)).map { $0 == 0 ? "\n" : " \(Keys.words[$0])" }
      try write(part, words.joined())
    }
    let settings = try Settings([folder.path, "--epochs", "10", "--hidden", "16"])
    #expect(settings.epochs == 10 && settings.hiddenSize == 16)
    let perplexity = try wordLanguageModel(settings)
    #expect(perplexity > Keys.perplexity && perplexity < 6)

    try write("test", "a new word\n")
    #expect(failure([folder.path])?.message.contains("'a'") == true)
    try write("test", "\n")
    #expect(failure([folder.path])?.message.contains("too short") == true)
    let missing = try #require(failure([folder.path + "/none"]))
    #expect(missing.status == 65 && missing.message.contains("/none/ptb.train.txt"))
    for arguments in [
      [], ["a", "b"], ["a", "--epochs"], ["a", "--epochs", "0"], ["a", "--hidden", "x"], ["a", "--b"],
    ] {
      let refusal = try #require(failure(arguments))
      #expect(refusal.status == 64 && refusal.message.contains("usage") && !refusal.message.contains("\n"))
    }
  }
}
