import RefrainKernels

/// The recurrence c' = a ⊙ c + b along a schedule, as one operation.
///
/// Each element of the state goes its own way, so threads share rows and columns alike, and every step is one run over
/// what still goes on. Sequences are not cut in time: it would cost every step twice, and a stream, whose steps come
/// one by one, could not have the bits of the scan.
///
/// - Parameters:
///   - decay: a, `[N, H]`, packed rows.
///   - addition: b, `[N, H]`, packed rows.
///   - initial: c before the first step, `[B, H]` in the order of the batch.
/// - Returns: c after each step, `[N, H]`, packed rows.
func linearRecurrence(_ decay: Tensor, _ addition: Tensor, from initial: Tensor, along schedule: Schedule) -> Tensor {
  let (rows, width) = (schedule.order.count, initial.shape[1])
  let shape = [schedule.count, width]
  require(
    decay.shape == shape && addition.shape == shape && initial.shape[0] == rows,
    "a linear recurrence of \(rows) sequences, \(schedule.count) steps: the shapes are \(decay.shape), "
      + "\(addition.shape) and \(initial.shape)")
  let ordered = initial.detached.gatheringRows(schedule.order)
  let multiply = BinaryOperation.multiply.rawValue

  /// Calls `body`, for parts of the state side by side, with where each step's part begins among the packed values, how
  /// many values it has, and where the values of the step before begin; nil before the first step.
  func forEachStep(reversed: Bool, _ body: (_ part: Int, _ at: Int, _ count: Int, _ previous: Int?) -> Void) {
    parallel(rows * width, grain: max(64, Tensor.elementGrain / max(schedule.steps, 1)), multiple: 16) { part in
      let start = part.lowerBound
      func step(_ index: Int) {
        let count = min(part.upperBound, schedule.alive[index] * width) - start
        guard count > 0 else { return }
        body(
          start, schedule.offsets[index] * width + start, count,
          index == 0 ? nil : schedule.offsets[index - 1] * width + start)
      }
      if reversed {
        for index in (0..<schedule.steps).reversed() { step(index) }
      } else {
        for index in 0..<schedule.steps { step(index) }
      }
    }
  }

  let result = Tensor(shape) { c in
    read(decay, addition, ordered) { a, b, initial in
      forEachStep(reversed: false) { part, at, count, previous in
        kernels.binary(multiply, count, a + at, 1, previous.map { P(c) + $0 } ?? initial + part, 1, c + at)
        kernels.addScaled(count, 1, b + at, c + at)
      }
    }
  }
  guard let recorder = Recording.current else { return result }
  let operation = Operations.Opaque(name: "linear recurrence")
  return recorder.record(operation, of: [decay, addition, initial], [result]) { gradients in
    // The gradient that reaches each element of the state from the steps after: zero at first, the initial state's at
    // last.
    var carried = Tensor.zeros([rows, width])
    var additionGradient = Tensor.zeros(shape)
    let decayGradient = Tensor(shape) { da in
      carried.write { carried in
        additionGradient.write { db in
          read(gradients[0]!, decay, ordered) { dc, a, initial in
            result.read { c in
              forEachStep(reversed: true) { part, at, count, previous in
                let sum = carried + part
                kernels.addScaled(count, 1, dc + at, sum)
                kernels.copy(count, sum, db + at)
                kernels.binary(multiply, count, sum, 1, previous.map { c + $0 } ?? initial + part, 1, da + at)
                kernels.binary(multiply, count, sum, 1, a + at, 1, sum)
              }
            }
          }
        }
      }
    }
    return [decayGradient, additionGradient, carried.gatheringRows(schedule.ranks)]
  }[0]
}

/// A cell that forgets and takes in by what the input alone says: h' = a ⊙ h + b. All its gates are one product, and
/// the scan is a ``linearRecurrence(_:_:from:along:)``; of eight sequences or more the step is compiled.
protocol LinearCell: RecurrentCell where State == HiddenState {
  /// a and b, each `[N, H]`, from the projected input.
  func coefficients(_ projected: Tensor) -> (decay: Tensor, addition: Tensor)
}

extension LinearCell {
  public func step(_ projected: Tensor, _ state: HiddenState) -> HiddenState {
    let (decay, addition) = coefficients(projected)
    return HiddenState(hidden: decay * state.hidden + addition)
  }

  public static var execution: ScanExecution<Self> {
    .atOnce(below: 8) { cell, input, state, schedule in
      let (decay, addition) = cell.coefficients(cell.project(schedule.packed(input)))
      let hidden = linearRecurrence(decay, addition, from: state.hidden, along: schedule)
      return (
        schedule.unpacked(hidden, like: input), HiddenState(hidden: schedule.lastRows(hidden, initial: state.hidden))
      )
    }
  }
}

extension Schedule {
  /// `[B, T, I]` → the valid steps as packed rows, `[N, I]`.
  func packed(_ input: Tensor) -> Tensor {
    require(
      input.rank == 3 && input.shape[0] * input.shape[1] == batch * time,
      "a scan of \(batch) sequences of \(time) steps: the input has shape \(input.shape)")
    return input.reshaped([batch * time, input.shape[2]]).gatheringRows(positions)
  }

  /// The inverse of ``packed(_:)``: `[N, H]` → `[B, T, H]`, zero at steps that are not valid. The first two axes are
  /// those of `input`.
  func unpacked(_ rows: Tensor, like input: Tensor) -> Tensor {
    rows.scatteringRows(to: positions, count: batch * time)
      .reshaped([input.shape[0], input.shape[1], rows.shape[1]])
  }

  /// The row after each sequence's last valid step, or its initial one if there is none: `[N, H]` and `[B, H]` →
  /// `[B, H]`.
  func lastRows(_ rows: Tensor, initial: Tensor) -> Tensor {
    let places = zip(lengths, ranks).enumerated().map { row, place in
      place.0 == 0 ? count + row : offsets[place.0 - 1] + place.1
    }
    let all = places.allSatisfy { $0 < count } ? rows : concatenate([rows, initial], axis: 0)
    return all.gatheringRows(places)
  }
}
