extension StringProtocol {
  /// Whether the text is that of `pattern`, in which `*` stands for any characters, also none.
  func matches(pattern: some StringProtocol) -> Bool {
    // Each part between stars is taken where it comes first; the last must end the text.
    let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
    guard parts.count > 1, let first = parts.first, let last = parts.last else { return self == pattern }
    guard utf8.count >= first.utf8.count + last.utf8.count, hasPrefix(first), hasSuffix(last) else { return false }
    var rest = Array(utf8.dropFirst(first.utf8.count).dropLast(last.utf8.count))[...]
    for part in parts.dropFirst().dropLast() {
      let wanted = Array(part.utf8)
      while !rest.starts(with: wanted) {
        if rest.isEmpty { return false }
        rest.removeFirst()
      }
      rest.removeFirst(wanted.count)
    }
    return true
  }
}
