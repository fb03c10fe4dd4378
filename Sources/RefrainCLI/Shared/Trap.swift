import Refrain
import RefrainFoundation

/// A fault in the program itself, or want of memory outside of tensors: where Swift would print the stack of every
/// thread, the command says one line and ends with 70. What the fault was stands on the line before, from Swift.
enum Trap {
  /// The line, as bytes that last for ever: a signal handler may not make any.
  private nonisolated(unsafe) static var line: UnsafeMutableBufferPointer<UInt8>?

  /// Has faults reported under the program's name.
  static func report(as name: String) {
    var fault = "a fault of its own, which should not be; please"
    if let limit = TensorMemory.addressSpaceLimit {
      fault =
        "a fault of its own, or by want of memory within the \(limit / 1_000_000) MB that it may have (ulimit -v): "
        + "let it have more, or"
    }
    let text = "\(name): stopped by \(fault) report it with what it was asked to do\n"
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
    _ = bytes.initialize(from: text.utf8)
    line = bytes
    // A stack that is full has no room for a handler.
    let size = 1 << 16
    var stack = stack_t()
    stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    stack.ss_size = size
    sigaltstack(&stack, nil)
    var action = sigaction()
    action.sa_flags = Int32(SA_ONSTACK)
    let handler: @convention(c) (Int32) -> Void = { _ in
      // Only what is safe in a signal handler.
      if let line = Trap.line { _ = write(STDERR_FILENO, line.baseAddress, line.count) }
      _exit(70)
    }
    #if os(Linux)
      action.__sigaction_handler.sa_handler = handler
    #else
      action.__sigaction_u.__sa_handler = handler
    #endif
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] { sigaction(number, &action, nil) }
  }
}
