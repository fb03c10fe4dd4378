import RealModule

/// The gates and states of one recurrent level while it read a batch, whatever its cell.
public struct LayerInspection: Sendable {
  /// Which level of a stack it is, from 1; 0 where it is none.
  public var level: Int
  /// Which way it goes.
  public var direction: Direction
  /// The cell's name.
  public var cell: String
  /// The gates by name, each `[B, T, H]`; none where the cell shows none.
  public var gates: [(name: String, value: Tensor)]
  /// The state's tensors by name, each `[B, T, H]` as a rule.
  public var states: [(name: String, value: Tensor)]
  /// The share of each unit's memory that a step keeps, `[B, T, H]`; nil where no gate of the cell decides it.
  public var retention: Tensor?

  /// The state that has a value for every unit, `[B, T, H]`: the cell state, of several levels that of the uppermost,
  /// and where there is none the hidden state. Nil where no tensor has this shape.
  public var memory: (name: String, value: Tensor)? { Self.memory(among: states.filter { $0.value.rank == 3 }) }

  /// The one of several tensors that is the memory, by the names that cells give them: beside it states hold inputs,
  /// times, normalizers.
  package static func memory(among states: [(name: String, value: Tensor)]) -> (name: String, value: Tensor)? {
    states.last { $0.name == "cell" || $0.name.hasSuffix(".cell") } ?? states.first { $0.name == "hidden" }
      ?? states.first
  }
}

/// A layer that shows its recurrent levels.
public protocol InspectedLayer: Layer {
  /// What each level does while it reads a batch, from the lowest.
  func inspections(of input: Tensor, steps: Steps) -> [LayerInspection]
}

extension Recurrent: InspectedLayer {
  public func inspections(of input: Tensor, steps: Steps = Steps()) -> [LayerInspection] {
    let seen = inspect(input, steps: steps)
    let states: [(name: String, value: Tensor)] = seen.states.namedTensors.map { ($0.name, $0.tensor) }
    // What zoneout keeps is kept beside what the gates keep.
    let isCellState = LayerInspection.memory(among: states)?.name == "cell"
    let zoneout = isCellState ? regularization.zoneoutCell : regularization.zoneoutHidden
    let retention = cell.retention(of: seen.gates).map { zoneout > 0 ? zoneout + (1 - zoneout) * $0 : $0 }
    return [
      LayerInspection(
        level: 0, direction: configuration.direction, cell: Cell.name, gates: seen.gates, states: states,
        retention: retention)
    ]
  }
}

extension RecurrentCell {
  /// The share that is kept, from gates in a list.
  fileprivate func retention(of gates: [(name: String, value: Tensor)]) -> Tensor? {
    retention(Dictionary(gates.map { ($0.name, $0.value) }) { first, _ in first })
  }
}

extension Bidirectional: InspectedLayer {
  public func inspections(of input: Tensor, steps: Steps = Steps()) -> [LayerInspection] {
    var back = backward.inspections(of: input, steps: steps)
    for index in back.indices { back[index].direction = .backward }
    return forward.inspections(of: input, steps: steps) + back
  }
}

extension Stacked: InspectedLayer where Level: InspectedLayer {
  public func inspections(of input: Tensor, steps: Steps = Steps()) -> [LayerInspection] {
    let outputs = scanLevels(input, steps: steps).outputs
    return levels.enumerated().flatMap { index, level in
      var below = index == 0 ? input : outputs[index - 1]
      if index > 0, Self.lastColumn != nil {
        below = concatenate([below, input.valuesAndLastColumn.last], axis: -1)
      }
      var found = level.inspections(of: below, steps: steps)
      for place in found.indices { found[place].level = index + 1 }
      return found
    }
  }
}

extension ConvolutionalLSTM: InspectedLayer {
  /// What each filter does: the means over the places.
  public func inspections(of input: Tensor, steps: Steps = Steps()) -> [LayerInspection] {
    let seen = recurrent.inspect(input.reshaped(Array(input.shape.prefix(2)) + [cell.inputSize]), steps: steps)
    let filters = configuration.filters
    func means(_ all: [(name: String, value: Tensor)]) -> [(name: String, value: Tensor)] {
      all.map { name, value in
        (name, value.reshaped(Array(value.shape.prefix(2)) + [-1, filters]).mean(axes: [2]))
      }
    }
    let gates = means(seen.gates)
    return [
      LayerInspection(
        level: 0, direction: configuration.direction, cell: Cell.name, gates: gates,
        states: means(seen.states.namedTensors.map { ($0.name, $0.tensor) }), retention: cell.retention(of: gates))
    ]
  }
}

/// What a unit does with its gates and its memory, over the steps of one sequence.
public struct UnitStatistics: Sendable {
  /// A gate of it.
  public struct Gate: Sendable {
    /// The gate's name.
    public var name: String
    /// The mean value.
    public var mean: Float
    /// The share of steps at which it is below 0.1: closed (Karpathy, Johnson and Fei-Fei 2015).
    public var closed: Float
    /// The share of steps at which it is above 0.9: open.
    public var open: Float
  }

  /// The unit's number.
  public var unit: Int
  /// Its gates, without those that are no share of something.
  public var gates: [Gate]
  /// After how many steps half of what the unit held is left, from the geometric mean of the shares that steps keep;
  /// nil where no gate decides them, infinite where nothing is ever lost.
  public var halfLife: Float?
  /// The feature that the unit's state is most correlated with over the steps, and how; nil where nothing varies.
  public var follows: (feature: Int, correlation: Float)?
}

extension LayerInspection {
  /// What each unit does over the steps of the first sequence.
  ///
  /// - Parameter features: The input of the network, `[T, I]`, for what units follow.
  public func units(following features: Tensor? = nil) -> [UnitStatistics] {
    guard let state = memory?.value else { return [] }
    let (time, size) = (state.shape[1], state.shape[2])
    guard time > 0 else { return [] }
    func columns(_ tensor: Tensor) -> [[Float]] {
      let values = tensor.values
      return (0..<size).map { unit in (0..<time).map { values[$0 * size + unit] } }
    }
    let held = columns(state)
    let kept = retention.flatMap { $0.shape == state.shape ? columns($0) : nil }
    let shares = gates.filter { gate in
      // A candidate may be a share by chance.
      !gate.name.hasPrefix("candidate") && gate.value.shape == state.shape
        && gate.value.values.allSatisfy { (0...1).contains($0) }
    }
    let gateColumns = shares.map { (name: $0.name, columns: columns($0.value)) }
    var inputs: [[Float]] = []
    if let features, features.shape[0] == time {
      let values = features.values
      let width = features.shape[1]
      inputs = (0..<width).map { feature in (0..<time).map { values[$0 * width + feature] } }
    }
    return (0..<size).map { unit in
      let statistics = gateColumns.map { gate in
        let values = gate.columns[unit]
        let count = Float(values.count)
        return UnitStatistics.Gate(
          name: gate.name, mean: values.reduce(0, +) / count,
          closed: Float(values.count { $0 < 0.1 }) / count, open: Float(values.count { $0 > 0.9 }) / count)
      }
      let halfLife = kept.map { UnitStatistics.halfLife($0[unit]) }
      let correlations = inputs.map { RankCorrelation.pearson($0, held[unit]) }
      let best = correlations.indices.filter { correlations[$0].isFinite }
        .max { abs(correlations[$0]) < abs(correlations[$1]) }
      return UnitStatistics(
        unit: unit, gates: statistics, halfLife: halfLife, follows: best.map { ($0, correlations[$0]) })
    }
  }
}

extension UnitStatistics {
  /// After how many steps half is left of what is multiplied by these shares, in the mean.
  fileprivate static func halfLife(_ shares: [Float]) -> Float {
    let sum = shares.reduce(0.0) { $0 + Double.log(max(Double($1), 1e-12)) }
    return sum < 0 ? Float(Double.log(0.5) * Double(shares.count) / sum) : .infinity
  }
}
