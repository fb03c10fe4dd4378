import Synchronization

/// The lines of files, one after another, each read when it is asked for: files may be larger than memory.
///
/// Lines end with LF, CRLF or CR, which are no part of them; empty lines count. Text is UTF-8, with or without a
/// byte-order mark; gzip, UTF-16 and what is piped in are read from files without a name where they are too long for
/// memory. A file that has hardly a character of UTF-8 beyond ASCII, and bytes that are none, is read as Windows-1252
/// (Latin-1), which is noted; bad bytes in a file of UTF-8 are an error that names their line. All of that is found out
/// when the value is made, by going through the files once.
public struct TextLines: Sequence, Sendable {
  /// How many lines there are, empty ones too.
  public var count: Int { files.reduce(0) { $0 + $1.scan.lines } }
  /// How many bytes the files have.
  public var byteCount: Int { files.reduce(0) { $0 + $1.scan.bytes } }
  /// What was assumed of the files, a line each.
  public let notes: [String]
  private let files: [File]
  private let failure = Failure()

  /// Why a loop over the lines ended early.
  private final class Failure: Sendable {
    let error = Mutex<DataError?>(nil)
  }

  private struct File: Sendable {
    let name: String
    let content: Content
    let scan: LineScan
  }

  private enum Content: Sendable {
    case path(String, FileStamp)
    case bytes([UInt8])
    case spool(LongArray<UInt8>)
  }

  /// The lines of files by their paths; `-` is standard input.
  ///
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, `wrongFormat` (an archive, a PDF …), `notUTF8` with the
  ///   line, or `overMemoryBudget` for a line that does not fit.
  public init(paths: [String]) throws(DataError) { try self.init(DataSource(paths: paths)) }

  /// The lines of the parts of a source.
  ///
  /// - Throws: What ``init(paths:)`` throws; `wrongInput` for an array; `diskFull` or `unwritableFile`.
  public init(_ source: DataSource) throws(DataError) {
    var files: [File] = []
    var notes: [String] = []
    for part in source.parts {
      var fileNotes: [String] = []
      do throws(DataError) {
        files.append(try Self.file(part, &fileNotes))
      } catch {
        throw error.inFile(part.name)
      }
      notes += fileNotes.map { "\(part.name.onOneLine): \($0)" }
    }
    (self.files, self.notes) = (files, notes)
  }

  private static func file(_ part: DataSource.Part, _ notes: inout [String]) throws(DataError) -> File {
    let spool: LongArray<UInt8>
    switch part {
    case .file(let path):
      let file = try OpenFile(path)
      if file.isRegular, file.size > 0 {
        return try Self.file(path, .file(file), .path(path, file.stamp), &notes)
      }
      spool = try LongArray(file)
    case .standardInput, .bytes, .array: spool = try LongArray(part)
    }
    if spool.isInFile || Gzip.isGzip(Array(spool[0..<Swift.min(2, spool.count)])) {
      return try file(part.name, .spool(spool), .spool(spool), &notes)
    }
    let bytes = Array(spool[0..<spool.count])
    let text = try DecodedText(packed: bytes)
    return try Self.file(part.name, text?.bytes ?? bytes, text?.notes ?? [], &notes)
  }

  /// A file that is not in memory. Gzip is unpacked into another, and so is UTF-16.
  private static func file(
    _ name: String, _ stored: StoredBytes, _ content: Content, _ notes: inout [String]
  ) throws(DataError) -> File {
    let head = try stored.read(0..<Swift.min(stored.size, headSize))
    if Gzip.isGzip(head) {
      let unpacked = try stored.unpacked()
      guard unpacked.isInFile else {
        let text = try DecodedText(unpacked: Array(unpacked[0..<unpacked.count]), notes: ["unpacked from gzip"])
        return try file(name, text.bytes, text.notes, &notes)
      }
      notes.append("unpacked from gzip")
      return try file(name, .spool(unpacked), .spool(unpacked), &notes)
    }
    try DecodedText.checkKind(head)
    if let wide = try WideText(head, size: stored.size) {
      notes.append(WideText.note)
      let text = try stored.decoded(by: wide)
      return try scanned(name, .spool(text), .spool(text), &notes)
    }
    return try scanned(name, stored, content, &notes)
  }

  private static func scanned(
    _ name: String, _ stored: StoredBytes, _ content: Content, _ notes: inout [String]
  ) throws(DataError) -> File {
    var scan = LineScan()
    try stored.forEachChunk { scan.take($0) }
    try stored.checkUnchanged()
    try scan.finish(&notes)
    return File(name: name, content: content, scan: scan)
  }

  private static func file(
    _ name: String, _ bytes: [UInt8], _ assumed: [String], _ notes: inout [String]
  ) throws(DataError) -> File {
    var scan = LineScan()
    bytes.withUnsafeBufferPointer { scan.take($0) }
    notes += assumed
    try scan.finish(&notes)
    return File(name: name, content: .bytes(bytes), scan: scan)
  }

  /// How much of a file is looked at to know its kind.
  private static let headSize = 4096

  /// The line of the file in which a line of the whole is, for messages: `corpus.txt: line 17`.
  ///
  /// - Parameter line: From 0.
  public func place(of line: Int) -> (file: String, line: Int) {
    var rest = line
    for file in files {
      if rest < file.scan.lines { return (file.name, rest + 1) }
      rest -= file.scan.lines
    }
    return (files.last?.name ?? "", rest + 1)
  }

  /// Goes through the lines. Where a file cannot be read any more, as it was changed meanwhile, its lines end;
  /// ``checkUnchanged()`` tells.
  public func makeIterator() -> Iterator { Iterator(self) }

  /// How many bytes of UTF-8 one line after another has, without making texts of them.
  ///
  /// - Parameter body: Says whether to go on.
  package func forEachLength(_ body: (_ length: Int) -> Bool) {
    var iterator = makeIterator()
    while let length = iterator.nextLength(), body(length) {}
  }

  /// Makes sure that all lines could be read, and that the files still are as they were when they were first gone
  /// through: to be called after a loop over the lines.
  ///
  /// - Throws: `unreadableFile`, `missingFile`.
  public func checkUnchanged() throws(DataError) {
    if let failure = failure.error.withLock({ $0 }) { throw failure }
    for file in files {
      guard case .path(let path, let stamp) = file.content else { continue }
      let now = try OpenFile(path)
      guard now.stamp.hasContents(of: stamp) else { throw now.changed }
    }
  }

  /// One line after another.
  public struct Iterator: IteratorProtocol {
    private let lines: TextLines
    private var file = 0
    private var chunks: LineChunks?

    fileprivate init(_ lines: TextLines) { self.lines = lines }

    /// The next line.
    public mutating func next() -> String? { advance { chunks throws(DataError) in try chunks.next() } }

    /// How many bytes of UTF-8 the next line has.
    fileprivate mutating func nextLength() -> Int? { advance { chunks throws(DataError) in try chunks.nextLength() } }

    /// Passes over lines, of which no text is made.
    package mutating func skip(_ count: Int) {
      for _ in 0..<count where nextLength() == nil { return }
    }

    private mutating func advance<Line>(_ read: (inout LineChunks) throws(DataError) -> Line?) -> Line? {
      while true {
        do throws(DataError) {
          if chunks != nil, let line = try read(&chunks!) { return line }
        } catch {
          return fail(error)
        }
        guard file < lines.files.count else { return nil }
        let next = lines.files[file]
        switch next.content {
        case .path(let path, _):
          do throws(DataError) {
            chunks = LineChunks(.file(try OpenFile(path)), isWindows: next.scan.isWindows)
          } catch {
            return fail(error)
          }
        case .spool(let bytes): chunks = LineChunks(.spool(bytes), isWindows: next.scan.isWindows)
        case .bytes(let bytes): chunks = LineChunks(bytes, isWindows: next.scan.isWindows)
        }
        file += 1
      }
    }

    /// Ends the lines.
    private mutating func fail<Line>(_ error: DataError) -> Line? {
      (file, chunks) = (lines.files.count, nil)
      lines.failure.error.withLock { $0 = $0 ?? error }
      return nil
    }
  }
}

/// The lines of one file, of which a part is in memory.
private struct LineChunks {
  private let file: StoredBytes?
  private let isWindows: Bool
  private var buffer: [UInt8]
  /// Where the next line begins in the buffer, and up to where no line end is.
  private var start = 0
  private var searched = 0
  /// Where in the file the buffer ends.
  private var position = 0
  private var isFirst = true

  private static let chunk = 1 << 18

  init(_ file: StoredBytes, isWindows: Bool) {
    (self.file, self.isWindows, buffer) = (file, isWindows, [])
  }

  init(_ bytes: [UInt8], isWindows: Bool) {
    (file, self.isWindows, buffer) = (nil, isWindows, bytes)
  }

  mutating func next() throws(DataError) -> String? { try nextRange().map(text) }

  /// How many bytes of UTF-8 the next line has.
  mutating func nextLength() throws(DataError) -> Int? {
    try nextRange().map { isWindows ? text($0).utf8.count : $0.count }
  }

  /// Where the next line lies in the buffer.
  private mutating func nextRange() throws(DataError) -> Range<Int>? {
    while true {
      if isFirst, buffer.count >= 3 || isAtEnd {
        isFirst = false
        if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { (start, searched) = (3, 3) }
      }
      let end = buffer.withUnsafeBufferPointer { bytes in
        var index = searched
        while index < bytes.count, bytes[index] != .lineFeed, bytes[index] != .carriageReturn { index += 1 }
        return index
      }
      searched = end
      // Whether a line feed follows a carriage return is seen in the next chunk.
      if end < buffer.count, buffer[end] == .lineFeed || end + 1 < buffer.count || isAtEnd {
        let line = start..<end
        start = end + 1
        if buffer[end] == .carriageReturn, start < buffer.count, buffer[start] == .lineFeed { start += 1 }
        searched = start
        return line
      }
      if isAtEnd {
        guard start < buffer.count else { return nil }
        defer { (start, searched) = (buffer.count, buffer.count) }
        return start..<buffer.count
      }
      guard try readOn() else { return nil }
    }
  }

  private var isAtEnd: Bool { file.map { position >= $0.size } ?? true }

  private mutating func readOn() throws(DataError) -> Bool {
    guard let file else { return false }
    // A long line is read in ever larger parts.
    let count = Swift.min(Swift.max(Self.chunk, buffer.count - start), file.size - position)
    let bytes = try file.read(position..<position + count)
    position += count
    buffer.removeSubrange(0..<start)
    (searched, start) = (searched - start, 0)
    buffer += bytes
    return true
  }

  private func text(_ range: Range<Int>) -> String {
    isWindows ? DecodedText.windowsText(buffer[range]) : String(decoding: buffer[range], as: UTF8.self)
  }
}
