/// The processes that train one model together, on one machine or on many, as one of them sees it.
///
/// Every process reads the same data, draws the same batches and learns from its share of each. Their gradients are
/// added up, so that all make the same update, that of the whole batch on one machine: the number of processes changes
/// how long training takes, and not what is learned.
///
///     trainer.group = group
///
/// All processes call the same functions in the same order. What is begun may go on while the caller computes; its
/// memory is left alone until ``finish()``.
public protocol TrainingGroup: AnyObject, Sendable {
  /// The place of this process among all, from 0: the first one decides, writes and speaks.
  var rank: Int { get }
  /// The number of processes.
  var count: Int { get }
  /// The machine that a process runs on, for messages.
  func machine(of rank: Int) -> String

  /// Begins to add up values over all processes, in place; then all have the same sums, to the bit.
  func beginSum(_ values: UnsafeMutableBufferPointer<Float>)
  /// Begins to collect the bytes of all processes, as many of each, in the order of their ranks.
  func beginGather(_ own: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer)
  /// Begins to hand the bytes of the first process to all.
  func beginBroadcast(_ bytes: UnsafeMutableRawBufferPointer)
  /// Waits until all that was begun is done.
  ///
  /// - Throws: ``TrainingError`` of the kind `exchangeFailed`.
  func finish() throws(TrainingError)
}

extension TrainingGroup {
  /// Whether this is the process that decides, writes and speaks.
  public var isFirst: Bool { rank == 0 }

  /// A process in messages: `process 2 (on north)`.
  public func name(of rank: Int) -> String { "process \(rank) (on \(machine(of: rank)))" }

  /// The numbers of each process, by their ranks; all give as many.
  public func gather(_ own: [UInt64]) throws(TrainingError) -> [[UInt64]] {
    let numbers = GatheredNumbers(own, count: count)
    numbers.begin(in: self)
    try finish()
    return numbers.all
  }

  /// The texts of each process, by their ranks, cut after 400 bytes; nil where a process has none.
  func gather(_ own: String?) throws(TrainingError) -> [String?] {
    let length = 400
    let bytes = Array((own ?? "").utf8.prefix(length))
    let padded = bytes + repeatElement(0, count: length - bytes.count)
    let words = (0..<length / 8).map { word in
      (0..<8).reduce(UInt64(0)) { $0 << 8 | UInt64(padded[8 * word + $1]) }
    }
    return try gather([own == nil ? 0 : 1] + words).map { words in
      guard words[0] == 1 else { return nil }
      let bytes = words.dropFirst().flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// The bytes of each process, by their ranks, of which each may give another number.
  ///
  /// - Parameter everywhere: whether all processes are given them; else the first alone, and the others nothing.
  public func gather(bytes own: [UInt8], everywhere: Bool) throws(TrainingError) -> [[UInt8]] {
    let sizes = try gather([UInt64(own.count)]).map { Int($0[0]) }
    let longest = sizes.max() ?? 0
    // In pieces: all of one are in the memory of every process.
    let piece = min(longest, 1 << 22)
    let ownPiece = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 16)
    let pieces = UnsafeMutableRawBufferPointer.allocate(byteCount: piece * count, alignment: 16)
    defer {
      ownPiece.deallocate()
      pieces.deallocate()
    }
    ownPiece.initializeMemory(as: UInt8.self, repeating: 0)
    var all = everywhere || isFirst ? sizes.map { _ in [UInt8]() } : []
    for start in stride(from: 0, to: longest, by: max(1, piece)) {
      let size = min(piece, longest - start)
      if start < own.count { ownPiece.copyBytes(from: own[start..<min(start + size, own.count)]) }
      beginGather(
        UnsafeRawBufferPointer(rebasing: ownPiece[..<size]),
        into: UnsafeMutableRawBufferPointer(rebasing: pieces[..<(size * count)]))
      try finish()
      for rank in all.indices where start < sizes[rank] {
        all[rank] += pieces[rank * size..<rank * size + min(size, sizes[rank] - start)]
      }
    }
    return all
  }

  /// The bytes of the first process, in all.
  ///
  /// - Parameter own: what the first process has; of the others it does not matter.
  public func broadcast(_ own: [UInt8]) throws(TrainingError) -> [UInt8] {
    let size = Int(try gather([UInt64(own.count)])[0][0])
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { bytes.deallocate() }
    if isFirst { bytes.copyBytes(from: own) }
    // No message is longer than what every implementation takes.
    let longest = 1 << 30
    for start in stride(from: 0, to: size, by: longest) {
      beginBroadcast(UnsafeMutableRawBufferPointer(rebasing: bytes[start..<min(start + longest, size)]))
      try finish()
    }
    return [UInt8](bytes)
  }
}

/// Numbers that are on their way between processes.
final class GatheredNumbers {
  private let own: UnsafeMutableBufferPointer<UInt64>
  private let gathered: UnsafeMutableBufferPointer<UInt64>

  init(_ numbers: [UInt64], count: Int) {
    own = .allocate(capacity: numbers.count)
    _ = own.initialize(from: numbers)
    gathered = .allocate(capacity: numbers.count * count)
    gathered.initialize(repeating: 0)
  }

  deinit {
    own.deallocate()
    gathered.deallocate()
  }

  func begin(in group: any TrainingGroup) {
    group.beginGather(UnsafeRawBufferPointer(own), into: UnsafeMutableRawBufferPointer(gathered))
  }

  /// The numbers of each process, once they are there.
  var all: [[UInt64]] {
    stride(from: 0, to: gathered.count, by: max(1, own.count)).map { Array(gathered[$0..<$0 + own.count]) }
  }
}
