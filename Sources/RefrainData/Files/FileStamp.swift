import RefrainFoundation

/// What tells one state of a file from another.
package struct FileStamp: Sendable, Equatable {
  private struct Moment: Sendable, Equatable {
    let seconds: Int
    let nanoseconds: Int

    init(_ time: timespec) { (seconds, nanoseconds) = (Int(time.tv_sec), Int(time.tv_nsec)) }
  }

  private let size: Int
  private let written: Moment
  /// When its status changed: unlike the time at which it was written, no program can set that one.
  private let changed: Moment

  init(_ status: stat) {
    size = Int(status.st_size)
    (written, changed) = (Moment(status.writingTime), Moment(status.changeTime))
  }

  /// Whether it is of as many bytes and was written when the other was. That its status changed says nothing: a file
  /// that is moved or whose rights change is no reason to end a training.
  func hasContents(of other: FileStamp) -> Bool { size == other.size && written == other.written }

  /// A file by its path, which may lead to another file later.
  package struct Named: Sendable, Equatable {
    private let device: Int
    private let number: Int
    private let stamp: FileStamp

    /// - Returns: nil where there is no file.
    package init?(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      (device, number) = (Int(truncatingIfNeeded: status.st_dev), Int(truncatingIfNeeded: status.st_ino))
      stamp = FileStamp(status)
    }
  }
}

extension stat {
  #if os(Linux)
    /// When the file was written to.
    var writingTime: timespec { st_mtim }
    /// When anything of the file changed.
    var changeTime: timespec { st_ctim }
  #else
    /// When the file was written to.
    var writingTime: timespec { st_mtimespec }
    /// When anything of the file changed.
    var changeTime: timespec { st_ctimespec }
  #endif
}
