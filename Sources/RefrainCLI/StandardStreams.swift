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
    switch StandardError.writeAll(text, to: STDOUT_FILENO) {
    case 0: break
    case EPIPE: throw ClosedPipe()
    case let number:
      throw CommandFailure.badData("standard output cannot be written: \(String(cString: strerror(number)))")
    }
  }
}
