import RefrainData

/// The named arrays in an `.npz` file: a zip archive of one `.npy` file each, as `numpy.savez` and
/// `numpy.savez_compressed` write it.
///
/// An array is read when it is asked for.
public struct NumPyArchive: Sendable {
  /// The names of the arrays in the order of the file, each without its ending `.npy`. Entries that are no arrays are
  /// left out.
  public let names: [String]

  private let archive: ZipArchive
  private let file: String?

  /// Reads the directory of an archive.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - file: Where they come from, for messages.
  /// - Throws: What ``ZipArchive/init(bytes:file:)`` throws.
  public init(bytes: [UInt8], file: String? = nil) throws(DataError) {
    archive = try ZipArchive(bytes: bytes, file: file)
    names = archive.names.filter { $0.hasSuffix(Self.ending) }.map { String($0.dropLast(Self.ending.count)) }
    self.file = file
  }

  /// Reads the directory of a file.
  ///
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, or what ``init(bytes:file:)`` throws.
  public init(contentsOf path: String) throws(DataError) { try self.init(bytes: readFile(path), file: path) }

  /// The array of this name.
  ///
  /// - Throws: What ``ZipArchive/contents(of:)`` and ``NumericArray/init(npy:file:)`` throw.
  public func array(_ name: String) throws(DataError) -> NumericArray {
    do throws(DataError) {
      return try NumericArray(npy: archive.slice(of: name + Self.ending), file: nil)
    } catch {
      guard error.file == nil else { throw error }
      throw DataError(error.code, file: file, "\(name.quoted): \(error.problem)", remedy: error.remedy)
    }
  }

  /// The bytes of an `.npz` file.
  ///
  /// - Parameters:
  ///   - arrays: The arrays and their names.
  ///   - compressed: Whether to deflate them.
  /// - Throws: `wrongInput` when a name is used twice or is too long, or what ``NumericArray/npy()`` throws.
  public static func bytes(
    of arrays: [(name: String, array: NumericArray)], compressed: Bool = false
  ) throws(DataError) -> [UInt8] {
    var writer = ZipWriter()
    var names: Set<String> = []
    for (name, array) in arrays {
      guard names.insert(name).inserted, name.utf8.count <= 60_000 else {
        throw DataError(.wrongInput, "the name \(name.quoted) is used twice or too long")
      }
      writer.add(name + ending, try array.npy(), compressed: compressed)
    }
    return writer.bytes()
  }

  /// Writes an `.npz` file, whole or not at all.
  ///
  /// - Throws: What ``bytes(of:compressed:)`` and `writeAtomically` throw.
  public static func write(
    _ arrays: [(name: String, array: NumericArray)], to path: String, compressed: Bool = false
  ) throws(DataError) {
    do throws(DataError) {
      try writeAtomically(bytes(of: arrays, compressed: compressed), to: path)
    } catch {
      throw error.inFile(path)
    }
  }

  private static let ending = ".npy"
}
