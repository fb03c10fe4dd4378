import Foundation

/// Reads a whole file; pipes and devices such as `/dev/stdin` work too.
///
/// - Throws: `missingFile`, `isDirectory` or `unreadableFile`.
package func readFile(_ path: String) throws(DataError) -> [UInt8] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .reading(path, errno) }
  defer { close(descriptor) }

  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw .reading(path, errno) }
  if status.st_mode & S_IFMT == S_IFDIR { throw .reading(path, EISDIR) }

  var bytes: [UInt8] = []
  bytes.reserveCapacity(max(0, Int(status.st_size)))
  var chunk = [UInt8](repeating: 0, count: 1 << 18)
  while true {
    let received = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    if received == 0 { return bytes }
    if received > 0 {
      bytes.append(contentsOf: chunk[..<received])
    } else if errno != EINTR {
      throw .reading(path, errno)
    }
  }
}

extension DataError {
  /// Why `path` cannot be read, from the system's error number.
  static func reading(_ path: String, _ number: Int32) -> DataError {
    switch number {
    case ENOENT, ENOTDIR:
      DataError(.missingFile, file: path, "there is no such file", remedy: "check the path")
    case EISDIR:
      DataError(.isDirectory, file: path, "this is a folder, not a file", remedy: "name a file in it")
    case EACCES, EPERM:
      DataError(.unreadableFile, file: path, "no permission to read the file", remedy: "change its permissions")
    default:
      DataError(.unreadableFile, file: path, "the file cannot be read: \(systemMessage(number))")
    }
  }
}

/// The system's words for an error number.
func systemMessage(_ number: Int32) -> String {
  strerror(number).map { String(cString: $0) } ?? "error \(number)"
}
