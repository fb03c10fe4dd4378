/// A text, within quotation marks when it would not be one field otherwise.
func csvField(_ text: String) -> String {
  let needsQuotes = text.unicodeScalars.contains { [",", "\"", "\n", "\r"].contains($0) }
  return needsQuotes ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
}

/// A number in the fewest digits that give it again; nothing when it is not finite.
func csvField(_ number: Double) -> String {
  number.isFinite ? "\(number)" : ""
}
