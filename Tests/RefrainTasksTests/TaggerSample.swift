import RefrainData

@testable import Refrain
@testable import RefrainTasks

/// What taggers are tried on.
enum TaggerSample {
  /// Sentences about persons and places, whose names are of one word or of two.
  static func sentences(_ count: Int, seed: UInt64, scheme: TagScheme = .bio) -> [TaggedSentence] {
    let first = ["Ada", "Grace", "Linus", "Noor", "Émile", "Jürgen"]
    let last = ["Holm", "Vos", "Said"]
    let places = ["London", "Köln", "Oslo"]
    let news = ["arrives", "sings", "sleeps"]
    var generator = RandomGenerator(seed: seed)
    return (0..<count).map { _ in
      func any(_ words: [String]) -> String { words[Int(generator.next() % UInt64(words.count))] }
      func name() -> [String] { generator.uniform() < 0.5 ? [any(first)] : [any(first), any(last)] }
      func place() -> [String] { generator.uniform() < 0.5 ? [any(places)] : ["New", any(places)] }
      let (who, place) = (name(), place())
      let words: [(String, String)]
      let label: String
      func spans(_ words: [String], _ type: String) -> [(String, String)] {
        words.enumerated().map { ($1, ($0 == 0 ? "B-" : "I-") + type) }
      }
      switch generator.next() % 3 {
      case 0:
        words = spans(who, "PER") + [(any(news), "O"), ("in", "O")] + spans(place, "LOC") + [(".", "O")]
        label = "news"
      case 1:
        words = [("does", "O")] + spans(who, "PER") + [("like", "O")] + spans(place, "LOC") + [("?", "O")]
        label = "question"
      default:
        words = [("from", "O")] + spans(place, "LOC") + spans(who, "PER") + [(any(news), "O"), (".", "O")]
        label = "news"
      }
      let tags = words.map(\.1)
      return TaggedSentence(
        words: words.map(\.0), tags: scheme == .none ? tags : scheme.converted(tags), label: label)
    }
  }

  static var small: TagConfiguration {
    var configuration = TagConfiguration()
    configuration.hiddenSize = 16
    configuration.wordSize = 16
    configuration.epochs = 8
    configuration.learningRate = 1e-2
    configuration.dropout = 0.2
    return configuration
  }

  static func unlabeled(_ sentences: [TaggedSentence]) -> [TaggedSentence] {
    sentences.map { TaggedSentence(words: $0.words, tags: $0.tags) }
  }

  static let trained: Tagger = try! .train(on: TagExamples(sentences(240, seed: 1)), configuration: small)
}
