/// How the steps of a cell are run along a schedule. A cell names one, once (``RecurrentCell/execution``); all give the
/// values of the loop over its step, but for rounding.
public struct ScanExecution<Cell: RecurrentCell>: Sendable {
  /// All steps of a batch.
  typealias Scan =
    @Sendable (
      _ cell: Cell, _ input: Tensor, _ state: Cell.State, _ schedule: Schedule, _ masks: StepMasks
    ) -> (outputs: Tensor, state: Cell.State)

  /// Checks the weights and the arguments, and computes all steps.
  let scan: Scan
  /// Checks the weights and the arguments, and takes one step in place.
  let advance: @Sendable (_ cell: Cell, _ state: inout Cell.State, _ input: Tensor) -> Void
  /// Below how many rows the gates of all steps are computed before a state follows from them.
  private let rowsAtOnce: Int

  init(
    rowsAtOnce: Int = 0, scan: @escaping Scan,
    advance: @escaping @Sendable (_ cell: Cell, _ state: inout Cell.State, _ input: Tensor) -> Void
  ) {
    self.rowsAtOnce = rowsAtOnce
    self.scan = scan
    self.advance = advance
  }

  /// Whether a scan of so many rows writes the gates of all steps before it reads them again, step by step: they go
  /// through memory then. Where each step computes its own they stay in a cache.
  package func writesGates(rows: Int) -> Bool { rows < rowsAtOnce }
}

extension ScanExecution {
  /// The loop over the cell's step, a tensor an operation.
  public static var loop: Self {
    Self(
      scan: { cell, input, state, schedule, masks in
        cell.checkScan(input, from: state, along: schedule)
        return cell.scanByLoop(input, from: state, along: schedule, masks: masks)
      },
      advance: { cell, state, input in cell.advanceByStep(&state, with: input) })
  }

  /// The step traced once and compiled: run along a schedule without making a tensor, faster than the loop. Where a
  /// step has operations that are not compiled, the loop is what runs, and nothing else changes.
  ///
  /// Cells of one type with the same options and shapes share what was compiled, so all that is no tensor of the walk
  /// must follow from the options.
  public static var compiled: Self {
    Self(
      scan: { $0.scanCompiled($1, from: $2, along: $3, masks: $4) },
      advance: { $0.advanceCompiled(&$1, with: $2) })
  }

  /// The cell's own way to compute all steps at once, for a cell whose steps need not wait for each other. Under masks,
  /// which come between the steps, the step is compiled; a stream takes the step.
  ///
  /// - Parameters:
  ///   - rows: from how many rows on the compiled step is quicker: it multiplies so many at a time, and what it
  ///     computes of them stays in the cache. Both must give the same bits.
  ///   - scan: gives the outputs `[B, T, H]`, or `[T, B, H]`, zero at steps that are not valid, and each row's state
  ///     after its last valid step. It is called with weights, input and state of the right shapes.
  public static func atOnce(
    below rows: Int = .max,
    _ scan:
      @escaping @Sendable (
        _ cell: Cell, _ input: Tensor, _ state: Cell.State, _ schedule: Schedule
      ) -> (outputs: Tensor, state: Cell.State)
  ) -> Self {
    Self(
      rowsAtOnce: rows,
      scan: { cell, input, state, schedule, masks in
        guard masks.isEmpty, schedule.rows < rows else {
          return cell.scanCompiled(input, from: state, along: schedule, masks: masks)
        }
        cell.checkScan(input, from: state, along: schedule)
        return scan(cell, input, state, schedule)
      },
      advance: { cell, state, input in cell.advanceByStep(&state, with: input) })
  }
}

extension RecurrentCell {
  /// All steps of a batch.
  ///
  /// - Parameters:
  ///   - input: `[B, T, I]`, or `[T, B, I]` where the schedule says so.
  ///   - state: the state before the first step of each of the schedule's rows. Without resets these are the B
  ///     sequences; a reset makes a row of the steps that follow it (``Schedule/rows``).
  ///   - schedule: which steps are valid, and in which order they are taken.
  ///   - masks: what is done to the state at each step.
  /// - Returns: the outputs `[B, T, H]`, or `[T, B, H]`, zero at steps that are not valid, and each row's state after
  ///   its last valid step.
  public func scan(
    _ input: Tensor, from state: State, along schedule: Schedule, masks: StepMasks = StepMasks()
  ) -> (outputs: Tensor, state: State) {
    GateWatch.current?.look(at: self, input, from: state, along: schedule)
    if let tape = Tape.current, let interval = tape.checkpointInterval, interval < schedule.steps {
      return checkpointedScan(input, from: state, along: schedule, masks: masks, interval: interval, on: tape)
    }
    return Self.execution.scan(self, input, state, schedule, masks)
  }

  /// One step of one or many streams, in place: for input that comes step by step, with the state in the caller's
  /// hands.
  ///
  /// Without a tape a fused cell allocates nothing here and packs its weights once, until they are written.
  ///
  /// - Parameters:
  ///   - state: in: the state at t − 1; out: at t. It is overwritten where it lies unless somebody else holds it too.
  ///   - input: `[B, I]`, a row for each stream.
  public func advance(_ state: inout State, with input: Tensor) { Self.execution.advance(self, &state, input) }

  /// One step by the operations of ``step(_:_:)``.
  func advanceByStep(_ state: inout State, with input: Tensor) {
    checkWeights()
    checkStep(input, from: state)
    state = step(project(input), state)
  }
}
