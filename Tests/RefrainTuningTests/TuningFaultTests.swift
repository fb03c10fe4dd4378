import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainTuning

/// What searches were found to do wrongly.
@Suite("A search") struct TuningFaultTests {
  private let description = Study.Description(identity: "a", measure: "", seed: 0, space: "x")

  private func problem<Task: TaskModel>(_ task: Task.Type, _ json: String) -> DataError? {
    dataError { () throws(DataError) in
      try SearchSpace(json: Array(json.utf8), file: "s.json").check(for: Task.self, file: "s.json")
    }
  }

  @Test("refuses options that say what is read, which is settled before the first trial") func reading() {
    func isRefused<Task: TaskModel>(_ task: Task.Type, _ names: [String]) {
      for name in names {
        let text = problem(task, "{\"\(name)\": [\"a\", \"b\"]}")?.description
        #expect(
          text?.contains("'\(name)' says what is read, and is not searched") == true, "\(Task.name): \(text ?? "")")
      }
    }
    let rows = ["target", "inputs", "id", "time", "series", "decimal", "thousands", "validation"]
    isRefused(Classifier.self, rows + ["separator"])
    isRefused(Regressor.self, rows)
    isRefused(
      Forecaster.self,
      ["target", "past", "future", "covariates", "time", "id", "only", "decimal", "thousands", "dates", "fill"]
        + ["aggregate", "wide", "future-file", "count-rows"])
    isRefused(Tagger.self, ["column", "words", "scheme", "validation", "vectors"])
    isRefused(LanguageModel.self, ["validation"])
    isRefused(Translator.self, ["source", "target", "validation"])
    isRefused(Transcriber.self, ["audio", "target", "speaker", "features"])
    isRefused(FramePredictor.self, ["size", "rate", "gray"])
    for refused in [problem(Tagger.self, #"{"refit": [true]}"#), problem(Classifier.self, #"{"refit": [true]}"#)] {
      #expect(refused?.description.contains("'refit' changes nothing that is measured") == true)
    }
    // What the training makes of the rows is searched.
    #expect(problem(Classifier.self, #"{"unit": ["words", "characters"], "size": ["8x8", "16x16"]}"#) == nil)
  }

  @Test("takes true and false for what is given or not, and nothing else") func switches() throws {
    #expect(problem(Classifier.self, #"{"forward": [true, false]}"#) == nil)
    #expect(problem(Classifier.self, #"{"forward": ["true", "False"]}"#) == nil)
    for wrong in [#"["yes", "no"]"#, "[0, 1]", #"{"from": 0, "to": 1}"#] {
      let text = problem(Classifier.self, "{\"forward\": \(wrong)}")?.description ?? ""
      #expect(text.contains("'forward' is given or not, and takes true and false alone"), "\(wrong): \(text)")
    }
    try withTemporaryFolder { folder in
      let source = DataSource([.bytes(Array("text,label\na,x\nb,y\n".utf8), name: "t.csv")])
      let examples = try Classifier.examples(from: source, ClassifierConfiguration())
      let study = try Study(folder + "/a.study", description)
      let tuner = Tuner<Classifier>(SearchSpace([]), in: study, examples: examples)
      #expect(try tuner.configuration(of: ["forward": "true"]).0.columns.readsForward)
      #expect(try !tuner.configuration(of: ["forward": "false"]).0.columns.readsForward)
      #expect(throws: OptionError.self) { try tuner.configuration(of: ["forward": "no"]) }
    }
    #expect(SearchSpace.typed(["forward": "true", "hidden": "8", "keep-case": "false"]) == "--forward --hidden 8")
  }

  @Test("refuses what a range has not, by name, and values that an option does not take") func ranges() {
    let unknown = problem(Forecaster.self, #"{"hidden": {"from": 8, "to": 16, "step": 8}}"#)
    #expect(unknown?.description.contains("the range of 'hidden' has no 'step'") == true)
    let near = problem(Forecaster.self, #"{"hidden": {"from": 8, "to": 16, "lg": true}}"#)
    #expect(near?.remedy == "did you mean 'log'?")
    let log = problem(Forecaster.self, #"{"hidden": {"from": 8, "to": 16, "log": "yes"}}"#)
    #expect(log?.description.contains("the 'log' of 'hidden' is neither true nor false") == true)
    let context = problem(Forecaster.self, #"{"context": {"from": 0, "to": 16}}"#)
    #expect(context?.description.contains("context must be at least 1, not 0") == true)
    let way = problem(Classifier.self, #"{"pooling": ["max", "least"]}"#)
    #expect(way?.description.contains("not 'least'") == true)
  }

  @Test("gives a translator units that it takes") func units() throws {
    try withTemporaryFolder { folder in
      let sources = (0..<40).map { "a b \($0 % 5)" }
      let examples = TranslationExamples(
        TranslationExamples.Pairs(.values(sources), .values(sources.map { String($0.reversed()) })))
      let study = try Study(folder + "/a.study", description)
      var shared = SharedOptions()
      (shared.epochs, shared.layers, shared.cell, shared.dropout) = (1, 1, "gru", 0)
      let space = SearchSpace([.init("hidden", .whole(3...9, isLogarithmic: false))])
      var plan = Tuner<Translator>.Plan()
      (plan.trials, plan.sampler, plan.halving) = (6, RandomSampler(), nil)
      let tuner = Tuner<Translator>(
        space, in: study, plan: plan, examples: examples, fixed: ["embedding": ["4"]], shared: shared)
      _ = try tuner.run()
      let trials = try study.trials()
      #expect(trials.count == 6 && trials.allSatisfy { $0.state == .finished }, "\(trials.compactMap(\.message))")
      #expect(trials.allSatisfy { Int($0.values["hidden"] ?? "").map { $0 % 2 == 0 && (3...9).contains($0) } == true })
    }
  }

  /// The last word, the greatest number.
  private struct Last: Sampler {
    func next(
      in space: SearchSpace, after observations: [Observation], running: [[ParameterValue]],
      using generator: inout RandomGenerator
    ) -> [ParameterValue] { space.parameters.map { $0.domain.value(at: 1) } }
  }

  @Test("goes on after failures where other values can be trained", .timeLimit(.minutes(20)))
  func failures() throws {
    try withTemporaryFolder { folder in
      var shared = SharedOptions()
      (shared.epochs, shared.hidden) = (1, 4)
      var plan = Tuner<Forecaster>.Plan()
      (plan.trials, plan.sampler) = (1, Last())
      func states(_ name: String, _ domain: SearchSpace.Domain) throws -> [Study.State] {
        let study = try Study(folder + "/\(name).study", description)
        let tuner = Tuner<Forecaster>(
          SearchSpace([.init("context", domain)]), in: study, plan: plan, examples: [.airline], shared: shared)
        _ = try tuner.run()
        return try study.trials().map(\.state)
      }
      // The least of a range, and every word, are tried before it gives up.
      let range = try states("range", .whole(12...600, isLogarithmic: false))
      #expect(range == [.failed, .failed, .finished])
      let words = try states("words", .choice(["500", "12", "550", "600"]))
      #expect(words == [.failed, .failed, .failed, .finished])
    }
  }

  @Test("says before or after its first trial that a measure is none, with the nearest name") func measures() throws {
    try withTemporaryFolder { folder in
      var shared = SharedOptions()
      (shared.epochs, shared.hidden) = (1, 4)
      func error(_ measure: String) throws -> (error: MeasureError?, trials: Int) {
        let study = try Study(folder + "/\(measure).study", description)
        var plan = Tuner<Regressor>.Plan()
        plan.measure = measure
        let rows = "x,price\n" + (0..<40).map { "\($0 % 8),\(3 * ($0 % 8) + 1)\n" }.joined()
        let examples = try Regressor.examples(
          from: DataSource([.bytes(Array(rows.utf8), name: "t.csv")]), RegressorConfiguration())
        let space = SearchSpace([.init("embedding", .choice(["4"]))])
        let tuner = Tuner<Regressor>(
          space, in: study, plan: plan, examples: examples, fixed: ["members": ["1"]], shared: shared)
        let error = #expect(throws: MeasureError.self) { try tuner.run() }
        return (error, try study.trials().count)
      }
      let unknown = try error("rsme")
      #expect(unknown.error?.problem.contains("did you mean 'rmse'?") == true && unknown.trials == 0)
      #expect(try error("coverage").error?.problem.contains("cannot decide") == true)
      // Of two classes alone there is an area under the curve: a training has to show whether it is measured.
      let study = try Study(folder + "/auc.study", description)
      let rows = "text,label\n" + (0..<60).map { "word\($0 % 3),\(["a", "b", "c"][$0 % 3])\n" }.joined()
      let examples = try Classifier.examples(
        from: DataSource([.bytes(Array(rows.utf8), name: "t.csv")]), ClassifierConfiguration())
      var plan = Tuner<Classifier>.Plan()
      plan.measure = "auc"
      let tuner = Tuner<Classifier>(
        SearchSpace([.init("embedding", .choice(["4"]))]), in: study, plan: plan, examples: examples,
        fixed: ["members": ["1"]], shared: shared)
      let late = #expect(throws: MeasureError.self) { try tuner.run() }
      #expect(late?.problem.contains("is not measured by this training") == true)
      #expect(try study.trials().count == 1)
    }
  }

  @Test("searches how weights are held back, and how examples are changed") func regularization() throws {
    for task in Tasks.all where task.measuresTraining {
      func searched<Task: TaskModel>(_ task: Task.Type) -> DataError? {
        problem(task, #"{"weight-decay": {"from": 1e-4, "to": 0.1, "log": true}, "zoneout": {"from": 0.0, "to": 0.5}}"#)
      }
      #expect(searched(task) == nil, "\(task.name)")
    }
    let amounts = #"{"augment.noise": {"from": 0.01, "to": 0.3, "log": true}, "augment": ["none", "scaling=0.2"]}"#
    #expect(problem(Forecaster.self, amounts) == nil)
    #expect(
      problem(Forecaster.self, #"{"augment.rotation": {"from": 1, "to": 10}}"#)?.description.contains(
        "has no option 'augment.rotation'") == true)
    #expect(
      problem(Forecaster.self, #"{"augment.noise": {"from": 1, "to": 20}}"#)?.description.contains(
        "'augment.noise' takes noise from 0 to 10, not '20'") == true)
    #expect(
      problem(Forecaster.self, #"{"augment": ["none", "rotation"]}"#)?.description.contains(
        "augment rotation does not fit the task forecast") == true)
    #expect(
      problem(Forecaster.self, #"{"zoneout": {"from": 0.0, "to": 1.5}}"#)?.description.contains("zoneout must be")
        == true)
    try withTemporaryFolder { folder in
      let study = try Study(folder + "/a.study", description)
      var shared = SharedOptions()
      (shared.epochs, shared.hidden) = (1, 4)
      let tuner = Tuner<Forecaster>(
        SearchSpace([.init("augment.noise", .real(0.01...0.1, isLogarithmic: true))]), in: study,
        examples: [.airline], shared: shared, regularization: ["weight-decay": ["0.5"], "augment": ["scaling"]])
      let values = ["augment.noise": "0.05", "weight-decay": "0.1", "horizon": "3"]
      let options = try tuner.regularization(of: values)
      let both = try Augmentations("scaling,noise=0.05")
      #expect(options.weightDecay == 0.1 && options.augmentations == both)
      #expect(try tuner.configuration(of: values).0.horizon == 3)
      #expect(try tuner.regularization(of: [:]).weightDecay == 0.5)
      #expect(try tuner.regularization(of: ["augment": "none"]).augmentations == Augmentations())
      #expect(throws: OptionError.self) { try tuner.regularization(of: ["augment": "rotation"]) }
      // A trial is trained so.
      func weights(_ values: [String: String]) throws -> [[Float]] {
        let trial = Study.Trial(number: 1, state: .finished, values: values, attempts: 1, reports: [])
        return try tuner.train(trial, TrainingContext()).modelFile().tensors.map(\.values)
      }
      #expect(try weights(["augment.noise": "0.05"]) == weights(["augment.noise": "0.05"]))
      #expect(try weights(["augment.noise": "0.05"]) != weights(["augment.noise": "0.5"]))
    }
    #expect(
      SearchSpace.typed(["augment.noise": "0.1", "augment": "scaling", "hidden": "8"])
        == "--hidden 8 --augment scaling,noise=0.1")
    #expect(SearchSpace.typed(["augment": "none"]) == "--augment none")
  }

  @Test("refuses what trials are measured by") func measured() {
    func isRefused<Task: TaskModel>(_ task: Task.Type, _ names: [String]) {
      for name in names {
        let text = problem(task, "{\"\(name)\": [\"1\", \"2\"]}")?.description ?? ""
        #expect(
          text.contains(
            "'\(name)' changes what trials are measured by, and is not searched; leave it out of the space"),
          "\(Task.name): \(text)")
      }
    }
    isRefused(Forecaster.self, ["horizon", "backtest", "season"])
    isRefused(Translator.self, ["bleu"])
    isRefused(LanguageModel.self, ["unit", "vocabulary", "minimum-count", "lowercase"])
    isRefused(FramePredictor.self, ["steps"])
    #expect(problem(Forecaster.self, #"{"context": {"from": 12, "to": 48}}"#) == nil)
  }

  @Test("refuses a change of examples that is named and searched, and types those that are given with the others")
  func changes() {
    func space(_ words: String) -> String {
      "{\"augment\": [\"none\", \"\(words)\"], \"augment.noise\": {\"from\": 0.01, \"to\": 0.5}}"
    }
    #expect(
      problem(Forecaster.self, space("scaling,noise=0.2"))?.description.contains(
        "'augment' names 'noise', which 'augment.noise' searches") == true)
    #expect(problem(Forecaster.self, space("scaling")) == nil)
    let values = ["augment.noise": "0.1", "hidden": "8"]
    #expect(SearchSpace.typed(values) == "--hidden 8 --augment noise=0.1")
    #expect(SearchSpace.typed(values, augment: "scaling") == "--hidden 8 --augment scaling,noise=0.1")
    #expect(SearchSpace.typed(values, augment: "NONE") == "--hidden 8 --augment noise=0.1")
    #expect(SearchSpace.typed(["hidden": "8"], augment: "scaling") == "--hidden 8")
  }
}

/// The best again with other seeds.
@Suite("Repeats of the best") struct RepeatTests {
  private let description = Study.Description(identity: "a", measure: "", seed: 0, space: "x")

  @Test("are each run once, and given on where a process has ended") func claims() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.study"
      let ended = try Study(path, description, owner: "here 2000000000 1")
      let mine = try Study(path, description)
      for number in 1...4 {
        _ = try mine.claim(limit: 4) { _, _ in [:] }
        try mine.end(number, .finished, result: Double(number))
      }
      #expect(try ended.claimRepeat(of: [1, 2], count: 2)?.trial.number == 1)
      var found: [[Int]] = []
      let other = try Study(path, description, owner: "here \(getpid()) x")
      while let (trial, number) = try other.claimRepeat(of: [1, 2], count: 2) {
        found.append([trial.number, number])
        try other.end(trial.number, repeat: number, .finished, result: Double(10 * number))
      }
      #expect(found == [[1, 1], [2, 1], [1, 2], [2, 2]])
      // What was taken away changes nothing any more.
      try ended.end(1, repeat: 1, .finished, result: 99)
      #expect(try mine.trials()[0].repeats.map(\.result) == [10, 20])
      #expect(try !mine.isBusy() && mine.trials()[2].repeats.isEmpty)
    }
  }

  @Test("decide by the mean, once all are there") func ranking() {
    func trial(_ number: Int, _ result: Double, _ repeats: [Double?]) -> Study.Trial {
      Study.Trial(
        number: number, state: .finished, values: [:], result: result, message: nil, attempts: 1, seconds: 1,
        reports: [],
        repeats: repeats.enumerated().map {
          Study.Repeat(number: $0 + 1, state: $1 == nil ? .failed : .finished, result: $1)
        })
    }
    let ranking = TrialRanking(.less("mase"), repeats: 3)
    let whole = [trial(1, 4, []), trial(2, 1, [5, 6]), trial(3, 2, [2, 2]), trial(4, 3, [0, nil])]
    #expect(ranking.isDecided(whole) && ranking.mean(of: whole[1]) == 4)
    // One that could not be trained with a seed stands behind those that could.
    #expect(ranking.ranked(whole).map(\.number) == [3, 2, 4, 1])
    let part = [trial(1, 4, []), trial(2, 1, [5]), trial(3, 2, [2, 2]), trial(4, 3, [0, 0])]
    #expect(!ranking.isDecided(part) && ranking.best(of: part)?.number == 2)
    #expect(TrialRanking(.more("bleu")).best(of: whole)?.number == 1)
  }

  @Test("go on where they were stopped, and none is done twice", .timeLimit(.minutes(20))) func tuner() throws {
    try withTemporaryFolder { folder in
      let space = SearchSpace([.init("learning-rate", .real(1e-4...1e-1, isLogarithmic: true))])
      var shared = SharedOptions()
      (shared.epochs, shared.hidden) = (2, 4)
      let study = try Study(folder + "/a.study", description)
      var plan = Tuner<Forecaster>.Plan()
      (plan.trials, plan.repeats, plan.halving) = (4, 3, nil)
      var first = Tuner<Forecaster>(space, in: study, plan: plan, examples: [.airline], shared: shared)
      let stops = SeenRepeats()
      first.say = { stops.see($0) }
      first.shouldStop = { stops.count >= 2 }
      _ = try first.run()
      let before = try study.trials().flatMap(\.repeats).filter { $0.state == .finished }
      #expect(before.count == 2)
      var second = Tuner<Forecaster>(space, in: study, plan: plan, examples: [.airline], shared: shared)
      let seen = SeenRepeats()
      second.say = { seen.see($0) }
      let best = try #require(try second.run())
      #expect(seen.count == 4)
      let trials = try study.trials()
      #expect(trials.count == 4 && trials.flatMap(\.repeats).count == 6)
      #expect(trials.flatMap(\.repeats).allSatisfy { $0.state == .finished })
      let ranking = try second.ranking()
      #expect(ranking.isDecided(trials) && ranking.best(of: trials)?.number == best.number)
      #expect(ranking.mean(of: best) == trials.compactMap { ranking.mean(of: $0) }.min())
      let report = TuningReport(task: "forecast", space: space, trials: trials, measure: .less("mase"), repeats: 3)
      #expect(TuningPage(report).text.contains("by the mean of 3 seeds"))
      #expect(report.json.line.contains(#""repeats":[{"seed":2,"state":"finished","result":"#))
    }
  }
}

/// Counts the repeats that are said to have ended.
private final class SeenRepeats: Sendable {
  private let seen = Mutex(0)
  var count: Int { seen.withLock { $0 } }
  func see(_ text: String) { if text.contains(", seed ") { seen.withLock { $0 += 1 } } }
}
