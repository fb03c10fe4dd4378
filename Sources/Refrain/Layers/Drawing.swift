/// Whose values are drawn, where several processes share a batch.
enum DrawnRows {
  /// The examples', along an axis.
  case examples(axis: Int)
  /// Those of the packed rows of a schedule.
  case packed(Schedule)
  /// Nobody's: all processes draw the same.
  case common
  /// This process' alone: what the whole batch would draw is not known.
  case own
}

extension Tape {
  /// The running tape, if it belongs to training.
  static var training: Tape? { current.flatMap { $0.isTraining ? $0 : nil } }

  /// Values of a shape that `make` draws. Of a batch that several processes share all draw the same, for the whole
  /// batch, and each keeps its own rows: so it does not matter how many they are.
  func drawn(
    _ shape: [Int], for rows: DrawnRows, by make: (_ shape: [Int], _ generator: inout RandomGenerator) -> Tensor
  ) -> Tensor {
    guard let share = self.rows else { return drawingOwn { make(shape, &$0) } }
    // Drawn from a copy: a property of an object is checked for other users at every access.
    var drawing = generator
    defer { generator = drawing }
    let found: SharedRows.Drawn?
    switch rows {
    case .common: return make(shape, &drawing)
    case .examples(let axis): found = share.rows(of: shape, examplesAlong: axis)
    case .packed(let schedule): found = share.rows(along: schedule)
    case .own: found = nil
    }
    guard let found, let size = found.own.isEmpty ? nil : shape.product / found.own.count else {
      return drawingOwn { make(shape, &$0) }
    }
    return make([found.total, size], &drawing).gatheringRows(found.own).reshaped(shape)
  }

  /// The tokens of the whole batch of which these are the own ones; nil where they are not known.
  func wholeTokens(of own: [Int]) -> [Int]? {
    guard let rows else { return own }
    guard let input = rows.input(of: own, from: nextTokens) else { return nil }
    nextTokens = input + 1
    return rows.whole.tokens[input]
  }

  /// Draws for the examples that are there: of a batch that several processes share, other numbers in each, of which
  /// what they draw together does not know.
  func drawingOwn<Result, E: Error>(
    _ body: (inout RandomGenerator) throws(E) -> Result
  ) throws(E) -> Result {
    var drawing = rows == nil ? generator : ownGenerator
    defer { if rows == nil { generator = drawing } else { ownGenerator = drawing } }
    return try body(&drawing)
  }

  /// Values that are each `chosen` with the given probability, else `other`.
  func draw(_ shape: [Int], probability: Float, chosen: Float, other: Float, for rows: DrawnRows) -> Tensor {
    drawn(shape, for: rows) { shape, drawing in
      Tensor(shape) { target in
        // Two values of 24 random bits from each number; without a branch, which could not be foreseen.
        let threshold = UInt64((Double(probability) * 0x1p24).rounded(.up))
        let count = shape.product
        for index in stride(from: 0, to: count, by: 2) {
          let bits = drawing.next()
          let first: Float = bits >> 40 < threshold ? 1 : 0
          target[index] = other + first * (chosen - other)
          guard index + 1 < count else { break }
          let second: Float = bits >> 16 & 0xFF_FFFF < threshold ? 1 : 0
          target[index + 1] = other + second * (chosen - other)
        }
      }
    }
  }

  /// Values that are 0 with probability `rate`, else 1 / (1 − rate).
  func dropoutMask(_ shape: [Int], rate: Float, for rows: DrawnRows = .common) -> Tensor {
    draw(shape, probability: rate, chosen: 0, other: 1 / (1 - rate), for: rows)
  }
}

extension SharedRows {
  /// The packed rows that the sequences of this process have in the schedule of the whole batch.
  ///
  /// - Returns: nil where that schedule is not known: without the valid steps of all sequences, or where resets divide
  ///   them.
  fileprivate func rows(along schedule: Schedule) -> Drawn? {
    guard let lengths = whole.lengths, lengths.count == whole.count, schedule.rows == schedule.batch,
      places.map({ lengths[$0] }) == schedule.lengths
    else { return nil }
    let all = Schedule(batch: lengths.count, time: lengths.max() ?? 0, lengths: lengths)
    let ranks = all.ranks
    let own = schedule.alive.enumerated().flatMap { step, alive in
      schedule.order[..<alive].map { all.offsets[step] + ranks[places[$0]] }
    }
    return (all.count, own)
  }
}
