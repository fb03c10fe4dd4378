import Refrain
import RefrainData

/// Some sentences as a ``TagNetwork`` reads them.
struct TagBatch: TrainingBatch {
  /// The words of each sentence.
  let lengths: [Int]
  /// The words of the longest, or of the longest of the batch that this is a share of.
  let time: Int
  /// For each of the `[B · T]` places the number of its word's vector; `padding` where there is no word. So are the
  /// others.
  let words: [Int]
  let prefixes: [Int]
  let suffixes: [Int]
  let shapes: [Int]
  /// For each place the row of its word among those that are spelled.
  let spellings: [Int]
  /// The characters of the different words, `[U · L]`.
  let characters: [Int]
  /// How many characters each of them has, `[U]`.
  let spellingLengths: [Int]
  /// The tags by their numbers, `[B, T]`; zeros where they are not known.
  let tags: Tensor
  /// The labels by their numbers; none where there are none.
  let labels: [Int]
  /// Whether it stands for the sentences kept aside, which are judged together.
  private(set) var isValidation = false

  var count: Int { lengths.count }
  /// The number of words.
  var weight: Double { isValidation ? 1 : Double(lengths.reduce(0, +)) }

  /// What stands for the sentences kept aside.
  static var validation: TagBatch {
    let none = TagSource(
      encoded: EncodedSentences([TaggedSentence](), TagEncoder(learning: [TaggedSentence]())), tags: nil, labels: nil)
    var batch = TagBatch([], of: none)
    batch.isValidation = true
    return batch
  }

  /// Some sentences of a set.
  ///
  /// - Parameter longest: How many words they are padded to, if none of them has more.
  init(_ examples: [Int], of source: TagSource, paddedTo longest: Int = 0) {
    let sentences = examples.map { source.encoded.sentences[$0] }
    lengths = sentences.map(\.count)
    let time = max(longest, lengths.max() ?? 0)
    self.time = time
    let places = sentences.count * time
    var columns = [[Int]](repeating: Array(repeating: Vocabulary.padding, count: places), count: 4)
    var spellings = [Int](repeating: 0, count: places)
    var rows: [Int32: Int] = [:]
    var distinct: [Int] = []
    var tags = [Float](repeating: 0, count: places)
    for (row, sentence) in sentences.enumerated() {
      for (step, number) in sentence.enumerated() {
        let (place, word) = (row * time + step, source.encoded.words[Int(number)])
        columns[0][place] = Int(word.word)
        columns[1][place] = Int(word.prefix)
        columns[2][place] = Int(word.suffix)
        columns[3][place] = Int(word.shape)
        if let known = rows[number] {
          spellings[place] = known
        } else {
          rows[number] = distinct.count
          spellings[place] = distinct.count
          distinct.append(Int(number))
        }
      }
      if let own = source.tags?[examples[row]] {
        for (step, tag) in own.enumerated() { tags[row * time + step] = Float(tag) }
      }
    }
    (words, prefixes, suffixes, shapes) = (columns[0], columns[1], columns[2], columns[3])
    self.spellings = spellings
    self.tags = Tensor(tags, shape: [sentences.count, time])
    labels = source.labels.map { all in examples.map { Int(all[$0]) } } ?? []
    spellingLengths = distinct.map { source.encoded.words[$0].characters.count }
    let longest = spellingLengths.max() ?? 0
    var characters = [Int](repeating: Vocabulary.padding, count: distinct.count * longest)
    for (row, number) in distinct.enumerated() {
      for (step, character) in source.encoded.words[number].characters.enumerated() {
        characters[row * longest + step] = Int(character)
      }
    }
    self.characters = characters
  }
}

/// Sentences that are fetched by their numbers.
struct TagSource: ExampleSource, Sendable {
  let encoded: EncodedSentences
  /// The tags of each sentence by their numbers; nil where they are not known.
  let tags: TokenSequences?
  /// The label of each sentence by its number; nil where there are none.
  let labels: LongArray<Int32>?

  var count: Int { encoded.sentences.count }
  func length(of example: Int) -> Int { encoded.sentences.length(of: example) }

  func share(_ examples: [Int], of batch: [Int]) throws(TrainingError) -> BatchShare<TagBatch> {
    BatchShare(
      try self.batch(examples, paddedTo: batch.map(length(of:)).max() ?? 0), of: WholeBatch(count: batch.count))
  }

  func batch(_ examples: [Int]) throws(TrainingError) -> TagBatch { try batch(examples, paddedTo: 0) }

  private func batch(_ examples: [Int], paddedTo longest: Int) throws(TrainingError) -> TagBatch {
    let batch = TagBatch(examples, of: self, paddedTo: longest)
    do throws(DataError) { try check() } catch { throw TrainingError(.unreadableData, error.description) }
    return batch
  }

  /// Makes sure that all that was asked for could be read.
  func check() throws(DataError) {
    try encoded.sentences.check()
    try tags?.check()
    try labels?.check()
  }
}
