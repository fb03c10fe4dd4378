import Foundation
import RefrainData

/// Whoever read standard output has stopped reading.
struct ClosedPipe: Error {}

/// Where results go, and nothing else.
enum StandardOutput {
  static var terminal: Terminal { Terminal(descriptor: STDOUT_FILENO) }

  /// Writes all of a text.
  ///
  /// - Throws: ``ClosedPipe``, or a ``CommandFailure`` when the system refuses for another reason (a full disk).
  static func write(_ text: String) throws {
    switch writeAll(text, to: STDOUT_FILENO) {
    case 0: break
    case EPIPE: throw ClosedPipe()
    case let number:
      throw CommandFailure.badData("standard output cannot be written: \(String(cString: strerror(number)))")
    }
  }
}

/// What is piped in.
enum StandardInput {
  /// Whether a file was redirected here that is not empty, or something lies in a pipe. A pipe whose other end says
  /// nothing and stays open, as that of services and editors may, keeps nobody waiting.
  static var holdsSomething: Bool {
    var status = stat()
    guard fstat(STDIN_FILENO, &status) == 0 else { return false }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return status.st_size > 0
    case S_IFIFO, S_IFSOCK:
      var state = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      guard poll(&state, 1, 500) > 0 else { return false }
      var count: Int32 = 0
      return ioctl(STDIN_FILENO, UInt(FIONREAD), &count) == 0 && count > 0
    default: return false
    }
  }
}

/// Where progress, notes and errors go. Nobody may be listening; that stops nothing.
enum StandardError {
  static var terminal: Terminal { Terminal(descriptor: STDERR_FILENO) }

  static func write(line: String) { write(line + "\n") }
  static func write(_ text: String) { _ = writeAll(text, to: STDERR_FILENO) }
}

/// Writes every byte; returns 0 or the system's error number.
private func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if written >= 0 {
      bytes = bytes.dropFirst(written)
    } else if errno == EAGAIN {
      // Some other program that shares the pipe made it non-blocking.
      var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&state, 1, -1)
    } else if errno != EINTR {
      return errno
    }
  }
  return 0
}

/// What is known of the terminal behind a stream.
struct Terminal {
  var isTerminal: Bool
  /// Columns.
  var width = 80
  /// Rows.
  var height = 24
  /// Whether colors are welcome: on a terminal that can, unless `NO_COLOR` is set (https://no-color.org).
  var usesColor: Bool

  /// A file or a pipe.
  static let none = Terminal(isTerminal: false, usesColor: false)
}

extension Terminal {
  init(descriptor: Int32) {
    self = .none
    let environment = ProcessInfo.processInfo.environment
    guard isatty(descriptor) == 1, environment["TERM"] != "dumb" else { return }
    isTerminal = true
    usesColor = environment["NO_COLOR", default: ""].isEmpty
    var size = winsize()
    if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      (width, height) = (Int(size.ws_col), Int(size.ws_row))
    }
  }
}
