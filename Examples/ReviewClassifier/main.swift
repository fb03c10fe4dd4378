// A classifier of texts from its parts: words become vectors, an LSTM reads them in both directions, and attention says
// which of them matter. `refrain train classify` has all that real texts need besides.
import Refrain
import RefrainData

/// Reviews of restaurants, and whether they are kind.
func makeReviews(_ count: Int, seed: UInt64) -> [(text: String, isKind: Bool)] {
  var generator = RandomGenerator(seed: seed)
  func any(_ words: [String]) -> String { words[generator.integer(below: words.count)] }
  return (0..<count).map { _ in
    let isKind = generator.integer(below: 2) == 0
    let isTurned = generator.integer(below: 2) == 0
    // "not bad" is kind, and "not good" is not: a count of words cannot tell them apart.
    let word = any(isKind != isTurned ? ["good", "fresh", "friendly"] : ["bad", "stale", "rude"])
    let subject = any(["the soup", "our waiter", "the fish", "everything here"])
    let beginning = any(["we came on a monday and", "as my sister says,", "well,"])
    return ("\(beginning) \(subject) was \(isTurned ? "not " : "")\(word)", isKind)
  }
}

func reviewClassifier() throws -> (history: History, test: Evaluation) {
  let reviews = makeReviews(400, seed: 1)
  let tokenizer = Tokenizer(learning: reviews.map(\.text))
  func tokens(_ reviews: [(text: String, isKind: Bool)]) -> Tokens { Tokens(reviews.map { tokenizer.encode($0.text) }) }
  func kinds(_ reviews: [(text: String, isKind: Bool)]) -> Tensor { Tensor(reviews.map { $0.isKind ? 1 : 0 } as [Int]) }

  var model = Sequential(exampleShape: [nil], seed: 1) {
    Embedding(vocabulary: tokenizer.vocabulary.count, size: 16)
    Bidirectional<LSTMCell>(16, returning: .everyStep)
    AttentionPooling()
    Dropout(0.2)
    Dense(2)
  }
  model.compile(optimizer: Adam(learningRate: 0.01), loss: .crossEntropy, metrics: [.accuracy])
  let history = try model.fit(
    tokens(reviews), kinds(reviews), batchSize: 16, trainer: Trainer(epochs: 12, observers: [ProgressReporter()]))

  let others = makeReviews(200, seed: 2)
  let read = tokens(others)
  return (history, model.evaluate(read.tensor, kinds(others), lengths: read.lengths))
}

let test = try reviewClassifier().test
print("On new reviews: loss \(test.loss), accuracy \(test.metrics["accuracy"] ?? 0)")
