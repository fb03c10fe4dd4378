import Synchronization

/// A block of floats on its own, 64-byte aligned. Tensors share one until somebody writes.
final class Storage: @unchecked Sendable {
  let count: Int
  let pointer: UnsafeMutablePointer<Float>
  private let capacity: Int
  /// Names these values among all there ever were; 0 until somebody asks, and again once they are written.
  private let stamp = Atomic<UInt64>(0)
  private let forms = Mutex<[Form]>([])
  /// The same values as 32-bit integers, bit for bit in the places of floats, where they were given as such; set before
  /// anybody shares them.
  fileprivate(set) var integers: Storage?
  /// `[rows]`, where each row is whole numbers from −127 to 127 times a scale; set before anybody shares the values.
  fileprivate(set) var rowScales: Storage?
  /// Whether every value is a bfloat16; set before anybody shares the values.
  fileprivate(set) var isBFloat16 = false

  /// What goes with the values wherever they are moved, but not with a copy: the memory of a stream's step. Only for
  /// whoever holds the values alone.
  var companion: AnyObject?

  /// Uninitialized memory for `count` floats.
  init(count: Int) {
    require(count <= 1 << 44, "a tensor of more than 2^44 values does not fit into memory")
    self.count = count
    (pointer, capacity) = BufferPool.shared.take(count)
  }

  /// Where the values are, for reading.
  var address: UnsafePointer<Float> { UnsafePointer(pointer) }

  deinit { BufferPool.shared.give(pointer, capacity) }
}

extension Storage {
  /// Says which integers the values are, before anybody shares them.
  func setIntegers(_ integers: Storage) { self.integers = integers }

  /// Says by which scales the rows are whole numbers, before anybody shares them.
  func setRowScales(_ scales: Storage) { rowScales = scales }

  /// Says that every value is a bfloat16, before anybody shares them.
  func setBFloat16() { isBFloat16 = true }

  /// These values, together with those of other tensors, in the order in which a kernel reads them.
  private struct Form: Sendable {
    let name: String
    let stamps: Stamps
    let values: Storage
  }

  private struct Stamps: Equatable {
    let first: UInt64
    let second: UInt64
    let third: UInt64
    let fourth: UInt64
  }

  private static let lastStamp = Atomic<UInt64>(0)

  private var identity: UInt64 {
    let known = stamp.load(ordering: .acquiring)
    if known != 0 { return known }
    let new = Storage.lastStamp.wrappingAdd(1, ordering: .relaxed).newValue
    let (exchanged, original) = stamp.compareExchange(expected: 0, desired: new, ordering: .acquiringAndReleasing)
    return exchanged ? new : original
  }

  /// To be called before every write: what was made of the old values is not theirs any more.
  func willWrite() {
    integers = nil
    rowScales = nil
    isBFloat16 = false
    guard stamp.load(ordering: .relaxed) != 0 else { return }
    stamp.store(0, ordering: .releasing)
    forms.withLock { $0 = [] }
  }

  /// The form called `name` of these values and those of others, made when it is not at hand.
  ///
  /// - Parameter isKept: whether it is at hand for the next call, until one of the tensors is written. A step of
  ///   training, which writes them all, would hold memory for nothing.
  func form(
    _ name: String, with second: Tensor? = nil, _ third: Tensor? = nil, _ fourth: Tensor? = nil, isKept: Bool,
    make: () -> Storage
  ) -> Storage {
    let stamps = Stamps(
      first: identity, second: second?.storage.identity ?? 0, third: third?.storage.identity ?? 0,
      fourth: fourth?.storage.identity ?? 0)
    let kept = forms.withLock { forms in
      for form in forms where form.name == name && form.stamps == stamps { return form.values as Storage? }
      return nil
    }
    if let kept { return kept }
    let values = make()
    if isKept {
      forms.withLock { forms in
        forms.removeAll { $0.name == name }
        forms.append(Form(name: name, stamps: stamps, values: values))
      }
    }
    return values
  }
}

/// Keeps freed blocks for the next step: a fresh block of megabytes costs a page fault for every 4 KB of it.
final class BufferPool: Sendable {
  static let shared = BufferPool()

  private struct State {
    var free: [Int: [UnsafeMutableRawPointer]] = [:]
    var live = 0
    var kept = 0
    var peak = 0
    /// The largest `live` since somebody asked to begin anew.
    var highest = 0
  }
  private struct Guarded: @unchecked Sendable { var state = State() }
  private let guarded = Mutex(Guarded())
  /// 4 MB
  private static let slack = 1 << 20

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
      // What is kept and what is live together never exceed what was live at the peak, but for a little, as blocks of
      // different sizes are not all wanted at once.
      guard guarded.state.kept + guarded.state.live + capacity <= guarded.state.peak + Self.slack else { return true }
      guarded.state.free[capacity, default: []].append(block)
      guarded.state.kept += capacity
      return false
    }
    if released { block.deallocate() }
  }

  var live: Int { guarded.withLock { $0.state.live } }
  var highest: Int { guarded.withLock { $0.state.highest } }
  func forgetHighest() { guarded.withLock { $0.state.highest = $0.state.live } }
  func raiseHighest(to floats: Int) { guarded.withLock { $0.state.highest = max($0.state.highest, floats) } }
}
