extension String {
  /// The names in a list with commas between, without white space around them.
  package var listedNames: [String] {
    split(separator: ",", omittingEmptySubsequences: false).map { String($0).trimmed }
  }
}

extension [String] {
  /// Names of a list with those put together again that were divided at a comma within them, as a column may have:
  /// `Jan 1, 2020`. So is what can be no other name; names of columns that stand in the list are left as they are.
  ///
  /// - Parameter columns: The names that there are. One in the list may have a kind behind it, after a colon.
  package func rejoined(among columns: [String]) -> [String] {
    guard columns.contains(where: { $0.contains(",") }) else { return self }
    func key(_ name: String) -> String { name.lowercased().listedNames.joined(separator: ",") }
    let known = Dictionary(columns.map { (key($0), $0) }) { first, _ in first }
    func column(_ text: String) -> String? {
      if let name = known[key(text)] { return name }
      guard let colon = text.lastIndex(of: ":") else { return nil }
      return known[key(String(text[..<colon]))].map { $0 + text[colon...] }
    }
    let most = columns.reduce(1) { Swift.max($0, $1.listedNames.count) }
    var names: [String] = []
    var rest = self[...]
    while let first = rest.first {
      let lengths = (2...Swift.max(2, most)).reversed().filter { $0 <= rest.count }
      let joined = lengths.lazy.compactMap { length -> (name: String, length: Int)? in
        let run = rest.prefix(length)
        guard run.contains(where: { column($0) == nil }) else { return nil }
        return column(run.joined(separator: ",")).map { ($0, length) }
      }.first
      names.append(joined?.name ?? first)
      rest = rest.dropFirst(joined?.length ?? 1)
    }
    return names
  }
}
