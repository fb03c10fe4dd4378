extension Records {
  /// Reads an object a line, or an array of objects. Numbers, texts and truth values are fields as they are, lists are
  /// fields of JSON, null is a missing field.
  mutating func readJSON(_ bytes: [UInt8], name: String) throws(DataError) {
    var table = JSONTable()
    if bytes.first(where: { !isBlank($0) }) == UInt8(ascii: "[") {
      guard let objects = try JSONValue(bytes).array else { throw Self.noObject(at: 1) }
      for (index, object) in objects.enumerated() {
        guard case .object(let members) = object else { throw Self.noObject(at: index + 1) }
        try table.add(members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, row: index + 1)
      }
    } else {
      var scanner = CSVScanner(bytes: bytes, position: 0, delimiter: 0)
      var line = 0
      while !scanner.isAtEnd {
        line += 1
        let range = scanner.skipLine()
        guard bytes[range].contains(where: { !isBlank($0) }) else { continue }
        try table.add(try Self.members(of: bytes[range], line: line), row: line)
      }
    }
    try append(table.part(name: name), columns: table.names)
  }

  /// Whether the first line that is not blank is an object.
  static func beginsWithObject(_ bytes: [UInt8]) -> Bool {
    var scanner = CSVScanner(bytes: bytes, position: 0, delimiter: 0)
    while !scanner.isAtEnd {
      let line = bytes[scanner.skipLine()]
      guard let first = line.first(where: { !isBlank($0) }) else { continue }
      return first == UInt8(ascii: "{") && (try? members(of: line, line: 1)) != nil
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
  private var places: [String: Int] = [:]
  private var rows: [[Records.Field]] = []
  private var numbers: [Int32] = []
  private var bytes: [UInt8] = []
  private let budget = MemoryBudget.current
  /// What the rows take.
  private var taken = 0

  /// - Throws: `overMemoryBudget`: where each row has names of its own, there are as many fields as rows times rows.
  mutating func add(_ members: [(String, JSONValue)], row: Int) throws(DataError) {
    let size = (names.count + members.count) * MemoryLayout<Records.Field>.stride
    try budget.take(size, for: "the fields of \(rows.count + 1) rows")
    taken += size
    var fields = [Records.Field](repeating: .missing, count: names.count)
    for (name, value) in members {
      guard let text = text(value) else { continue }
      let start = bytes.count
      bytes += Array(text.utf8)
      let field = Records.Field(start: start, count: Int32(clamping: bytes.count - start))
      if let place = places[name] {
        fields[place] = field
      } else {
        places[name] = names.count
        names.append(name)
        fields.append(field)
      }
    }
    rows.append(fields)
    numbers.append(Int32(clamping: row))
  }

  private func text(_ value: JSONValue) -> String? {
    switch value {
    case .null: nil
    case .string(let text): text
    default: value.text
    }
  }

  func part(name: String) throws(DataError) -> Records.Part {
    var part = Records.Part(name: name, width: names.count, bytes: bytes)
    try budget.take(
      shape: [rows.count, names.count], elementSize: MemoryLayout<Records.Field>.stride,
      for: "a table of \(rows.count) rows and \(names.count) columns")
    defer { budget.giveBack(taken) }
    for row in rows { part.fields += row + Array(repeating: .missing, count: names.count - row.count) }
    part.rowNumbers = numbers
    return part
  }
}
