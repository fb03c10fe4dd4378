import Refrain
import RefrainData

/// The tags that a tagger knows, as files write them and as it learns them.
struct TagLabels: Codable, Sendable, Equatable {
  /// The scheme of the files.
  let scheme: TagScheme
  /// The scheme that is learned; ``TagScheme/none`` where tags say nothing of spans.
  let learned: TagScheme
  /// The learned tags, the most frequent first.
  let tags: [String]
  /// The labels of sentences; empty where they have none.
  let labels: [String]

  /// The tags of some sentences.
  init(_ sentences: some Sequence<TaggedSentence>, scheme: TagScheme, learned: TagScheme) {
    self.scheme = scheme
    self.learned = scheme == .none ? .none : learned
    var (tags, labels): ([String: Int], [String: Int]) = ([:], [:])
    var allHaveLabels = true
    for sentence in sentences {
      for tag in Self.converted(sentence.tags, to: self.learned) { tags[tag, default: 0] += 1 }
      if let label = sentence.label { labels[label, default: 0] += 1 } else { allHaveLabels = false }
    }
    func ordered(_ counts: [String: Int]) -> [String] {
      counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    }
    self.tags = ordered(tags)
    self.labels = allHaveLabels ? ordered(labels) : []
  }

  private static func converted(_ tags: [String], to scheme: TagScheme) -> [String] {
    scheme == .none ? tags : scheme.converted(tags)
  }

  /// The numbers of a sentence's tags; nil when one of them is not known.
  func numbers(of sentences: some Sequence<TaggedSentence>) -> TokenSequences? {
    let numbers = Dictionary(tags.enumerated().map { ($1, Int32($0)) }) { first, _ in first }
    var result = TokenSequences()
    for sentence in sentences {
      let own = Self.converted(sentence.tags, to: learned).compactMap { numbers[$0] }
      guard own.count == sentence.words.count else { return nil }
      result.append(own)
    }
    return result
  }

  /// The tags of numbers, as files write them.
  func written(_ numbers: [Int]) -> [String] {
    let tags = numbers.map { self.tags[$0] }
    return scheme == .none ? tags : scheme.converted(tags)
  }

  /// What the learned scheme forbids; nil where it forbids nothing.
  var constraints: TransitionConstraints? {
    let spans = tags.map { SpanTag($0[...]) }
    // With a tag that may begin a sentence, end it and follow itself there is a path through every sentence.
    let alone: [TagScheme: SpanTag.Position] = [.bio: .begin, .bioes: .single]
    guard let single = alone[learned],
      spans.contains(where: { $0.map { $0.position == .outside || $0.position == single } ?? false })
    else { return nil }
    var rules = TransitionConstraints(tagCount: tags.count)
    for (number, tag) in spans.enumerated() {
      guard let tag else { continue }
      if !learned.allows(tag, after: nil) { rules.forbidStart(number) }
      if learned == .bioes, tag.position == .begin || tag.position == .inside { rules.forbidEnd(number) }
      for (previous, before) in spans.enumerated() where before.map({ !learned.allows(tag, after: $0) }) ?? false {
        rules.forbid(number, after: previous)
      }
    }
    return rules
  }

  /// Whether the tag of this number goes on with a span of a type.
  func continues(_ number: Int, _ type: String) -> Bool {
    guard let tag = SpanTag(tags[number][...]) else { return false }
    return (tag.position == .inside || tag.position == .end) && tag.type == type
  }
}

/// What costs nothing: of each word the tag it has most often.
struct TagBaseline: Codable, Sendable, Equatable {
  /// The tags as files write them, the most frequent first.
  let tags: [String]
  /// The most frequent tag of each word of the vocabulary, by its number.
  let tagOfWord: [Int]
  /// The most frequent label of a sentence; nil where there is none.
  let label: String?

  /// Counts the tags of some sentences.
  init(_ sentences: some Sequence<TaggedSentence>, _ encoder: TagEncoder) {
    var counts: [String: Int] = [:]
    var words = [[String: Int]](repeating: [:], count: encoder.words.count)
    var labels: [String: Int] = [:]
    for sentence in sentences {
      for (word, tag) in zip(sentence.words, sentence.tags) {
        counts[tag, default: 0] += 1
        words[encoder.words.index(of: WordForms(word).normal)][tag, default: 0] += 1
      }
      if let label = sentence.label { labels[label, default: 0] += 1 }
    }
    func best(_ counts: [String: Int]) -> String? {
      counts.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key
    }
    tags = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    let numbers = Dictionary(uniqueKeysWithValues: tags.enumerated().map { ($1, $0) })
    tagOfWord = words.map { best($0).flatMap { numbers[$0] } ?? 0 }
    label = best(labels)
  }

  /// The most frequent tag of each word.
  func tags(of words: [String], _ encoder: TagEncoder) -> [String] {
    words.map { tags[tagOfWord[encoder.words.index(of: WordForms($0).normal)]] }
  }
}
