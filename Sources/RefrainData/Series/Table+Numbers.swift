// Columns as numbers.

extension Table {
  /// The whole column as numbers.
  ///
  /// Currency signs and percent signs, which are the same in all rows, grouped thousands and the marks of notes are
  /// left out; parentheses and a minus sign behind make a number negative.
  ///
  /// - Throws: `notANumber` (a text, or another unit than that of the rows before), `doubtfulNumber` (`1.234` or
  ///   `1,234`, which may be thousands or decimals), `missingValue` (nothing, or a word or sign for nothing, such as
  ///   NA, null or -) or `infiniteValue`, each with the row.
  public func numbers(in column: Column) throws(DataError) -> [Double] {
    var notes: [String] = []
    return try numbers(in: column, allowsMissing: false, notes: &notes)
  }

  /// The whole column as numbers; missing ones are NaN if they are allowed.
  ///
  /// - Parameter notes: Takes up what was assumed.
  func numbers(in column: Column, allowsMissing: Bool, notes: inout [String]) throws(DataError) -> [Double] {
    let notation = try notation(of: column)
    var numbers: [Double] = []
    numbers.reserveCapacity(rowCount)
    var unit: String?
    // The first row with the mark of a note.
    var marked: Int?
    for row in 0..<rowCount {
      let range = fields[row * columns.count + column.index].range
      switch field(row: row, column: column, notation) {
      case .number(let value):
        numbers.append(value)
        let (written, hasMark) = partsOfNumber(in: range)
        if hasMark { marked = marked ?? row }
        // Most rows have the unit of those before, and 0 needs none.
        if unit == nil || written != unit! && value != 0 {
          if let unit, !(unit.isEmpty || written.isEmpty) || unit == "%" || written == "%" {
            throw mixedUnits(row: row, column: column, unit, written)
          }
          if unit == nil || unit!.isEmpty { unit = written }
        }
      case .missing:
        guard allowsMissing else {
          throw fault(
            .missingValue, row: row, column: column, "the value is missing",
            remedy: "fill it (e.g. with the last known value) or remove the row", setting: .fill)
        }
        numbers.append(.nan)
      case .infinite:
        throw fault(
          .infiniteValue, row: row, column: column, "\(text(row: row, column: column).quoted) is not a finite number",
          remedy: "write a finite number, or NA where there is none")
      case .text:
        let text = text(row: row, column: column)
        throw fault(
          .notANumber, row: row, column: column, "\(text.quoted) is not a number",
          remedy: Self.remedy(forNumber: text, notation))
      }
    }
    if numbers.contains(where: { $0 < 0 }), (0..<rowCount).contains(where: { isInParentheses(row: $0, column: column) })
    {
      notes.append("column \(column.name.shortened): numbers in parentheses are negative")
    }
    if let unit, !unit.isEmpty {
      let example = unit == "%" ? " (20 % is 20)" : ""
      notes.append("column \(column.name.shortened): the sign \(unit) is left out\(example)")
    }
    if let marked {
      notes.append(
        "column \(column.name.shortened): marks of notes are left out (\(text(row: marked, column: column)))")
    }
    notes += notesOnNotation(of: column, notation)
    return numbers
  }

  private func isInParentheses(row: Int, column: Column) -> Bool {
    bytes[fields[row * columns.count + column.index].range].first == UInt8(ascii: "(")
  }

  /// Whether at least half of the column's present values are numbers: a column meant as numbers, even if some row is
  /// at fault.
  public func isNumeric(_ column: Column) -> Bool {
    let notation = (try? notation(of: column)) ?? NumberNotation(groups: true)
    var numbers = 0
    var others = 0
    for row in 0..<rowCount {
      switch field(row: row, column: column, notation) {
      case .number, .infinite: numbers += 1
      case .text: others += 1
      case .missing: break
      }
    }
    return numbers > 0 && numbers >= others
  }

  /// What one field holds.
  func field(row: Int, column: Column, _ notation: NumberNotation = NumberNotation()) -> Field {
    let range = fields[row * columns.count + column.index].range
    return bytes.withUnsafeBufferPointer { Field(UnsafeBufferPointer(rebasing: $0[range]), notation) }
  }

  /// How a column writes its numbers.
  private func notation(of column: Column) throws(DataError) -> NumberNotation {
    if let decimal = format.decimal { return NumberNotation(decimal: decimal, groups: true) }
    do throws(NumberNotation.Doubt) {
      return try NumberNotation(evidence(of: column), file: marks, delimiter: delimiter)
    } catch {
      let digits = error.text.filter { $0.isNumber || $0 == "-" || $0 == "." || $0 == "," }
      let whole = digits.filter { $0 != "." && $0 != "," }
      let decimal = digits.replacing(",", with: ".")
      throw fault(
        .doubtfulNumber, row: error.row, column: column,
        "\(error.text.quoted) may be \(whole) or \(decimal)",
        remedy: "say which mark stands before the decimals",
        setting: .decimal(whole: error.text.contains(".") ? .comma : .point))
    }
  }

  private func evidence(of column: Column) -> NumberEvidence {
    bytes.withUnsafeBufferPointer { bytes in
      var evidence = NumberEvidence()
      for row in 0..<rowCount {
        evidence.note(UnsafeBufferPointer(rebasing: bytes[fields[row * columns.count + column.index].range]), row: row)
      }
      return evidence
    }
  }

  private func notesOnNotation(of column: Column, _ notation: NumberNotation) -> [String] {
    let evidence = evidence(of: column)
    let doubtful = notation.decimal == .point ? evidence.doubtfulComma : evidence.doubtfulPoint
    let sign = notation.decimal == .point ? "commas" : "points"
    guard let (text, sign) = evidence.grouped ?? (notation.groups ? doubtful.map { ($0.text, sign) } : nil) else {
      return []
    }
    let value = notation.read(Array(text.utf8)) ?? 0
    let shown = value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    return ["column \(column.name.shortened): \(sign) group thousands (\(text.onOneLine) is \(shown))"]
  }

  /// The currency or percent sign beside a number, empty for none, and whether the mark of a note stands behind it.
  private func partsOfNumber(in range: Range<Int>) -> (unit: String, hasMark: Bool) {
    let bytes = bytes[range].trimmedBytes
    // Most numbers begin and end with a digit.
    let digits = bytes.first == UInt8(ascii: "-") ? bytes.dropFirst() : bytes
    guard let first = digits.first, let last = digits.last, !isDigit(first) || !isDigit(last),
      let parts = NumberParts(Array(bytes))
    else { return ("", false) }
    return (parts.unit, parts.hasMark)
  }

  private func mixedUnits(row: Int, column: Column, _ first: String, _ second: String) -> DataError {
    func shown(_ unit: String) -> String { unit.isEmpty ? "no sign" : unit }
    return fault(
      .notANumber, row: row, column: column,
      "\(text(row: row, column: column).quoted) has \(shown(second)), where the rows before it have \(shown(first))",
      remedy: "write the whole column in one unit")
  }

  private static func remedy(forNumber text: String, _ notation: NumberNotation) -> String {
    if text.contains(",") && notation.decimal == .point && text.contains(where: \.isNumber) {
      return "write it without commas, with a point before the decimals"
    }
    if text.contains(".") && notation.decimal == .comma && text.contains(where: \.isNumber) {
      return "this file's decimals follow a comma: write it so"
    }
    return "write a number there, or NA where there is none"
  }

  static func marks(
    of fields: [CSVField], in bytes: UnsafeBufferPointer<UInt8>
  ) -> (point: Bool, comma: Bool) {
    var evidence = NumberEvidence()
    for field in fields {
      evidence.note(UnsafeBufferPointer(rebasing: bytes[field.range]), row: 0)
      if (evidence.hasPoint || evidence.hasGroupingComma) && (evidence.hasComma || evidence.hasGroupingPoint) { break }
    }
    return (evidence.hasPoint || evidence.hasGroupingComma, evidence.hasComma || evidence.hasGroupingPoint)
  }
}
