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
