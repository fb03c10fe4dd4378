/// Reads moments that are all written alike: numbers as they stand, calendar times in seconds since 1970.
struct MomentReader {
  /// The ways in which all that was read so far may be written; nil before the first calendar time.
  private var layouts: [TimeLayout]?

  /// - Returns: nil for what is no time, or is written in another way.
  mutating func read(_ text: ArraySlice<UInt8>) -> Double? {
    guard text.count < 64 else { return nil }
    if layouts == nil, let number = Double(String(decoding: text, as: UTF8.self)) {
      return number.isFinite ? number : nil
    }
    var spelling = TimeSpelling()
    var found: Double?
    layouts = (layouts ?? TimeLayout.candidates(for: text)).filter { layout in
      guard let time = layout.read(text, noting: &spelling) else { return false }
      if found == nil { found = Double(time.ticks - time.offset) / Double(TimeStamp.second) }
      return true
    }
    return found
  }

  /// The moments of texts, in the first way in which all of them can be written.
  ///
  /// - Returns: nil, and the place of a text that cannot be read.
  static func all(_ texts: [ArraySlice<UInt8>]) -> (moments: [Double]?, fault: Int) {
    var reader = MomentReader()
    if let fault = texts.firstIndex(where: { reader.read($0) == nil }) { return (nil, fault) }
    // Dates that can be read in two orders are read in the one that is left over after all of them.
    var moments: [Double] = []
    moments.reserveCapacity(texts.count)
    for (place, text) in texts.enumerated() {
      guard let moment = reader.read(text) else { return (nil, place) }
      moments.append(moment)
    }
    return (moments, 0)
  }
}
