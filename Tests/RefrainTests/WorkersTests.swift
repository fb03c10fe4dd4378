import Synchronization
import Testing

@testable import Refrain

@Suite("Workers", .timeLimit(.minutes(1))) struct WorkersTests {
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
  func ranges() {
    for (count, grain, multiple) in [(0, 1, 1), (1, 1, 16), (100, 1, 16), (33, 16, 16), (1000, 300, 1)] {
      let found = Mutex<[Range<Int>]>([])
      parallel(count, grain: grain, multiple: multiple) { part in found.withLock { $0.append(part) } }
      let parts = found.withLock { $0 }.sorted { $0.lowerBound < $1.lowerBound }
      #expect(parts.flatMap { Array($0) } == Array(0..<count))
      #expect(parts.dropLast().allSatisfy { $0.upperBound % multiple == 0 })
      #expect(parts.count <= max(1, count / grain) && parts.allSatisfy { !$0.isEmpty })
    }
  }
}

private final class Counter: Sendable {
  private let count = Atomic(0)
  var value: Int { count.load(ordering: .relaxed) }
  func add() { count.add(1, ordering: .relaxed) }
}
