import RealModule

/// How much texts are like reference texts: the bilingual evaluation understudy (Papineni et al. 2002) of a whole
/// corpus, as the program `sacrebleu` computes it (Post 2018).
///
///     BLEU = 100 · min(1, e^(1 − r / c)) · (p₁ p₂ p₃ p₄)^¼
///
/// p_n is the share of the runs of n tokens that occur in the reference, none counted more often than there; c and r
/// are the lengths of the texts and of the references. Where no run of a length fits, p_n is 1 / (2^k · count) for the
/// k-th such length.
public struct BLEU: Sendable, Equatable {
  /// Where tokens end.
  public enum Tokens: String, Codable, Sendable, CaseIterable {
    /// At white space alone: for texts in tokens already.
    case none
    /// As the program mteval-v13a does: punctuation is set apart, but for points and commas between digits.
    case international = "13a"
    /// Every character alone: for scripts without spaces.
    case characters
  }

  /// The score, from 0 to 100.
  public var score: Double
  /// The precision of runs of 1, 2, 3 and 4 tokens, in percent.
  public var precisions: [Double]
  /// What a text that is shorter than its references costs, at most 1.
  public var brevityPenalty: Double
  /// How many tokens the texts have.
  public var length: Int
  /// How many tokens the references have.
  public var referenceLength: Int

  /// The score of texts against one reference each.
  public init(_ texts: some Sequence<String>, references: some Sequence<String>, tokens: Tokens = .international) {
    var (correct, total) = ([Int](repeating: 0, count: 4), [Int](repeating: 0, count: 4))
    var (length, referenceLength) = (0, 0)
    for (text, reference) in zip(texts, references) {
      let (found, wanted) = (tokens.cut(text), tokens.cut(reference))
      length += found.count
      referenceLength += wanted.count
      for size in 1...4 {
        let known = Self.runs(of: wanted, size)
        for (run, count) in Self.runs(of: found, size) {
          total[size - 1] += count
          correct[size - 1] += min(count, known[run] ?? 0)
        }
      }
    }
    self.length = length
    self.referenceLength = referenceLength
    brevityPenalty =
      length >= referenceLength ? 1 : length == 0 ? 0 : Double.exp(1 - Double(referenceLength) / Double(length))
    precisions = [0, 0, 0, 0]
    var smoothing = 1.0
    for size in 0..<4 where total[size] > 0 {
      if correct[size] == 0 { smoothing *= 2 }
      precisions[size] =
        100 * (correct[size] == 0 ? 1 / (smoothing * Double(total[size])) : Double(correct[size]) / Double(total[size]))
    }
    let isHopeless = correct.allSatisfy { $0 == 0 } || precisions.contains(0)
    score = isHopeless ? 0 : brevityPenalty * Double.exp(precisions.reduce(0.0) { $0 + Double.log($1) } / 4)
  }

  /// How often each run of tokens occurs.
  static func runs(of tokens: [String], _ size: Int) -> [[String]: Int] {
    guard tokens.count >= size else { return [:] }
    var counts: [[String]: Int] = [:]
    for start in 0...tokens.count - size { counts[Array(tokens[start..<start + size]), default: 0] += 1 }
    return counts
  }
}

extension BLEU.Tokens {
  /// The tokens of a text.
  func cut(_ text: String) -> [String] {
    switch self {
    case .none: Self.words(text.unicodeScalars)
    case .characters: text.filter { !$0.isWhitespace }.map(String.init)
    case .international: Self.international(text)
    }
  }

  private static func words(_ scalars: some Sequence<UnicodeScalar>) -> [String] {
    scalars.split { $0.properties.isWhitespace }.map { word in
      var text = String.UnicodeScalarView()
      text.append(contentsOf: word)
      return String(text)
    }
  }

  /// The four rules of mteval-v13a, one after another.
  private static func international(_ text: String) -> [String] {
    var text = text
    if text.contains("<skipped>") { text.replace("<skipped>", with: "") }
    text.replace("-\n", with: "")
    if text.contains("&") {
      for (name, sign) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
        text.replace(name, with: sign)
      }
    }
    var scalars = Array(" \(text) ".unicodeScalars)
    func isDigit(_ scalar: UnicodeScalar) -> Bool { ("0"..."9").contains(scalar) }
    func isPoint(_ scalar: UnicodeScalar) -> Bool { scalar == "." || scalar == "," }
    // Signs of ASCII but for the apostrophe, the comma, the hyphen and the point.
    scalars = scalars.flatMap { scalar -> [UnicodeScalar] in
      switch scalar {
      case "{"..."~", "["..."`", " "..."&", "("..."+", ":"..."@", "/": [" ", scalar, " "]
      default: [scalar]
      }
    }
    /// Replaces pairs from left to right, none of which begins in the one before, as a regular expression does.
    func replace(
      _ fits: (UnicodeScalar, UnicodeScalar) -> Bool, _ pair: (UnicodeScalar, UnicodeScalar) -> [UnicodeScalar]
    ) {
      var result: [UnicodeScalar] = []
      var index = 0
      while index < scalars.count {
        if index + 1 < scalars.count, fits(scalars[index], scalars[index + 1]) {
          result += pair(scalars[index], scalars[index + 1])
          index += 2
        } else {
          result.append(scalars[index])
          index += 1
        }
      }
      scalars = result
    }
    replace({ !isDigit($0) && isPoint($1) }, { [$0, " ", $1, " "] })
    replace({ isPoint($0) && !isDigit($1) }, { [" ", $0, " ", $1] })
    replace({ isDigit($0) && $1 == "-" }, { [$0, " ", $1, " "] })
    return words(scalars)
  }
}
