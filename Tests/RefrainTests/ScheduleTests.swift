import Refrain
import RefrainTestSupport
import Testing

@Suite("Learning-rate schedules") struct ScheduleTests {
  private let fixture = try! Fixture("optimizers")

  @Test("thirty rates of each schedule equal PyTorch's")
  func rates() throws {
    let cases: [(String, LearningRateSchedule)] = [
      ("step", .step(every: 7, factor: 0.5)),
      ("exponential", .exponential(factor: 0.9)),
      ("cosine", .cosine(count: 30)),
      ("cosine_minimum", .cosine(count: 29, minimum: 0.01)),
      ("one_cycle", .oneCycle(maximum: 0.1, count: 30)),
      ("warm_up", .warmUp(count: 5)),
      ("warm_up_cosine", .warmUp(count: 5, then: .cosine(count: 25))),
    ]
    for (name, schedule) in cases {
      let expected = try fixture("schedule.\(name)").values
      for index in 0..<30 {
        let rate = schedule.rate(at: index, initial: 0.1)
        #expect(abs(rate - expected[index]) <= 1e-5 * expected[index] + 1e-9, "\(name), \(index): \(rate)")
      }
    }
    #expect((0..<30).allSatisfy { LearningRateSchedule.constant.rate(at: $0, initial: 0.1) == 0.1 })
  }

  @Test("a schedule that is not told how long it is takes the length of training")
  func totals() {
    let pairs: [(LearningRateSchedule, LearningRateSchedule)] = [
      (.oneCycle(), .oneCycle(maximum: 0.1, count: 30)), (.cosine(), .cosine(count: 30)),
      (.warmUp(count: 5, then: .cosine()), .warmUp(count: 5, then: .cosine(count: 25))),
    ]
    for (open, closed) in pairs {
      for index in 0..<30 {
        #expect(open.rate(at: index, initial: 0.1, total: 30) == closed.rate(at: index, initial: 0.1))
      }
    }
  }

  @Test("warm restarts have the rates of PyTorch's CosineAnnealingWarmRestarts")
  func restarts() {
    let even: [Float] = [0.1, 0.0853553, 0.05, 0.0146447]
    let growing: [Float] = [
      0.1, 0.0775, 0.0325, 0.1, 0.0939711, 0.0775, 0.055, 0.0325, 0.0160289, 0.1, 0.0984667, 0.0939711, 0.0868198,
      0.0775, 0.0666469, 0.055, 0.0433531, 0.0325, 0.0231802, 0.0160289, 0.0115333, 0.1, 0.099615, 0.0984667,
    ]
    let schedules: [(LearningRateSchedule, [Float])] = [
      (.cosineWithRestarts(every: 4), (0..<24).map { even[$0 % 4] }),
      (.cosineWithRestarts(every: 3, factor: 2, minimum: 0.01), growing),
    ]
    for (schedule, expected) in schedules {
      for (index, rate) in expected.enumerated() {
        #expect(abs(schedule.rate(at: index, initial: 0.1) - rate) < 1e-7, "\(index)")
      }
    }
  }

  @Test("reduction on a plateau equals PyTorch's")
  func plateau() throws {
    let losses = try fixture("schedule.plateau.losses").values
    let cases: [(String, LearningRateSchedule)] = [
      ("plateau", .reduceOnPlateau(factor: 0.5, patience: 2)),
      ("plateau_cooldown", .reduceOnPlateau(factor: 0.3, patience: 1, cooldown: 2, minimum: 0.002)),
    ]
    for (name, schedule) in cases {
      var schedule = schedule
      let expected = try fixture("schedule.\(name)").values
      for (index, loss) in losses.enumerated() {
        schedule.observe(loss)
        #expect(
          agree([schedule.rate(at: index + 1, initial: 0.1)], [expected[index]], within: 1e-6), "\(name), \(index)")
      }
    }
  }

  @Test("one-cycle counts steps, the others epochs unless told otherwise")
  func intervals() {
    #expect(LearningRateSchedule.oneCycle(count: 10).interval == .step)
    #expect(LearningRateSchedule.cosine(count: 10).interval == .epoch)
    #expect(LearningRateSchedule.cosine(count: 10).countingSteps.interval == .step)
    #expect(LearningRateSchedule.warmUp(count: 2, then: .oneCycle(count: 8)).interval == .step)
  }
}
