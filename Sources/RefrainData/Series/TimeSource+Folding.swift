// Texts of times as they are read: the same signs for the same thing, and nothing around them.

extension TimeSource {
  /// The text with the digits of any script, the signs of their width, and every kind of hyphen as ASCII; without an
  /// apostrophe before it, as spreadsheets keep texts, or the mark of a note behind it; of a span its beginning.
  static func folded(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let text = plain(text)
    return beginning(of: text) ?? text
  }

  /// Whether a text is a span, which is read by its beginning.
  static func isSpan(_ text: ArraySlice<UInt8>) -> Bool { beginning(of: plain(text)) != nil }

  private static func plain(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard text.count <= 200, let last = text.last else { return text }
    var text = text
    if text.contains(where: { $0 >= 0x80 }) { text = ascii(text) }
    if text.first == UInt8(ascii: "'"), text.dropFirst().first.map(isDigit) == true, text.count > 4 {
      text.removeFirst()
    }
    // 2019-09 (p): provisional, as statistics have it.
    if last == UInt8(ascii: ")"), text.suffix(4).first == .space, text.dropLast(2).last == UInt8(ascii: "("),
      isLetter(text[text.endIndex - 2])
    {
      text = text.dropLast(4)
    }
    if last == UInt8(ascii: "*") { while text.last == UInt8(ascii: "*") { text.removeLast() } }
    return text
  }

  private static func ascii(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var folded: [UInt8] = []
    let scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
    for (place, scalar) in scalars.enumerated() {
      if scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue {
        folded.append(48 + UInt8(value))
      } else if (0xFF0D...0xFF0F).contains(scalar.value) || scalar.value == 0xFF1A {
        // Signs between numbers as wide as East Asian letters.
        folded.append(UInt8(scalar.value - 0xFEE0))
      } else if (0x2010...0x2015).contains(scalar.value) || scalar.value == 0x2212 {
        // Before a time of day a dash is no sign of an offset: 00:00–01:00.
        let isSpan =
          scalar.value != 0x2212 && scalar.value > 0x2012 && folded.suffix(3).first == .colon
          && scalars[(place + 1)...].dropFirst().prefix(2).contains(":")
        folded += Array((isSpan ? " - " : "-").utf8)
      } else {
        folded += Array(String(Character(scalar)).utf8)
      }
    }
    return folded[...]
  }

  /// What stands between the halves of a span.
  private static let spanSigns = [" - ", " to ", " bis "].map { Array($0.utf8) }

  /// Of `2024-01-01 - 2024-01-07` the first half, and so of `01.01.2024 00:00 - 01:00`; nil for what is no span.
  private static func beginning(of text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    // A date has eight signs at least, and a time of day five.
    guard text.count >= 17 else { return nil }
    func ends(at place: Int, _ width: Int) -> (first: ArraySlice<UInt8>, last: ArraySlice<UInt8>) {
      (text[..<place].trimmedBytes, text[(place + width)...].trimmedBytes)
    }
    func isClock(_ text: ArraySlice<UInt8>) -> Bool {
      text.count >= 4 && text.contains(.colon) && text.allSatisfy { isDigit($0) || $0 == .colon }
    }
    func shape(_ text: ArraySlice<UInt8>) -> [UInt8] { text.map { isDigit($0) ? 48 : $0 } }
    let middle = text.startIndex + text.count / 2
    if text[middle] == UInt8(ascii: "-") {
      let (first, last) = ends(at: middle, 1)
      if first.count >= 8, first.contains(where: { !isDigit($0) }), shape(first) == shape(last) { return first }
    }
    for sign in spanSigns {
      guard let place = text.indices.first(where: { text[$0] == sign[0] && text[$0...].starts(with: sign) }) else {
        continue
      }
      let (first, last) = ends(at: place, sign.count)
      guard first.count >= 8 else { continue }
      if shape(first) == shape(last) && !isClock(last) { return first }
      // 9:00 - 10:00 behind a date.
      let isSpanOfDay =
        isClock(last) && first.count > last.count
        && (shape(first).suffix(last.count) == shape(last)[...]
          || first.split(separator: .space).last.map(isClock) == true)
      if isSpanOfDay { return first }
    }
    return nil
  }
}
