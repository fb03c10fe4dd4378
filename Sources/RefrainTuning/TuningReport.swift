import RealModule
import Refrain
import RefrainData
import RefrainTasks

/// What a search has found: its trials, and how much each parameter has to do with the result.
public struct TuningReport: Sendable {
  /// The task's name.
  public var task: String
  /// What was searched.
  public var space: SearchSpace
  /// All trials.
  public var trials: [Study.Trial]
  /// The measure that decides.
  public var measure: TaskMeasure?
  /// How many times in all each of the best was to be trained.
  public var repeats: Int
  /// The changes of examples that were given for all trials; nil where there were none.
  public var givenChanges: String?

  /// A report.
  public init(
    task: String, space: SearchSpace, trials: [Study.Trial], measure: TaskMeasure?, repeats: Int = 1,
    givenChanges: String? = nil
  ) {
    (self.task, self.space, self.trials, self.measure) = (task, space, trials, measure)
    (self.repeats, self.givenChanges) = (repeats, givenChanges)
  }

  /// What the best is known by.
  public var ranking: TrialRanking { TrialRanking(measure, repeats: repeats) }

  /// The name of the measure, once it is known.
  public var measureName: String { measure?.name ?? "result" }

  /// The finished trials, the best first, then the others by number.
  public var ranked: [Study.Trial] {
    let finished = ranking.ranked(trials)
    return finished + trials.filter { $0.state != .finished || $0.result == nil }
  }

  /// For each parameter the share of the results' variance that lies between parts of its range: four parts of equally
  /// many trials, or its words; less what chance alone would put there (ε², Kelley 1935). What parameters do together
  /// is in none of them; few trials say little.
  public var importance: [(name: String, share: Double)] {
    let known = trials.compactMap { trial -> (values: [ParameterValue], result: Double)? in
      guard trial.state == .finished, let result = trial.result, let values = space.values(of: trial.values) else {
        return nil
      }
      return (values, result)
    }
    guard known.count > 3 else { return [] }
    // By ranks, so that one bad trial is not all of the variance.
    let order = known.indices.sorted { known[$0].result < known[$1].result }
    var ranks = [Double](repeating: 0, count: known.count)
    var start = 0
    while start < order.count {
      let result = known[order[start]].result
      let end = order[start...].firstIndex { known[$0].result > result } ?? order.count
      // Of equal results none is the better one.
      for index in order[start..<end] { ranks[index] = Double(start + end - 1) / 2 }
      start = end
    }
    let mean = Double(known.count - 1) / 2
    let total = ranks.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return space.parameters.enumerated().map { index, parameter in
      let places = known.map { parameter.domain.place(of: $0.values[index]) }
      var groups: [Int: [Double]] = [:]
      let sorted = known.indices.sorted { (places[$0] ?? 0, $0) < (places[$1] ?? 0, $1) }
      for (position, trial) in sorted.enumerated() {
        let group =
          if case .choice(let place) = known[trial].values[index] { place } else { position * 4 / known.count }
        groups[group, default: []].append(ranks[trial])
      }
      let between = groups.values.reduce(0.0) { sum, group in
        let own = group.reduce(0, +) / Double(group.count)
        return sum + Double(group.count) * (own - mean) * (own - mean)
      }
      let freedom = Double(known.count - groups.count)
      guard total > 0, freedom > 0 else { return (parameter.name, 0) }
      return (parameter.name, max(0, 1 - (total - between) / total * Double(known.count - 1) / freedom))
    }.sorted { $0.share > $1.share }
  }

  /// The report for programs.
  package var json: JSON {
    func number(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
    return [
      "task": .text(task), "measure": measure.map { .text($0.name) } ?? .null,
      "best": ranked.first.flatMap { $0.state == .finished ? .integer($0.number) : nil } ?? .null,
      "trials": .array(
        trials.map { trial in
          [
            "number": .integer(trial.number), "state": .text(trial.state.rawValue), "result": number(trial.result),
            "options": .object(trial.values.sorted { $0.key < $1.key }.map { ($0.key, .text($0.value)) }),
            "attempts": .integer(trial.attempts), "seconds": number(trial.seconds),
            "message": trial.message.map { .text($0) } ?? .null,
            "mean": number(ranking.mean(of: trial)),
            "repeats": .array(
              trial.repeats.map {
                ["seed": .integer($0.number + 1), "state": .text($0.state.rawValue), "result": number($0.result)]
              }),
            "reports": .array(trial.reports.map { ["step": .integer($0.step), "value": .number($0.value)] }),
          ]
        }),
      "importance": .object(importance.map { ($0.name, .number($0.share)) }),
    ]
  }
}
