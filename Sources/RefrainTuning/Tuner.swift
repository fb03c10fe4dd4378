import Dispatch
import Foundation
import Refrain
import RefrainData
import RefrainTasks
import Synchronization

/// Searches for the options with which a task does best on what it keeps aside.
public struct Tuner<Task: TaskModel>: Sendable {
  /// How the search goes.
  public struct Plan: Sendable {
    /// How many trials there are in all, by all processes that share the study.
    public var trials = 20
    /// After how many seconds no further trial is begun, and the running one is put off.
    public var seconds: Double?
    /// Chooses where to look.
    public var sampler: any Sampler = TreeParzenSampler()
    /// How trials are ended early; nil lets all go to their end.
    public var halving: Halving? = Halving()
    /// The measure that decides; nil takes the task's first.
    public var measure: String?

    /// Twenty trials by the estimator of Parzen trees, with halving.
    public init() {}
  }

  private let study: Study
  private let space: SearchSpace
  private let plan: Plan
  private let seed: UInt64
  private let examples: Task.Examples
  private let fixed: [String: [String]]
  private let shared: SharedOptions
  /// Asked now and then whether to stop.
  public var shouldStop: @Sendable () -> Bool = { false }
  /// Told what goes on.
  public var say: @Sendable (String) -> Void = { _ in }

  /// A search.
  ///
  /// - Parameters:
  ///   - space: What may be chosen.
  ///   - study: Where trials are kept.
  ///   - plan: How the search goes.
  ///   - seed: What chance follows from.
  ///   - examples: What trials are trained on.
  ///   - fixed: The task's options that are given, by name.
  ///   - shared: The options that all tasks share, as far as they are given.
  public init(
    _ space: SearchSpace, in study: Study, plan: Plan = Plan(), seed: UInt64 = 0, examples: Task.Examples,
    fixed: [String: [String]] = [:], shared: SharedOptions = SharedOptions()
  ) {
    (self.space, self.study, self.plan, self.seed) = (space, study, plan, seed)
    (self.examples, self.fixed, self.shared) = (examples, fixed, shared)
  }

  /// Runs trials until there are enough, or time is up.
  ///
  /// - Returns: The best finished trial, nil where there is none.
  /// - Throws: `DataError` for the study's file; `TaskError` where no trial can be trained.
  public func run() throws -> Study.Trial? {
    if let measure = plan.measure, !TuningMeasure.canDecide(measure) {
      throw TaskError(
        "the measure \(measure.quoted) cannot decide: neither less nor more of it is better; name another")
    }
    let end = plan.seconds.map { ProcessInfo.processInfo.systemUptime + $0 }
    let isOver: @Sendable () -> Bool = { [shouldStop] in
      shouldStop() || end.map { ProcessInfo.processInfo.systemUptime >= $0 } ?? false
    }
    var failures = 0
    while !isOver() {
      let measure = try measure()
      guard let trial = try study.claim(limit: plan.trials, choose: { choose($0, $1, by: measure) }) else { break }
      say("Trial \(trial.number): \(Self.text(of: trial.values))")
      if let message = try run(trial, isOver) {
        failures += 1
        // Where nothing works, the search would never end.
        if failures >= 3, try !study.trials().contains(where: { $0.state == .finished }) { throw TaskError(message) }
        if failures >= 10 + plan.trials {
          say("\(failures) trials failed, and no further one is begun")
          break
        }
      }
    }
    return Self.best(of: try study.trials(), measure: try measure())
  }

  /// The measure that decides: the one that was asked for, or the task's first; nil before a trial has measured
  /// anything.
  public func measure() throws(DataError) -> String? {
    if let measure = plan.measure { return measure }
    return try study.note(Self.measureNote)
  }

  private static var measureNote: String { "measure" }

  /// The best of the finished trials: less or more is better, as the measure's name says.
  public static func best(of trials: [Study.Trial], measure: String?) -> Study.Trial? {
    trials.filter { $0.state == .finished && $0.result != nil }
      .min { TuningMeasure.loss($0.result!, measure) < TuningMeasure.loss($1.result!, measure) }
  }

  /// The values of a trial as they are typed.
  public static func text(of values: [String: String]) -> String {
    values.sorted { $0.key < $1.key }.map { "--\($0.key) \($0.value)" }.joined(separator: " ")
  }

  /// What a trial's task is configured with.
  ///
  /// - Throws: `TaskError` or `OptionError` where the values make no sense to the task.
  public func configuration(of values: [String: String]) throws -> (Task.Configuration, learningRate: Float?) {
    var (options, shared) = (fixed, shared)
    var rate: Float?
    for (name, text) in values {
      switch SharedParameter(rawValue: name) {
      case .rate:
        try SharedParameter.rate.set(text, in: &shared)
        rate = Float(text)
      case let parameter?: try parameter.set(text, in: &shared)
      case nil: options[name] = [text]
      }
    }
    var configuration = try Task.Configuration(options)
    try configuration.choose(shared)
    return (configuration, rate)
  }

  /// Trains with a trial's values, without ending early.
  public func train(_ trial: Study.Trial, _ context: TrainingContext) throws -> Task {
    let (configuration, rate) = try configuration(of: trial.values)
    var context = context
    context.learningRate = rate ?? context.learningRate
    return try Task.train(on: examples, configuration, context)
  }

  // MARK: - A trial

  private func choose(_ trials: [Study.Trial], _ number: Int, by measure: String?) -> [String: String] {
    var generator = RandomGenerator(seed: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
    let known = trials.compactMap { trial -> Observation? in
      guard let values = space.values(of: trial.values) else { return nil }
      switch trial.state {
      case .finished: return Observation(values: values, loss: TuningMeasure.loss(trial.result ?? .nan, measure))
      case .failed: return Observation(values: values, loss: .infinity)
      // A pruned trial was worse than most at its last rung; how much worse it would have been is not known.
      case .pruned: return Observation(values: values, loss: .infinity)
      case .waiting, .running: return nil
      }
    }
    let running = trials.filter { $0.state == .running || $0.state == .waiting }.compactMap {
      space.values(of: $0.values)
    }
    let values = plan.sampler.next(in: space, after: known, running: running, using: &generator)
    let texts = zip(space.parameters, values).map { ($0.name, $1.text(in: $0.domain)) }
    return Dictionary(uniqueKeysWithValues: texts)
  }

  /// Runs a trial to its end. Returns why it failed, if it did.
  private func run(_ trial: Study.Trial, _ isOver: @escaping @Sendable () -> Bool) throws -> String? {
    let heart = Heart(study, trial.number)
    defer { heart.stop() }
    let pruner = Pruner(study, trial.number, plan.halving)
    var context = TrainingContext(shouldStop: { [flag = heart.flag] in isOver() || flag.isRaised })
    context.observers = { stage in [pruner.observer(of: stage)] }
    do {
      let model = try train(trial, context)
      if heart.flag.isRaised {
        say("Trial \(trial.number): another process has taken it over")
        return nil
      }
      if !model.isComplete, isOver() {
        try study.end(trial.number, .waiting)
        return nil
      }
      let measures = model.evaluation?.measures ?? []
      guard let measure = plan.measure.map({ name in measures.first { $0.name == name } }) ?? measures.first,
        measure.value.isFinite
      else {
        let names = measures.map(\.name).joined(separator: ", ")
        let problem = "the training says nothing of \(plan.measure ?? "how good it is"); it measures \(names)"
        try study.end(trial.number, .failed, message: problem)
        return problem
      }
      try study.keep(measure.name, as: Self.measureNote)
      try study.end(trial.number, .finished, result: measure.value)
      say("Trial \(trial.number): \(measure.name) \(measure.value)")
    } catch {
      if heart.flag.isRaised {
        say("Trial \(trial.number): another process has taken it over")
      } else if pruner.hasPruned {
        try study.end(trial.number, .pruned)
        say("Trial \(trial.number): ended early, others were better")
      } else if isOver() {
        try study.end(trial.number, .waiting)
      } else {
        let problem = (error as? any InputError)?.description ?? "\(error)"
        try study.end(trial.number, .failed, message: problem)
        say("Trial \(trial.number): failed: \(problem)")
        return problem
      }
    }
    return nil
  }
}

/// Whether less of a measure is better.
public enum TuningMeasure {
  private static let moreIsBetter = [
    "accuracy", "f1", "precision", "recall", "bleu", "chrf", "rougel", "auc", "averageprecision", "nab", "r2",
    "exactmatch",
  ]

  /// Whether less is better, as with errors and losses; by the name, whose end decides, such as `macroF1`.
  public static func isLess(_ name: String?) -> Bool {
    guard let name = name?.lowercased() else { return true }
    return !moreIsBetter.contains { name.hasSuffix($0) }
  }

  /// Whether a measure can decide: of the share of truths within an interval neither less nor more is better.
  public static func canDecide(_ name: String) -> Bool { name.lowercased() != "coverage" }

  static func loss(_ value: Double, _ measure: String?) -> Double { isLess(measure) ? value : -value }
}

/// Gives signs of life while a trial runs, and says when it was given to another process, as to one that was long
/// suspended.
private final class Heart {
  private let timer: any DispatchSourceTimer
  let flag = Flag()

  /// What timer and trial share: raised when the trial was taken away.
  final class Flag: Sendable {
    private let value = Atomic(false)
    var isRaised: Bool { value.load(ordering: .relaxed) }
    func raise() { value.store(true, ordering: .relaxed) }
  }

  init(_ study: Study, _ trial: Int) {
    timer = DispatchSource.makeTimerSource(queue: DispatchQueue.global(qos: .utility))
    timer.schedule(deadline: .now() + 5, repeating: 5)
    timer.setEventHandler { [flag] in
      if let isMine = try? study.signOfLife(trial), !isMine { flag.raise() }
    }
    timer.resume()
  }

  func stop() { timer.cancel() }
}

/// Compares a trial with the others at the rungs, and ends it where it is not among the best. Only the first stage of a
/// task's training is compared: what comes after depends on it.
private final class Pruner: Sendable {
  private let study: Study
  private let trial: Int
  private let halving: Halving?
  private let state = Mutex<(first: String?, hasPruned: Bool)>((nil, false))

  init(_ study: Study, _ trial: Int, _ halving: Halving?) {
    (self.study, self.trial, self.halving) = (study, trial, halving)
  }

  var hasPruned: Bool { state.withLock { $0.hasPruned } }

  func observer(of stage: String) -> any TrainingObserver {
    let isFirst = state.withLock { state in
      state.first = state.first ?? stage
      return state.first == stage
    }
    return Observer(pruner: self, isCompared: isFirst)
  }

  private struct Observer: TrainingObserver {
    let pruner: Pruner
    let isCompared: Bool

    func observe(_ event: TrainingEvent) throws(TrainingError) -> TrainingDecision {
      guard isCompared, case .epoch(let epoch) = event.kind else { return .proceed }
      do throws(DataError) {
        let loss = Double(epoch.monitoredLoss)
        let others = try pruner.study.report(loss, of: pruner.trial, at: epoch.number)
        guard let halving = pruner.halving, halving.isRung(epoch.number), epoch.number < event.epochs,
          !halving.goesOn(loss, among: others)
        else { return .proceed }
      } catch {
        throw TrainingError(.observerFailed, error.description)
      }
      pruner.state.withLock { $0.hasPruned = true }
      throw TrainingError(.observerFailed, "the trial is ended early")
    }
  }
}
