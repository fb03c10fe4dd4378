import Testing

@testable import RefrainTasks

@Suite("The time that a training may take") struct TimeLimitTests {
  @Test("ends a stage by the clock, and says so unless somebody else had asked for the end") func clock() {
    let over = TimeLimit(seconds: 0)
    let isAsked = over.stopping { false }
    #expect(!isAsked() && !over.isReached && over.note == nil)
    over.begin(0)
    #expect(isAsked() && over.isReached && over.note == "the time limit of 0 s cut the training short")
    #expect(over.stopping { true }() && !over.isReached && over.note == nil)
    let long = TimeLimit(seconds: 1e6)
    for stage in 0...3 { long.begin(stage) }
    #expect(!long.stopping { false }() && long.stopping { true }() && !long.isReached)
    let none = TimeLimit(seconds: nil)
    none.begin(0)
    #expect(!none.stopping { false }())
  }

  @Test("is that of the first of several processes, whatever the clock of another says") func processes() {
    // This one was asked to stop as the first's time was over.
    let asked = TimeLimit(seconds: 1e6)
    asked.begin(0)
    #expect(asked.stopping { true }() && !asked.isReached)
    asked.take(isReached: true)
    #expect(asked.isReached && asked.note != nil)
    // This one's time is over, and the first was asked to stop, or has learned to the end.
    let over = TimeLimit(seconds: 0)
    over.begin(0)
    #expect(over.stopping { false }() && over.isReached)
    over.take(isReached: false)
    #expect(!over.isReached && over.note == nil)
    // That somebody asked stays known where the first says nothing else.
    #expect(over.stopping { true }())
    over.take(isReached: false)
    #expect(over.stopping { false }() && !over.isReached)
  }
}
