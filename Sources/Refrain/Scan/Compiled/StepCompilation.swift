/// How the steps of a cell whose execution is ``ScanExecution/compiled`` are run.
public enum StepCompilation: Sendable, Equatable, CustomStringConvertible {
  /// By a program that was compiled of the step.
  case compiled
  /// By the loop over the step, one operation after another.
  ///
  /// - Parameter because: what cannot be compiled, such as `the operation 'softmax'`.
  case loop(because: String)

  /// Whether the steps are run by a program.
  public var isCompiled: Bool { self == .compiled }

  /// One line for people.
  public var description: String {
    switch self {
    case .compiled: "compiled"
    case .loop(let obstacle): "a loop: \(obstacle) cannot be compiled"
    }
  }
}

extension RecurrentCell {
  /// Whether the cell's steps are compiled, and what stands in the way where they are not.
  ///
  ///     print(cell.stepCompilation())  // a loop: the operation 'softmax' cannot be compiled
  ///
  /// - Parameter isTraining: whether it is asked for steps with a backward pass, or for those without.
  public func stepCompilation(forTraining isTraining: Bool = true) -> StepCompilation {
    do throws(Trace.Refusal) {
      _ = try program(for: StepMasks(), [], isTraining: isTraining, differentiatesInput: isTraining)
      return .compiled
    } catch {
      return .loop(because: error.description)
    }
  }
}
