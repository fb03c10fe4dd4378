import Foundation
import Refrain
import Synchronization

/// The processes of a group, as threads of this one: each has a thread of its own, and waits for the others.
public final class LocalGroup: TrainingGroup {
  public let rank: Int
  public var count: Int { meeting.count }
  private let meeting: Meeting

  private init(rank: Int, _ meeting: Meeting) { (self.rank, self.meeting) = (rank, meeting) }

  public func machine(of rank: Int) -> String { "machine \(rank)" }

  /// Runs `body` once for each rank, and gives what each of them gives.
  public static func run<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (LocalGroup) throws -> Value
  ) throws -> [Value] {
    let meeting = Meeting(count: count)
    let results = Mutex<[Int: Result<Value, any Error>]>([:])
    let isDone = DispatchSemaphore(value: 0)
    for rank in 0..<count {
      let thread = Thread {
        let result = Result { try body(LocalGroup(rank: rank, meeting)) }
        results.withLock { $0[rank] = result }
        isDone.signal()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    for _ in 0..<count { isDone.wait() }
    return try results.withLock { results in try (0..<count).map { try results[$0]!.get() } }
  }

  public func beginSum(_ values: UnsafeMutableBufferPointer<Float>) {
    meeting.meet(rank, UnsafeMutableRawBufferPointer(values), UnsafeRawBufferPointer(values)) { all in
      let parts = all.map { $0.target.bindMemory(to: Float.self) }
      for index in parts[0].indices {
        let sum = parts.dropFirst().reduce(parts[0][index]) { $0 + $1[index] }
        for part in parts { part[index] = sum }
      }
    }
  }

  public func beginGather(_ own: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer) {
    meeting.meet(rank, all, own) { all in
      for part in all {
        var start = 0
        for other in all {
          UnsafeMutableRawBufferPointer(rebasing: part.target[start..<start + other.own.count])
            .copyMemory(from: other.own)
          start += other.own.count
        }
      }
    }
  }

  public func beginBroadcast(_ bytes: UnsafeMutableRawBufferPointer) {
    meeting.meet(rank, bytes, UnsafeRawBufferPointer(bytes)) { all in
      for part in all.dropFirst() { part.target.copyMemory(from: all[0].own) }
    }
  }

  public func finish() {}
}

/// A group of which this process says another word than it has: where what all say is compared, it is the odd one.
public final class OddGroup: TrainingGroup {
  private let group: LocalGroup
  private let (gathering, word): (Int, Int)
  private let gatherings = Mutex(0)

  /// - Parameters:
  ///   - group: The process.
  ///   - gathering: Which gathering it is, from 0.
  ///   - word: Which of the words of 8 bytes that are gathered then.
  public init(_ group: LocalGroup, gathering: Int, word: Int) {
    (self.group, self.gathering, self.word) = (group, gathering, word)
  }

  public var rank: Int { group.rank }
  public var count: Int { group.count }
  public func machine(of rank: Int) -> String { group.machine(of: rank) }
  public func beginSum(_ values: UnsafeMutableBufferPointer<Float>) { group.beginSum(values) }
  public func beginBroadcast(_ bytes: UnsafeMutableRawBufferPointer) { group.beginBroadcast(bytes) }
  public func finish() {}

  public func beginGather(_ own: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer) {
    let number = gatherings.withLock { number in
      defer { number += 1 }
      return number
    }
    var said = [UInt8](own)
    if number == gathering { said[8 * word] ^= 0x40 }
    said.withUnsafeBytes { group.beginGather($0, into: all) }
  }
}

/// Where threads wait for one another.
private final class Meeting: @unchecked Sendable {
  struct Part {
    let target: UnsafeMutableRawBufferPointer
    let own: UnsafeRawBufferPointer
  }

  let count: Int
  private let condition = NSCondition()
  private var parts: [Int: Part] = [:]
  private var round = 0

  init(count: Int) { self.count = count }

  /// Waits until all ranks are here; the last one does the work.
  func meet(
    _ rank: Int, _ target: UnsafeMutableRawBufferPointer, _ own: UnsafeRawBufferPointer, work: ([Part]) -> Void
  ) {
    condition.lock()
    defer { condition.unlock() }
    parts[rank] = Part(target: target, own: own)
    let current = round
    if parts.count == count {
      work((0..<count).map { parts[$0]! })
      parts = [:]
      round += 1
      condition.broadcast()
    } else {
      while round == current { condition.wait() }
    }
  }
}
