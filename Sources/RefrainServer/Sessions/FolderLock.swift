import RefrainData
import RefrainFoundation

/// Keeps a folder of sessions for one server: two would write over one another's states. The system takes the lock from
/// whoever ends, however it ends.
final class FolderLock: Sendable {
  private let descriptor: Int32

  /// Makes the folder if it is not there, and takes it. Where the file system knows no locks nothing is kept.
  ///
  /// - Throws: `unwritableFile` when another server has it, or when it cannot be written.
  init(_ folder: SessionFolder) throws(DataError) {
    let path = folder.path
    descriptor = open(path + "/.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw DataError(
        .unwritableFile, file: path, "the folder cannot be written: \(String(cString: strerror(errno)))",
        remedy: "name another with --sessions")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK else { return }
    // All is initialized: the end of this object closes the file.
    throw DataError(
      .unwritableFile, file: path, "another server keeps its sessions in this folder",
      remedy: "name another with --sessions, or end that server")
  }

  deinit { close(descriptor) }
}
