extension Records {
  /// Reads an object a line, or an array of objects. Numbers, texts and truth values are fields as they are, lists are
  /// fields of JSON, null is a missing field.
  mutating func readJSON(_ text: BlockText, name: String) throws(DataError) {
    var table = JSONTable(name: name, most: block)
    if try text.firstByte() == UInt8(ascii: "[") {
      guard let objects = try JSONValue(text.whole()).array else { throw Self.noObject(at: 1) }
      for (index, object) in objects.enumerated() {
        guard case .object(let members) = object else { throw Self.noObject(at: index + 1) }
        try table.add(members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, row: index + 1)
      }
    } else {
      var reader = BlockReader(text)
      var line = 0
      while let own = try reader.nextLine() {
        line += 1
        guard own.contains(where: { !isBlank($0) }) else { continue }
        try table.add(try Self.members(of: own, line: line), row: line)
      }
      try reader.finish()
    }
    try append(table.part, columns: table.names)
  }

  /// Whether the first line that is not blank is an object.
  static func beginsWithObject(_ text: BlockText) throws(DataError) -> Bool {
    guard try text.firstByte() == UInt8(ascii: "{") else { return false }
    var reader = BlockReader(text)
    while let line = try reader.nextLine() {
      if line.contains(where: { !isBlank($0) }) { return (try? members(of: line, line: 1)) != nil }
    }
    return false
  }

  /// The members of an object in their order.
  private static func members(of line: ArraySlice<UInt8>, line number: Int) throws(DataError) -> [(String, JSONValue)] {
    var members: [(String, JSONValue)] = []
    do throws(JSONFault) {
      var scanner = JSONScanner(bytes: line)
      try scanner.readObject { name, scanner throws(JSONFault) in
        members.append((name, try scanner.readValue(depth: 32)))
      }
      try scanner.requireEnd()
    } catch {
      // The place is of the line, not of the file.
      if case .syntax(let position) = error { throw noObject(at: number, byte: position - line.startIndex + 1) }
      throw noObject(at: number)
    }
    return members
  }

  private static func noObject(at row: Int, byte: Int? = nil) -> DataError {
    DataError(
      .damagedFile, row: row, "this is no object of JSON" + (byte.map { ", from its byte \($0) on" } ?? ""),
      remedy: #"write one a line, such as {"text": "…", "label": "…"}"#)
  }
}

/// Objects as rows of fields.
private struct JSONTable {
  private(set) var names: [String] = []
  private(set) var part: Records.Part
  private var places: [String: Int] = [:]
  private let budget = MemoryBudget.current

  init(name: String, most: Int?) { part = Records.Part(name: name, most: most) }

  /// - Throws: `overMemoryBudget`: where each row has names of its own, there are as many fields as rows times rows.
  mutating func add(_ members: [(String, JSONValue)], row: Int) throws(DataError) {
    // Where fields are in a file those count that an object lacks: of all others there are no more than it has bytes.
    let count = part.fields.isInFile ? max(0, names.count - members.count) : names.count + members.count
    try budget.take(count * MemoryLayout<Records.Field>.stride, for: "the fields of \(part.count + 1) rows")
    var fields = [Records.Field](repeating: .missing, count: names.count)
    for (name, value) in members {
      guard let text = text(value) else { continue }
      let start = part.bytes.count
      part.bytes.append(contentsOf: text.utf8)
      let field = Records.Field(start: start, count: Int32(clamping: part.bytes.count - start))
      if let place = places[name] {
        fields[place] = field
      } else {
        places[name] = names.count
        names.append(name)
        fields.append(field)
      }
    }
    part.addRow(fields, number: row)
    try part.check()
  }

  private func text(_ value: JSONValue) -> String? {
    switch value {
    case .null: nil
    case .string(let text): text
    default: value.text
    }
  }
}
