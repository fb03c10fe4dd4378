/// Stops the program with `message` when `condition` does not hold: for mistakes of the programmer, such as shapes that
/// do not fit. (`precondition` loses its message in optimized builds; what a user of a program can cause is thrown.)
@inlinable
func require(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String,
  file: StaticString = #fileID, line: UInt = #line
) {
  if !condition() { fatalError(message(), file: file, line: line) }
}
