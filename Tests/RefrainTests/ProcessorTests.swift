import Testing

@testable import Refrain

#if arch(x86_64)
  @Suite("The choice of instructions")
  struct ProcessorFeaturesTests {
    /// A machine: registers C of leaf 1 and B of leaf 7, XCR0, and what it is to compute with.
    struct Machine: CustomTestStringConvertible, Sendable {
      var name: String
      var basic: UInt32
      var extended: UInt32
      var saved: UInt64
      var expected: InstructionSet
      var testDescription: String { name }
    }

    // Leaf 1 C: SSE3 … FMA 12, OSXSAVE 27, AVX 28, F16C 29, hypervisor 31. Leaf 7 B: BMI1 3, AVX2 5, BMI2 8, AVX-512 F
    // 16, DQ 17, IFMA 21, CD 28, BW 30, VL 31; MPX 14. XCR0: x87 0, SSE 1, AVX 2, MPX 3 and 4, AVX-512 5 to 7, PKRU 9,
    // AMX 17 and 18.
    static let basic: UInt32 = 0x7FFA_FBFF
    static let machines = [
      Machine(
        name: "Intel Skylake-X with MPX and PKRU", basic: basic, extended: 0xD39F_FFFB, saved: 0x2FF, expected: .avx512),
      Machine(name: "Intel Ice Lake without MPX", basic: basic, extended: 0xF2BF_27EB, saved: 0x2E7, expected: .avx512),
      Machine(
        name: "Intel Sapphire Rapids with AMX", basic: basic, extended: 0xF3BF_27EB, saved: 0x602E7, expected: .avx512),
      Machine(name: "Intel Haswell", basic: basic, extended: 0x0000_27AB, saved: 0x7, expected: .avx2),
      Machine(
        name: "Intel Alder Lake, which hides AVX-512", basic: basic, extended: 0x239C_27EB, saved: 0x207,
        expected: .avx2),
      Machine(name: "AMD Zen 2", basic: 0x7ED8_320B, extended: 0x219C_91A9, saved: 0x207, expected: .avx2),
      Machine(name: "AMD Zen 4", basic: 0x7EDA_320B, extended: 0xF1BF_97A9, saved: 0x2E7, expected: .avx512),
      Machine(
        name: "AMD Zen 4 without PKRU", basic: 0xFEDA_3203, extended: 0xF1BF_07A9, saved: 0xE7, expected: .avx512),
      Machine(name: "AMD Zen 5", basic: 0x7EDA_320B, extended: 0xF1BF_97AB, saved: 0x2E7, expected: .avx512),
      Machine(
        name: "a system that saves no wide registers", basic: basic, extended: 0xF2BF_27EB, saved: 0x7, expected: .avx2),
      Machine(
        name: "a system that saves masks but not all registers", basic: basic, extended: 0xF2BF_27EB, saved: 0x67,
        expected: .avx2),
      Machine(
        name: "a system that saves no AVX registers", basic: basic, extended: 0xF2BF_27EB, saved: 0x3,
        expected: .baseline),
      Machine(
        name: "a system that does not say what it saves", basic: basic & ~(1 << 27), extended: 0xF2BF_27EB, saved: 0,
        expected: .baseline),
      Machine(
        name: "a hypervisor that masks VL", basic: basic, extended: 0xF2BF_27EB & ~(1 << 31), saved: 0x2E7,
        expected: .avx2),
      Machine(
        name: "a hypervisor that masks DQ", basic: basic, extended: 0xF2BF_27EB & ~(1 << 17), saved: 0x2E7,
        expected: .avx2),
      Machine(
        name: "a hypervisor that masks AVX2", basic: basic, extended: 0xF2BF_27EB & ~(1 << 5), saved: 0x2E7,
        expected: .baseline),
      Machine(
        name: "a hypervisor that masks FMA", basic: basic & ~(1 << 12), extended: 0xF2BF_27EB, saved: 0x2E7,
        expected: .baseline),
      Machine(
        name: "Intel Xeon Phi: F and CD alone", basic: basic, extended: 0x1C0D_23AB, saved: 0xE7, expected: .avx2),
      Machine(name: "a processor of 2008", basic: 0x0098_E3FD, extended: 0, saved: 0, expected: .baseline),
    ]

    @Test("follows what the processor has and the system saves", arguments: machines)
    func best(machine: Machine) {
      let features = ProcessorFeatures(basic: machine.basic, extended: machine.extended, saved: machine.saved)
      #expect(features.bestInstructionSet == machine.expected)
    }

    /// Register A of leaf 7, part 1: AVX-VNNI 4, BF16 5, short string instructions 10 to 12.
    @Test(
      "has products of bfloat16 where the processor has AVX-512 for them and the system saves its registers",
      arguments: [
        ("Intel Cooper Lake", 0xD39F_FFFB, 0x2FF, 0x20, true), ("Intel Ice Lake", 0xF2BF_27EB, 0x2E7, 0, false),
        ("Intel Sapphire Rapids", 0xF3BF_27EB, 0x602E7, 0x1C30, true),
        ("Intel Alder Lake, which hides AVX-512", 0x239C_27EB, 0x207, 0x1C10, false),
        ("AMD Zen 2", 0x219C_91A9, 0x207, 0, false), ("AMD Zen 4", 0xF1BF_97A9, 0x2E7, 0x20, true),
        ("AMD Zen 5", 0xF1BF_97AB, 0x2E7, 0x30, true),
        ("a system that saves no wide registers", 0xF1BF_97A9, 0x7, 0x20, false),
        ("a hypervisor that masks VL", 0x71BF_97A9, 0x2E7, 0x20, false),
      ] as [(String, UInt32, UInt64, UInt32, Bool)])
    func bfloat16(name: String, extended: UInt32, saved: UInt64, second: UInt32, expected: Bool) {
      let features = ProcessorFeatures(basic: Self.basic, extended: extended, saved: saved, second: second)
      #expect(features.hasBFloat16Products == expected)
    }

    @Test("agrees with what Linux lists")
    func linux() throws {
      guard let text = textFile("/proc/cpuinfo"),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("flags") })
      else { return }
      let flags = Set(line.split(whereSeparator: \.isWhitespace).map(String.init))
      let hasWide = flags.isSuperset(of: ["avx512f", "avx512dq", "avx512bw", "avx512vl", "avx2", "fma", "bmi1", "bmi2"])
      #expect((InstructionSet.best == .avx512) == hasWide)
      #expect((InstructionSet.best >= .avx2) == flags.isSuperset(of: ["avx2", "fma", "bmi1", "bmi2"]))
      #expect(ProcessorFeatures.current.hasBFloat16Products == (hasWide && flags.contains("avx512_bf16")))
      #expect(InstructionSet.avx2.bfloat16Kernels == nil && InstructionSet.baseline.bfloat16Kernels == nil)
    }

    @Test("a name has the brand, family and model")
    func name() {
      let brand = Array("AMD EPYC 9654   Processor \0\0\0".utf8)
      #expect(Processor.name(brand: brand, signature: 0x00A1_0F11) == "AMD EPYC 9654 Processor (family 25, model 17)")
      #expect(Processor.name(brand: [], signature: 0x0005_0654) == "x86-64 processor (family 6, model 85)")
    }
  }
#endif

@Suite("The number of threads")
struct AvailableCoresTests {
  @Test("counts cores, not the threads of one core")
  func siblings() {
    var report = CoreReport(allowed: Array(0..<8))
    #expect(report.count == 8)
    for processor in 0..<8 { report.siblings[processor] = "\(processor % 4),\(processor % 4 + 4)\n" }
    #expect(report.count == 4)
    report.allowed = [1, 5, 6]
    #expect(report.count == 2)
    report.siblings = [1: "0-1", 5: "4-5", 6: "6-7"]
    #expect(report.count == 3)
    // Siblings that the process may not use are none: their core counts for the one that it may.
    #expect(CoreReport(allowed: [7], siblings: [7: "3,7"]).count == 1)
    #expect(CoreReport(allowed: []).count == 1)
  }

  @Test("stays within the share of time of every group around the process")
  func quotas() {
    #expect(CoreReport(allowed: Array(0..<8), quotas: [4]).count == 4)
    #expect(CoreReport(allowed: Array(0..<8), quotas: [6, 2.5]).count == 2)
    #expect(CoreReport(allowed: Array(0..<8), quotas: [0.5]).count == 1)
    #expect(CoreReport(allowed: [0], quotas: [1e300]).count == 1)
    #expect(CoreReport.quota(cpuMax: "150000 100000\n") == 1.5)
    #expect(CoreReport.quota(cpuMax: "max 100000\n") == nil)
    // Version 1 writes −1 for no limit.
    #expect(CoreReport.quota(cpuMax: "-1\n 100000\n") == nil)
    #expect(CoreReport.quota(cpuMax: "") == nil)
  }

  @Test("reads the list of the processors that a process may use")
  func allowed() {
    func processors(_ list: String) -> [Int] {
      CoreReport.processors(status: "Cpus_allowed:\tff\nCpus_allowed_list:\t\(list)\nMems_allowed:\t1\n")
    }
    #expect(processors("0-3,8") == [0, 1, 2, 3, 8])
    #expect(processors("5") == [5])
    #expect(processors("") == [] && CoreReport.processors(status: "") == [])
    #expect(processors("3-1,999999999999") == [])
  }

  @Test("finds the groups of both versions")
  func groups() {
    let second = CoreReport.folders(membership: "0::/system.slice/job.service\n")
    #expect(
      second.map(\.folder)
        == ["/sys/fs/cgroup/system.slice/job.service", "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup"])
    #expect(second.map(\.isVersion2) == [true, true, true])
    let first = CoreReport.folders(membership: "3:memory:/a\n2:cpu,cpuacct:/docker/x\n")
    #expect(first.map(\.folder) == ["/sys/fs/cgroup/cpu/docker/x", "/sys/fs/cgroup/cpu/docker", "/sys/fs/cgroup/cpu"])
    #expect(first.map(\.isVersion2) == [false, false, false])
    #expect(CoreReport.folders(membership: "").isEmpty)
  }

  @Test("is at least one, and no more than there are processors")
  func here() { #expect((1...EnvironmentSettings.mostThreads).contains(processorCount())) }
}

@Suite("The last-level cache")
struct LastLevelCacheTests {
  /// Files of `/sys/devices/system/cpu` from the sizes of the caches of each processor, and who shares the last one.
  private func files(_ sizes: [Int: [String]], sharing: [Int: String]) -> (String) -> String? {
    var files: [String: String] = [:]
    for (processor, sizes) in sizes {
      for (index, size) in sizes.enumerated() {
        let folder = "cpu\(processor)/cache/index\(index)/"
        files[folder + "size"] = size + "\n"
        files[folder + "shared_cpu_list"] = index == sizes.count - 1 ? sharing[processor] : "\(processor)"
      }
    }
    return { files[$0] }
  }

  @Test("is the last of each processor, once for all that share it")
  func lastOfEach() {
    let sizes = Dictionary(uniqueKeysWithValues: (0..<4).map { ($0, ["32K", "32K", "512K", "16384K"]) })
    let shared = files(sizes, sharing: [0: "0-3", 1: "0-3", 2: "0-3", 3: "0-3"])
    #expect(LastLevelCache(of: [0, 1, 2, 3], text: shared) == LastLevelCache(bytes: 16 << 20, count: 1))
    let pairs = files(sizes, sharing: [0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"])
    #expect(LastLevelCache(of: [0, 1, 2, 3], text: pairs) == LastLevelCache(bytes: 16 << 20, count: 2))
    // Those of processors that the process may not use do not count.
    #expect(LastLevelCache(of: [2, 3], text: pairs) == LastLevelCache(bytes: 16 << 20, count: 1))
    let units = files([0: ["2M"], 1: ["4096"]], sharing: [0: "0", 1: "1"])
    #expect(LastLevelCache(of: [0, 1], text: units) == LastLevelCache(bytes: 2 << 20, count: 2))
  }

  @Test("is unknown where the system says nothing of it")
  func unknown() {
    #expect(LastLevelCache(of: [0, 1]) { _ in nil } == nil)
    #expect(LastLevelCache(of: []) { _ in "32K" } == nil)
    #expect(LastLevelCache(of: [0]) { _ in "much" } == nil)
    #expect(LastLevelCache.current.map { $0.bytes > 0 && $0.count > 0 } != false)
  }
}

@Suite("Environment variables")
struct EnvironmentSettingsTests {
  @Test("a set of instructions is the best unless a lesser one is named")
  func instructions() throws {
    #expect(try EnvironmentSettings.instructionSet(named: nil, upTo: .best) == .best)
    #expect(try EnvironmentSettings.instructionSet(named: "baseline", upTo: .best) == .baseline)
    for wrong in ["foo", "", "AVX2 ", "neon"] {
      #expect(throws: EnvironmentError.self) { try EnvironmentSettings.instructionSet(named: wrong, upTo: .best) }
    }
    #if arch(x86_64)
      do throws(EnvironmentError) {
        _ = try EnvironmentSettings.instructionSet(named: "avx512", upTo: .avx2)
        Issue.record("a set beyond the processor's was taken")
      } catch {
        #expect(
          error.description
            == "REFRAIN_ISA is 'avx512'; unset it, or set it to what this processor has: baseline, avx2")
      }
    #endif
  }

  @Test("a number of threads is a whole number within reason")
  func threads() throws {
    #expect(try EnvironmentSettings.threads(nil) == nil)
    #expect(try EnvironmentSettings.threads("3") == 3)
    for wrong in ["abc", "", "0", "-2", "1.5", "1000000", "2 "] {
      #expect(throws: EnvironmentError.self) { try EnvironmentSettings.threads(wrong) }
    }
  }
}
