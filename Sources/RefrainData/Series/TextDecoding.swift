import CZlib

/// The text of a file in UTF-8, and what had to be assumed to get it.
struct DecodedText {
  var bytes: [UInt8]
  var notes: [String]

  /// Unpacks gzip, decodes UTF-16 and Latin-1 (Windows-1252), drops a byte-order mark; text in UTF-8 stays as it is.
  ///
  /// - Throws: `wrongFormat` for files that are no text tables and are known by their first bytes, `notUTF8` for other
  ///   bytes that are no text, `damagedFile` for gzip that cannot be unpacked.
  init(_ file: [UInt8]) throws(DataError) {
    var file = file
    var notes: [String] = []
    if file.starts(with: [0x1F, 0x8B]) {
      file = try Gzip.unpack(file)
      notes.append("unpacked from gzip")
    }
    if let kind = Self.foreignKind(of: file) ?? Self.foreignText(of: file) {
      throw DataError(.wrongFormat, "this is \(kind.name), not a table in text (CSV)", remedy: kind.remedy)
    }
    try self.init(unpacked: file, notes: notes)
  }

  /// The text of a short file of gzip or in UTF-16; nil of one that is neither.
  ///
  /// - Throws: `wrongFormat` for a file that is no text and is known by its first bytes, and what ``init(_:)`` throws.
  init?(packed file: [UInt8]) throws(DataError) {
    try Self.checkKind(file)
    if Gzip.isGzip(file) {
      try self.init(unpacked: Gzip.unpack(file), notes: ["unpacked from gzip"])
    } else if WideText.isBigEndian(file) != nil {
      try self.init(unpacked: file, notes: [])
    } else {
      return nil
    }
  }

  /// Makes sure that a file is not known for something else than text.
  ///
  /// - Parameter head: Its first bytes.
  /// - Throws: `wrongFormat`.
  static func checkKind(_ head: [UInt8]) throws(DataError) {
    guard let kind = foreignKind(of: head) else { return }
    throw DataError(.wrongFormat, "this is \(kind.name), not text", remedy: "save it as text in UTF-8")
  }

  init(unpacked file: [UInt8], notes assumed: [String]) throws(DataError) {
    try Gzip.checkUnpacked(file)
    try Self.checkKind(file)
    notes = assumed
    if var wide = try WideText(file, size: file.count) {
      bytes = try wide.text(of: file, isLast: true)
      notes.append(WideText.note)
    } else if String(validating: file, as: UTF8.self) != nil {
      bytes = file.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(file.dropFirst(3)) : file
    } else {
      bytes = try Self.decodeWindows(file)
      notes.append("read as Latin-1 (Windows-1252), as it is not UTF-8")
    }
    if let position = bytes.firstIndex(of: 0) {
      throw DataError(
        .notUTF8, "line \(CSVContent.line(at: position, in: bytes)) holds a zero byte: this is no text",
        remedy: "save it as \"CSV UTF-8\"")
    }
  }

  /// Files that people hand over in place of a CSV file, by their first bytes.
  private static func foreignKind(of file: [UInt8]) -> (name: String, remedy: String)? {
    let asCSV = "save it as \"CSV UTF-8\""
    if file.starts(with: [0x50, 0x4B, 3, 4]) {
      let head = String(decoding: file.prefix(4096), as: UTF8.self)
      if head.contains("xl/") || head.contains("[Content_Types].xml") { return ("an Excel workbook", asCSV) }
      if head.contains("opendocument") { return ("an OpenDocument file", asCSV) }
      return ("a zip archive", "unpack it and name the file in it")
    }
    let magics: [([UInt8], String, String)] = [
      ([0xD0, 0xCF, 0x11, 0xE0], "an Excel workbook of the old kind", asCSV),
      (Array("PAR1".utf8), "a Parquet file", "write it as CSV"),
      (Array("%PDF".utf8), "a PDF", "write its table as CSV"),
      (Array("BZh".utf8), "compressed with bzip2", "unpack it first (bunzip2)"),
      ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "compressed with xz", "unpack it first (unxz)"),
      ([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd", "unpack it first (unzstd)"),
      ([0x37, 0x7A, 0xBC, 0xAF], "a 7z archive", "unpack it and name the file in it"),
      (Array("SQLite format".utf8), "an SQLite database", "export a table as CSV"),
      ([0x89, 0x48, 0x44, 0x46], "an HDF5 file", "write its table as CSV"),
      ([0x93, 0x4E, 0x55, 0x4D], "an array of NumPy", "write it as CSV (numpy.savetxt)"),
      (Array("version https://git-lfs".utf8), "a pointer of Git LFS", "fetch the file itself: git lfs pull"),
    ]
    return magics.first { file.starts(with: $0.0) }.map { ($0.1, $0.2) }
  }

  /// Text that people hand over in place of a CSV file.
  private static func foreignText(of file: [UInt8]) -> (name: String, remedy: String)? {
    guard let first = file.firstIndex(where: { !isBlank($0) && $0 != 0xEF && $0 != 0xBB && $0 != 0xBF }) else {
      return nil
    }
    let head = String(decoding: file[first...].prefix(200), as: UTF8.self).lowercased()
    if head.hasPrefix("<!doctype html") || head.hasPrefix("<html") {
      return ("a page of HTML", "download the file itself")
    }
    if head.hasPrefix("<?xml") { return ("XML", "write it as CSV: a header of column names, then rows") }
    // A list or an object in a list, or an object with a name or none.
    let next = head.dropFirst().first { !$0.isWhitespace }
    let isJSON = head.first == "[" && (next == "[" || next == "{") || head.first == "{" && (next == "\"" || next == "}")
    if isJSON { return ("JSON", "write it as CSV: a header of column names, then rows") }
    return nil
  }

  private static func decodeWindows(_ file: [UInt8]) throws(DataError) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(file.count + file.count / 8)
    for (position, byte) in file.enumerated() {
      if byte < 0x80 {
        let isText = byte >= 0x20 || isBlank(byte) || byte == 0x0C || byte == 0x1A
        guard isText else { throw notText(at: position, in: file) }
        result.append(byte)
      } else {
        let scalar = byte < 0xA0 ? windowsScalars[Int(byte) - 0x80] : UInt32(byte)
        guard scalar != 0 else { throw notText(at: position, in: file) }
        result += Array(String(UnicodeScalar(scalar)!).utf8)
      }
    }
    return result
  }

  /// Text in Windows-1252; what it lacks becomes U+FFFD.
  static func windowsText(_ bytes: some Sequence<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes {
      let value = 0x80..<0xA0 ~= byte ? windowsScalars[Int(byte) - 0x80] : UInt32(byte)
      text.append(value == 0 && byte != 0 ? "\u{FFFD}" : UnicodeScalar(value) ?? "\u{FFFD}")
    }
    return String(text)
  }

  /// Whether a byte is no character of Windows-1252.
  static func isNoWindows(_ byte: UInt8) -> Bool { 0x80..<0xA0 ~= byte && windowsScalars[Int(byte) - 0x80] == 0 }

  private static func notText(at position: Int, in file: [UInt8]) -> DataError {
    DataError(
      .notUTF8, "line \(CSVContent.line(at: position, in: file)) is neither UTF-8 nor Latin-1",
      remedy: "save it as \"CSV UTF-8\"")
  }

  /// The characters of Windows-1252 from 0x80 to 0x9F; 0 for those that it lacks.
  private static let windowsScalars: [UInt32] = [
    0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0,
    0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E,
    0x0178,
  ]
}

/// Files of gzip, through zlib.
enum Gzip {
  /// Whether bytes begin as a file of gzip does.
  static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// Makes sure that what came out of gzip is not gzip again.
  ///
  /// - Parameter head: The first bytes.
  static func checkUnpacked(_ head: [UInt8]) throws(DataError) {
    guard isGzip(head) else { return }
    throw DataError(.wrongFormat, "this file was packed with gzip twice", remedy: "unpack it once (gunzip)")
  }

  /// More than this is not unpacked: a small file can stand for any amount.
  static let greatestSize = 1 << 31

  static func unpack(_ file: [UInt8]) throws(DataError) -> [UInt8] {
    var (rest, result) = (file, [UInt8]())
    try unpack(file.count, greatest: greatestSize) { () throws(DataError) in
      defer { rest = [] }
      return rest
    } into: { bytes throws(DataError) in
      result += bytes
    }
    return result
  }

  /// Unpacks what comes in parts.
  ///
  /// - Parameters:
  ///   - size: How many bytes the file has.
  ///   - greatest: How many may come out of it; a hundred times as many as went in where nothing is said, for text
  ///     seldom packs so well.
  ///   - next: Gives the next bytes of the file; none at its end.
  ///   - take: Takes what comes out.
  static func unpack(
    _ size: Int, greatest: Int? = nil, _ next: () throws(DataError) -> [UInt8],
    into take: (ArraySlice<UInt8>) throws(DataError) -> Void
  ) throws(DataError) {
    let greatest = greatest ?? max(greatestSize, 100 * size)
    let damaged = DataError(.damagedFile, "the gzip data is damaged or cut off", remedy: "get the file again")
    var stream = z_stream()
    // 15 + 16: a window of any size, with gzip's header.
    guard inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { throw damaged }
    defer { inflateEnd(&stream) }
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    var (file, position, sum) = ([UInt8](), 0, 0)
    while true {
      if position == file.count { (file, position) = (try next(), 0) }
      let portion = min(file.count - position, 1 << 30)
      let (status, taken, given) = file[position..<position + portion].withUnsafeBufferPointer { input in
        chunk.withUnsafeMutableBufferPointer { output in
          stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
          stream.avail_in = UInt32(input.count)
          stream.next_out = output.baseAddress
          stream.avail_out = UInt32(output.count)
          let status = inflate(&stream, Z_NO_FLUSH)
          return (status, input.count - Int(stream.avail_in), output.count - Int(stream.avail_out))
        }
      }
      position += taken
      sum += given
      guard sum <= greatest else {
        throw DataError(
          .wrongFormat, "more than \(greatest >> 30) GB come out of this gzip file", remedy: "unpack it and cut it")
      }
      try take(chunk[..<given])
      if status == Z_STREAM_END {
        // Several gzip files one after another are one file.
        if file.count - position < 2 { (file, position) = (Array(file[position...]) + (try next()), 0) }
        guard file[position...].starts(with: [0x1F, 0x8B]) else { return }
        guard inflateReset(&stream) == Z_OK else { throw damaged }
      } else {
        guard status == Z_OK, taken + given > 0 else { throw damaged }
      }
    }
  }
}
