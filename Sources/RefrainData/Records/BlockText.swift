/// The text of a file in UTF-8: whole in memory, or where it is long a block at a time.
struct BlockText {
  private let content: Content
  /// How many bytes are read at once.
  let block: Int
  /// Whether short texts are read in blocks too.
  private let isCut: Bool

  private enum Content {
    case bytes([UInt8])
    /// What is not in memory, whose text begins behind a mark of the byte order.
    case stored(StoredBytes, start: Int, isWindows: Bool)
  }

  /// - Parameters:
  ///   - part: What to read.
  ///   - block: How many bytes are read at once; nil reads short files whole.
  ///   - notes: Takes up what is assumed of the file.
  /// - Throws: `emptyFile`, `notUTF8`, `wrongFormat`, and what reading throws.
  init(_ part: DataSource.Part, block: Int?, _ notes: inout [String]) throws(DataError) {
    (self.block, isCut) = (block ?? 1 << 20, block != nil)
    let spool: LongArray<UInt8>
    switch part {
    case .file(let path):
      let file = try OpenFile(path)
      if file.isRegular, file.size > 0 {
        let isLong = file.size > (block == nil ? LongArraySettings.current.bytes : 0)
        // How much comes out of gzip is not known before.
        let isStored = isLong ? true : Gzip.isGzip(try file.read(0..<min(2, file.size)))
        content =
          isStored
          ? try Self.content(of: .file(file), most: block, &notes) : .bytes(try Self.text(of: file.readAll(), &notes))
        return
      }
      spool = try LongArray(file, most: block)
    case .standardInput: spool = try LongArray(part, most: block)
    case .bytes, .array:
      content = .bytes(try Self.text(of: part.contents(), &notes))
      return
    }
    let isStored = spool.isInFile || Gzip.isGzip(Array(spool[0..<min(2, spool.count)]))
    content =
      isStored
      ? try Self.content(of: .spool(spool), most: block, &notes)
      : .bytes(try Self.text(of: Array(spool[0..<spool.count]), &notes))
  }

  /// How much of a file is looked at to know its kind.
  private static let headSize = 4096

  /// The bytes of a short file in UTF-8.
  private static func text(of bytes: [UInt8], _ notes: inout [String]) throws(DataError) -> [UInt8] {
    guard bytes.contains(where: { !isBlank($0) }) else { throw isEmpty }
    if let text = try DecodedText(packed: bytes) {
      notes += text.notes
      return text.bytes
    }
    var scan = LineScan()
    bytes.withUnsafeBufferPointer { scan.take($0) }
    try scan.finish(&notes)
    if scan.isWindows { return Array(DecodedText.windowsText(bytes).utf8) }
    return bytes.starts(with: mark) ? Array(bytes.dropFirst(mark.count)) : bytes
  }

  /// What a long file is: gzip is unpacked into another, and so is UTF-16.
  private static func content(
    of file: StoredBytes, most: Int?, _ notes: inout [String]
  ) throws(DataError) -> Content {
    let head = try file.read(0..<min(file.size, headSize))
    if Gzip.isGzip(head) {
      let unpacked = try file.unpacked(most: most)
      guard unpacked.isInFile else {
        let text = try DecodedText(unpacked: Array(unpacked[0..<unpacked.count]), notes: ["unpacked from gzip"])
        notes += text.notes
        return .bytes(text.bytes)
      }
      notes.append("unpacked from gzip")
      return try content(of: .spool(unpacked), most: most, &notes)
    }
    try DecodedText.checkKind(head)
    if let wide = try WideText(head, size: file.size) {
      notes.append(WideText.note)
      return try text(in: .spool(file.decoded(by: wide, most: most)), &notes)
    }
    return try text(in: file, &notes)
  }

  /// What the text of a long file is, which is in UTF-8 or Latin-1.
  private static func text(in file: StoredBytes, _ notes: inout [String]) throws(DataError) -> Content {
    var (scan, hasText) = (LineScan(), false)
    try file.forEachChunk { bytes in
      scan.take(bytes)
      hasText = hasText || bytes.contains { !isBlank($0) }
    }
    try file.checkUnchanged()
    guard hasText else { throw isEmpty }
    try scan.finish(&notes)
    let head = try file.read(0..<min(file.size, mark.count))
    let hasMark = !scan.isWindows && head == mark
    return .stored(file, start: hasMark ? mark.count : 0, isWindows: scan.isWindows)
  }

  private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
  private static var isEmpty: DataError {
    DataError(.emptyFile, "the file is empty", remedy: "it needs a row for each example")
  }

  /// Where the text ends in the file, and begins.
  var end: Int {
    switch content {
    case .bytes(let bytes): bytes.count
    case .stored(let file, _, _): file.size
    }
  }
  var start: Int { if case .stored(_, let start, _) = content { start } else { 0 } }
  /// All of it, where that is in memory and not to be read in blocks all the same.
  var inMemory: [UInt8]? { if case .bytes(let bytes) = content, !isCut { bytes } else { nil } }

  /// A part of the file, as text.
  func read(_ range: Range<Int>) throws(DataError) -> [UInt8] {
    switch content {
    case .bytes(let bytes): return Array(bytes[range])
    case .stored(let file, _, let isWindows):
      let bytes = try file.read(range)
      return isWindows ? Array(DecodedText.windowsText(bytes).utf8) : bytes
    }
  }

  /// All of it.
  func whole() throws(DataError) -> [UInt8] {
    if case .bytes(let bytes) = content { return bytes }
    try MemoryBudget.current.take(end - start, for: "the file")
    let bytes = try read(start..<end)
    try checkUnchanged()
    return bytes
  }

  /// The first byte that is not blank.
  func firstByte() throws(DataError) -> UInt8? {
    var reader = BlockReader(self)
    while let line = try reader.nextLine() {
      if let first = line.first(where: { !isBlank($0) }) { return first }
    }
    return nil
  }

  /// Makes sure that nobody has written to the file since it was opened.
  func checkUnchanged() throws(DataError) {
    if case .stored(let file, _, _) = content { try file.checkUnchanged() }
  }
}

/// Reads the lines or rows of a text one after another, of which as much is in memory as one of them needs, or a block.
struct BlockReader {
  private let text: BlockText
  /// The part of the text that is in memory, and where it begins.
  private var scanner: CSVScanner
  private(set) var base = 0
  /// Where what is not read yet begins in the file.
  private var position: Int
  private let hasQuotes: Bool
  private let longest: Int
  /// What was read, where it is kept.
  private var kept: LongArray<UInt8>?
  private let budget = MemoryBudget.current
  private var taken = 0

  /// The number of the last row.
  private var number = 0
  /// The line in which it began.
  private(set) var line = 0
  /// The line in which the next one begins.
  private var nextLineNumber = 1

  /// - Parameters:
  ///   - delimiter: What stands between the fields of rows.
  ///   - hasQuotes: Whether quotes stand around some of them.
  ///   - longest: A row or line of more bytes is an error, where it is not in memory at once.
  ///   - keeps: Whether what is read is to be had from ``text()``.
  init(
    _ text: BlockText, delimiter: UInt8 = 0, hasQuotes: Bool = true, longest: Int = .max, keeps: Bool = false
  ) {
    self.text = text
    (self.hasQuotes, self.longest) = (hasQuotes, longest)
    scanner = CSVScanner(bytes: [], position: 0, delimiter: delimiter)
    position = text.start
    if let whole = text.inMemory {
      scanner.bytes = whole
      position = text.end
    }
    if keeps { kept = LongArray(most: text.block) }
  }

  private var isWhole: Bool { position >= text.end }
  /// Whether what was scanned is what it is taken for, whatever comes behind what is in memory.
  private var isSure: Bool { scanner.position < scanner.bytes.count || isWhole }

  /// The next line, without its end.
  mutating func nextLine() throws(DataError) -> ArraySlice<UInt8>? {
    while true {
      let start = scanner.position
      if !scanner.isAtEnd {
        let range = scanner.skipLine()
        if isSure { return scanner.bytes[range] }
      } else if isWhole {
        return nil
      }
      try readOn(from: start)
    }
  }

  /// A part of the last line as a field.
  func field(_ bytes: ArraySlice<UInt8>) -> Records.Field {
    Records.Field(start: base + bytes.startIndex, count: Int32(clamping: bytes.count))
  }

  /// The next row that is not blank.
  mutating func nextRow() throws(DataError) -> (fields: [Records.Field], number: Int)? {
    while true {
      let before = (position: scanner.position, number: number, line: line, next: nextLineNumber)
      if !scanner.isAtEnd {
        number += 1
        (line, nextLineNumber) = (nextLineNumber, nextLineNumber + 1)
        if scanner.skipBlankLine() {
          if isSure { continue }
        } else {
          do throws(DataError) {
            let fields = try readFields()
            if isSure { return (fields, number) }
          } catch {
            // A quote may be closed in the next block.
            guard !isSure else { throw error }
          }
        }
      } else if isWhole {
        return nil
      }
      (number, line, nextLineNumber) = (before.number, before.line, before.next)
      try readOn(from: before.position)
    }
  }

  /// The bytes of a field of the last row.
  func bytes(of field: Records.Field) -> ArraySlice<UInt8> {
    scanner.bytes[field.start - base..<field.start - base + Int(field.count)]
  }

  /// Ends the reading.
  ///
  /// - Returns: What was read, where it was to be kept.
  /// - Throws: `unreadableFile` where the file was changed meanwhile, and what writing throws.
  @discardableResult
  mutating func finish() throws(DataError) -> LongArray<UInt8> {
    try text.checkUnchanged()
    guard var kept, base > 0 else { return LongArray(scanner.bytes) }
    kept.append(contentsOf: scanner.bytes)
    try kept.check()
    return kept
  }

  private mutating func readFields() throws(DataError) -> [Records.Field] {
    guard hasQuotes else { return split(scanner.skipLine()) }
    let start = scanner.position
    var fields: [CSVField] = []
    try scanner.readRow(into: &fields)
    let bytes = scanner.bytes
    if fields.contains(where: \.isQuoted) {
      nextLineNumber += bytes[start..<(fields.last?.range.upperBound ?? start)].count { $0 == .lineFeed }
    }
    return fields.map {
      Records.Field(
        start: base + $0.range.lowerBound, count: Int32(clamping: $0.range.count),
        hasQuotes: $0.isQuoted && bytes[$0.range].contains(.quote))
    }
  }

  /// The fields of a line in which quotes are characters like others.
  private func split(_ line: Range<Int>) -> [Records.Field] {
    var fields: [Records.Field] = []
    var start = line.lowerBound
    for position in line where scanner.bytes[position] == scanner.delimiter {
      fields.append(Records.Field(start: base + start, count: Int32(clamping: position - start)))
      start = position + 1
    }
    fields.append(Records.Field(start: base + start, count: Int32(clamping: line.upperBound - start)))
    return fields
  }

  /// Reads a block more, and goes back to `start`, before which nothing is in memory any more.
  private mutating func readOn(from start: Int) throws(DataError) {
    // Moved out, so that they are not copied.
    var bytes = scanner.bytes
    scanner.bytes = []
    scanner.linesBefore += CSVContent.line(at: start, in: bytes) - 1
    if kept != nil {
      kept?.append(contentsOf: bytes[..<start])
      try kept?.check()
    }
    base += start
    bytes.removeSubrange(..<start)
    guard bytes.count <= longest else {
      throw DataError(.wrongFormat, "line \(scanner.linesBefore + 1) begins a row of more than \(memoryText(longest))")
    }
    // What goes on for long is read in ever larger parts.
    let count = min(max(text.block, bytes.count), text.end - position)
    if bytes.count + count > max(taken, 4 * text.block) {
      try budget.take(bytes.count + count - taken, for: "the row from line \(scanner.linesBefore + 1) on")
      taken = bytes.count + count
    }
    bytes += try text.read(position..<position + count)
    position += count
    scanner.bytes = bytes
    scanner.position = 0
  }
}
