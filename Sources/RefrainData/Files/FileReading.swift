import Foundation

/// Reads a whole file; pipes and devices such as `/dev/stdin` work too.
///
/// - Throws: `missingFile`, `isDirectory` or `unreadableFile`.
package func readFile(_ path: String) throws(DataError) -> [UInt8] {
  let (descriptor, status) = try openFile(path)
  defer { close(descriptor) }
  return try readAll(of: descriptor, size: Int(status.st_size), path)
}

/// Calls `body` with the bytes of a file as they lie in the system's memory, without a copy: what they are turned into
/// is all that a large file takes. Pipes and devices, which cannot be mapped, are read.
///
/// Another program that shortens the file in the meantime ends this one, as with any mapped file: `body` should turn
/// the bytes into something else and return.
///
/// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, or what `body` throws.
package func withMappedFile<Result>(
  _ path: String, _ body: (UnsafeRawBufferPointer) throws(DataError) -> Result
) throws(DataError) -> Result {
  let (descriptor, status) = try openFile(path)
  defer { close(descriptor) }
  let size = Int(status.st_size)
  if status.st_mode & S_IFMT == S_IFREG, size > 0,
    let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
  {
    defer { munmap(start, size) }
    return try body(UnsafeRawBufferPointer(start: start, count: size))
  }
  let bytes = try readAll(of: descriptor, size: size, path)
  return try bytes.withUnsafeBufferPointer { buffer throws(DataError) in try body(UnsafeRawBufferPointer(buffer)) }
}

private func openFile(_ path: String) throws(DataError) -> (descriptor: Int32, status: stat) {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .reading(path, errno) }
  var status = stat()
  let failure = fstat(descriptor, &status) != 0 ? errno : status.st_mode & S_IFMT == S_IFDIR ? EISDIR : 0
  guard failure == 0 else {
    close(descriptor)
    throw .reading(path, failure)
  }
  return (descriptor, status)
}

private func readAll(of descriptor: Int32, size: Int, _ path: String) throws(DataError) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(max(0, size))
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
