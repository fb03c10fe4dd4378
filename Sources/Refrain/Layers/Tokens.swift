/// Sequences of tokens, whole numbers from 0, of any lengths: what an ``Embedding`` reads.
///
///     let tokens: Tokens = [[4, 8, 15], [16, 23]]
///     let vectors = embedding(tokens)             // [2, 3, O]
///     let classes = model.predict(tokens)
public struct Tokens: Sendable, Equatable, ExpressibleByArrayLiteral {
  /// The tokens of each sequence.
  public let sequences: [[Int]]
  /// The token that stands past the end of the shorter ones, where nobody looks.
  public let padding: Int

  /// Sequences of tokens.
  ///
  /// - Parameters:
  ///   - sequences: the tokens of each, from 0.
  ///   - padding: the token that stands past the end of the shorter ones.
  public init(_ sequences: [[Int]], padding: Int = 0) {
    let range = 0...Int(Int32.max)
    require(
      sequences.allSatisfy { $0.allSatisfy(range.contains) } && range.contains(padding),
      "a token must be in 0 … \(range.upperBound)")
    self.sequences = sequences
    self.padding = padding
  }

  /// The tokens of each sequence, padded with 0.
  public init(arrayLiteral elements: [Int]...) { self.init(elements) }

  /// The number of sequences **B**.
  public var count: Int { sequences.count }

  /// The valid steps of each sequence; nil where all have the same.
  public var lengths: [Int]? {
    let lengths = sequences.map(\.count)
    return lengths.allSatisfy { $0 == lengths.first } ? nil : lengths
  }

  /// `[B, T]`, T being the length of the longest. It holds the tokens as the integers they are (``Tensor/integers``),
  /// and a batch, a part or an order of its rows still does: that is how they reach an ``Embedding``.
  public var tensor: Tensor {
    let time = sequences.map(\.count).max() ?? 0
    return Tensor(
      sequences.flatMap { $0 + Array(repeating: padding, count: time - $0.count) }, shape: [sequences.count, time])
  }

  /// Throws where a token is not in `0 ..< vocabulary`: for tokens from outside the program.
  ///
  /// - Throws: ``LayerError`` with the first such token and its place.
  public func check(vocabulary: Int) throws(LayerError) {
    for (row, sequence) in sequences.enumerated() {
      guard let step = sequence.firstIndex(where: { $0 >= vocabulary }) else { continue }
      throw LayerError(
        "sequence \(row), step \(step): \(sequence[step]) is no index into a vocabulary of \(vocabulary)")
    }
  }
}

extension StepValues {
  /// Sequences of tokens `[B, T]`, with their lengths.
  public init(_ tokens: Tokens) { self.init(tokens.tensor, steps: Steps(lengths: tokens.lengths)) }
}

extension Layer {
  /// The output for sequences of tokens: for an ``Embedding``, and models that begin with one.
  public func callAsFunction(_ tokens: Tokens) -> Tensor { self(StepValues(tokens)).values }
}
