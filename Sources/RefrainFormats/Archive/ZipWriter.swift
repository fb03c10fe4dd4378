import RefrainData

/// Packs named files into a zip archive.
///
/// The bytes of every entry begin at a multiple of 64, as in PyTorch's files, so that numbers in a mapped file are
/// aligned. Every entry has the oldest time that the format can state: the same contents give the same archive.
public struct ZipWriter: Sendable {
  private var archive: [UInt8] = []
  private var directory: [UInt8] = []
  private var names: Set<String> = []
  /// The greatest numbers that are written in 16 and 32 bits; others need ZIP64.
  private let greatestShort: Int
  private let greatest: Int

  /// An empty archive.
  public init() { self.init(greatestShort: Int(UInt16.max) - 1, greatest: Int(UInt32.max) - 1) }

  init(greatestShort: Int, greatest: Int) {
    self.greatestShort = greatestShort
    self.greatest = greatest
  }

  /// Adds an entry.
  ///
  /// - Parameters:
  ///   - name: Its name, at most 65,535 bytes and not in use; slashes divide folders.
  ///   - bytes: Its contents.
  ///   - compressed: Whether to deflate them; else they are stored as they are.
  public mutating func add(_ name: String, _ bytes: [UInt8], compressed: Bool = false) {
    let name = Array(name.utf8)
    precondition(name.count <= UInt16.max, "the name of an entry is longer than 65,535 bytes")
    precondition(names.insert(String(decoding: name, as: UTF8.self)).inserted, "two entries have one name")
    let contents = compressed ? Deflate.deflate(bytes[...]) : bytes
    let start = archive.count

    var sizes: [UInt8] = []
    if max(bytes.count, contents.count) > greatest {
      sizes.append(littleEndian: ZipLayout.wideField)
      sizes.append(littleEndian: UInt16(16))
      sizes.append(littleEndian: UInt64(bytes.count))
      sizes.append(littleEndian: UInt64(contents.count))
    }
    let areWide = !sizes.isEmpty
    var common: [UInt8] = []
    common.append(littleEndian: UInt16(45))  // the version of the format that knows ZIP64
    common.append(littleEndian: UInt16(1 << 11))  // names are UTF-8
    common.append(littleEndian: compressed ? ZipLayout.deflated : ZipLayout.stored)
    common.append(littleEndian: UInt16(0))  // midnight,
    common.append(littleEndian: UInt16(1 << 5 | 1))  // 1 January 1980
    common.append(littleEndian: Deflate.checksum(bytes[...]))
    common.append(littleEndian: areWide ? UInt32.max : UInt32(contents.count))
    common.append(littleEndian: areWide ? UInt32.max : UInt32(bytes.count))
    common.append(littleEndian: UInt16(name.count))

    let padding = Self.padding(behind: start + ZipLayout.entryHeader + name.count + sizes.count)
    archive.append(littleEndian: ZipLayout.entrySignature)
    archive += common
    archive.append(littleEndian: UInt16(sizes.count + padding.count))
    archive += name + sizes + padding + contents

    if start > greatest {
      if areWide {
        sizes.replaceSubrange(2..<4, with: [24, 0])
      } else {
        sizes.append(littleEndian: ZipLayout.wideField)
        sizes.append(littleEndian: UInt16(8))
      }
      sizes.append(littleEndian: UInt64(start))
    }
    directory.append(littleEndian: ZipLayout.directorySignature)
    directory.append(littleEndian: UInt16(45))
    directory += common
    directory.append(littleEndian: UInt16(sizes.count))
    directory += [UInt8](repeating: 0, count: 10)  // comment, disk, attributes
    directory.append(littleEndian: start > greatest ? UInt32.max : UInt32(start))
    directory += name + sizes
  }

  /// The archive.
  public func bytes() -> [UInt8] {
    let (count, start) = (names.count, archive.count)
    let end = start + directory.count
    let isWide = count > greatestShort || end > greatest
    var result = archive
    result.reserveCapacity(end + ZipLayout.wideEnd + ZipLayout.locator + ZipLayout.end)
    result += directory
    if isWide {
      result.append(littleEndian: ZipLayout.wideEndSignature)
      result.append(littleEndian: UInt64(ZipLayout.wideEnd - 12))
      result.append(littleEndian: UInt32(45 << 16 | 45))
      result.append(littleEndian: UInt64(0))
      for number in [count, count, directory.count, start] { result.append(littleEndian: UInt64(number)) }
      result.append(littleEndian: ZipLayout.locatorSignature)
      result.append(littleEndian: UInt32(0))
      result.append(littleEndian: UInt64(end))
      result.append(littleEndian: UInt32(1))
    }
    result.append(littleEndian: ZipLayout.endSignature)
    result.append(littleEndian: UInt32(0))
    for _ in 0..<2 { result.append(littleEndian: count > greatestShort ? UInt16.max : UInt16(count)) }
    for number in [directory.count, start] {
      result.append(littleEndian: number > greatest ? UInt32.max : UInt32(number))
    }
    result.append(littleEndian: UInt16(0))
    return result
  }

  /// An extra field after which a multiple of 64 follows; it is called FB and filled with Z, as PyTorch does it.
  private static func padding(behind position: Int) -> [UInt8] {
    let missing = (64 - (position + 4) % 64) % 64
    var field = Array("FB".utf8)
    field.append(littleEndian: UInt16(missing))
    return field + [UInt8](repeating: UInt8(ascii: "Z"), count: missing)
  }
}
