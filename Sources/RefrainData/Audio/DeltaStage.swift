/// How rows change: the slope of a straight line through each and its two neighbors on either side,
///
///     Δ[t] = (x[t + 1] − x[t − 1] + 2 (x[t + 2] − x[t − 2])) / 10,
///
/// the first and the last row repeated beyond the ends, as of HTK and torchaudio. Rows go in one after another, and
/// come out two later.
struct DeltaStage: Equatable, Sendable {
  /// None, or three or four rows.
  var window: [[Float]] = []

  /// Takes a row; gives the change of the one two before, once there is one.
  mutating func add(_ row: [Float]) -> [Float]? {
    if window.isEmpty { window = [row, row] }
    window.append(row)
    guard window.count == 5 else { return nil }
    let slope = row.indices.map { column in
      let near = window[3][column] - window[1][column]
      return (near + 2 * (window[4][column] - window[0][column])) / 10
    }
    window.removeFirst()
    return slope
  }

  /// The changes of the last rows.
  mutating func finish() -> [[Float]] {
    guard let last = window.last else { return [] }
    return [add(last), add(last)].compactMap(\.self)
  }
}

/// Rows with their changes beside them, as they come.
struct DeltaStream: Equatable, Sendable {
  var stages: [DeltaStage]
  /// Rows, and changes of each order, that wait for those of a higher one.
  var waiting: [[[Float]]]

  init(orders: Int, width: Int) {
    stages = Array(repeating: DeltaStage(), count: orders)
    waiting = Array(repeating: [], count: orders + 1)
  }

  /// Takes a row, and gives those that are whole.
  mutating func add(_ row: ArraySlice<Float>, to result: inout [Float]) {
    pass(Array(row), 0)
    take(to: &result)
  }

  /// Gives the last rows.
  mutating func finish(to result: inout [Float]) {
    for order in stages.indices {
      for row in stages[order].finish() { pass(row, order + 1) }
    }
    take(to: &result)
  }

  /// Takes a change of some order, or a row, of order 0.
  private mutating func pass(_ row: [Float], _ order: Int) {
    waiting[order].append(row)
    if order < stages.count, let slope = stages[order].add(row) { pass(slope, order + 1) }
  }

  private mutating func take(to result: inout [Float]) {
    let ready = waiting.map(\.count).min() ?? 0
    guard ready > 0 else { return }
    for row in 0..<ready {
      for order in waiting.indices { result += waiting[order][row] }
    }
    for order in waiting.indices { waiting[order].removeFirst(ready) }
  }
}
