/// What the numbers of a column, or of a whole file, say about how they are written.
struct NumberEvidence {
  /// A number that has a decimal point (comma) in any reading: `1.5`, `0.123`, `1234.567`, `1,234.5`.
  var hasPoint = false
  var hasComma = false
  /// A number in which points (commas) group thousands in any reading: `1.234.567`, `1.234,5`.
  var hasGroupingPoint = false
  var hasGroupingComma = false
  /// The first number that can be read both ways: `1.234` (`1,234`), and its row.
  var doubtfulPoint: (text: String, row: Int)?
  var doubtfulComma: (text: String, row: Int)?
  /// The first number with digits grouped by any sign, for a note.
  var grouped: (text: String, sign: String)?
  /// A whole number without marks below a thousand, or from a thousand on.
  var hasSmallWhole = false
  var hasLargeWhole = false

  /// Takes up a field; what is no number is passed over.
  mutating func note(_ field: UnsafeBufferPointer<UInt8>, row: Int) {
    // Most fields are plain numbers: looked at without a copy.
    var (points, commas, digits, others, afterMark) = (0, 0, 0, 0, 0)
    for byte in field {
      if isDigit(byte) {
        digits += 1
        afterMark += 1
      } else if byte == DecimalMark.point.rawValue {
        points += 1
        afterMark = 0
      } else if byte == DecimalMark.comma.rawValue {
        commas += 1
        afterMark = 0
      } else if byte != UInt8(ascii: "-"), byte != .space {
        others += 1
      }
    }
    guard digits > 0, field.count <= 60, others <= 8 else { return }
    if points + commas == 0, others == 0 {
      noteWhole(digits)
    } else if points == 1, commas == 0, others == 0, afterMark != 3, afterMark > 0 {
      hasPoint = true
    } else {
      noteOther(Array(field), row: row)
    }
  }

  private mutating func noteWhole(_ digits: Int) {
    if digits <= 3 { hasSmallWhole = true } else { hasLargeWhole = true }
  }

  private mutating func noteOther(_ field: [UInt8], row: Int) {
    guard let parts = NumberParts(field) else { return }
    var core = parts.core
    if let exponent = core.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "e") }) {
      guard
        core[..<exponent].allSatisfy({
          isDigit($0) || $0 == DecimalMark.point.rawValue || $0 == DecimalMark.comma.rawValue
        })
      else { return }
      let marks = core[..<exponent].filter { !isDigit($0) }
      if marks.count == 1 { if marks[0] == DecimalMark.point.rawValue { hasPoint = true } else { hasComma = true } }
      return
    }
    let text = String(decoding: field, as: UTF8.self).trimmed
    for (sign, name) in [(NumberParts.space, "spaces"), (UInt8(ascii: "'"), "apostrophes")] where core.contains(sign) {
      if grouped == nil { grouped = (text, name) }
      core.removeAll { $0 == sign }
      guard core.allSatisfy({ isDigit($0) || $0 == DecimalMark.point.rawValue || $0 == DecimalMark.comma.rawValue })
      else {
        return
      }
      // Other marks are decimals then.
      if core.contains(DecimalMark.point.rawValue) { hasPoint = true }
      if core.contains(DecimalMark.comma.rawValue) { hasComma = true }
      return
    }
    let groups = core.split(omittingEmptySubsequences: false) {
      $0 == DecimalMark.point.rawValue || $0 == DecimalMark.comma.rawValue
    }
    guard groups.allSatisfy({ $0.allSatisfy(isDigit) }) else { return }
    let marks = core.filter { !isDigit($0) }
    guard let last = marks.last else { return noteWhole(core.count) }
    let isGrouped =
      groups.dropFirst().dropLast().allSatisfy { $0.count == 3 || $0.count == 2 } && (1...3).contains(groups[0].count)
    let isPoint = last == DecimalMark.point.rawValue
    if marks.count > 1, isGrouped {
      if marks.allSatisfy({ $0 == last }) {
        guard groups.last!.count == 3 else { return }
        if isPoint { hasGroupingPoint = true } else { hasGroupingComma = true }
      } else if marks.dropLast().allSatisfy({ $0 != last }), groups.dropFirst().dropLast().last?.count == 3 {
        // The last mark differs from those before it: decimals.
        if isPoint { (hasPoint, hasGroupingComma) = (true, true) } else { (hasComma, hasGroupingPoint) = (true, true) }
      } else {
        return
      }
      if grouped == nil { grouped = (text, marks[0] == DecimalMark.point.rawValue ? "points" : "commas") }
    } else if marks.count == 1 {
      let canGroup = groups[1].count == 3 && (1...3).contains(groups[0].count) && groups[0].first != UInt8(ascii: "0")
      switch (canGroup, isPoint) {
      case (true, true): if doubtfulPoint == nil { doubtfulPoint = (text, row) }
      case (true, false): if doubtfulComma == nil { doubtfulComma = (text, row) }
      case (false, true): hasPoint = true
      case (false, false): hasComma = true
      }
    }
  }
}

extension NumberNotation {
  /// Numbers that can be read in two ways, and the first of them.
  struct Doubt: Error {
    var text: String
    var row: Int
  }

  /// The notation that explains a column.
  ///
  /// What cannot be otherwise decides, in the column first and then in the rest of the file. Where only numbers such
  /// as `1.234` or `1,234` are left, which may be decimals or thousands: commas group thousands in a file whose
  /// delimiter is the comma; points are decimals when every number has them (and the delimiter is neither a semicolon
  /// nor a tab, which go with the decimal comma); all else is a doubt.
  init(
    _ column: NumberEvidence, file: (point: Bool, comma: Bool), delimiter: CSVDelimiter
  ) throws(Doubt) {
    let isComma = column.hasComma || column.hasGroupingPoint
    let isPoint = column.hasPoint || column.hasGroupingComma
    if isComma != isPoint {
      self.init(decimal: isComma ? .comma : .point, groups: true)
      // A number that is doubtful by itself: decimals of the other kind would contradict the rest of the column.
      return
    }
    if isComma && isPoint {
      self.init(decimal: file.comma && !file.point ? .comma : .point, groups: false)
      return
    }
    switch (column.doubtfulPoint, column.doubtfulComma) {
    case (nil, nil):
      self.init(decimal: file.comma && !file.point ? .comma : .point, groups: false)
    case (let point?, let comma?):
      throw Doubt(text: point.row < comma.row ? point.text : comma.text, row: min(point.row, comma.row))
    case (let doubt?, nil):
      if column.hasLargeWhole {
        self.init(decimal: .point, groups: false)
      } else if file.comma && !file.point {
        self.init(decimal: .comma, groups: true)
      } else if !column.hasSmallWhole, delimiter == .comma || delimiter == .bar || file.point {
        self.init(decimal: .point, groups: false)
      } else {
        throw Doubt(text: doubt.text, row: doubt.row)
      }
    case (nil, let doubt?):
      if column.hasLargeWhole {
        self.init(decimal: .comma, groups: false)
      } else if file.comma && !file.point {
        self.init(decimal: .comma, groups: false)
      } else if delimiter == .comma || file.point && !file.comma {
        self.init(decimal: .point, groups: true)
      } else {
        throw Doubt(text: doubt.text, row: doubt.row)
      }
    }
  }
}
