/// A series as it is written in one field.
package struct SeriesText {
  /// The values of each channel; NaN for a missing one.
  package private(set) var channels: [[Double]] = [[]]

  /// How many steps the longest channel has.
  package var length: Int { channels.reduce(0) { max($0, $1.count) } }

  /// - Returns: nil for a text with anything but numbers. Of pairs `(time,value)` the values are taken.
  package init?(_ text: String) {
    var field = ""
    var (isInPair, hasSign) = (false, false)
    func finish(_ field: String) -> Double? {
      if field.isEmpty || field == "?" { return .nan }
      guard let value = Double(field) else { return ["na", "null", "none"].contains(field.lowercased()) ? .nan : nil }
      return value.isInfinite ? nil : value
    }
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "("): isInPair = true
      case UInt8(ascii: ")"):
        isInPair = false
        // The value stands behind the last comma of the pair.
        field = String(field.split(separator: ",", omittingEmptySubsequences: false).last ?? "")
      case _ where isInPair: field.unicodeScalars.append(UnicodeScalar(byte))
      case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"):
        guard let value = finish(field) else { return nil }
        channels[channels.count - 1].append(value)
        (field, hasSign) = ("", true)
        if byte == UInt8(ascii: ":") { channels.append([]) }
      case _ where isBlank(byte):
        // Blanks beside a sign mean nothing; alone they stand between numbers.
        guard !field.isEmpty, !hasSign else { continue }
        guard let value = finish(field) else { return nil }
        channels[channels.count - 1].append(value)
        field = ""
      default:
        guard byte < 0x80, field.utf8.count < 64 else { return nil }
        field.unicodeScalars.append(UnicodeScalar(byte))
      }
    }
    guard !isInPair else { return nil }
    if !field.isEmpty || hasSign {
      guard let value = finish(field) else { return nil }
      channels[channels.count - 1].append(value)
    }
    guard length > 0 else { return nil }
  }
}
