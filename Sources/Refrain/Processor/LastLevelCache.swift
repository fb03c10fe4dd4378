#if canImport(Darwin)
  import Darwin
#endif

/// The caches that stand between the cores of a process and the memory.
package struct LastLevelCache: Equatable, Sendable {
  /// What one of them holds, in bytes.
  package let bytes: Int
  /// How many there are: one for all cores, or one for each group of cores.
  package let count: Int

  /// Those of this process; nil where the system does not say.
  package static let current: LastLevelCache? = {
    #if canImport(Darwin)
      for name in ["hw.l3cachesize", "hw.perflevel0.l2cachesize", "hw.l2cachesize"] {
        var value: UInt64 = 0
        var size = MemoryLayout<UInt64>.size
        if sysctlbyname(name, &value, &size, nil, 0) == 0, value > 0 {
          return LastLevelCache(bytes: Int(clamping: value), count: 1)
        }
      }
      return nil
    #else
      return LastLevelCache(of: CoreReport.allowedProcessors()) { textFile("/sys/devices/system/cpu/\($0)") }
    #endif
  }()

  /// So many caches of so many bytes.
  package init(bytes: Int, count: Int) { (self.bytes, self.count) = (bytes, count) }

  /// From what Linux says of the caches of each processor, such as `16384K` in `cpu0/cache/index3/size`: the last one
  /// of each, counted once for all processors that share it. Nil where it says nothing.
  ///
  /// - Parameters:
  ///   - processors: their numbers.
  ///   - text: the text of a file in `/sys/devices/system/cpu`; nil where there is none.
  init?(of processors: [Int], text: (_ path: String) -> String?) {
    var largest = 0
    var groups: Set<String> = []
    for processor in processors {
      var last: (bytes: Int, sharing: String)?
      for index in 0..<8 {
        let folder = "cpu\(processor)/cache/index\(index)/"
        guard let bytes = text(folder + "size").flatMap(Self.bytes) else { break }
        last = (bytes, text(folder + "shared_cpu_list") ?? "\(processor)")
      }
      guard let last else { continue }
      largest = max(largest, last.bytes)
      groups.insert(last.sharing)
    }
    guard largest > 0 else { return nil }
    self.init(bytes: largest, count: groups.count)
  }

  /// The bytes of a size such as `16384K`.
  private static func bytes(_ text: String) -> Int? {
    let digits = text.prefix { $0.isNumber }
    guard let number = Int(digits), number > 0, number < 1 << 30 else { return nil }
    switch text.dropFirst(digits.count).first {
    case "K": return number << 10
    case "M": return number << 20
    default: return number
    }
  }
}
