/// What a gate of a recurrent level did at the first steps of a few sequences.
///
///     let gates = GateValues.seen(in: model) { _ = model(x) }
///     for gate in gates { print(gate.level, gate.gate, gate.values.mean()) }
public struct GateValues: Sendable {
  /// Where the level stands in the model: the name of its first weight without what that weight is called in the cell,
  /// such as `recurrent.l0_reverse`; the cell's name where its weights are none of the model's.
  public let level: String
  /// The gate's name in the cell, such as `input`.
  public let gate: String
  /// `[N, H]`: its units at **N** steps, those of several sequences one after another.
  public internal(set) var values: Tensor
  /// Whether it alone decides what share of its memory a unit keeps, as a forget gate does.
  public let decidesRetention: Bool

  /// The gates of every level that goes through time in `body`, for at most four of its sequences, the longest, and at
  /// most 256 of their steps. They are computed by the readable step, beside what `body` computes, which stays as it
  /// is.
  ///
  /// - Parameters:
  ///   - model: what levels are named by.
  ///   - body: runs the model. Cells that are called step by step are not seen.
  public static func seen(in model: some TensorGroup, while body: () -> Void) -> [GateValues] {
    let watch = GateWatch()
    GateWatch.$current.withValue(watch) { body() }
    return watch.gates(of: model)
  }
}

/// Looks at the cells that are scanned while it is current.
final class GateWatch: @unchecked Sendable {
  @TaskLocal static var current: GateWatch?

  /// More say no more of a gate, and cost.
  private static let (mostRows, mostSteps) = (4, 256)

  private struct Level {
    /// The cell's first weight, by which it is found in a model, and its name there but for what stands around it.
    let weight: Storage?
    let ownName: String
    let cell: String
    var gates: [(name: String, value: Tensor, decidesRetention: Bool)]
  }
  private var levels: [Level] = []

  /// Looks at a scan that is to be.
  @_semantics("optimize.sil.specialize.generic.never")
  func look<Cell: RecurrentCell>(at cell: Cell, _ input: Tensor, from state: Cell.State, along schedule: Schedule) {
    let gates = Recording.run(nil) {
      cell.gates(input, from: state, along: schedule, rows: Self.mostRows, steps: Self.mostSteps)
    }
    guard !gates.isEmpty else { return }
    let kept = cell.retention(Dictionary(gates.map { ($0.name, $0.value) }) { first, _ in first })
    let found: [(name: String, value: Tensor, decidesRetention: Bool)] = gates.map {
      ($0.name, $0.value, Self.decides($0.value, kept))
    }
    let (weight, ownName) = (cell.tensors.first?.storage, cell.namedTensors.first?.name ?? "")
    // A layer that is used several times is one level.
    if let place = levels.firstIndex(where: { $0.weight === weight && $0.cell == Cell.name }) {
      for (index, gate) in found.enumerated() where index < levels[place].gates.count {
        levels[place].gates[index].value = concatenate([levels[place].gates[index].value, gate.value], axis: 0)
      }
    } else {
      levels.append(Level(weight: weight, ownName: ownName, cell: Cell.name, gates: found))
    }
  }

  /// Whether a gate is the share that is kept, or what is left of it.
  private static func decides(_ gate: Tensor, _ kept: Tensor?) -> Bool {
    guard let kept, kept.shape == gate.shape else { return false }
    let pairs = zip(gate.values, kept.values)
    return pairs.allSatisfy { abs($0 - $1) < 1e-6 } || pairs.allSatisfy { abs(1 - $0 - $1) < 1e-6 }
  }

  /// What was seen, under the names of a model.
  func gates(of model: some TensorGroup) -> [GateValues] {
    let named = model.namedTensors
    return levels.flatMap { level in
      let name = named.first { $0.tensor.storage === level.weight }?.name
      return level.gates.map { gate in
        GateValues(
          level: name.map { Self.level($0, of: level.ownName) } ?? level.cell, gate: gate.name, values: gate.value,
          decidesRetention: gate.decidesRetention)
      }
    }
  }

  /// `encoder.weight_ih_l0` of a cell that calls the weight `weight_ih` is of the level `encoder.l0`.
  private static func level(_ weight: String, of ownName: String) -> String {
    let parts = weight.split(separator: ".")
    guard let last = parts.last, last.hasPrefix(ownName) else { return weight }
    let rest = last.dropFirst(ownName.count).drop { $0 == "_" }
    return (parts.dropLast() + (rest.isEmpty ? [] : [rest])).joined(separator: ".")
  }
}

extension RecurrentCell {
  /// The gates of the first steps of the longest rows by the readable step, those of one step after another: `[N, H]`
  /// each.
  ///
  /// - Parameters:
  ///   - rows: how many rows at most.
  ///   - steps: how many steps of each at most.
  @_semantics("optimize.sil.specialize.generic.never")
  func gates(
    _ input: Tensor, from state: State, along schedule: Schedule, rows: Int, steps: Int
  ) -> [(name: String, value: Tensor)] {
    let counts = schedule.alive.prefix(steps).map { min($0, rows) }
    guard let first = counts.first, first > 0 else { return [] }
    let positions = zip(schedule.offsets, counts).flatMap { schedule.positions[$0..<$0 + $1] }
    let packed = input.reshaped([schedule.batch * schedule.time, inputSize]).gatheringRows(positions)
    let projected = project(packed)
    var running = state.mapTensors { $0.gatheringRows(Array(schedule.order.prefix(first))) }
    var (seen, offset) = ([[(name: String, value: Tensor)]](), 0)
    for count in counts {
      running = running.mapTensors { $0.shape[0] > count ? $0.slice(0..<count, axis: 0) : $0 }
      let now = projected.slice(offset..<offset + count, axis: 0)
      seen.append(gates(now, running))
      // A cell shows gates, or none.
      if seen[0].isEmpty { return [] }
      running = step(now, running)
      offset += count
    }
    return seen[0].indices.map { index in
      (seen[0][index].name, concatenate(seen.map { $0[index].value }, axis: 0))
    }
  }
}
