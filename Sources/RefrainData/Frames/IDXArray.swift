/// An array of the IDX format, as that of the MNIST database: bytes, of one axis or more.
public struct IDXArray: Sendable, Equatable {
  /// The extents, outermost first.
  public let shape: [Int]
  /// The values, row-major.
  public let values: [UInt8]

  /// Whether bytes begin as such an array does.
  static func isIDX(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 8 && bytes[0] == 0 && bytes[1] == 0 && [0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E].contains(bytes[2])
      && (1...8).contains(bytes[3])
  }

  /// Reads a file, also one packed by gzip.
  ///
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, and what ``init(_:)`` throws.
  public init(contentsOf path: String) throws(DataError) {
    do throws(DataError) {
      let bytes = try readFile(path)
      try self.init(Gzip.isGzip(bytes) ? Gzip.unpack(bytes) : bytes)
    } catch {
      throw error.inFile(path)
    }
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: `wrongFormat`, `damagedFile`; `unsupportedContent` for values that are no bytes.
  public init(_ bytes: [UInt8]) throws(DataError) {
    guard Self.isIDX(bytes) else { throw DataError(.wrongFormat, "this is no IDX array") }
    guard bytes[2] == 0x08 else {
      throw DataError(.unsupportedContent, "the IDX array holds other values than bytes", remedy: "save bytes")
    }
    let axes = Int(bytes[3])
    let start = 4 + 4 * axes
    guard bytes.count >= start else { throw Self.damaged }
    let shape = (0..<axes).map { axis in bytes[4 + 4 * axis..<8 + 4 * axis].reduce(0) { $0 << 8 | Int($1) } }
    guard elementCount(of: shape) == bytes.count - start else { throw Self.damaged }
    (self.shape, values) = (shape, Array(bytes[start...]))
  }

  private static var damaged: DataError {
    DataError(.damagedFile, "the IDX array is damaged: its size does not fit its values", remedy: "copy it again")
  }
}
