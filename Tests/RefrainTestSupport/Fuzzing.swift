import Foundation
import RefrainData

/// How a reader took the mutated files.
public struct FuzzingResult {
  /// Files that it read, though something in them had been changed.
  public var accepted = 0
  /// Files that it refused.
  public var refused = 0
}

/// Calls `read` on mutations of `seeds`, the same ones every time, and ends the process with a message when it does
/// anything but return or throw a `DataError` of one line: when it crashes, takes more than a second of processor time,
/// or takes more memory than ten times the longest mutation and a fixed 16 MB at once (memory only asked for counts,
/// too; on Linux).
///
/// As it ends the process, it belongs into one of its own:
/// ```swift
/// await #expect(processExitsWith: .success) {
///   try fuzz([fixture("a.npy")], count: 100_000) { _ = try NumericArray(npy: $0) }
/// }
/// ```
/// The message names the number of the mutation; ``Mutator/mutation(_:)`` makes it again.
@discardableResult
public func fuzz(_ seeds: [[UInt8]], count: Int, read: ([UInt8]) throws -> Void) throws -> FuzzingResult {
  let mutator = try Mutator(seeds: seeds)
  var result = FuzzingResult()
  Watch.begin()
  // What is made once, such as tables of characters, is no one's memory.
  for seed in seeds { try? read(seed) }
  limitMemory(to: 16 << 20 + 10 * mutator.longest)
  for number in 0..<count {
    let bytes = mutator.mutation(number)
    Watch.start(number)
    do {
      try read(bytes)
      result.accepted += 1
    } catch let error as DataError {
      result.refused += 1
      if error.description.contains(where: { $0.isNewline }) { Watch.fail("an error of several lines") }
    } catch {
      Watch.fail("an error of another kind")
    }
    Watch.stop()
  }
  print("fuzzing: \(count) mutations, \(result.accepted) read, \(result.refused) refused")
  return result
}

/// Whether AddressSanitizer watches, whose own memory no limit of the tests has room for.
public let isAddressSanitized = dlsym(nil, "__asan_init") != nil

/// Lets the process have so many bytes more than it has now, whether it uses them or not; no limit with
/// AddressSanitizer.
public func limitMemory(to growth: Int) {
  #if os(Linux)
    guard !isAddressSanitized else { return }
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmData:") }),
      let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
    else { Watch.fail("the system does not say how much memory this process has") }
    let limit = rlim_t(kilobytes * 1024 + growth)
    var limits = rlimit(rlim_cur: limit, rlim_max: limit)
    guard setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limits) == 0 else {
      Watch.fail("memory cannot be limited")
    }
  #endif
}

/// Changes files so that they go wrong in as many ways as possible; the same number gives the same bytes.
public struct Mutator: Sendable {
  private let seeds: [[UInt8]]
  /// No mutation has more bytes.
  public let longest: Int

  /// From files that are as they should be.
  ///
  /// - Throws: `emptyFile` where none of them has a byte.
  public init(seeds: [[UInt8]]) throws(DataError) {
    guard seeds.contains(where: { !$0.isEmpty }) else { throw DataError(.emptyFile, "there is nothing to mutate") }
    self.seeds = seeds.filter { !$0.isEmpty }
    longest = 2 * (seeds.map(\.count).max() ?? 0) + 4096
  }

  /// One to four changes to one of the seeds.
  public func mutation(_ number: Int) -> [UInt8] {
    var random = Random(state: UInt64(number))
    var bytes = seeds[random.below(seeds.count)]
    for _ in 0...random.below(4) { change(&bytes, &random) }
    return Array(bytes.prefix(longest))
  }

  private func change(_ bytes: inout [UInt8], _ random: inout Random) {
    guard !bytes.isEmpty else { return bytes.append(UInt8(truncatingIfNeeded: random.next())) }
    let place = random.below(bytes.count)
    let stretch = place..<min(bytes.count, place + 1 + random.below(64))
    switch random.below(10) {
    case 0: bytes[place] ^= 1 << UInt8(random.below(8))
    case 1: bytes[place] = [0, 1, 0x20, 0x22, 0x2C, 0x30, 0x7F, 0x80, 0xFE, 0xFF][random.below(10)]
    case 2: bytes.removeLast(bytes.count - place)
    case 3: bytes.removeSubrange(stretch)
    case 4:
      bytes.insert(
        contentsOf: (0..<1 + random.below(16)).map { _ in UInt8(truncatingIfNeeded: random.next()) }, at: place)
    case 5: bytes.insert(contentsOf: Array(repeating: bytes[stretch], count: 1 + random.below(8)).joined(), at: place)
    case 6:  // the end of another file, from anywhere
      let other = seeds[random.below(seeds.count)]
      bytes = Array(bytes[..<place] + other[random.below(other.count)...])
    case 7:  // the bytes of one place in another
      let target = random.below(bytes.count)
      bytes.replaceSubrange(target..<min(bytes.count, target + stretch.count), with: Array(bytes[stretch]))
    case 8: putNumber(at: place, in: &bytes, &random)
    default: putDigits(at: place, in: &bytes, &random)
    }
  }

  /// A number at the edge of what fits, in one to eight bytes of either order.
  private func putNumber(at place: Int, in bytes: inout [UInt8], _ random: inout Random) {
    let width = [1, 2, 4, 8][random.below(4)]
    let size = UInt64(bytes.count)
    let numbers: [UInt64] = [
      0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF, 1 << 32,
      100_000_000_000, 1 << 62, .max >> 1, 1 << 63, .max - 7, .max, size - 1, size, size + 1,
    ]
    let number = numbers[random.below(numbers.count)]
    let isBigEndian = random.below(4) == 0
    for index in 0..<min(width, bytes.count - place) {
      let shift = UInt64(8 * (isBigEndian ? width - 1 - index : index))
      bytes[place + index] = UInt8(truncatingIfNeeded: number >> shift)
    }
  }

  /// Another number in the place of the next one that is written out.
  private func putDigits(at place: Int, in bytes: inout [UInt8], _ random: inout Random) {
    guard let start = bytes[place...].firstIndex(where: { 0x30...0x39 ~= $0 }) else { return }
    let end = bytes[start...].firstIndex { !(0x30...0x39 ~= $0) } ?? bytes.endIndex
    let numbers = [
      "", "0", "1", "-1", "255", "65536", "4294967296", "25000000000", "4611686018427387904", "9223372036854775807",
      "18446744073709551616", "1e999", "0.5", "[[[[", "nan",
    ]
    bytes.replaceSubrange(start..<end, with: Array(numbers[random.below(numbers.count)].utf8))
  }

  /// SplitMix64.
  private struct Random {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
      return mixed ^ mixed >> 31
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
  }
}

/// Sees to time and memory, and says which mutation it was when the process ends.
enum Watch {
  /// What the handler of signals prints: only a fixed piece of memory is safe there.
  nonisolated(unsafe) private static let message = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 40)

  static func begin() {
    put(0)
    for signal in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGVTALRM] {
      Foundation.signal(signal) { number in
        _ = write(2, Watch.message.baseAddress, Watch.message.count)
        Foundation.signal(number, SIG_DFL)
        raise(number)
      }
    }
  }

  static func start(_ number: Int) {
    put(number)
    setTimer(seconds: 1)
  }

  static func stop() { setTimer(seconds: 0) }

  static func fail(_ problem: String) -> Never {
    print(problem)
    abort()
  }

  /// In time of the processor: other programs do not count.
  private static func setTimer(seconds: Int) {
    var timer = itimerval()
    timer.it_value.tv_sec = .init(seconds)
    #if os(Linux)
      setitimer(__itimer_which_t(ITIMER_VIRTUAL.rawValue), &timer, nil)
    #else
      setitimer(ITIMER_VIRTUAL, &timer, nil)
    #endif
  }

  private static func put(_ number: Int) {
    let text = Array("\nfuzzing: ended in mutation ".utf8)
    for (index, byte) in text.enumerated() { message[index] = byte }
    var rest = number
    for index in stride(from: message.count - 2, to: text.count - 1, by: -1) {
      message[index] = 0x30 + UInt8(rest % 10)
      rest /= 10
    }
    message[message.count - 1] = 0x0A
  }
}
