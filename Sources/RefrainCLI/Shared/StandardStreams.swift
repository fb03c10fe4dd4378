import RefrainData
import RefrainFoundation

/// Whoever read standard output has stopped reading.
struct ClosedPipe: Error {}

/// Where results go, and nothing else.
enum StandardOutput {
  static var terminal: Terminal { Terminal(descriptor: STDOUT_FILENO) }

  /// Writes all of a text.
  ///
  /// - Throws: ``ClosedPipe``, or a ``CommandFailure`` when the system refuses for another reason (a full disk).
  static func write(_ text: String) throws {
    switch StandardError.writeAll(text, to: STDOUT_FILENO) {
    case 0: break
    case EPIPE: throw ClosedPipe()
    case let number:
      throw CommandFailure(
        status: EX_IOERR, message: "standard output cannot be written: \(String(cString: strerror(number)))")
    }
  }
}

/// What others put on standard input.
enum StandardInput {
  /// Whether there is something to read: a file that is not empty, or a pipe on which something comes. A pipe that
  /// stays silent is somebody's that was left open, as services and editors do.
  ///
  /// - Parameter note: Told when a silent pipe is left alone.
  static func holdsData(note: (String) -> Void) -> Bool {
    var status = stat()
    guard fstat(STDIN_FILENO, &status) == 0 else { return false }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return status.st_size > lseek(STDIN_FILENO, 0, SEEK_CUR)
    case S_IFIFO, S_IFSOCK:
      var state = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      let ready = poll(&state, 1, patience)
      if ready == 0 { note("Nothing comes on standard input, so it is not read; - waits for it.") }
      guard ready > 0, state.revents & Int16(POLLIN) != 0 else { return false }
      return isReadable()
    default: return false
    }
  }

  /// How long a pipe may be silent, in milliseconds.
  private static let patience: Int32 = 2000

  /// Whether a byte can be read; a socket that was closed looks ready, but has none.
  private static func isReadable() -> Bool {
    var waiting: Int32 = 0
    return ioctl(STDIN_FILENO, UInt(FIONREAD), &waiting) != 0 || waiting > 0
  }
}
