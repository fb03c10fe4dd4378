import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainTuning

@Suite("A study") struct StudyTests {
  private let description = Study.Description(identity: "a", measure: "", isLess: true, seed: 0, space: "x")

  @Test("gives each trial to one, whoever asks at once") func claims() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.study"
      _ = try Study(path, description)
      let numbers = Mutex<[Int]>([])
      let failures = Mutex(0)
      DispatchQueue.concurrentPerform(iterations: 4) { _ in
        do {
          let study = try Study(path, description)
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
      let report = TuningReport(task: "forecast", space: space, trials: trials, measure: "mase")
      #expect(report.ranked.first?.number == best.number && report.importance.allSatisfy { (0...1).contains($0.share) })
      let page = TuningPage(report).text
      #expect(page.contains("Parallel coordinates") && !page.contains("http"))
      // Nothing is left to do.
      #expect(try second.run()?.number == best.number && study.trials().count == 14)
    }
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

  @Test("searches what a task takes unless it is told") func spaces() throws {
    var given = SharedOptions()
    given.hidden = 8
    let space = SearchSpace.standard(for: Forecaster.self, given: given)
    // A forecaster has no dropout, and the units are given.
    #expect(space.parameters.map(\.name) == ["cell", "layers", "learning-rate"])
    let wrong = SearchSpace([.init("contxt", .whole(1...2, isLogarithmic: false))])
    let error = dataError { () throws(DataError) in try wrong.check(for: Forecaster.self, file: "s.json") }
    #expect(error?.remedy == "did you mean 'context'?")
    #expect(TuningMeasure.isLess("mase") && !TuningMeasure.isLess("macroF1") && !TuningMeasure.isLess("accuracy"))
  }
}
