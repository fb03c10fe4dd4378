import RefrainFoundation
import Synchronization

/// Writes a file so that it is, at every moment, either the old one or the whole new one.
///
/// The bytes go to a temporary file in the same folder, reach the disk, and take the name by `rename`. When anything
/// fails the temporary file is removed and an existing file stays as it was; one that a killed program has left behind
/// goes with the next file that is written to the folder. An existing file keeps its permissions; a symbolic link stays
/// a link, and the file that it points to, there or not, is replaced. A stream that the program has open already, such
/// as `/dev/stdout`, goes on where it is, also one that leads to a file; other pipes and devices are refused, as they
/// may wait for ever.
///
/// - Throws: `missingFolder`, `isDirectory`, `diskFull` or `unwritableFile`.
public func writeAtomically(_ bytes: some Sequence<UInt8>, to path: String) throws(DataError) {
  try writeAtomically(Array(bytes), toPath: path)
}

/// Writes `text` as UTF-8, as ``writeAtomically(_:to:)`` writes bytes.
///
/// - Throws: `missingFolder`, `isDirectory`, `diskFull` or `unwritableFile`.
public func writeAtomically(_ text: String, to path: String) throws(DataError) {
  try writeAtomically(Array(text.utf8), toPath: path)
}

private func writeAtomically(_ bytes: [UInt8], toPath path: String) throws(DataError) {
  guard !path.isEmpty else { throw DataError(.unwritableFile, "the path of the file to write is empty") }
  if let stream = openStream(path) {
    if let failure = write(bytes, to: stream) { throw .writing(path, failure) }
    return
  }
  var permissions: mode_t?
  var target = path
  var status = stat()
  if stat(path, &status) == 0 {
    switch status.st_mode & S_IFMT {
    case S_IFREG:
      // Replacing by rename needs no right to the old file; whoever made it read-only meant it.
      guard access(path, W_OK) == 0 else { throw .writing(path, errno) }
      permissions = status.st_mode & 0o7777
      target = resolvingLinks(path)
    case S_IFDIR: throw .writing(path, EISDIR)
    default: throw .pipeOrDevice(path)
    }
  } else if errno != ENOENT {
    throw .writing(path, errno)
  } else {
    target = try followingLink(path)
  }
  removeAbandonedFiles(beside: target)

  let (temporary, descriptor) = try makeTemporaryFile(beside: target, for: path)
  var failure = write(bytes, to: descriptor)
  if failure == nil, let permissions, fchmod(descriptor, permissions) != 0 { failure = errno }
  if failure == nil, fsync(descriptor) != 0 { failure = errno }
  if close(descriptor) != 0 && failure == nil { failure = errno }
  if failure == nil, rename(temporary, target) != 0 { failure = errno }
  if let failure {
    unlink(temporary)
    throw .writing(path, failure)
  }
  synchronizeFolder(of: target)
}

/// Creates a file that nobody else has, in the folder of `target`.
private func makeTemporaryFile(
  beside target: String, for path: String
) throws(DataError) -> (path: String, descriptor: Int32) {
  let folder = folderPrefix(of: target)
  while true {
    let number = temporaryFileNumber.wrappingAdd(1, ordering: .relaxed).newValue
    // Short and unrelated to the target's name, which may already be as long as a name can be.
    let temporary = "\(folder).refrain-\(getpid())-\(number).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    if descriptor >= 0 {
      // While somebody writes, it is locked; the system takes the lock from whoever ends.
      _ = flock(descriptor, LOCK_EX | LOCK_NB)
      return (temporary, descriptor)
    }
    if errno != EEXIST { throw .writing(path, errno) }
  }
}

private let temporaryFileNumber = Atomic<Int>(0)

/// Removes temporary files that programs left which ended while they wrote: nobody holds their lock, and their process
/// is gone or has had a minute to take it.
private func removeAbandonedFiles(beside target: String) {
  let folder = folderPrefix(of: target)
  guard let stream = opendir(folder.isEmpty ? "." : folder) else { return }
  defer { closedir(stream) }
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == ".refrain", parts[2].hasSuffix(".tmp"), Int(parts[2].dropLast(4)) != nil,
      let process = pid_t(parts[1]), process > 0
    else { continue }
    let path = folder + name
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { continue }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      flock(descriptor, LOCK_EX | LOCK_NB) == 0
    else { continue }
    let isGone = kill(process, 0) != 0 && errno == ESRCH
    if isGone || time(nil) - status.writingTime.tv_sec > 60 { unlink(path) }
  }
}

/// The number of a stream of the program's own that a path names; nil for any other path, and for a stream that is
/// closed or only read.
package func openStream(_ path: String) -> Int32? {
  let named: Int32? =
    switch path {
    case "/dev/stdout": STDOUT_FILENO
    case "/dev/stderr": STDERR_FILENO
    default: ["/dev/fd/", "/proc/self/fd/"].first(where: path.hasPrefix).flatMap { Int32(path.dropFirst($0.count)) }
    }
  guard let named else { return nil }
  let flags = fcntl(named, F_GETFL)
  return flags >= 0 && flags & O_ACCMODE != O_RDONLY ? named : nil
}

/// Where a file will be that is not there yet: what a link points to that leads nowhere, or the path itself.
private func followingLink(_ path: String) throws(DataError) -> String {
  var path = path
  // As many as the system itself follows.
  for _ in 0..<40 {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return path }
    var text = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard readlink(path, &text, Int(PATH_MAX)) > 0 else { return path }
    let destination = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = destination.hasPrefix("/") ? destination : folderPrefix(of: path) + destination
  }
  throw .writing(path, ELOOP)
}

/// Writes every byte; returns the system's error number when that fails.
private func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
  bytes.withUnsafeBytes { buffer in
    var done = 0
    while done < buffer.count {
      let written = write(descriptor, buffer.baseAddress! + done, buffer.count - done)
      if written < 0 {
        if errno == EINTR { continue }
        return errno
      }
      done += written
    }
    return nil
  }
}

/// Everything up to and including the last slash; empty when there is none.
private func folderPrefix(of path: String) -> String {
  path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
}

private func resolvingLinks(_ path: String) -> String {
  guard let resolved = realpath(path, nil) else { return path }
  defer { free(resolved) }
  return String(cString: resolved)
}

/// Makes the new name itself durable. Some file systems refuse this, and the file is whole either way: no error.
private func synchronizeFolder(of path: String) {
  let prefix = folderPrefix(of: path)
  let descriptor = open(prefix.isEmpty ? "." : prefix, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  fsync(descriptor)
  close(descriptor)
}

extension DataError {
  /// What is no file and no stream of the program's own.
  package static func pipeOrDevice(_ path: String) -> DataError {
    DataError(
      .unwritableFile, file: path, "this is a pipe or a device, not a file", remedy: "name a file, or /dev/stdout")
  }

  /// Why `path` cannot be written, from the system's error number.
  static func writing(_ path: String, _ number: Int32) -> DataError {
    switch number {
    case ENOENT, ENOTDIR:
      DataError(.missingFolder, file: path, "the folder of this file does not exist", remedy: "make the folder first")
    case EISDIR:
      DataError(.isDirectory, file: path, "this is a folder, not a file", remedy: "name a file in it")
    case ENOSPC, EDQUOT, EFBIG:
      DataError(.diskFull, file: path, "no space left for the file", remedy: "free some space; nothing was changed")
    case EACCES, EPERM, EROFS:
      DataError(.unwritableFile, file: path, "no permission to write here", remedy: "choose another place")
    default:
      DataError(.unwritableFile, file: path, "the file cannot be written: \(systemMessage(number))")
    }
  }
}
