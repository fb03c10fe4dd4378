import Dispatch
import Synchronization
import Testing

@testable import Refrain

@Suite("Workers", .timeLimit(.minutes(20))) struct WorkersTests {
  @Test("do every part once, whatever their number")
  func parts() {
    let workers = Workers()
    for round in 0..<2000 {
      let parts = round % 5 + (round % 97 == 0 ? 40 : 0)
      let counts = (0..<parts).map { _ in Counter() }
      workers.run(parts) { counts[$0].add() }
      #expect(counts.allSatisfy { $0.value == 1 })
    }
  }

  @Test("wake up when they have slept, and wait for the slowest part")
  func sleep() async throws {
    let workers = Workers()
    for _ in 0..<20 {
      let total = Counter()
      workers.run(3) { part in
        // Long enough for whoever waits to fall asleep.
        let end = monotonicSeconds() + 0.0005 * Double(part)
        while monotonicSeconds() < end {}
        total.add()
      }
      #expect(total.value == 3)
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  @Test("take a thread for each part, one job after another, awake or asleep")
  func sideBySide() async throws {
    let workers = Workers()
    for round in 0..<30 {
      for parts in [2, 5, 3] {
        let (arrived, met) = (Counter(), Counter())
        workers.run(parts) { _ in
          arrived.add()
          // No part ends before all have begun.
          let end = monotonicSeconds() + 10
          while arrived.value < parts, monotonicSeconds() < end { yieldProcessor() }
          if arrived.value == parts { met.add() }
        }
        try #require(met.value == parts, "round \(round): \(arrived.value) of \(parts) parts began")
      }
      if round % 3 == 0 { try await Task.sleep(for: .milliseconds(2)) }
    }
  }

  @Test("miss no call that comes while they fall asleep")
  func fallingAsleep() {
    // A call that is missed is waited for without an end.
    let finished = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      let workers = Workers()
      let arrived = Counter()
      let end = monotonicSeconds() + 2
      var round = 0
      while monotonicSeconds() < end {
        round += 1
        let wanted = 2 * round
        workers.run(2) { part in
          arrived.add()
          while arrived.value < wanted { yieldProcessor() }
          // About as long as the other one looks for the end before it sleeps.
          let end = monotonicSeconds() + (part == 0 ? 0 : 48e-6 + 5e-9 * Double(wanted % 1000))
          while monotonicSeconds() < end {}
        }
      }
      finished.signal()
    }
    #expect(finished.wait(timeout: .now() + 50) == .success)
  }

  @Test("of one job can be asked to do another")
  func nested() {
    let workers = Workers()
    for _ in 0..<200 {
      let total = Counter()
      workers.run(4) { _ in workers.run(3) { _ in workers.run(2) { _ in total.add() } } }
      #expect(total.value == 24)
    }
  }

  @Test("serve several tasks at once")
  func concurrent() async {
    let workers = Workers()
    let total = Counter()
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          for _ in 0..<500 { workers.run(2 + task % 3) { _ in total.add() } }
        }
      }
    }
    #expect(total.value == (0..<8).reduce(0) { $0 + 500 * (2 + $1 % 3) })
  }

  @Test("get parts that cover the range, end at multiples and are worth a thread")
  func ranges() async {
    // In a process of its own, for the number of threads is one for all.
    await #expect(processExitsWith: .success) {
      for threads in [1, 2, 8] {
        Parallelism.threads = threads
        for (count, grain, multiple) in [(0, 1, 1), (1, 1, 16), (100, 1, 16), (33, 16, 16), (1000, 300, 1), (7, 0, 1)] {
          let found = Mutex<[Range<Int>]>([])
          parallel(count, grain: grain, multiple: multiple) { part in found.withLock { $0.append(part) } }
          let parts = found.withLock { $0 }.sorted { $0.lowerBound < $1.lowerBound }
          let worthwhile = max(1, count / max(1, grain))
          precondition(parts.flatMap { Array($0) } == Array(0..<count))
          precondition(parts.dropLast().allSatisfy { $0.upperBound % multiple == 0 })
          precondition(parts.allSatisfy { !$0.isEmpty })
          precondition(parts.count == (count == 0 ? 0 : min(threads, worthwhile, (count + multiple - 1) / multiple)))
        }
      }
    }
  }

  @Test("do brief jobs alone after one that took too long, twice as many each time, and fewer when all goes well")
  func briefJobs() {
    let jobs = BriefJobs()
    /// How many jobs are done alone before one is shared.
    func alone(within limit: Double) -> Int {
      var (count, isDone) = (0, false)
      while !isDone {
        jobs.run(within: limit) { isShared in
          if isShared { isDone = true } else { count += 1 }
        }
      }
      return count
    }
    // Every job takes longer than −1 s, and none longer than for ever.
    #expect((0..<4).map { _ in alone(within: -1) } == [0, 64, 128, 256])
    #expect(alone(within: .infinity) == 512)
    #expect((0..<50).allSatisfy { _ in alone(within: .infinity) == 0 })
    #expect(alone(within: -1) == 0)
    // It would be 1024 if none had gone well.
    #expect(alone(within: .infinity) == 1024 - 51)
    for _ in 0..<10 { _ = alone(within: -1) }
    #expect(alone(within: -1) == 8192)
  }

  @Test("get every one of given ranges, once")
  func givenRanges() {
    for count in 0..<6 {
      let ranges = (0..<count).map { 10 * $0..<10 * $0 + $0 }
      let found = Mutex<[Range<Int>]>([])
      parallel(ranges) { part in found.withLock { $0.append(part) } }
      #expect(found.withLock { $0 }.sorted { $0.lowerBound < $1.lowerBound } == ranges)
    }
  }
}

private final class Counter: Sendable {
  private let count = Atomic(0)
  var value: Int { count.load(ordering: .relaxed) }
  func add() { count.add(1, ordering: .relaxed) }
}
