import RefrainFoundation

/// Standard error, where progress, notes and errors go: standard output is for results. Nobody may be listening; that
/// stops nothing.
package enum StandardError {
  /// What is known of the terminal behind it.
  package static var terminal: Terminal { Terminal(descriptor: STDERR_FILENO) }

  /// Writes a text and the end of a line.
  package static func write(line: String) { write(line + "\n") }
  /// Writes a text.
  package static func write(_ text: String) { _ = writeAll(text, to: STDERR_FILENO) }

  /// Writes every byte to a stream; returns 0 or the system's error number.
  package static func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { RefrainFoundation.write(descriptor, $0.baseAddress, $0.count) }
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
}

/// What is known of the terminal behind a stream.
package struct Terminal: Sendable {
  package var isTerminal: Bool
  /// Columns.
  package var width = 80
  /// Rows.
  package var height = 24
  /// Whether colors are welcome: on a terminal that can, unless `NO_COLOR` is set (https://no-color.org).
  package var usesColor: Bool

  package init(isTerminal: Bool, width: Int = 80, height: Int = 24, usesColor: Bool) {
    self.isTerminal = isTerminal
    self.width = width
    self.height = height
    self.usesColor = usesColor
  }

  /// A file or a pipe.
  package static let none = Terminal(isTerminal: false, usesColor: false)
}

extension Terminal {
  /// The terminal behind a stream, or none.
  package init(descriptor: Int32) {
    self = .none
    let environment = ProcessInfo.processInfo.environment
    // Open MPI gives each process a terminal of its own, whatever reads it in the end.
    guard isatty(descriptor) == 1, environment["TERM"] != "dumb", environment["OMPI_COMM_WORLD_SIZE"] == nil else {
      return
    }
    isTerminal = true
    usesColor = environment["NO_COLOR", default: ""].isEmpty
    var size = winsize()
    if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      (width, height) = (Int(size.ws_col), Int(size.ws_row))
    }
  }
}
