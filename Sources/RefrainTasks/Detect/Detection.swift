import RealModule

/// What a detector says of a row.
public struct Detection: Sendable, Equatable {
  /// The row's time as its file writes it, or its count.
  public var time: String
  /// How strange the row is, in decades of rareness added up over what can be odd about it; 0 for a usual row, and for
  /// one that is no stranger than others shortly before it.
  public var score = 0.0
  /// Whether it is an alarm: its score is above ``threshold``.
  public var isAnomaly = false
  /// The channel that is strangest.
  public var channel = ""
  /// What was expected of it.
  public var expected = 0.0
  /// What was seen; nil where it is missing.
  public var seen: Double?
  /// The score from which on a row is an alarm, so that false ones are as rare as was asked for; nil while too few rows
  /// were seen to say.
  public var threshold: Double?
  /// The time at which what is strange began, where the row is an alarm.
  public var since: String?
  /// How strange the row is, whatever came before it.
  var strangeness = 0.0
  var oddity = ChannelWatch.Oddity.value

  /// A row of which there is nothing to say yet.
  public init(time: String) { self.time = time }

  /// Why the row is an alarm, in words; nil where it is none.
  public var reason: String? {
    guard isAnomaly else { return nil }
    let what =
      switch oddity {
      case .value: "beyond what was seen so far"
      case .prediction: "not as foretold by the rows before"
      case .season: "unusual for this time of the season"
      case .reconstruction: "the last rows take an unknown course"
      }
    let seen = seen.map { Self.short($0) } ?? "missing"
    return "\(channel) is \(seen), expected \(Self.short(expected)): \(what)"
  }

  /// Four digits.
  private static func short(_ value: Double) -> String {
    guard value != 0, value.isFinite else { return "\(value)" }
    let digits = 3 - Int(Double.log10(abs(value)).rounded(.down))
    guard (-12...12).contains(digits) else {
      let short = Float(value)
      return short.isFinite && short != 0 ? "\(short)" : "\(value)"
    }
    let unit = Double.pow(10.0, digits)
    let rounded = (value * unit).rounded() / unit
    return rounded == rounded.rounded() && abs(rounded) < 1e12 ? "\(Int(rounded))" : "\(rounded)"
  }
}

extension Detection: Encodable {
  private enum Key: String, CodingKey, CaseIterable {
    case time, score, isAnomaly, channel, expected, seen, threshold, since, reason
  }

  /// The names of its fields.
  static let fields = Key.allCases.map(\.rawValue)

  /// `{"time","score","isAnomaly","channel","expected","seen","threshold","since","reason"}`; null for what is not
  /// there.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(time, forKey: .time)
    try container.encode(score, forKey: .score)
    try container.encode(isAnomaly, forKey: .isAnomaly)
    try container.encode(channel, forKey: .channel)
    try container.encode(expected, forKey: .expected)
    try container.encode(seen, forKey: .seen)
    try container.encode(threshold, forKey: .threshold)
    try container.encode(since, forKey: .since)
    try container.encode(reason, forKey: .reason)
  }
}
