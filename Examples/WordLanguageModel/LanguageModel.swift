// The model, how it is measured and how it is trained. Text.swift makes numbers of words; main.swift reads the command
// line.
import RealModule
import Refrain

/// A word-level language model (Zaremba, Sutskever and Vinyals 2014, without dropout): each word becomes a row of
/// numbers, two LSTMs read the rows, and a linear layer gives a logit for each of the **V** words that may come next.
struct LanguageModel: Module {
  typealias State = Stacked<LSTM>.State

  var embedding: Embedding
  var lstm: Stacked<LSTM>
  var linear: Dense

  /// A model all of whose weights, biases too, are drawn evenly from −0.1 … 0.1, as in the paper.
  init(vocabulary: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    embedding = Embedding(vocabulary: vocabulary, size: hiddenSize, using: &generator)
    lstm = Stacked(inputSize: hiddenSize, hiddenSizes: [hiddenSize, hiddenSize], using: &generator)
    linear = Dense(inputSize: hiddenSize, outputSize: vocabulary, using: &generator)
    forEachTensor { _, tensor in tensor = .uniform(tensor.shape, in: -0.1..<0.1, using: &generator) }
  }

  /// Words `[B, T]` → logits of the word after each, `[B, T, V]`, and the state after the last.
  func callAsFunction(_ words: Tensor, from state: State?) -> (logits: Tensor, state: State) {
    let (outputs, state) = lstm.scan(embedding(words), from: state)
    return (linear(outputs), state)
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try embedding.forEachTensor(under: "embedding", body)
    try lstm.forEachTensor(under: "lstm", body)
    try linear.forEachTensor(under: "linear", body)
  }
}

extension LanguageModel {
  /// Goes once through pieces of a text in their order and learns from each.
  ///
  /// - Returns: the perplexity, each piece being predicted before it is learned from.
  mutating func train(on pieces: [Batch], learningRate: Float, clipping limit: Float = 5) -> Double {
    var optimizer = SGD(learningRate: learningRate)
    var surprise = Surprise()
    var state: State?
    for piece in pieces {
      let steps = piece.target.shape[1]
      // The gradient goes back to the beginning of the piece and no further: the state that comes in was made on an
      // earlier tape, and so is a constant.
      var (loss, gradient) = valueAndGradient(at: self) { model in
        let (logits, last) = model(piece.input, from: state)
        state = last
        // The paper's loss is the sum over the steps, and the mean over the rows. Rate and clipping are made for it.
        return Float(steps) * Loss.crossEntropy(logits, piece.target)
      }
      gradient.clip(globalNorm: limit)
      optimizer.update(&self, along: gradient)
      surprise.add(mean: loss / Float(steps), of: piece.target.count)
    }
    return surprise.perplexity
  }

  /// The perplexity of pieces of a text in their order.
  func perplexity(of pieces: [Batch]) -> Double {
    var surprise = Surprise()
    var state: State?
    for piece in pieces {
      let (logits, last) = self(piece.input, from: state)
      state = last
      surprise.add(mean: Loss.crossEntropy(logits, piece.target).item, of: piece.target.count)
    }
    return surprise.perplexity
  }
}

/// How hard words were to predict.
private struct Surprise {
  private var sum = 0.0
  private var count = 0

  /// Takes note of `count` words whose −log p is `mean` in the mean.
  mutating func add(mean: Float, of count: Int) {
    sum += Double(mean) * Double(count)
    self.count += count
  }

  /// exp of the mean of −log p: among how many words of equal chance the model is in doubt.
  var perplexity: Double { .exp(sum / Double(count)) }
}

/// The learning rate of an epoch, the first being 1: halved after the fourth and after each one later.
func learningRate(epoch: Int) -> Float { .pow(0.5, max(0, epoch - 4)) }
