import Dispatch
import Refrain
import RefrainData
import RefrainFoundation
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
    /// Chooses where to look; nil is the estimator of Parzen trees for so many trials.
    public var sampler: (any Sampler)?
    var chosenSampler: any Sampler { sampler ?? TreeParzenSampler(trials: trials) }
    /// How trials are ended early; nil lets all go to their end.
    public var halving: Halving? = Halving()
    /// The measure that decides; nil takes the task's first.
    public var measure: String?
    /// How many times in all each of the three best is trained, with another seed each time, before the best by the
    /// mean is chosen; 1 leaves it with the one result.
    public var repeats = 1

    /// Twenty trials by the estimator of Parzen trees, with halving.
    public init() {}
  }

  private let study: Study
  private let space: SearchSpace
  private let plan: Plan
  private let seed: UInt64
  private let examples: Task.Examples
  private let fixed: [String: [String]]
  let regularizers: [String: [String]]
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
  ///   - regularization: What is given of ``TaskRegularization``, by name.
  public init(
    _ space: SearchSpace, in study: Study, plan: Plan = Plan(), seed: UInt64 = 0, examples: Task.Examples,
    fixed: [String: [String]] = [:], shared: SharedOptions = SharedOptions(),
    regularization: [String: [String]] = [:]
  ) {
    (self.space, self.study, self.plan, self.seed) = (space, study, plan, seed)
    (self.examples, self.fixed, self.shared) = (examples, fixed, shared)
    regularizers = regularization
  }

  /// The changes of examples that are given for all trials.
  public var givenChanges: String? { regularizers[RegularizationOptions.augment]?.first }

  /// Runs trials until there are enough, or time is up; then the best again with other seeds, where that is asked for.
  ///
  /// - Returns: The best finished trial, nil where there is none.
  /// - Throws: `DataError` for the study's file; `MeasureError` for a measure that the task has not; `TaskError` where
  ///   no trial can be trained.
  public func run() throws -> Study.Trial? {
    try MeasureError.check(plan.measure, for: Task.self)
    let end = plan.seconds.map { ProcessInfo.processInfo.systemUptime + $0 }
    let isOver: @Sendable () -> Bool = { [shouldStop] in
      shouldStop() || end.map { ProcessInfo.processInfo.systemUptime >= $0 } ?? false
    }
    // Where trial after trial fails, the search would never end.
    var failures = 0
    while !isOver() {
      let measure = try measure()
      guard let trial = try study.claim(limit: plan.trials, choose: { choose($0, $1, by: measure) }) else { break }
      say("Trial \(trial.number): \(SearchSpace.typed(trial.values, augment: givenChanges))")
      guard let message = try run(trial, isOver) else {
        failures = 0
        continue
      }
      failures += 1
      if isHopeless(try study.trials()) { throw TaskError(message) }
      if failures >= 10 + plan.trials {
        say("\(failures) trials failed one after another, and no further one is begun")
        break
      }
    }
    if plan.repeats > 1 { try runRepeats(isOver) }
    let (trials, ranking) = (try study.trials(), try ranking())
    let best = ranking.best(of: trials)
    if plan.repeats > 1, best != nil, !ranking.isDecided(trials) {
      say("Not all of the best were trained again: they are told apart by their one result")
    }
    return best
  }

  /// The measure that decides: the one that was asked for, or the task's first; nil before a trial has measured
  /// anything.
  public func measure() throws(DataError) -> TaskMeasure? {
    if let measure = plan.measure { return Task.measure(named: measure) }
    guard let measure = try study.note(Self.measureNote) else { return nil }
    return Task.measure(named: measure)
  }

  /// What the best is known by.
  public func ranking() throws(DataError) -> TrialRanking { TrialRanking(try measure(), repeats: plan.repeats) }

  private static var measureNote: String { "measure" }

  /// What a trial's task is configured with.
  ///
  /// - Parameter number: Which repeat it is, whose seed differs; 0 is the trial itself.
  /// - Throws: `TaskError` or `OptionError` where the values make no sense to the task.
  public func configuration(
    of values: [String: String], repeat number: Int = 0
  ) throws -> (Task.Configuration, learningRate: Float?) {
    var (options, shared) = (fixed, shared)
    if number > 0 { shared.seed = (shared.seed ?? 0) &+ UInt64(number) }
    var rate: Float?
    let others = Set(TaskRegularization<Task>.options.map(\.name))
    for (name, text) in values where !others.contains(name) && AugmentationParameter(name) == nil {
      switch SharedParameter(rawValue: name) {
      case .rate:
        try SharedParameter.rate.set(text, in: &shared)
        rate = Float(text)
      case let parameter?: try parameter.set(text, in: &shared)
      case nil:
        guard case .flag? = Task.Configuration.options.first(where: { $0.name == name })?.kind else {
          options[name] = [text]
          continue
        }
        guard let value = SwitchValue(text) else {
          throw OptionError(option: name, "is given or not: true or false, not \(text.quoted)")
        }
        options[name] = value == .on ? [] : nil
      }
    }
    var configuration = try Task.Configuration(options)
    try configuration.choose(shared)
    return (configuration, rate)
  }

  /// Trains with a trial's values, without ending early: on all examples in the end, where the task can, and no file of
  /// its own says which epoch is best.
  public func train(_ trial: Study.Trial, _ context: TrainingContext) throws -> Task {
    try train(trial.values, context, refitting: true)
  }

  /// Whether ``train(_:_:)`` trains on all examples in the end.
  public func refits(_ trial: Study.Trial) throws -> Bool {
    try configuration(of: trial.values).0.refitting != nil
  }

  /// - Parameter number: Which repeat it is; 0 takes the seed that was given.
  private func train(
    _ values: [String: String], _ context: TrainingContext, refitting: Bool, repeat number: Int = 0
  ) throws -> Task {
    let (chosen, rate) = try configuration(of: values, repeat: number)
    var (configuration, context) = (chosen, context)
    // A search compares by what is measured before: it has no use for more.
    if configuration.refitting != nil { configuration.refitting = refitting }
    context.learningRate = rate ?? context.learningRate
    context.regularization = try regularization(of: values)
    return try Task.train(on: examples, configuration, context)
  }

  // MARK: - A trial

  private func choose(_ trials: [Study.Trial], _ number: Int, by measure: TaskMeasure?) -> [String: String] {
    var generator = RandomGenerator(seed: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
    let known = trials.compactMap { trial -> Observation? in
      guard let values = space.values(of: trial.values) else { return nil }
      switch trial.state {
      case .finished: return Observation(values: values, loss: TrialRanking(measure).loss(trial.result ?? .nan))
      case .failed: return Observation(values: values, loss: .infinity)
      // A pruned trial was worse than most at its last rung; how much worse it would have been is not known.
      case .pruned: return Observation(values: values, loss: .infinity)
      case .waiting, .running: return nil
      }
    }
    let running = trials.filter { $0.state == .running || $0.state == .waiting }.compactMap {
      space.values(of: $0.values)
    }
    let values =
      cautious(after: trials)
      ?? plan.chosenSampler.next(in: space, after: known, running: running, using: &generator)
    let texts = zip(space.parameters, values).map { ($0.name, allowed($1, of: $0).text(in: $0.domain)) }
    return Dictionary(uniqueKeysWithValues: texts)
  }

  /// A value that the task can take: units in a layer are a multiple of some number with some tasks.
  private func allowed(_ value: ParameterValue, of parameter: SearchSpace.Parameter) -> ParameterValue {
    let multiple = Task.Configuration.unitMultiple
    guard parameter.name == SharedParameter.hidden.rawValue, multiple > 1, case .whole(let units) = value else {
      return value
    }
    let above = (units + multiple - 1) / multiple * multiple
    return [above, above - multiple].map { .whole($0) }.first { parameter.domain.holds($0) } ?? value
  }

  /// Where the first two trials failed and none did not: the least of all numbers, with the words that failed trials
  /// had least often. What can be trained at all can mostly be trained so.
  private func cautious(after trials: [Study.Trial]) -> [ParameterValue]? {
    guard trials.count >= 2, trials.allSatisfy({ $0.state == .failed }) else { return nil }
    return space.parameters.map { parameter in
      guard case .choice(let words) = parameter.domain else { return parameter.domain.value(at: 0) }
      let counts = words.map { word in trials.count { $0.values[parameter.name] == word } }
      return .choice(counts.firstIndex(of: counts.min() ?? 0) ?? 0)
    }
  }

  /// Whether nothing can be trained: all trials failed, the least numbers among them, and every word.
  private func isHopeless(_ trials: [Study.Trial]) -> Bool {
    guard trials.count >= 3, trials.allSatisfy({ $0.state == .failed }) else { return false }
    if trials.count >= 20 { return true }
    return space.parameters.allSatisfy { parameter in
      guard case .choice(let words) = parameter.domain else { return true }
      return words.allSatisfy { word in trials.contains { $0.values[parameter.name] == word } }
    }
  }

  /// Runs a trial to its end. Returns why it failed, if it did.
  private func run(_ trial: Study.Trial, _ isOver: @escaping @Sendable () -> Bool) throws -> String? {
    let heart = Heart { [study] in try study.signOfLife(trial.number) }
    defer { heart.stop() }
    let pruner = Pruner(study, trial.number, plan.halving)
    var context = TrainingContext(shouldStop: { [flag = heart.flag] in isOver() || flag.isRaised })
    context.observers = { stage in [pruner.observer(of: stage)] }
    do {
      let model = try train(trial.values, context, refitting: false)
      if heart.flag.isRaised {
        say("Trial \(trial.number): another process has taken it over")
        return nil
      }
      if !model.isComplete, isOver() {
        try study.end(trial.number, .waiting)
        return nil
      }
      let measure = try deciding(model, after: trial)
      try study.keep(measure.name, as: Self.measureNote)
      try study.end(trial.number, .finished, result: measure.value)
      say("Trial \(trial.number): \(measure.name) \(measure.value)")
    } catch let error as MeasureError {
      try study.end(trial.number, .failed, message: error.description)
      throw error
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

  /// What decides of a trained model.
  ///
  /// - Throws: `MeasureError` where no training of the task measures it on these examples, as it seems; `TaskError`
  ///   where this one does not.
  private func deciding(_ model: Task, after trial: Study.Trial) throws -> TaskEvaluation.Measure {
    let measures = model.evaluation?.measures ?? []
    let wanted = try plan.measure ?? study.note(Self.measureNote)
    let found = wanted.map { name in measures.first { $0.name == name } } ?? measures.first
    if let found, Task.measure(named: found.name)?.canDecide != true {
      throw MeasureError(found.name, "is not known to be better where it is less, or more", among: [])
    }
    if let found, found.value.isFinite { return found }
    let names = measures.map(\.name)
    let isFirst = try !study.trials().contains { $0.state == .finished }
    if found == nil, let wanted, isFirst, !names.isEmpty {
      throw MeasureError(wanted, "is not measured by this training", among: names)
    }
    throw TaskError(
      "the training says nothing of \(wanted ?? "how good it is"); it measures \(names.joined(separator: ", "))")
  }

  // MARK: - Repeats

  /// Trains the best again, each with the same further seeds; waits for those that others run, so that all who share
  /// the study know the same of them.
  private func runRepeats(_ isOver: @escaping @Sendable () -> Bool) throws {
    while !isOver() {
      // Which are the best is known when all trials have ended.
      guard try !study.isBusy() || !study.trials().contains(where: { $0.state == .running }) else {
        usleep(200_000)
        continue
      }
      let candidates = try ranking().candidates(of: study.trials())
      guard let (trial, number) = try study.claimRepeat(of: candidates.map(\.number), count: plan.repeats - 1) else {
        guard try study.isBusy() else { return }
        usleep(200_000)
        continue
      }
      try run(trial, repeat: number, isOver)
    }
  }

  private func run(_ trial: Study.Trial, repeat number: Int, _ isOver: @escaping @Sendable () -> Bool) throws {
    let name = "Trial \(trial.number), seed \(number + 1) of \(plan.repeats)"
    let heart = Heart { [study] in try study.signOfLife(trial.number, repeat: number) }
    defer { heart.stop() }
    let context = TrainingContext(shouldStop: { [flag = heart.flag] in isOver() || flag.isRaised })
    do {
      let model = try train(trial.values, context, refitting: false, repeat: number)
      if heart.flag.isRaised { return say("\(name): another process has taken it over") }
      if !model.isComplete, isOver() { return try study.end(trial.number, repeat: number, .waiting) }
      let measure = try deciding(model, after: trial)
      try study.end(trial.number, repeat: number, .finished, result: measure.value)
      say("\(name): \(measure.name) \(measure.value)")
    } catch {
      if heart.flag.isRaised { return say("\(name): another process has taken it over") }
      if isOver() { return try study.end(trial.number, repeat: number, .waiting) }
      let problem = (error as? any InputError)?.description ?? "\(error)"
      try study.end(trial.number, repeat: number, .failed, message: problem)
      say("\(name): failed: \(problem)")
    }
  }
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

  /// - Parameter sign: Gives a sign of life; false where the trial is another's by now.
  init(_ sign: @escaping @Sendable () throws -> Bool) {
    timer = DispatchSource.makeTimerSource(queue: DispatchQueue.global(qos: .utility))
    timer.schedule(deadline: .now() + 5, repeating: 5)
    timer.setEventHandler { [flag] in
      if let isMine = try? sign(), !isMine { flag.raise() }
    }
    timer.resume()
  }

  func stop() { timer.cancel() }
}
