// Changes to a recurrent state at every step before and after the cell: dropout where the hidden state
// enters the products (Gal and Ghahramani 2016), zoneout where the states leave the step (Krueger et al. 2017). No gate
// function knows of it; the state is small beside the products of a step.

/// The masks of a scan and the memory that they need; see `recurrentForward`.
struct StateMasks {
  /// The factors of the hidden state where it enters the products, [rows, Hp].
  let dropout: P?
  /// How much of a state of the step before is kept, the rows of [N, H]; all the same row where the stride is 0.
  let keptHidden: P?
  let keptCell: P?
  let keptStride: Int
  /// [rows, Hp] each. Forward: the hidden state that the products see, and the cell state before the step. Backward:
  /// the gradient of the former; what goes past the step to the states before it, of h and of c.
  let seen: M
  let besideCell: M
  let besideHidden: M

  /// - Parameter block: the floats of `[rows, Hp]`.
  init(_ masks: KernelMasks, block: Int) {
    dropout = masks.dropout
    keptHidden = masks.keptHidden
    keptCell = masks.keptCell
    keptStride = masks.keptStride
    (seen, besideCell, besideHidden) = (masks.scratch, masks.scratch + block, masks.scratch + 2 &* block)
  }

  /// Before the cell takes a step of sorted rows `rows`.
  func enter(_ rows: Range<Int>, _ memory: RecurrentMemory) {
    let (start, count) = (rows.lowerBound &* memory.paddedSize, rows.count &* memory.paddedSize)
    if let dropout {
      multiply(count, P(memory.previous) + start, dropout + start, seen + start)
    }
    if keptCell != nil { KernelBuild.copy(count, P(memory.cell) + start, besideCell + start) }
  }

  /// After it: what is kept of the states before the step. `index`: the packed row of sorted row 0.
  func leave(_ rows: Range<Int>, _ index: Int, _ memory: RecurrentMemory) {
    forEachVector(rows, memory.hiddenSize, memory.paddedSize) { row, unit, lanes, place in
      func kept(_ source: P, _ before: P, _ after: M) -> Vector {
        let share = load(source + ((index &+ row) &* keptStride &+ unit), lanes)
        // As the tensors' operations round it, with which a stream does the same.
        let value = share * load(before + place) + (splat(1) - share) * load(P(after) + place)
        store(value, after + place)
        return value
      }
      if let keptHidden {
        let hidden = kept(keptHidden, P(memory.previous), memory.next)
        if let output = memory.output {
          store(hidden, output + (memory.schedule.positions[index &+ row] &* memory.outputStride &+ unit), lanes)
        }
      }
      if let keptCell { _ = kept(keptCell, P(besideCell), memory.cell) }
    }
  }

  /// Before the backward pass through a step: parts the gradients of the states that leave it into that of what the
  /// cell computed, and that which goes past it. Returns whether the outputs' gradient is in that of the hidden state
  /// now.
  func enterBack(_ rows: Range<Int>, _ index: Int, _ schedule: Schedule, _ memory: BackwardMemory) -> Bool {
    forEachVector(rows, memory.hiddenSize, memory.paddedSize) { row, unit, lanes, place in
      func part(_ source: P, _ gradient: Vector, _ target: M, _ beside: M) {
        let share = load(source + ((index &+ row) &* keptStride &+ unit), lanes)
        store(share * gradient, beside + place)
        store((splat(1) - share) * gradient, target + place)
      }
      if let keptHidden {
        var gradient = load(P(memory.dHidden) + place)
        if let dOutput = memory.dOutput {
          gradient =
            gradient + load(dOutput + (schedule.positions[index &+ row] &* memory.dOutputStride &+ unit), lanes)
        }
        part(keptHidden, gradient, memory.dHidden, besideHidden)
      }
      if let keptCell { part(keptCell, load(P(memory.dCell) + place), memory.dCell, besideCell) }
    }
    return keptHidden != nil
  }

  /// After it.
  func leaveBack(_ rows: Range<Int>, _ memory: BackwardMemory) {
    let (start, count) = (rows.lowerBound &* memory.paddedSize, rows.count &* memory.paddedSize)
    if keptHidden != nil { KernelBuild.addScaled(count, 1, P(besideHidden) + start, memory.dHidden + start) }
    if keptCell != nil { KernelBuild.addScaled(count, 1, P(besideCell) + start, memory.dCell + start) }
  }

  /// The gradient of the hidden state from that of what the products saw of it: added to what is there, or in its
  /// place.
  func dropBack(_ rows: Range<Int>, _ memory: BackwardMemory, accumulate: Bool) {
    guard let dropout else { return }
    let end = rows.upperBound &* memory.paddedSize
    var place = rows.lowerBound &* memory.paddedSize
    while place < end {
      let before = accumulate ? load(P(memory.dHidden) + place) : splat(0)
      store(multiplyAdd(load(P(seen) + place), load(dropout + place), before), memory.dHidden + place)
      place &+= width
    }
  }

  /// Calls `body` for all vectors of some rows of [rows, Hp]; `place` is where a vector lies there.
  @inline(always)
  private func forEachVector(
    _ rows: Range<Int>, _ hiddenSize: Int, _ paddedSize: Int,
    _ body: (_ row: Int, _ unit: Int, _ lanes: Int, _ place: Int) -> Void
  ) {
    var row = rows.lowerBound
    while row < rows.upperBound {
      var vectors = Vectors(hiddenSize)
      while vectors.next() { body(row, vectors.index, vectors.lanes, row &* paddedSize &+ vectors.index) }
      row &+= 1
    }
  }
}

/// y = a ⊙ b, of whole vectors.
private func multiply(_ count: Int, _ a: P, _ b: P, _ y: M) {
  var index = 0
  while index < count {
    store(load(a + index) * load(b + index), y + index)
    index &+= width
  }
}
