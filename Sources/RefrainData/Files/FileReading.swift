import RefrainFoundation

/// Reads a whole file; pipes and devices such as `/dev/stdin` work too.
///
/// - Throws: `missingFile`, `isDirectory`, `unreadableFile`, also for a file that another program changes in the
///   meantime, or `overMemoryBudget`.
package func readFile(_ path: String) throws(DataError) -> [UInt8] {
  let file = try OpenFile(path)
  return try file.readAll()
}

/// A file that is open for reading, to be read in parts. Its contents are copied, never mapped: a program that shortens
/// a mapped file ends the one that reads it.
package final class OpenFile {
  let path: String
  private let descriptor: Int32
  private let status: stat

  /// - Throws: `missingFile`, `isDirectory` or `unreadableFile`.
  package init(_ path: String) throws(DataError) {
    try FileAccess.check(path)
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .reading(path, errno) }
    var status = stat()
    let failure = fstat(descriptor, &status) != 0 ? errno : status.st_mode & S_IFMT == S_IFDIR ? EISDIR : 0
    guard failure == 0 else {
      close(descriptor)
      throw .reading(path, failure)
    }
    (self.path, self.descriptor, self.status) = (path, descriptor, status)
  }

  deinit { close(descriptor) }

  /// Whether it has a size and can be read in any order.
  var isRegular: Bool { status.st_mode & S_IFMT == S_IFREG }
  /// How many bytes it had when it was opened.
  var size: Int { Int(status.st_size) }

  /// How the file was when it was opened.
  var stamp: FileStamp { FileStamp(status) }

  /// Everything, whatever kind of file it is.
  func readAll() throws(DataError) -> [UInt8] {
    // What the system makes up as it is read, as in `/proc`, has the size 0.
    if isRegular, size > 0 {
      do throws(DataError) { try MemoryBudget.current.take(size, for: "the file") } catch { throw error.inFile(path) }
      let bytes = try read(0..<size)
      try checkUnchanged()
      return bytes
    }
    return try Self.readAll(descriptor, of: path)
  }

  /// All that comes from a descriptor, to its end.
  ///
  /// - Parameter subject: What it is, for who reads that it is too large.
  static func readAll(
    _ descriptor: Int32, of path: String, for subject: String = "the file"
  ) throws(DataError) -> [UInt8] {
    let budget = MemoryBudget.current
    var bytes: [UInt8] = []
    while true {
      let portion = try readOn(descriptor, of: path)
      if portion.isEmpty { return bytes }
      do throws(DataError) { try budget.take(portion.count, for: subject) } catch { throw error.inFile(path) }
      bytes += portion
    }
  }

  /// The bytes that come next where it is read from its beginning to its end; none at the end.
  package func readOn() throws(DataError) -> [UInt8] { try Self.readOn(descriptor, of: path) }

  /// The same of what is open under a descriptor.
  static func readOn(_ descriptor: Int32, of path: String) throws(DataError) -> [UInt8] {
    var failure: Int32?
    let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, count in
      while true {
        let received = RefrainFoundation.read(descriptor, buffer.baseAddress, buffer.count)
        count = max(0, received)
        if received >= 0 { return }
        guard errno == EINTR else {
          failure = errno
          return
        }
      }
    }
    if let failure { throw .reading(path, failure) }
    return bytes
  }

  /// The bytes of a part that lies within the file's ``size``.
  ///
  /// - Throws: `unreadableFile`, also when the file has become shorter.
  func read(_ range: Range<Int>) throws(DataError) -> [UInt8] {
    var failure: Int32?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      while count < range.count {
        let received = pread(
          descriptor, buffer.baseAddress.map { $0 + count }, range.count - count, off_t(range.lowerBound + count))
        if received > 0 {
          count += received
        } else if received == 0 {
          return
        } else if errno != EINTR {
          failure = errno
          return
        }
      }
    }
    if let failure { throw .reading(path, failure) }
    guard bytes.count == range.count else { throw changed }
    return bytes
  }

  /// All bytes of a regular file, a part at a time.
  ///
  /// - Throws: `unreadableFile`, also when the file has become shorter.
  func forEachChunk(of count: Int = 1 << 20, _ body: (UnsafeBufferPointer<UInt8>) -> Void) throws(DataError) {
    for start in stride(from: 0, to: size, by: count) {
      try read(start..<min(start + count, size)).withUnsafeBufferPointer(body)
    }
  }

  /// Makes sure that nobody has written to the file since it was opened.
  ///
  /// - Throws: `unreadableFile`.
  func checkUnchanged() throws(DataError) {
    var now = stat()
    guard isRegular else { return }
    guard fstat(descriptor, &now) == 0, FileStamp(now).hasContents(of: stamp) else { throw changed }
  }

  /// The error of a file that is not as it was.
  var changed: DataError {
    DataError(
      .unreadableFile, file: path, "another program changed the file while it was read",
      remedy: "read it again when that is done")
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
