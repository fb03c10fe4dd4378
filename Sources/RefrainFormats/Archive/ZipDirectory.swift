import RefrainData

/// What the directory at the end of a zip archive says, once it is known to be true of the file.
struct ZipDirectory {
  struct Entry {
    var name: String
    var isDeflated: Bool
    var checksum: UInt32
    /// How many bytes it has once inflated.
    var size: Int
    /// Where its bytes, perhaps deflated, lie in the file.
    var range: Range<Int>
  }

  private static let mostEntries = 100_000
  /// How many times its own size an archive may inflate to, unless that is small.
  private static let mostInflation = 100
  private static let smallSize = 64 << 20

  /// In the directory's order.
  var entries: [Entry] = []

  /// - Throws: `wrongFormat`, `damagedFile` or `unsupportedContent`.
  init(of bytes: [UInt8]) throws(DataError) {
    let end = try ZipEnd(of: bytes)
    // As many as are said to be there must fit: a count alone takes no memory.
    guard end.count <= end.directory.count / ZipLayout.directoryHeader else {
      throw damagedArchive("its directory has no room for \(end.count) entries")
    }
    guard end.count <= Self.mostEntries else {
      throw DataError(
        .unsupportedContent, "the archive has \(end.count) entries, more than \(Self.mostEntries)",
        remedy: "save its contents in several files")
    }
    var names: Set<String> = []
    var position = end.directory.lowerBound
    var headers: [Range<Int>] = []
    for _ in 0..<end.count {
      var reader = ZipHeader(bytes, position..<end.directory.upperBound)
      let (entry, header) = try reader.readEntry(before: end.directory.lowerBound)
      guard names.insert(entry.name).inserted else {
        throw damagedArchive("two entries have the name \(entry.name.quoted)")
      }
      entries.append(entry)
      headers.append(header)
      position = reader.end
    }
    guard position == end.directory.upperBound else { throw damagedArchive("its directory has an odd size") }
    let inflated = entries.reduce(0) { sum, entry in
      let (next, overflows) = sum.addingReportingOverflow(entry.size)
      return overflows ? .max : next
    }
    guard inflated <= max(Self.smallSize, Self.mostInflation * bytes.count) else {
      throw DataError(
        .unsupportedContent,
        "the archive of \(memoryText(bytes.count)) would inflate to \(memoryText(inflated)), more than "
          + "\(Self.mostInflation) times its size", remedy: "save it without compression")
    }
    // Each entry lies behind its own header; together they must not overlap those of another.
    let places = zip(headers, entries).map { $0.lowerBound..<$1.range.upperBound }.sorted {
      $0.lowerBound < $1.lowerBound
    }
    for (place, next) in zip(places, places.dropFirst()) where place.upperBound > next.lowerBound {
      throw damagedArchive("entries overlap at byte \(next.lowerBound)")
    }
  }
}

/// The sizes and signatures of an archive's records.
enum ZipLayout {
  static let entrySignature: UInt32 = 0x0403_4B50
  static let entryHeader = 30
  static let directorySignature: UInt32 = 0x0201_4B50
  static let directoryHeader = 46
  static let endSignature: UInt32 = 0x0605_4B50
  static let end = 22
  static let wideEndSignature: UInt32 = 0x0606_4B50
  static let wideEnd = 56
  static let locatorSignature: UInt32 = 0x0706_4B50
  static let locator = 20
  /// The kind of extra field that holds numbers beyond 32 bits.
  static let wideField: UInt16 = 1
  static let stored: UInt16 = 0
  static let deflated: UInt16 = 8
}

/// What the record at the very end says: where the directory lies and how many entries it has.
private struct ZipEnd {
  var count: Int
  var directory: Range<Int>

  init(of bytes: [UInt8]) throws(DataError) {
    guard let position = Self.position(in: bytes) else {
      let begins = bytes.littleEndian(at: 0, as: UInt32.self) == ZipLayout.entrySignature
      throw begins
        ? damagedArchive("its end is missing")
        : DataError(.wrongFormat, "this is no zip archive: its end has no directory")
    }
    var record = ZipRecord(bytes, at: position + 4)
    let (disk, first) = (try record.read(UInt16.self), try record.read(UInt16.self))
    let (countHere, shortCount) = (try record.read(UInt16.self), try record.read(UInt16.self))
    var (size, start) = (UInt64(try record.read(UInt32.self)), UInt64(try record.read(UInt32.self)))
    var count = UInt64(shortCount)
    var end = position
    var isOneFile = [0, .max].contains(disk) && [0, .max].contains(first) && countHere == shortCount

    let locator = position - ZipLayout.locator
    if locator >= 0, bytes.littleEndian(at: locator, as: UInt32.self) == ZipLayout.locatorSignature {
      var record = ZipRecord(bytes, at: locator + 4)
      _ = try record.read(UInt32.self)
      let place = try record.read(UInt64.self)
      let diskCount = try record.read(UInt32.self)
      guard place <= UInt64(locator), bytes.littleEndian(at: Int(place), as: UInt32.self) == ZipLayout.wideEndSignature
      else {
        throw damagedArchive("the end of its directory is not where it is said to be")
      }
      end = Int(place)
      record = ZipRecord(bytes, at: end + 16)
      let (disk, first) = (try record.read(UInt32.self), try record.read(UInt32.self))
      let (countHere, wideCount) = (try record.read(UInt64.self), try record.read(UInt64.self))
      isOneFile = isOneFile && diskCount <= 1 && disk == 0 && first == 0 && countHere == wideCount
      let (wideSize, wideStart) = (try record.read(UInt64.self), try record.read(UInt64.self))
      // The short record repeats the numbers that fit into it.
      guard
        count == UInt64(UInt16.max) || count == wideCount, size == UInt64(UInt32.max) || size == wideSize,
        start == UInt64(UInt32.max) || start == wideStart
      else { throw damagedArchive("it has two ends that contradict each other") }
      (count, size, start) = (wideCount, wideSize, wideStart)
    }
    guard isOneFile else {
      throw DataError(
        .unsupportedContent, "the archive is one of several parts", remedy: "pack it again into a single file")
    }
    guard start <= UInt64(end), size == UInt64(end) - start else {
      throw damagedArchive("its directory is not where it is said to be")
    }
    guard count <= size else { throw damagedArchive("its directory has no room for \(count) entries") }
    self.count = Int(count)
    directory = Int(start)..<end
  }

  /// Where the last record begins: it ends, with a comment of at most 65,535 bytes, where the file does.
  private static func position(in bytes: [UInt8]) -> Int? {
    var position = bytes.count - ZipLayout.end
    let first = max(0, position - Int(UInt16.max))
    while position >= first {
      if bytes[position] == UInt8(ascii: "P"),
        bytes.littleEndian(at: position, as: UInt32.self) == ZipLayout.endSignature,
        let comment = bytes.littleEndian(at: position + 20, as: UInt16.self),
        position + ZipLayout.end + Int(comment) == bytes.count
      {
        return position
      }
      position -= 1
    }
    return nil
  }
}

/// Reads the header of one entry in the directory, and the one that stands before its bytes.
private struct ZipHeader {
  /// Where the header ends, once it is read.
  private(set) var end: Int
  private let bytes: [UInt8]
  private let bounds: Range<Int>

  init(_ bytes: [UInt8], _ bounds: Range<Int>) {
    self.bytes = bytes
    self.bounds = bounds
    end = bounds.lowerBound
  }

  /// The entry, and where the header before its bytes lies; both end before `limit`.
  mutating func readEntry(before limit: Int) throws(DataError) -> (entry: ZipDirectory.Entry, header: Range<Int>) {
    guard bytes.littleEndian(at: bounds.lowerBound, as: UInt32.self) == ZipLayout.directorySignature else {
      throw damagedArchive("its directory has no entry at byte \(bounds.lowerBound)")
    }
    var record = ZipRecord(bytes, at: bounds.lowerBound + 8)
    let (flags, method) = (try record.read(UInt16.self), try record.read(UInt16.self))
    record.skip(4)
    let checksum = try record.read(UInt32.self)
    var compressedSize = UInt64(try record.read(UInt32.self))
    var size = UInt64(try record.read(UInt32.self))
    let nameLength = Int(try record.read(UInt16.self))
    let extraLength = Int(try record.read(UInt16.self))
    let commentLength = Int(try record.read(UInt16.self))
    record.skip(8)
    var start = UInt64(try record.read(UInt32.self))
    let nameEnd = record.position + nameLength
    end = nameEnd + extraLength + commentLength
    guard end <= bounds.upperBound else { throw damagedArchive("its directory is cut off") }
    guard let name = String(validating: bytes[record.position..<nameEnd], as: UTF8.self) else {
      throw DataError(.unsupportedContent, "the archive has a name that is not UTF-8", remedy: "pack it again")
    }
    // Numbers beyond 32 bits stand in an extra field, in this order; the others are left out there.
    if var wide = try wideNumbers(in: nameEnd..<nameEnd + extraLength) {
      if size == UInt64(UInt32.max) { size = try wide.read(UInt64.self) }
      if compressedSize == UInt64(UInt32.max) { compressedSize = try wide.read(UInt64.self) }
      if start == UInt64(UInt32.max) { start = try wide.read(UInt64.self) }
    }
    guard flags & 1 == 0 else {
      throw DataError(.unsupportedContent, "entry \(name.quoted) is encrypted", remedy: "pack it without a password")
    }
    guard method == ZipLayout.stored || method == ZipLayout.deflated else {
      throw DataError(
        .unsupportedContent, "entry \(name.quoted) is compressed by method \(method)",
        remedy: "pack it again, stored or deflated")
    }
    let header = try entryHeader(at: start, name: bytes[record.position..<nameEnd], method: method, before: limit)
    guard compressedSize <= UInt64(limit - header.upperBound) else {
      throw damagedArchive("entry \(name.quoted) reaches beyond its end")
    }
    let isPossible =
      method == ZipLayout.stored
      ? size == compressedSize : size / UInt64(Deflate.greatestRatio) <= compressedSize
    guard isPossible else {
      throw damagedArchive("entry \(name.quoted) of \(compressedSize) bytes cannot hold \(size)")
    }
    let range = header.upperBound..<header.upperBound + Int(compressedSize)
    let entry = ZipDirectory.Entry(
      name: name, isDeflated: method == ZipLayout.deflated, checksum: checksum, size: Int(size), range: range)
    return (entry, header)
  }

  /// The header before an entry's bytes, which must be of the same entry. Its sizes may be missing; the directory's
  /// hold.
  private func entryHeader(
    at start: UInt64, name: ArraySlice<UInt8>, method: UInt16, before limit: Int
  ) throws(DataError) -> Range<Int> {
    guard start <= UInt64(limit) else { throw damagedArchive("an entry begins behind its end") }
    let start = Int(start)
    guard
      limit - start >= ZipLayout.entryHeader,
      bytes.littleEndian(at: start, as: UInt32.self) == ZipLayout.entrySignature,
      bytes.littleEndian(at: start + 8, as: UInt16.self) == method,
      let nameLength = bytes.littleEndian(at: start + 26, as: UInt16.self).map(Int.init),
      let extraLength = bytes.littleEndian(at: start + 28, as: UInt16.self).map(Int.init),
      limit - start - ZipLayout.entryHeader >= nameLength + extraLength,
      bytes[start + ZipLayout.entryHeader..<start + ZipLayout.entryHeader + nameLength] == name
    else { throw damagedArchive("an entry and its directory contradict each other at byte \(start)") }
    return start..<start + ZipLayout.entryHeader + nameLength + extraLength
  }

  /// The extra field of numbers beyond 32 bits, if there is one.
  private func wideNumbers(in extra: Range<Int>) throws(DataError) -> ZipRecord? {
    var position = extra.lowerBound
    while extra.upperBound - position >= 4 {
      var record = ZipRecord(bytes, at: position)
      let (kind, length) = (try record.read(UInt16.self), Int(try record.read(UInt16.self)))
      guard length <= extra.upperBound - record.position else { throw damagedArchive("an extra field is cut off") }
      if kind == ZipLayout.wideField { return ZipRecord(bytes, at: record.position, end: record.position + length) }
      position = record.position + length
    }
    return nil
  }
}

/// Reads the numbers of a record, one after another.
private struct ZipRecord {
  private(set) var position: Int
  private let bytes: [UInt8]
  private let end: Int

  init(_ bytes: [UInt8], at position: Int, end: Int? = nil) {
    self.bytes = bytes
    self.position = position
    self.end = end ?? bytes.count
  }

  mutating func read<Number: FixedWidthInteger & UnsignedInteger>(_ type: Number.Type) throws(DataError) -> Number {
    guard let number = bytes[..<end].littleEndian(at: position, as: type) else {
      throw damagedArchive("a record is cut off at byte \(position)")
    }
    position += Number.bitWidth / 8
    return number
  }

  mutating func skip(_ count: Int) { position += count }
}
