#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a system says of the processors that a process may use. How many threads are worth starting is a function of
/// it.
struct CoreReport: Equatable {
  /// The numbers of the processors on which the process may run.
  var allowed: [Int]
  /// For each processor the list of those that share its core with it, itself included, as Linux writes it: `0,64` or
  /// `0-1`.
  var siblings: [Int: String] = [:]
  /// Limits on the processor time, in processors, such as 1.5: those of the process' group and of the groups around it.
  var quotas: [Double] = []

  /// How many threads can compute side by side: one for each core that the process may use, and no more than its share
  /// of time allows. Two threads of one core share its arithmetic units, which one alone keeps busy; and workers wait
  /// for each other in a loop, so that a thread without time holds up the others.
  var count: Int {
    var cores: Set<Int> = []
    for processor in allowed { cores.insert(siblings[processor].flatMap(Self.first(inList:)) ?? processor) }
    return quotas.reduce(max(1, cores.count)) { min($0, max(1, Int(min($1, 1e6)))) }
  }

  /// The least number in a list such as `3,67` or `2-3`; nil where it is none.
  private static func first(inList text: String) -> Int? {
    text.split { !$0.isNumber }.compactMap { Int($0) }.min()
  }

  /// The processors in the line `Cpus_allowed_list` of the text of `/proc/self/status`, such as `0-3,8`.
  static func processors(status text: String) -> [Int] {
    let line = text.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") } ?? ""
    return line.drop { $0 != ":" }.dropFirst().split(separator: ",").flatMap { part in
      let bounds = part.split(separator: "-").compactMap { number in Int(number.filter { !$0.isWhitespace }) }
      guard let first = bounds.first, let last = bounds.last, first <= last, last < 1 << 16 else { return [Int]() }
      return Array(first...last)
    }
  }

  /// The limit that a file `cpu.max` of a control group states, such as `150000 100000`; nil for `max` and for what is
  /// no limit.
  static func quota(cpuMax text: String) -> Double? {
    let numbers = text.split(whereSeparator: \.isWhitespace).map { Double($0) }
    guard numbers.count == 2, let time = numbers[0], let period = numbers[1] else { return nil }
    return time > 0 && period > 0 ? time / period : nil
  }

  /// The folders of a process' control groups, from the group itself to the root.
  ///
  /// - Parameter membership: the text of `/proc/self/cgroup`: lines `number:controllers:path`, of which version 2 has
  ///   one without controllers.
  static func folders(membership: String) -> [(folder: String, isVersion2: Bool)] {
    var folders: [(folder: String, isVersion2: Bool)] = []
    for line in membership.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let controllers = fields[1].split(separator: ",")
      let root: String
      if controllers.isEmpty {
        root = "/sys/fs/cgroup"
      } else if controllers.contains("cpu") {
        root = "/sys/fs/cgroup/cpu"
      } else {
        continue
      }
      var parts = fields[2].split(separator: "/")
      while true {
        folders.append((([root] + parts.map(String.init)).joined(separator: "/"), controllers.isEmpty))
        if parts.isEmpty { break }
        parts.removeLast()
      }
    }
    return folders
  }
}

/// The number of cores this process may use, at least 1.
func processorCount() -> Int {
  #if canImport(Darwin)
    var count: Int32 = 0
    var size = MemoryLayout<Int32>.size
    // The fast cores, where there are slower ones: a slower one would hold up the others.
    for name in ["hw.perflevel0.physicalcpu", "hw.physicalcpu"]
    where sysctlbyname(name, &count, &size, nil, 0) == 0 && count > 0 {
      return Int(count)
    }
    return max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  #else
    return CoreReport.ofThisProcess().count
  #endif
}

#if canImport(Glibc) || canImport(Musl)
  extension CoreReport {
    /// What Linux says.
    static func ofThisProcess() -> CoreReport {
      var report = CoreReport(allowed: allowedProcessors())
      for processor in report.allowed {
        report.siblings[processor] = textFile(
          "/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list")
      }
      for (folder, isVersion2) in folders(membership: textFile("/proc/self/cgroup") ?? "") {
        let limit: String?
        if isVersion2 {
          limit = textFile(folder + "/cpu.max")
        } else if let time = textFile(folder + "/cpu.cfs_quota_us"),
          let period = textFile(folder + "/cpu.cfs_period_us")
        {
          limit = time + " " + period
        } else {
          limit = nil
        }
        if let quota = limit.flatMap(quota(cpuMax:)) { report.quotas.append(quota) }
      }
      return report
    }

    /// The processors that the affinity of the process allows; all that are there where the system does not say.
    static func allowedProcessors() -> [Int] {
      let allowed = processors(status: textFile("/proc/self/status") ?? "")
      return allowed.isEmpty ? Array(0..<max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))) : allowed
    }
  }
#endif
