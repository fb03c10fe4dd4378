import RefrainData

/// The named files in a zip archive: what PyTorch's, Keras' and NumPy's files are made of.
///
/// Entries may be stored or deflated, beyond 4 GB (ZIP64), and have their sizes behind them (data descriptors). Nothing
/// is extracted to a disk, so a name is only a name. Source: PKWARE's APPNOTE.TXT, version 6.3.10.
///
/// Reading believes nothing: every entry must lie within the file, apart from the others, and be no larger than
/// deflated bytes can become; all of them together may inflate to a hundred times the archive's size, or to 64 MB where
/// that is more, and there are at most 100,000; what was read must have the checksum that the archive states.
public struct ZipArchive: Sendable {
  /// The names of the entries, in the order of the directory. The name of a folder ends in a slash.
  public var names: [String] { directory.entries.map(\.name) }

  private let bytes: [UInt8]
  private let file: String?
  private let directory: ZipDirectory
  private let places: [String: Int]

  /// Reads the directory of an archive.
  ///
  /// - Parameters:
  ///   - bytes: The whole archive.
  ///   - file: Where they come from, for messages.
  /// - Throws: `wrongFormat` when these bytes are no zip archive, `damagedFile` when the archive contradicts itself or
  ///   is cut off, `unsupportedContent` when it is encrypted, is one of several parts or compressed in another way.
  public init(bytes: [UInt8], file: String? = nil) throws(DataError) {
    do throws(DataError) {
      directory = try ZipDirectory(of: bytes)
    } catch {
      throw error.inFile(file)
    }
    self.bytes = bytes
    self.file = file
    places = Dictionary(uniqueKeysWithValues: directory.entries.enumerated().map { ($1.name, $0) })
  }

  /// Reads an archive.
  ///
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, or what ``init(bytes:file:)`` throws.
  public init(contentsOf path: String) throws(DataError) {
    try self.init(bytes: readFile(path), file: path)
  }

  /// Whether there is an entry of this name.
  public func contains(_ name: String) -> Bool { places[name] != nil }

  /// How many bytes an entry has once inflated; nil when there is none of this name.
  public func size(of name: String) -> Int? { places[name].map { directory.entries[$0].size } }

  /// The bytes of an entry.
  ///
  /// - Throws: `damagedFile` when there is no entry of this name, when it cannot be inflated to the size that is stated
  ///   for it, or when its checksum is wrong.
  public func contents(of name: String) throws(DataError) -> [UInt8] { try Array(slice(of: name)) }

  /// The bytes of an entry, without a copy when it is stored: a part of the archive's own.
  ///
  /// - Throws: What ``contents(of:)`` throws.
  public func slice(of name: String) throws(DataError) -> ArraySlice<UInt8> {
    guard let place = places[name] else {
      throw DataError(
        .damagedFile, file: file, "the archive has no entry \(name.quoted)", remedy: "copy or save it again")
    }
    let entry = directory.entries[place]
    var contents = bytes[entry.range]
    if entry.isDeflated {
      try MemoryBudget.current.take(entry.size, for: "the entry \(name.quoted)")
      guard let inflated = Deflate.inflate(contents, count: entry.size) else {
        throw damagedArchive("entry \(name.quoted) cannot be decompressed to \(entry.size) bytes").inFile(file)
      }
      contents = inflated[...]
    }
    guard Deflate.checksum(contents) == entry.checksum else {
      throw damagedArchive("the checksum of entry \(name.quoted) is wrong").inFile(file)
    }
    return contents
  }
}

/// The error of an archive that contradicts itself.
func damagedArchive(_ problem: String) -> DataError {
  DataError(.damagedFile, "the archive is damaged: \(problem)", remedy: "copy or save it again")
}
