/// An environment variable whose value cannot be.
public struct EnvironmentError: Error, CustomStringConvertible, Sendable, Equatable {
  /// One line: which variable, its value, and the values it may have.
  public let description: String
}

/// The environment variables that Refrain reads: `REFRAIN_ISA`, the ``InstructionSet``, and `REFRAIN_THREADS`, the
/// number of threads.
public enum EnvironmentSettings {
  /// The greatest number of threads that is taken.
  public static let mostThreads = 1024

  /// Checks the variables of this process.
  ///
  /// A program calls it when it starts, to report a wrong value in its own way. Without that, the first computation
  /// writes the same line to standard error and ends the process with status 64 (`EX_USAGE`).
  public static func check() throws(EnvironmentError) {
    _ = try instructionSet(named: environmentVariable("REFRAIN_ISA"), upTo: .best)
    _ = try threads(environmentVariable("REFRAIN_THREADS"))
  }

  /// The set of instructions that a variable asks for.
  ///
  /// - Parameters:
  ///   - name: the value of the variable; nil where it is not set.
  ///   - best: the best set that there is, which is taken then.
  static func instructionSet(named name: String?, upTo best: InstructionSet) throws(EnvironmentError) -> InstructionSet
  {
    guard let name else { return best }
    if let chosen = InstructionSet(rawValue: name), chosen <= best { return chosen }
    let names = InstructionSet.allCases.filter { $0 <= best }.map(\.rawValue).joined(separator: ", ")
    throw EnvironmentError(
      description: "REFRAIN_ISA is '\(name)'; unset it, or set it to what this processor has: \(names)")
  }

  /// The number of threads that a variable asks for; nil where it is not set.
  static func threads(_ text: String?) throws(EnvironmentError) -> Int? {
    guard let text else { return nil }
    if let count = Int(text), (1...mostThreads).contains(count) { return count }
    throw EnvironmentError(
      description: "REFRAIN_THREADS is '\(text)'; unset it, or set it to a whole number from 1 to \(mostThreads)")
  }

  /// The result of `body`; an error ends the process with one line and status 64, since nothing here can throw it to
  /// whom it concerns: the person who set the variable.
  static func orStop<Result>(_ body: () throws(EnvironmentError) -> Result) -> Result {
    do throws(EnvironmentError) { return try body() } catch { stop(error.description, status: 64) }
  }
}
