import Synchronization

/// A block of floats on its own, 64-byte aligned. Tensors share one until somebody writes.
final class Storage: @unchecked Sendable {
  let count: Int
  let pointer: UnsafeMutablePointer<Float>
  private let capacity: Int

  /// Uninitialised memory for `count` floats.
  init(count: Int) {
    self.count = count
    (pointer, capacity) = BufferPool.shared.take(count)
  }

  deinit { BufferPool.shared.give(pointer, capacity) }
}

/// Keeps freed blocks for the next step: a fresh block of megabytes costs a page fault for every 4 KB of it.
final class BufferPool: Sendable {
  static let shared = BufferPool()

  private struct State {
    var free: [Int: [UnsafeMutableRawPointer]] = [:]
    var live = 0
    var kept = 0
    var peak = 0
  }
  private struct Guarded: @unchecked Sendable { var state = State() }
  private let guarded = Mutex(Guarded())

  /// Sizes in use grow by an eighth, so that a block serves requests of about its size.
  static func capacity(for count: Int) -> Int {
    let least = max(16, count)
    let step = 1 << max(4, Int.bitWidth - least.leadingZeroBitCount - 4)
    return (least + step - 1) / step * step
  }

  func take(_ count: Int) -> (UnsafeMutablePointer<Float>, Int) {
    let capacity = Self.capacity(for: count)
    let reused = guarded.withLock { guarded -> UnsafeMutableRawPointer? in
      guarded.state.live += capacity
      guarded.state.peak = max(guarded.state.peak, guarded.state.live)
      guard let block = guarded.state.free[capacity]?.popLast() else { return nil }
      guarded.state.kept -= capacity
      return block
    }
    let block = reused ?? .allocate(byteCount: capacity * 4, alignment: 64)
    return (block.assumingMemoryBound(to: Float.self), capacity)
  }

  func give(_ pointer: UnsafeMutablePointer<Float>, _ capacity: Int) {
    let block = UnsafeMutableRawPointer(pointer)
    let released = guarded.withLock { guarded -> Bool in
      guarded.state.live -= capacity
      // What is kept and what is live together never exceed what was live at the peak.
      guard guarded.state.kept + guarded.state.live + capacity <= guarded.state.peak else { return true }
      guarded.state.free[capacity, default: []].append(block)
      guarded.state.kept += capacity
      return false
    }
    if released { block.deallocate() }
  }
}
