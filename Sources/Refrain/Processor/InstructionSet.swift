/// The instructions the kernels use. Each set is a compilation of the same sources.
public enum InstructionSet: String, CaseIterable, Comparable, Sendable {
  /// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
  case baseline
  #if arch(x86_64)
    /// AVX2 with fused multiply-adds: Intel from Haswell (2013), AMD from Excavator (2015).
    case avx2
    /// AVX-512 F, VL, DQ and BW: Intel from Skylake-X (2017), AMD from Zen 4 (2022).
    case avx512
  #endif

  /// The set this process computes with: the best that the processor and the operating system support, unless the
  /// variable `REFRAIN_ISA` names a lesser one. A value that cannot be ends the process with one line and status 64;
  /// ``EnvironmentSettings/check()`` throws before that.
  public static let current: InstructionSet = EnvironmentSettings.orStop { () throws(EnvironmentError) in
    try EnvironmentSettings.instructionSet(named: environmentVariable("REFRAIN_ISA"), upTo: best)
  }

  /// The best set that the processor and the operating system support.
  public static let best: InstructionSet = {
    #if arch(x86_64)
      return ProcessorFeatures.current.bestInstructionSet
    #else
      return .baseline
    #endif
  }()

  /// Whether the processor and the operating system support the set.
  public var isSupported: Bool { self <= Self.best }

  /// A set comes before those that need more of a processor.
  public static func < (first: InstructionSet, second: InstructionSet) -> Bool { first.rank < second.rank }

  private var rank: Int {
    switch self {
    case .baseline: return 0
    #if arch(x86_64)
      case .avx2: return 1
      case .avx512: return 2
    #endif
    }
  }
}
