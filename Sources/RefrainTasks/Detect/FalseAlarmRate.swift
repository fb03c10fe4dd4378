import RefrainData
import RefrainFoundation

/// How often a detector may raise an alarm where nothing is the matter.
public struct FalseAlarmRate: Sendable, Codable, Equatable, CustomStringConvertible {
  /// What alarms are counted by.
  public enum Unit: String, Sendable, Codable, CaseIterable {
    /// 1,000 rows, or as many as are said.
    case row, minute, hour, day, week, month, year

    /// Its length in seconds; nil for rows.
    var seconds: Double? {
      switch self {
      case .row: nil
      case .minute: 60
      case .hour: 3600
      case .day: 86_400
      case .week: 604_800
      case .month: 2_629_746
      case .year: 31_556_952
      }
    }
  }

  /// How many alarms.
  public let alarms: Double
  /// In how many units.
  public let span: Double
  /// Of what.
  public let unit: Unit

  /// A rate of so many alarms, such as one in 1,000 rows.
  public init(_ alarms: Double = 1, per span: Double = 1, _ unit: Unit) {
    (self.alarms, self.span, self.unit) = (alarms, span, unit)
  }

  /// One in 1,000 rows.
  public static let usual = FalseAlarmRate(per: 1000, .row)

  /// Reads `1/week`, `2/day`, `1/30days`, `1/1000` (rows) or `0.001`.
  ///
  /// - Returns: nil for what is no rate.
  public init?(_ text: String) {
    let parts = text.lowercased().replacing("per", with: "/").replacing(" ", with: "")
      .split(separator: "/", omittingEmptySubsequences: false)
    guard let alarms = parts.first.flatMap({ Double($0) }), alarms > 0, alarms.isFinite, parts.count <= 2 else {
      return nil
    }
    guard parts.count == 2 else {
      guard alarms < 1 else { return nil }
      self.init(alarms, .row)
      return
    }
    let digits = parts[1].prefix { $0.isNumber || $0 == "." }
    var word = String(parts[1].dropFirst(digits.count))
    if word.hasSuffix("s") { word.removeLast() }
    guard let span = digits.isEmpty ? 1 : Double(digits), span > 0, span.isFinite,
      let unit = word.isEmpty && !digits.isEmpty ? .row : Unit(rawValue: word)
    else { return nil }
    self.init(alarms, per: span, unit)
  }

  /// The rate for each row.
  ///
  /// - Parameter step: How many seconds two rows are apart; nil where that is not known.
  /// - Returns: nil where time is to be counted and is not known.
  func perRow(step: Double?) -> Double? {
    guard let seconds = unit.seconds else { return alarms / span }
    return step.map { alarms * $0 / (span * seconds) }
  }

  /// `1/week`, `1/1000 rows`
  public var description: String {
    func plain(_ value: Double) -> String { value == value.rounded() && value < 1e15 ? String(Int(value)) : "\(value)" }
    let many = span == 1 ? unit.rawValue : "\(plain(span)) \(unit.rawValue)s"
    return "\(plain(alarms))/\(many)"
  }
}
