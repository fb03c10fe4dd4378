import Refrain
import RefrainData

extension Tagger {
  /// What a saved tagger needs besides its tensors.
  private struct Description: Codable {
    let encoder: TagEncoder
    let labels: TagLabels
    let baseline: TagBaseline
    let columns: TaggedColumns
    let sizes: TagNetwork.Sizes
    let isComplete: Bool
    let training: TrainingReport
    let (sentenceCount, wordCount): (Int, Int)
    let evaluation: SavedEvaluation?

    /// What is wrong with numbers that somebody may have forged; nil where a tagger can be made of them.
    var fault: String? {
      let counts = [sizes.words, sizes.characters, sizes.prefixes, sizes.suffixes, sizes.shapes]
      let vocabularies = [encoder.words, encoder.characters, encoder.prefixes, encoder.suffixes, encoder.shapes]
      guard counts == vocabularies.map(\.count), sizes.tags == labels.tags.count, sizes.labels == labels.labels.count,
        sizes.tags > 0
      else { return "the vocabularies do not fit the network" }
      guard Set(labels.tags).count == labels.tags.count, Set(labels.labels).count == labels.labels.count else {
        return "a tag stands twice"
      }
      let hasSpans = labels.scheme != .none
      guard hasSpans ? labels.learned == .bio || labels.learned == .bioes : labels.learned == .none,
        !hasSpans || labels.tags.allSatisfy({ SpanTag($0[...]) != nil }),
        labels.learned != .bio || labels.constraints != nil
      else { return "the tags do not follow their scheme" }
      guard baseline.tagOfWord.count == encoder.words.count,
        baseline.tagOfWord.allSatisfy({ baseline.tags.indices.contains($0) }), !baseline.tags.isEmpty
      else { return "the most frequent tags do not fit the words" }
      guard sizes.isSound else { return "the sizes of the network cannot be" }
      return nil
    }
  }

  /// Everything the tagger needs, as the contents of a `.safetensors` file.
  public func modelFile() throws(DataError) -> SafeTensorsFile {
    let description = Description(
      encoder: encoder, labels: labels, baseline: baseline, columns: columns, sizes: tagNetwork.sizes,
      isComplete: isComplete, training: training, sentenceCount: sentenceCount, wordCount: wordCount,
      evaluation: evaluation.map { .init($0) })
    return try ModelFile.contents(of: tagNetwork, kind: Self.kind, description: description)
  }

  /// Rebuilds a tagger from what ``modelFile()`` gave; its answers are the same to the last bit.
  ///
  /// - Throws: What ``ModelFile/read(_:path:kind:description:layers:)`` throws; `damagedModel` when the parts do not
  ///   fit together.
  public init(modelFile: SafeTensorsFile, path: String? = nil) throws(DataError) {
    let contents = try ModelFile.read(modelFile, path: path, kind: Self.kind, description: Description.self)
    let description = contents.description
    if let fault = description.fault { throw contents.damaged("the model's numbers contradict each other: \(fault)") }
    try contents.checkSize(description.sizes.weightCount(atMost: contents.elementCount))
    var generator = RandomGenerator(seed: 0)
    var network = TagNetwork(description.sizes, using: &generator)
    try contents.load(into: &network)
    self.init(
      encoder: description.encoder, labels: description.labels, baseline: description.baseline,
      columns: description.columns, tagNetwork: network, isComplete: description.isComplete,
      training: description.training, sentenceCount: description.sentenceCount, wordCount: description.wordCount,
      evaluation: description.evaluation?.evaluation(of: Self.name))
  }
}

extension TagNetwork.Sizes {
  /// Whether sizes read from a file can be built.
  fileprivate var isSound: Bool {
    let all = [wordSize, characterSize, spellingSize, affixSize, shapeSize, hiddenSize, layers]
    return all.allSatisfy { (1...1 << 14).contains($0) } && layers <= 64 && (0..<1).contains(dropout)
      && Cells.named(cell).map { $0.lastColumn == nil } == true && regularizers.areSound
  }

  /// About how many weights the network has.
  fileprivate func weightCount(atMost limit: Int) -> Double? {
    func stack<Cell: RecurrentCell>(_ cell: Cell.Type) -> any Layer {
      Stacked<Bidirectional<Cell>>(Array(repeating: hiddenSize, count: layers), returning: .everyStep)
    }
    guard let cell = Cells.named(cell) else { return nil }
    let shape = [nil, nil, inputSize]
    guard
      let recurrent = Sequential(inputShape: shape, builtLayers: [stack(cell)]).weightCount(for: shape, atMost: limit)
    else { return nil }
    let tables =
      Double(words) * Double(wordSize) + Double(prefixes + suffixes) * Double(affixSize)
      + Double(shapes) * Double(shapeSize) + Double(characters) * Double(characterSize)
    let spelling = 8 * Double(spellingSize) * Double(spellingSize + characterSize + 1)
    let heads = Double(2 * hiddenSize + 1) * Double(tags + labels) + Double(tags) * Double(tags + 2)
    return recurrent + tables + spelling + heads
  }
}
