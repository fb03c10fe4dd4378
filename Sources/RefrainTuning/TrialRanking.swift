import RefrainTasks

/// Which trials are the best: by their one result, or where the best of them were repeated with other seeds, by the
/// mean.
public struct TrialRanking: Sendable {
  /// How many of the best are repeated.
  public static let candidates = 3

  /// The measure that decides; nil while nothing is measured.
  public let measure: TaskMeasure?
  /// How many times in all each of the best is trained; 1 repeats nothing.
  public let repeats: Int

  /// A ranking.
  public init(_ measure: TaskMeasure?, repeats: Int = 1) { (self.measure, self.repeats) = (measure, repeats) }

  /// What is to be as little as can be.
  func loss(_ value: Double) -> Double { measure?.loss(value) ?? value }

  /// The finished trials, the best first by their one result.
  func byResult(_ trials: [Study.Trial]) -> [Study.Trial] {
    trials.filter { $0.state == .finished && $0.result != nil }
      .sorted { (loss($0.result!), $0.number) < (loss($1.result!), $1.number) }
  }

  /// Those that are repeated.
  func candidates(of trials: [Study.Trial]) -> [Study.Trial] { Array(byResult(trials).prefix(Self.candidates)) }

  /// The mean of a trial over its seeds, of those that were measured; nil where it was not repeated, or not yet as
  /// often as it is to be.
  public func mean(of trial: Study.Trial) -> Double? {
    let all = trial.repeats.filter { $0.number < repeats }
    guard repeats > 1, all.count == repeats - 1, all.allSatisfy({ $0.state == .finished || $0.state == .failed }),
      let result = trial.result
    else { return nil }
    let results = [result] + all.compactMap(\.result)
    return results.reduce(0, +) / Double(results.count)
  }

  /// Whether all that are to be repeated were.
  public func isDecided(_ trials: [Study.Trial]) -> Bool {
    repeats > 1 && candidates(of: trials).allSatisfy { mean(of: $0) != nil }
  }

  /// The finished trials, the best first: those that were repeated stand before the others, by their means; one that
  /// failed with a seed stands behind those that did not. By their one result as long as not all were repeated.
  public func ranked(_ trials: [Study.Trial]) -> [Study.Trial] {
    let finished = byResult(trials)
    guard isDecided(trials) else { return finished }
    func failures(_ trial: Study.Trial) -> Int {
      trial.repeats.count { $0.number < repeats && $0.state == .failed }
    }
    let first = finished.prefix(Self.candidates).sorted {
      (failures($0), loss(mean(of: $0)!), $0.number) < (failures($1), loss(mean(of: $1)!), $1.number)
    }
    return first + finished.dropFirst(Self.candidates)
  }

  /// The best; nil where nothing is finished.
  public func best(of trials: [Study.Trial]) -> Study.Trial? { ranked(trials).first }
}
