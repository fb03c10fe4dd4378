import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainTuning

@Suite("A study") struct StudyTests {
  private let description = Study.Description(identity: "a", measure: "", seed: 0, space: "x")

  @Test("gives each trial to one, whoever asks at once") func claims() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.study"
      _ = try Study(path, description)
      let numbers = Mutex<[Int]>([])
      let failures = Mutex(0)
      DispatchQueue.concurrentPerform(iterations: 4) { index in
        do {
          // Owners that run, and of which none is another.
          let study = try Study(path, description, owner: "host\(index) 1 1")
          while let trial = try study.claim(limit: 40, choose: { _, number in ["x": "\(number)"] }) {
            numbers.withLock { $0.append(trial.number) }
            try study.end(trial.number, .finished, result: Double(trial.number))
          }
        } catch {
          failures.withLock { $0 += 1 }
        }
      }
      #expect(failures.withLock { $0 } == 0)
      #expect(numbers.withLock { $0.sorted() } == Array(1...40))
      let trials = try Study(path, description).trials()
      #expect(trials.count == 40 && trials.allSatisfy { $0.state == .finished && $0.values["x"] == "\($0.number)" })
    }
  }

  @Test("is one's own: another search is refused, and so is a file that is none") func others() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.study"
      _ = try Study(path, description)
      var other = description
      other.space = "y"
      #expect(dataError { () throws(DataError) in try Study(path, other) }?.code == .wrongInput)
      try writeAtomically(String(repeating: "no study ", count: 1000), to: folder + "/text")
      #expect(dataError { () throws(DataError) in try Study(folder + "/text", description) }?.code == .damagedFile)
      #expect(dataError { () throws(DataError) in try Study("/nowhere/a", description) } != nil)
    }
  }

  @Test("that is damaged says so") func damage() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.study"
      let study = try Study(path, description)
      _ = try study.claim(limit: 1) { _, _ in [:] }
      try Database(path, patience: 1).change("UPDATE trial SET attempts = 'many'")
      #expect(dataError { () throws(DataError) in try study.trials() }?.code == .damagedFile)
      #expect(dataError { () throws(DataError) in try study.claim(limit: 2) { _, _ in [:] } }?.code == .damagedFile)
    }
  }

  @Test("takes a change back that fails half way") func halfWay() throws {
    try withTemporaryFolder { folder in
      let study = try Study(folder + "/a.study", description)
      #expect(throws: DataError.self) {
        try study.write { database in
          try database.change("INSERT INTO note (name, text) VALUES ('a', 'b')")
          try database.change("INSERT INTO nothing VALUES (1)")
        }
      }
      #expect(try study.note("a") == nil)
      try study.keep("c", as: "a")
      #expect(try study.note("a") == "c")
    }
  }

  @Test("keeps what trials report, for the others at the same step") func reports() throws {
    try withTemporaryFolder { folder in
      let study = try Study(folder + "/a.study", description)
      for _ in 1...3 { _ = try study.claim(limit: 3) { _, _ in [:] } }
      #expect(try study.report(5, of: 1, at: 1) == [])
      #expect(try study.report(4, of: 2, at: 1) == [5])
      #expect(try study.report(.nan, of: 3, at: 1).sorted() == [4, 5])
      #expect(try study.report(3, of: 2, at: 2) == [])
      #expect(try study.trials()[1].reports.map(\.value) == [4, 3])
      #expect(try study.claim(limit: 3) { _, _ in [:] } == nil)
      // A failed trial is made up for.
      try study.end(2, .failed, message: "no")
      #expect(try study.claim(limit: 3) { _, _ in [:] }?.number == 4)
    }
  }

  @Test("can be begun by several at once") func beginnings() throws {
    try withTemporaryFolder { folder in
      let failures = Mutex<[String]>([])
      for round in 0..<10 {
        DispatchQueue.concurrentPerform(iterations: 8) { index in
          do throws(DataError) {
            _ = try Study(folder + "/\(round).study", description, owner: "host\(index) 1 1")
          } catch {
            failures.withLock { $0.append(error.description) }
          }
        }
      }
      #expect(failures.withLock { $0 } == [])
    }
  }

  /// A process of this test's machine that is not there: no process has so great a number.
  private func ended(_ path: String, _ number: Int = 0) throws -> Study {
    try Study(path, description, owner: "here \(2_000_000_000 + number) 1")
  }
  private func mine(_ path: String) throws -> Study { try Study(path, description, owner: "here \(getpid()) x") }

  @Test("gives a trial whose process has ended to the next, and after three times to nobody") func killed() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.study"
      for attempt in 1...3 {
        let trial = try #require(try ended(path, attempt).claim(limit: 1) { _, _ in ["x": "1"] })
        #expect(trial.number == 1 && trial.attempts == attempt)
      }
      // What was put off was not ended by itself.
      let next = try #require(try mine(path).claim(limit: 1) { _, _ in ["x": "2"] })
      #expect(next.number == 2)
      let failed = try mine(path).trials()[0]
      #expect(failed.state == .failed && failed.message?.contains("each of the 3 times") == true)
      for _ in 1...5 {
        try mine(path).end(2, .waiting)
        #expect(try mine(path).claim(limit: 1) { _, _ in [:] }?.attempts == 1)
      }
    }
  }

  @Test("takes reports, signs of life and ends only from whom a trial is of") func owners() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.study"
      let before = try ended(path)
      _ = try before.claim(limit: 2) { _, _ in [:] }
      #expect(try before.signOfLife(1) && before.report(5, of: 1, at: 1) == [])
      let after = try mine(path)
      #expect(try after.claim(limit: 2) { _, _ in [:] }?.number == 1)
      #expect(try after.trials()[0].reports.isEmpty)
      #expect(try !before.signOfLife(1))
      _ = try before.report(5, of: 1, at: 1)
      try before.end(1, .finished, result: 5)
      let trial = try after.trials()[0]
      #expect(trial.reports.isEmpty && trial.state == .running)
      _ = try after.report(4, of: 1, at: 1)
      #expect(try after.trials()[0].reports.map(\.value) == [4])
    }
  }

  @Test("finds the better of a task's options, prunes, and goes on where it was stopped") func tuner() throws {
    try withTemporaryFolder { folder in
      let space = SearchSpace([
        .init("hidden", .whole(2...8, isLogarithmic: true)),
        .init("learning-rate", .real(1e-5...1e-1, isLogarithmic: true)),
      ])
      var shared = SharedOptions()
      shared.epochs = 12
      let study = try Study(folder + "/a.study", description)
      var plan = Tuner<Forecaster>.Plan()
      plan.trials = 4
      let first = Tuner<Forecaster>(space, in: study, plan: plan, examples: [.airline], shared: shared)
      let before = try #require(try first.run())
      plan.trials = 14
      let second = Tuner<Forecaster>(space, in: study, plan: plan, examples: [.airline], shared: shared)
      let best = try #require(try second.run())
      let trials = try study.trials()
      #expect(trials.count == 14 && trials.allSatisfy { $0.attempts == 1 })
      #expect(try #require(best.result) <= before.result!)
      #expect(trials.contains { $0.state == .pruned })
      // The winner trained once more is the model that the trial was.
      let model = try second.train(best, TrainingContext())
      #expect(model.evaluation?.measures.first?.value == best.result)
      let report = TuningReport(task: "forecast", space: space, trials: trials, measure: .less("mase"))
      #expect(report.ranked.first?.number == best.number && report.importance.allSatisfy { (0...1).contains($0.share) })
      let page = TuningPage(report).text
      #expect(page.contains("Parallel coordinates") && !page.contains("http"))
      // On a narrow screen charts and table move sideways, also by the keyboard.
      #expect(page.split(separator: #"tabindex="0" role="region""#).count == 5)
      // A line for each trial that came past its first epoch, and those that were ended early told apart.
      #expect(page.contains("Learning curves: the loss") && page.contains(" ended\" d=\"M"))
      #expect(page.components(separatedBy: "after epoch").count - 1 == trials.count { !$0.reports.isEmpty })
      // Nothing is left to do.
      #expect(try second.run()?.number == best.number && study.trials().count == 14)
    }
  }

  @Test("finds important what results go with, and nothing where they are all the same or as many as there are values")
  func importance() {
    let space = SearchSpace([
      .init("hidden", .whole(1...100, isLogarithmic: false)), .init("cell", .choice(["lstm", "gru"])),
    ])
    func shares(_ results: [Double]) -> [String: Double] {
      let trials = results.enumerated().map { index, result in
        Study.Trial(
          number: index + 1, state: .finished,
          values: ["hidden": "\(index * 37 % 100 + 1)", "cell": ["lstm", "gru"][index % 2]],
          result: result, message: nil, attempts: 1, seconds: 1, reports: [])
      }
      let report = TuningReport(task: "forecast", space: space, trials: trials, measure: .less("mase"))
      return Dictionary(uniqueKeysWithValues: report.importance.map { ($0.name, $0.share) })
    }
    let known = shares((0..<12).map { $0 % 2 == 0 ? 1 : 2 })
    // η² is 1, and so is ε².
    #expect(known["cell"] == 1 && known["hidden"] ?? 1 < 0.5, "\(known)")
    #expect(shares(Array(repeating: 0.8, count: 12)) == ["cell": 0, "hidden": 0])
    #expect(shares([1, 2, 3, 4])["hidden"] == 0)
  }

  @Test("stops where no trial can be trained, with the reason") func hopeless() throws {
    try withTemporaryFolder { folder in
      let space = SearchSpace([.init("context", .whole(500...600, isLogarithmic: false))])
      let study = try Study(folder + "/a.study", description)
      let tuner = Tuner<Forecaster>(space, in: study, examples: [.airline])
      #expect(throws: TaskError.self) { try tuner.run() }
      #expect(try study.trials().count == 3)
    }
  }

  /// The first choice at first, then the second.
  private struct FirstThenSecond: Sampler {
    func next(
      in space: SearchSpace, after observations: [Observation], running: [[ParameterValue]],
      using generator: inout RandomGenerator
    ) -> [ParameterValue] { [.choice(observations.isEmpty ? 0 : 1)] }
  }

  @Test("ends where trial after trial fails", .timeLimit(.minutes(20))) func failures() throws {
    try withTemporaryFolder { folder in
      let space = SearchSpace([.init("context", .choice(["12", "600"]))])
      var shared = SharedOptions()
      (shared.epochs, shared.hidden) = (2, 4)
      let study = try Study(folder + "/a.study", description)
      var plan = Tuner<Forecaster>.Plan()
      (plan.trials, plan.sampler) = (2, FirstThenSecond())
      let tuner = Tuner<Forecaster>(space, in: study, plan: plan, examples: [.airline], shared: shared)
      #expect(try tuner.run()?.number == 1)
      #expect(try study.trials().count == 13)
    }
  }

  @Test("refuses a value that makes no sense, where it is read and where it is used") func values() throws {
    func problem(_ name: String, _ domain: SearchSpace.Domain) -> String? {
      dataError { () throws(DataError) in
        try SearchSpace([.init(name, domain)]).check(for: LanguageModel.self, file: "s.json")
      }?.description
    }
    #expect(problem("hidden", .choice(["16", "many"]))?.contains("from 1 to 4096, not 'many'") == true)
    #expect(problem("hidden", .whole(16...5000, isLogarithmic: false))?.contains("not '5000'") == true)
    #expect(problem("hidden", .real(16.5...64, isLogarithmic: false))?.contains("not '16.5'") == true)
    #expect(problem("layers", .whole(0...2, isLogarithmic: false))?.contains("from 1 to 32, not '0'") == true)
    #expect(problem("dropout", .real(0...1, isLogarithmic: false))?.contains("below 1, not '1.0'") == true)
    #expect(problem("learning-rate", .choice(["0.1", "fast"]))?.contains("positive number, not 'fast'") == true)
    #expect(problem("cell", .choice(["lstm", "grv"]))?.contains("did you mean 'gru'?") == true)
    #expect(problem("cell", .choice(["lstm", "gru"])) == nil)
    #expect(problem("learning-rate", .choice(["20"])) == nil)
    try withTemporaryFolder { folder in
      let study = try Study(folder + "/a.study", description)
      let tuner = Tuner<Forecaster>(SearchSpace([]), in: study, examples: [.airline])
      #expect(throws: OptionError.self) { try tuner.configuration(of: ["hidden": "many"]) }
      #expect(throws: OptionError.self) { try tuner.configuration(of: ["learning-rate": "fast"]) }
      #expect(try tuner.configuration(of: ["learning-rate": "0.5"]).learningRate == 0.5)
    }
  }

  @Test("searches no learning rate that is of another rule's size") func rates() throws {
    let given = SharedOptions()
    // Every task of the library has one; a rule of its own wants rates of another size.
    #expect(SearchSpace.standard(for: Tagger.self, given: given).parameters.contains { $0.name == "learning-rate" })
    func names(_ fixed: [String: [String]]) -> [String] {
      SearchSpace.standard(for: LanguageModel.self, given: given, fixed: fixed).parameters.map(\.name)
    }
    #expect(names([:]).contains("learning-rate") && !names(["optimizer": ["sgd"]]).contains("learning-rate"))
    #expect(names(["optimizer": ["sgd"]]).contains("hidden"))
  }

  @Test("knows of which measures less is better, and which cannot decide") func measures() throws {
    func better<Task: TaskModel>(_ task: Task.Type, _ name: String) -> TaskMeasure.Better? {
      Task.measure(named: name)?.better
    }
    #expect(better(Translator.self, "rougeL") == .more && better(Translator.self, "bleu") == .more)
    #expect(better(Transcriber.self, "wordErrorRate") == .less)
    #expect(better(Forecaster.self, "coverage") == .neither && better(Forecaster.self, "mase") == .less)
    #expect(better(FramePredictor.self, "structuralSimilarity") == .more)
    #expect(better(FramePredictor.self, "meanSquaredError") == .less)
    #expect(better(Detector.self, "nabLowFalsePositives") == .more)
    // One of a class is as that of all; one that no task lists is neither.
    #expect(better(Tagger.self, "f1.PER") == .more && better(Tagger.self, "f2") == nil)
    for task in Tasks.all { #expect(task.measures.first?.canDecide == true, "\(task.name)") }
    try withTemporaryFolder { folder in
      var plan = Tuner<Forecaster>.Plan()
      plan.measure = "coverage"
      let study = try Study(folder + "/a.study", description)
      let space = SearchSpace.standard(for: Forecaster.self, given: SharedOptions())
      let tuner = Tuner<Forecaster>(space, in: study, plan: plan, examples: [.airline])
      #expect(throws: MeasureError.self) { try tuner.run() }
      #expect(try study.trials().isEmpty)
    }
  }

  @Test("searches what a task takes unless it is told") func spaces() throws {
    var given = SharedOptions()
    given.hidden = 8
    let space = SearchSpace.standard(for: Forecaster.self, given: given)
    // A forecaster has no dropout, and the units are given.
    #expect(space.parameters.map(\.name) == ["cell", "layers", "learning-rate"])
    let wrong = SearchSpace([.init("contxt", .whole(1...2, isLogarithmic: false))])
    let error = dataError { () throws(DataError) in try wrong.check(for: Forecaster.self, file: "s.json") }
    #expect(error?.remedy == "did you mean 'context'?")
    let (f1, accuracy) = (Classifier.measure(named: "microF1"), Classifier.measure(named: "accuracy"))
    #expect(Forecaster.measure(named: "mase")?.better == .less && f1?.better == .more && accuracy?.better == .more)
  }
}
