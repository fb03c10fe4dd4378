import RefrainFoundation

/// A file that text or bytes are added to the end of, for logs: each addition is one system call, so that lines of
/// several processes do not mix, and what was added stays when the program is killed.
final class GrowingFile {
  let path: String
  private let descriptor: Int32

  /// Opens a file, or makes it.
  ///
  /// - Throws: `missingFolder`, `isDirectory`, `diskFull` or `unwritableFile`.
  init(_ path: String) throws(DataError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .writing(path, errno) }
  }

  deinit { close(descriptor) }

  /// Whether nothing is in the file.
  var isEmpty: Bool {
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_size == 0
  }

  /// Adds bytes.
  ///
  /// - Throws: `diskFull` or `unwritableFile`.
  func add(_ bytes: [UInt8]) throws(DataError) {
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, bytes.count - done) }
      if written < 0 {
        if errno == EINTR { continue }
        throw .writing(path, errno)
      }
      done += written
    }
  }

  /// Adds text.
  ///
  /// - Throws: `diskFull` or `unwritableFile`.
  func add(_ text: String) throws(DataError) { try add(Array(text.utf8)) }
}
