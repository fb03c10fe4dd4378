import RefrainFoundation

/// Bytes to be read in any order, a part at a time: those of a file, or what was piped in or packed, which lies in a
/// file without a name where it is too long for memory.
enum StoredBytes {
  case file(OpenFile)
  case spool(LongArray<UInt8>)

  var size: Int {
    switch self {
    case .file(let file): file.size
    case .spool(let bytes): bytes.count
    }
  }

  /// The bytes of a part.
  ///
  /// - Throws: `unreadableFile`.
  func read(_ range: Range<Int>) throws(DataError) -> [UInt8] {
    switch self {
    case .file(let file): return try file.read(range)
    case .spool(let spool):
      let bytes = Array(spool[range])
      try spool.check()
      return bytes
    }
  }

  /// All bytes, a part at a time.
  func forEachChunk(of count: Int = 1 << 20, _ body: (UnsafeBufferPointer<UInt8>) -> Void) throws(DataError) {
    for start in stride(from: 0, to: size, by: count) {
      try read(start..<min(start + count, size)).withUnsafeBufferPointer(body)
    }
  }

  /// Makes sure that nobody has written to the file since it was opened.
  func checkUnchanged() throws(DataError) { if case .file(let file) = self { try file.checkUnchanged() } }

  /// What comes out of gzip.
  ///
  /// - Parameter most: How many bytes are held in memory; nil leaves it to ``LongArraySettings``.
  /// - Throws: `damagedFile`, `wrongFormat` for more than can be meant or what was packed twice, `diskFull` or
  ///   `unwritableFile`.
  func unpacked(most: Int? = nil) throws(DataError) -> LongArray<UInt8> {
    var (spool, position) = (LongArray<UInt8>(most: most), 0)
    try Gzip.unpack(size) { () throws(DataError) in
      let end = min(position + 1 << 18, size)
      defer { position = end }
      return try read(position..<end)
    } into: { bytes throws(DataError) in
      spool.append(contentsOf: bytes)
      try spool.check()
    }
    try checkUnchanged()
    try Gzip.checkUnpacked(Array(spool[0..<min(2, spool.count)]))
    return spool
  }

  /// The text of UTF-16.
  ///
  /// - Parameters:
  ///   - wide: What decodes it.
  ///   - most: How many bytes are held in memory; nil leaves it to ``LongArraySettings``.
  /// - Throws: `notUTF8` for what is damaged, `diskFull` or `unwritableFile`.
  func decoded(by wide: WideText, most: Int? = nil) throws(DataError) -> LongArray<UInt8> {
    var (wide, spool) = (wide, LongArray<UInt8>(most: most))
    for start in stride(from: 0, to: size, by: 1 << 18) {
      let end = min(start + 1 << 18, size)
      spool.append(contentsOf: try wide.text(of: read(start..<end), isLast: end == size))
      try spool.check()
    }
    try checkUnchanged()
    return spool
  }
}

extension LongArray<UInt8> {
  /// All bytes of what can be read once: in memory, or where they are too many in a file.
  ///
  /// - Parameters:
  ///   - most: How many bytes are held in memory; nil leaves it to ``LongArraySettings``.
  ///   - next: Gives those that come next; none at the end.
  /// - Throws: What `next` throws; `diskFull` or `unwritableFile`.
  private init(most: Int?, _ next: () throws(DataError) -> [UInt8]) throws(DataError) {
    self.init(most: most)
    while true {
      let bytes = try next()
      if bytes.isEmpty { return }
      append(contentsOf: bytes)
      try check()
    }
  }

  /// The bytes of a pipe or a device.
  init(_ file: OpenFile, most: Int? = nil) throws(DataError) {
    try self.init(most: most) { () throws(DataError) in try file.readOn() }
  }

  /// The bytes of a part of a source that is no file.
  init(_ part: DataSource.Part, most: Int? = nil) throws(DataError) {
    guard case .standardInput = part else {
      self.init(try part.contents(), most: most)
      return
    }
    // Not by its name in /dev, which a socket cannot be opened by.
    try self.init(most: most) { () throws(DataError) in try OpenFile.readOn(STDIN_FILENO, of: part.name) }
  }
}
