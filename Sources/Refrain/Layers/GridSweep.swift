/// The order in which a ``GridLSTM`` goes through its places: diagonal by diagonal. The places of one do not depend on
/// each other and are computed at once, all grids together, from the uppermost row to the lowest.
///
/// In the order of a schedule, row `r` at step `s` is a row of places of one grid; on diagonal `d` it stands at column
/// `d − s`.
struct GridSweep {
  private let schedule: Schedule
  private let columns: Int
  /// For each diagonal, the steps that it crosses.
  private let diagonals: [Range<Int>]
  /// For each place in the order of the sweep, where it is among the `[B·rows·columns]` of the batch.
  let places: [Int]

  /// A sweep over at least one place.
  init(_ schedule: Schedule, columns: Int) {
    self.schedule = schedule
    self.columns = columns
    diagonals = (0..<schedule.steps + columns - 1).map { max(0, $0 - columns + 1)..<min($0, schedule.steps - 1) + 1 }
    places = diagonals.enumerated().flatMap { diagonal, steps in
      steps.flatMap { step in
        schedule.positions[schedule.rows(of: step..<step + 1)].map { $0 * columns + diagonal - step }
      }
    }
  }

  /// What leaves the places of a diagonal one way, a row for each.
  private struct Front {
    var hidden: Tensor
    var cell: Tensor

    /// Some rows of two fronts, counted as if they stood one after the other.
    static func rows(_ indices: [Int], of first: Front, _ second: Front) -> Front {
      func rows(_ first: Tensor, _ second: Tensor) -> Tensor {
        let both = first.shape[0] == 0 ? second : second.shape[0] == 0 ? first : concatenate([first, second], axis: 0)
        let start = indices[0]
        let isRange = indices.enumerated().allSatisfy { $1 == start + $0 }
        return isRange ? both.slice(start..<start + indices.count, axis: 0) : both.gatheringRows(indices)
      }
      return Front(hidden: rows(first.hidden, second.hidden), cell: rows(first.cell, second.cell))
    }
  }

  /// The hidden states of all places.
  ///
  /// - Parameters:
  ///   - sums: `[N, 8H]`, what goes into the gates from the input, in the order of the sweep.
  ///   - weightHidden: `[8H, 2H]`
  ///   - entering: what comes from above the first step of each of the schedule's rows.
  /// - Returns: `[N, 2H]`, in the order of the sweep, and what goes down from the last step of each of the schedule's
  ///   rows.
  func run(
    _ sums: Tensor, weightHidden: Tensor, from entering: GridLSTM.State
  ) -> (outputs: Tensor, state: GridLSTM.State) {
    let size = entering.hidden.shape[2]
    // A column after another, in the schedule's order: [columns, rows, H].
    let above = entering.mapTensors { $0.gatheringRows(schedule.order).transposed([1, 0, 2]) }
    let nothing = Tensor.zeros([0, size])
    var (down, right) = (Front(hidden: nothing, cell: nothing), Front(hidden: nothing, cell: nothing))
    var (outputs, downs): ([Tensor], [Front]) = ([], [])
    for (diagonal, inputSums) in sums.split(diagonals.map { schedule.rows(of: $0).count }).enumerated() {
      let steps = diagonals[diagonal]
      /// How far into the diagonal before the places of a step begin.
      func start(_ step: Int) -> Int { schedule.offsets[step] - schedule.offsets[diagonals[diagonal - 1].lowerBound] }

      var border = Front(hidden: nothing, cell: nothing)
      if steps.lowerBound == 0 {
        border = Front(hidden: above.hidden.at(diagonal, axis: 0), cell: above.cell.at(diagonal, axis: 0))
      }
      let fromAbove = steps.flatMap { step in
        (0..<schedule.alive[step]).map { step == 0 ? $0 : border.hidden.shape[0] + start(step - 1) + $0 }
      }
      down = .rows(fromAbove, of: border, down)

      var side = Front(hidden: nothing, cell: nothing)
      if steps.last == diagonal {
        let zeros = Tensor.zeros([schedule.alive[diagonal], size])
        side = Front(hidden: zeros, cell: zeros)
      }
      let fromLeft = steps.flatMap { step in
        (0..<schedule.alive[step]).map { (step == diagonal ? right.hidden.shape[0] : start(step)) + $0 }
      }
      right = .rows(fromLeft, of: right, side)

      let all =
        inputSums
        + concatenate([down.hidden, right.hidden], axis: 1).matrixProduct(weightHidden, transposingOther: true)
      down = step(all.block(GridLSTM.Way.down.rawValue, of: 4 * size), down.cell)
      right = step(all.block(GridLSTM.Way.right.rawValue, of: 4 * size), right.cell)
      outputs.append(concatenate([down.hidden, right.hidden], axis: 1))
      downs.append(down)
    }
    return (concatenate(outputs, axis: 0), leaving(entering, downs))
  }

  /// What goes down from the last step of each of the schedule's rows; from one without steps what came in.
  private func leaving(_ entering: GridLSTM.State, _ downs: [Front]) -> GridLSTM.State {
    var starts = [schedule.rows * columns]
    for diagonal in diagonals { starts.append(starts[starts.count - 1] + schedule.rows(of: diagonal).count) }
    let ranks = schedule.ranks
    let last = (0..<schedule.rows).flatMap { row in
      (0..<columns).map { column in
        guard let step = (0..<schedule.lengths[row]).last else { return row * columns + column }
        let diagonal = step + column
        return starts[diagonal] + schedule.offsets[step] - schedule.offsets[diagonals[diagonal].lowerBound] + ranks[row]
      }
    }
    func leaving(_ entering: Tensor, _ downs: [Tensor]) -> Tensor {
      concatenate([entering.reshaped([schedule.rows * columns, -1])] + downs, axis: 0).gatheringRows(last)
        .reshaped(entering.shape)
    }
    return GridLSTM.State(
      hidden: leaving(entering.hidden, downs.map(\.hidden)), cell: leaving(entering.cell, downs.map(\.cell)))
  }

  /// One way through the places of a diagonal: the sums `[N, 4H]` and the cell states `[N, H]` that come in.
  private func step(_ sums: Tensor, _ cell: Tensor) -> Front {
    let next = LSTMCell.State(sums: sums, cell: cell)
    return Front(hidden: next.hidden, cell: next.cell)
  }
}
