import Refrain
import RefrainData

/// The network of a ``Tagger`` (after Huang, Xu and Yu 2015, Lample et al. 2016, Ma and Hovy 2016): each word is a
/// vector of its own beside those of its beginning, its end and its shape, and what a bidirectional LSTM reads in its
/// characters; bidirectional recurrent layers read the words; a conditional random field knows which tag follows which.
///
///     x = [word; prefix; suffix; shape; characters]
///     h = recurrent(dropout(x))
///     e = W dropout(h) + b           the scores of the tags
///     label = V dropout(maxₜ h) + d  where sentences have labels
struct TagNetwork: Module {
  /// How large the parts are.
  struct Sizes: Codable, Sendable, Equatable {
    /// How many words, characters, … there are.
    var words, characters, prefixes, suffixes, shapes: Int
    var wordSize = 100
    var characterSize = 32
    /// What each direction concludes of the characters of a word.
    var spellingSize = 32
    var affixSize = 24
    var shapeSize = 16
    var tags: Int
    /// 0 where sentences have no labels.
    var labels: Int
    var cell: String
    var hiddenSize: Int
    var layers: Int
    var dropout: Float
    /// How the recurrent layers over the words are regularized besides; nil is not.
    var regularizers: RecurrentRegularizers?

    /// The numbers that a word becomes.
    var inputSize: Int { wordSize + 2 * affixSize + shapeSize + 2 * spellingSize }
  }

  let sizes: Sizes
  /// `[V, size]` each.
  var words, prefixes, suffixes, shapes, characters: Tensor
  var spelling: Bidirectional<LSTMCell>
  var recurrent: any Layer
  var head: Dense
  var field: ConditionalRandomField
  var label: Dense?

  init(_ sizes: Sizes, using generator: inout RandomGenerator) {
    func table(_ count: Int, _ size: Int) -> Tensor {
      let bound = (3 / Float(size)).squareRoot()
      return .uniform([count, size], in: -bound..<bound, using: &generator)
    }
    self.sizes = sizes
    words = table(sizes.words, sizes.wordSize)
    prefixes = table(sizes.prefixes, sizes.affixSize)
    suffixes = table(sizes.suffixes, sizes.affixSize)
    shapes = table(sizes.shapes, sizes.shapeSize)
    characters = table(sizes.characters, sizes.characterSize)
    spelling = Bidirectional(
      inputSize: sizes.characterSize, hiddenSize: sizes.spellingSize, returning: .lastStep, using: &generator)
    func stack<Cell: RecurrentCell>(_ cell: Cell.Type) -> any Layer {
      Stacked<Bidirectional<Cell>>(
        inputSize: sizes.inputSize, hiddenSizes: Array(repeating: sizes.hiddenSize, count: sizes.layers),
        dropout: sizes.dropout, returning: .everyStep, using: &generator
      ).regularized(by: sizes.regularizers.regularization(of: cell))
    }
    let cell: any RecurrentCell.Type = Cells.named(sizes.cell) ?? LSTMCell.self
    recurrent = stack(cell)
    head = Dense(inputSize: 2 * sizes.hiddenSize, outputSize: sizes.tags, using: &generator)
    field = ConditionalRandomField(tagCount: sizes.tags, using: &generator)
    label =
      sizes.labels > 0
      ? Dense(inputSize: 2 * sizes.hiddenSize, outputSize: sizes.labels, using: &generator) : nil
  }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try body("words", &words)
    try body("prefixes", &prefixes)
    try body("suffixes", &suffixes)
    try body("shapes", &shapes)
    try body("characters", &characters)
    try spelling.forEachTensor(under: "spelling", body)
    try recurrent.forEachTensor(under: "recurrent", body)
    try head.forEachTensor(under: "head", body)
    try field.forEachTensor(under: "field", body)
    try label?.forEachTensor(under: "label", body)
  }

  /// The scores of the tags `[B, T, K]`, and of the labels `[B, C]` where there are such.
  ///
  /// - Parameters:
  ///   - singletons: For each word whether it was seen once; while the network is trained half of these are taken for
  ///     unknown, of which something is learned so.
  ///   - wordDropout: The share of all words that are taken for unknown then; their beginnings, ends, shapes and
  ///     characters are still seen.
  func callAsFunction(
    _ batch: TagBatch, singletons: [Bool] = [], wordDropout: Float = 0
  ) -> (tags: Tensor, labels: Tensor?) {
    self(
      inputs(batch, singletons: singletons, wordDropout: wordDropout), lengths: batch.lengths, layers: LayerCalls())
  }

  /// What the recurrent layers read of the words, `[B, T, inputSize]`.
  func inputs(_ batch: TagBatch, singletons: [Bool] = [], wordDropout: Float = 0) -> Tensor {
    var numbers = batch.words
    func forget(_ rate: Float, where mayForget: (Int) -> Bool) {
      // Dropout of ones: 0 for some of them while the network is trained.
      let draw = dropout(.ones([numbers.count]), rate: rate).values
      for place in numbers.indices where draw[place] == 0 && mayForget(numbers[place]) {
        numbers[place] = Vocabulary.unknown
      }
    }
    if !singletons.isEmpty { forget(Self.unknownRate) { singletons[$0] } }
    if wordDropout > 0 { forget(wordDropout) { _ in true } }
    let distinct = batch.spellingLengths.count
    let spelled = spelling(
      characters.gatheringRows(batch.characters).reshaped([distinct, -1, sizes.characterSize]),
      lengths: batch.spellingLengths)
    return concatenate(
      [
        words.gatheringRows(numbers), prefixes.gatheringRows(batch.prefixes), suffixes.gatheringRows(batch.suffixes),
        shapes.gatheringRows(batch.shapes), spelled.gatheringRows(batch.spellings),
      ], axis: 1
    ).reshaped([batch.count, batch.time, sizes.inputSize])
  }

  /// The scores of the tags and labels from what ``inputs(_:singletons:)`` gives.
  ///
  /// - Parameter lengths: The words of each sentence; nil means all.
  func callAsFunction(
    _ inputs: Tensor, lengths: [Int]?, layers: LayerCalls
  ) -> (tags: Tensor, labels: Tensor?) {
    let read = StepValues(dropout(inputs, rate: sizes.dropout), steps: Steps(lengths: lengths))
    let states = sizes.regularizers.penalizing(layers(recurrent, named: "recurrent", read)).values
    let labels = label.map { label in
      label(dropout(GlobalPooling1D(.maximum)(states, lengths: lengths), rate: sizes.dropout))
    }
    return (head(dropout(states, rate: sizes.dropout)), labels)
  }

  private static let unknownRate: Float = 0.5

  /// −log p of tags and labels, a word.
  func loss(_ batch: TagBatch, singletons: [Bool], wordDropout: Float = 0) -> Tensor {
    let (tags, labels) = self(batch, singletons: singletons, wordDropout: wordDropout)
    var sum = field.negativeLogLikelihood(tags, batch.tags, lengths: batch.lengths).sum()
    if let labels { sum = sum + Loss.crossEntropy(labels, Tensor(batch.labels)) * Float(batch.count) }
    return sum * Float(1 / batch.weight)
  }
}
