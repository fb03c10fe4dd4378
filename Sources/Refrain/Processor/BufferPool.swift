internal import CProcessor
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Keeps freed blocks for the next step: a fresh block of megabytes costs a page fault for every 4 KB of it. What
/// nobody has wanted for a while is given back to the system.
final class BufferPool: Sendable {
  static let shared = BufferPool()

  /// Free blocks of one size.
  private struct Shelf {
    var blocks: [UnsafeMutableRawPointer] = []
    /// The fewest there were in this span of time: so many were not wanted.
    var fewest = 0

    mutating func take() -> UnsafeMutableRawPointer? {
      guard let block = blocks.popLast() else { return nil }
      fewest = min(fewest, blocks.count)
      return block
    }

    /// The blocks that were not wanted, which are its no more.
    mutating func endSpan() -> ArraySlice<UnsafeMutableRawPointer> {
      let unwanted = blocks.prefix(fewest)
      blocks.removeFirst(fewest)
      fewest = blocks.count
      return unwanted
    }
  }
  private struct State {
    var free: [Int: Shelf] = [:]
    var live = 0
    var kept = 0
    /// The largest `live` in this span of time, and in the one before.
    var peak = 0
    var formerPeak = 0
    var spanEnd = -Double.infinity
    var countdown = BufferPool.givesBetweenLooks
    /// The largest `live` since somebody asked to begin anew.
    var highest = 0
  }
  private struct Guarded: @unchecked Sendable { var state = State() }
  private let guarded = Mutex(Guarded())
  /// 4 MB
  private static let slack = 1 << 20
  /// In seconds: longer than most training steps and what comes between them.
  static let span = 10.0
  /// How often a block is given before somebody looks at the clock.
  private static let givesBetweenLooks = 64

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
      guarded.state.highest = max(guarded.state.highest, guarded.state.live)
      guard let block = guarded.state.free[capacity]?.take() else { return nil }
      guarded.state.kept -= capacity
      return block
    }
    let block = reused ?? newBlock(bytes: capacity * MemoryLayout<Float>.size)
    return (block.assumingMemoryBound(to: Float.self), capacity)
  }

  private func newBlock(bytes: Int) -> UnsafeMutableRawPointer {
    if let block = alignedBlock(bytes: bytes) { return block }
    // What is kept is of other sizes.
    giveBackAll()
    if let block = alignedBlock(bytes: bytes) { return block }
    let limit = addressSpaceLimit().map { " within the \($0 / 1_000_000) MB that the process may have (ulimit -v)" }
    stop(
      "refrain: there is not enough memory for a tensor of \((bytes + 999_999) / 1_000_000) MB\(limit ?? ""); let it "
        + "have more, or take a smaller network, smaller batches or shorter sequences", status: 71)
  }

  /// Nothing is allocated for it.
  private func giveBackAll() {
    guarded.withLock { guarded in
      for shelf in guarded.state.free.values {
        for block in shelf.blocks { free(block) }
      }
      (guarded.state.free, guarded.state.kept) = ([:], 0)
    }
    refrain_release_free_pages()
  }

  func give(_ pointer: UnsafeMutablePointer<Float>, _ capacity: Int) {
    let block = UnsafeMutableRawPointer(pointer)
    let (released, looks) = guarded.withLock { guarded -> (Bool, Bool) in
      guarded.state.live -= capacity
      guarded.state.countdown -= 1
      let looks = guarded.state.countdown == 0
      if looks { guarded.state.countdown = Self.givesBetweenLooks }
      // What is kept and what is live together never exceed what was live at the peak, but for a little, as blocks of
      // different sizes are not all wanted at once.
      let most = max(guarded.state.peak, guarded.state.formerPeak) + Self.slack
      guard guarded.state.kept + guarded.state.live + capacity <= most else { return (true, looks) }
      guarded.state.free[capacity, default: Shelf()].blocks.append(block)
      guarded.state.kept += capacity
      return (false, looks)
    }
    if released { free(block) }
    if looks { age(at: monotonicSeconds()) }
  }

  /// Where a span of time has ended, gives back the blocks that nobody wanted in it.
  ///
  /// - Parameter seconds: On a clock that never goes back.
  func age(at seconds: Double) {
    let (unwanted, size) = guarded.withLock { guarded -> ([UnsafeMutableRawPointer], Int) in
      guard seconds >= guarded.state.spanEnd else { return ([], 0) }
      guarded.state.spanEnd = seconds + Self.span
      guarded.state.formerPeak = guarded.state.peak
      guarded.state.peak = guarded.state.live
      let kept = guarded.state.kept
      var unwanted: [UnsafeMutableRawPointer] = []
      for (capacity, var shelf) in guarded.state.free {
        guarded.state.kept -= shelf.fewest * capacity
        unwanted += shelf.endSpan()
        guarded.state.free[capacity] = shelf.blocks.isEmpty ? nil : shelf
      }
      return (unwanted, kept - guarded.state.kept)
    }
    for block in unwanted { free(block) }
    if size > Self.slack { refrain_release_free_pages() }
  }

  var live: Int { guarded.withLock { $0.state.live } }
  var kept: Int { guarded.withLock { $0.state.kept } }
  var highest: Int { guarded.withLock { $0.state.highest } }
  func forgetHighest() { guarded.withLock { $0.state.highest = $0.state.live } }
  func raiseHighest(to floats: Int) { guarded.withLock { $0.state.highest = max($0.state.highest, floats) } }
}
