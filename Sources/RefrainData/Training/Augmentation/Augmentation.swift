/// A change that is made to examples while a model trains, drawn anew each time an example comes, so that it is seen in
/// many forms and not learned by heart. What a model is judged by, and what it answers, is never changed.
public struct Augmentation: Codable, Sendable, Equatable {
  /// The kinds of changes. Each has an amount, and one that is usual.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// Each token is the unknown one with this probability (Iyyer et al. 2015; Bowman et al. 2016).
    case wordDropout = "word-dropout"
    /// Each token is left out with this probability (random deletion; Wei and Zou 2019).
    case deletion
    /// So many swaps of two tokens, as a share of the tokens, at least one (random swap; Wei and Zou 2019).
    case swap
    /// Each character is, with this probability, swapped with the next, left out, doubled or another (Belinkov and Bisk
    /// 2018).
    case typos
    /// Each category is the one for those that were never seen, with this probability.
    case unknown
    /// Normal noise of this deviation on every value, scaled values having the deviation 1, and those of frames to
    /// foresee the range 0 … 1 (jitter; Um et al. 2017).
    case noise
    /// Each channel times a normal factor of mean 1 and this deviation (Um et al. 2017).
    case scaling
    /// Each channel times a smooth curve through normal knots of mean 1 and this deviation (Um et al. 2017).
    case magnitudeWarp = "magnitude-warp"
    /// Time that goes faster and slower, by a smooth curve through normal knots of mean 1 and this deviation (Um et al.
    /// 2017).
    case timeWarp = "time-warp"
    /// A series less a share of its steps at its ends, at most this, rounded up (window slicing; Le Guennec,
    /// Malinowski and Tavenard 2016).
    case slice
    /// A series cut into pieces, at most so many, in another order (Um et al. 2017).
    case permutation
    /// Frames moved by at most this share of their sides; what comes in is as the edge is. Recordings that begin later,
    /// by at most this share of their length, rounded up.
    case shift
    /// Frames turned by at most so many degrees (Simard, Steinkraus and Platt 2003).
    case rotation
    /// With the probability one half a rectangle of at most this share of the frame becomes the mean (random erasing;
    /// Zhong et al. 2020).
    case erasing
    /// Two spans of time of at most this share, and one of features of at most three times as much, become zero (Park
    /// et al. 2019, SpecAugment).
    case masks
    /// Recordings that are faster or slower by at most this share (Ko et al. 2015).
    case speed
    /// Recordings that are louder or softer: a normal number of this deviation is added to the levels, scaled to the
    /// deviation 1.
    case gain
    /// Two examples mixed, with their truths, in shares that follow the beta distribution of two times this number
    /// (Zhang et al. 2018).
    case mixup

    /// The amount where none is said.
    public var usualAmount: Float {
      switch self {
      case .wordDropout, .deletion, .swap, .unknown, .scaling, .slice, .shift, .speed: 0.1
      case .typos, .noise, .masks: 0.05
      case .magnitudeWarp, .timeWarp, .erasing, .mixup: 0.2
      case .gain: 0.3
      case .permutation: 5
      case .rotation: 10
      }
    }

    /// The amounts that make sense; 0 does nothing.
    public var amounts: ClosedRange<Float> {
      switch self {
      case .wordDropout, .deletion, .typos, .unknown, .slice: 0...0.9
      case .swap, .scaling, .magnitudeWarp, .timeWarp, .erasing: 0...1
      case .shift, .speed: 0...0.5
      case .masks: 0...0.3
      case .permutation: 0...100
      case .rotation: 0...45
      case .noise, .gain, .mixup: 0...10
      }
    }

    /// The kind that a word says; jitter is noise.
    init?(word: String) {
      guard let kind = Self(rawValue: word == "jitter" ? Kind.noise.rawValue : word) else { return nil }
      self = kind
    }
  }

  /// What examples consist of, as far as changes go.
  public enum Content: String, Sendable, CaseIterable {
    /// Texts of words or pieces of words.
    case words = "texts"
    /// Texts of characters.
    case characters = "texts of characters"
    /// One of several words.
    case categories
    /// Numbers by themselves.
    case numbers
    /// Steps of values that are equally far apart.
    case series
    /// Steps of values with the times between them.
    case irregularSeries = "irregular series"
    /// Features of sound.
    case recordings
    /// Images, and the frames of clips.
    case frames = "images and clips"

    /// The kinds of changes that fit.
    public var kinds: [Kind] {
      switch self {
      case .words: [.wordDropout, .deletion, .swap]
      case .characters: [.typos]
      case .categories: [.unknown]
      case .numbers: [.noise, .mixup]
      case .series: [.noise, .scaling, .magnitudeWarp, .timeWarp, .slice, .permutation, .mixup]
      case .irregularSeries: [.noise, .scaling, .magnitudeWarp, .slice]
      case .recordings: [.masks, .noise, .gain, .speed, .shift, .mixup]
      case .frames: [.shift, .rotation, .noise, .erasing, .mixup]
      }
    }
  }

  /// What is changed.
  public let kind: Kind
  /// How much, as ``Kind`` says.
  public let amount: Float

  /// A change.
  ///
  /// - Parameter amount: How much, one of ``Kind/amounts``; nil is the usual amount.
  public init(_ kind: Kind, _ amount: Float? = nil) {
    let amount = amount ?? kind.usualAmount
    precondition(
      kind.amounts.contains(amount), "the amount of \(kind.rawValue) is \(amount), and must be in its bounds")
    (self.kind, self.amount) = (kind, amount)
  }
}
