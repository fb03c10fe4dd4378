/// How tags say where spans begin and end.
public enum TagScheme: String, Codable, Sendable, CaseIterable {
  /// They say nothing of spans: every word has a tag of its own, such as a part of speech.
  case none
  /// Every span begins with `B` and goes on with `I` (IOB2).
  case bio
  /// Spans are `I`; `B` begins one right after another of its type (CoNLL's first scheme).
  case iob1
  /// `B`, `I` and `E` begin, continue and end a span, `S` is one of a single word (IOBES, BILOU).
  case bioes
  /// Spans as conlleval reads them, whatever precedes an `I`.
  case loose

  /// The name for people.
  package var title: String {
    switch self {
    case .none: "tags of single words"
    case .bio: "BIO"
    case .iob1: "IOB1"
    case .bioes: "BIOES"
    case .loose: "spans by conlleval's rules"
    }
  }

  /// Finds out which scheme the tags of sentences follow.
  ///
  /// - Throws: `wrongFormat` with the file and line of the tag that does not fit when they follow none to the end.
  public static func found(in sentences: some Collection<TaggedSentence>) throws(DataError) -> TagScheme {
    var (spans, others) = (0, 0)
    var positions: Set<SpanTag.Position> = []
    for sentence in sentences {
      for tag in sentence.tags {
        guard let tag = SpanTag(tag[...]) else {
          others += 1
          continue
        }
        positions.insert(tag.position)
        if tag.position != .outside { spans += 1 }
      }
    }
    // A tag set with an `O` or a `B` among others is none of spans.
    guard spans > 0, spans > others else { return .none }
    if others > 0 { try checkSpans(sentences) }
    let candidates: [TagScheme] =
      positions.isDisjoint(with: [.end, .single]) ? [.bio, .iob1] : [.bioes]
    let faults = candidates.map { scheme in sentences.reduce(0) { $0 + scheme.faults(in: $1).count } }
    guard let best = faults.indices.min(by: { faults[$0] < faults[$1] }), faults[best] > 0 else {
      return candidates[faults.firstIndex(of: 0) ?? 0]
    }
    try candidates[best].check(sentences)
    return candidates[best]
  }

  /// Makes sure that the tags of sentences follow the scheme.
  ///
  /// - Throws: `wrongFormat` with the file and line of the first that does not.
  public func check(_ sentences: some Collection<TaggedSentence>) throws(DataError) {
    for sentence in sentences {
      guard let fault = faults(in: sentence).first else { continue }
      throw sentence.error(
        at: fault.word, fault.problem,
        remedy: "correct it, choose another column, or read spans as conlleval does, by the scheme 'loose'")
    }
  }

  /// Makes sure that all tags are such as say something of spans.
  ///
  /// - Throws: `wrongFormat` with the file and line of the first that does not.
  public static func checkSpans(_ sentences: some Collection<TaggedSentence>) throws(DataError) {
    for sentence in sentences {
      guard let word = sentence.tags.firstIndex(where: { SpanTag($0[...]) == nil }) else { continue }
      throw sentence.error(
        at: word, "the tag \(sentence.tags[word].quoted) says nothing of spans, as others do",
        remedy: "write O, or B, I, E, S with a type, such as B-PER, or choose another column")
    }
  }

  /// The words whose tags the scheme does not allow.
  private func faults(in sentence: TaggedSentence) -> [(word: Int, problem: String)] {
    guard self != .none else { return [] }
    var faults: [(word: Int, problem: String)] = []
    var previous: SpanTag?
    for (word, text) in sentence.tags.enumerated() {
      func after() -> String { word == 0 ? "begins a sentence" : "follows \(sentence.tags[word - 1].quoted)" }
      guard let tag = SpanTag(text[...]) else {
        faults.append((word, "the tag \(text.quoted) says nothing of spans"))
        previous = nil
        continue
      }
      if !allows(tag, after: previous) {
        let place = tag.position == .outside ? "\(text.quoted) \(after())" : "the tag \(text.quoted) \(after())"
        faults.append((word, "\(place), which \(title) does not allow"))
      }
      previous = tag
    }
    if self == .bioes, let last = previous, last.position == .begin || last.position == .inside {
      faults.append(
        (sentence.tags.count - 1, "the tag \(sentence.tags.last!.quoted) ends a sentence, which BIOES does not allow"))
    }
    return faults
  }

  /// Whether a tag may follow another, or begin a sentence.
  package func allows(_ tag: SpanTag, after previous: SpanTag?) -> Bool {
    let continues = previous.map { $0.position != .outside && $0.type == tag.type } ?? false
    switch self {
    case .none, .loose: return true
    case .bio:
      guard tag.position != .end, tag.position != .single else { return false }
      return tag.position != .inside || continues
    case .iob1:
      guard tag.position != .end, tag.position != .single else { return false }
      return tag.position != .begin || continues
    case .bioes:
      let isOpen = previous.map { $0.position == .begin || $0.position == .inside } ?? false
      switch tag.position {
      case .inside, .end: return isOpen && continues
      case .begin, .single, .outside: return !isOpen
      }
    }
  }

  /// The tags of some spans of a sentence; those of ``none`` and ``loose`` are ``bio``'s.
  ///
  /// - Parameters:
  ///   - spans: In their order, none over another.
  ///   - count: The number of words.
  public func tags(of spans: [TagSpan], count: Int) -> [String] {
    var tags = [String](repeating: "O", count: count)
    var previous: TagSpan?
    for span in spans {
      for place in span.range {
        let (isFirst, isLast) = (place == span.range.lowerBound, place == span.range.upperBound - 1)
        let position: SpanTag.Position =
          switch self {
          case .none, .bio, .loose: isFirst ? .begin : .inside
          case .iob1:
            isFirst && previous.map { $0.range.upperBound == place && $0.type == span.type } ?? false
              ? .begin : .inside
          case .bioes: isFirst ? (isLast ? .single : .begin) : isLast ? .end : .inside
          }
        tags[place] = span.type.isEmpty ? String(position.rawValue) : "\(position.rawValue)-\(span.type)"
      }
      previous = span
    }
    return tags
  }

  /// Tags that follow one scheme, or none, in this one.
  public func converted(_ tags: [String]) -> [String] {
    self.tags(of: TagSpan.spans(of: tags), count: tags.count)
  }
}
