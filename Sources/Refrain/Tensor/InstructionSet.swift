#if arch(x86_64)
  import _Builtin_intrinsics.intel.cpuid
#endif

/// The instructions the kernels use. Each set is a compilation of the same sources.
public enum InstructionSet: String, CaseIterable, Sendable {
  case baseline
  #if arch(x86_64)
    case avx2, avx512
  #endif

  /// What this process computes with: the best the processor and the operating system support, unless the variable
  /// `REFRAIN_ISA` names a lesser one.
  public static let current: InstructionSet = {
    let available = allCases.filter(\.isSupported)
    if let name = environmentVariable("REFRAIN_ISA") {
      guard let chosen = InstructionSet(rawValue: name), available.contains(chosen) else {
        let names = available.map(\.rawValue).joined(separator: ", ")
        fatalError("REFRAIN_ISA is '\(name)'; this processor has \(names)")
      }
      return chosen
    }
    return available[available.count - 1]
  }()

  /// Whether the processor and the operating system support the set.
  public var isSupported: Bool {
    switch self {
    case .baseline: return true
    #if arch(x86_64)
      case .avx2: return Self.processor.avx2
      case .avx512: return Self.processor.avx512
    #endif
    }
  }

  #if arch(x86_64)
    private static let processor: (avx2: Bool, avx512: Bool) = {
      func cpuid(_ leaf: UInt32) -> (b: UInt32, c: UInt32) {
        var (a, b, c, d): (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
        return __get_cpuid_count(leaf, 0, &a, &b, &c, &d) == 0 ? (0, 0) : (b, c)
      }
      func has(_ register: UInt32, _ bits: Int...) -> Bool { bits.allSatisfy { register >> UInt32($0) & 1 == 1 } }
      let basic = cpuid(1).c
      let extended = cpuid(7).b
      // Bits: FMA 12, OSXSAVE 27, AVX 28; BMI1 3, AVX2 5, BMI2 8, AVX512F 16, DQ 17, BW 30, VL 31.
      guard has(basic, 12, 27, 28), has(extended, 3, 5, 8) else { return (false, false) }
      // The operating system must save the wide registers: leaf 13 tells the size of the area it has enabled for that,
      // in which those of AVX end at byte 832 and those of AVX-512 at byte 2,688.
      let saved = cpuid(13).b
      return (saved >= 832, saved >= 2688 && has(extended, 16, 17, 30, 31))
    }()
  #endif

  /// Does as many multiply-adds as one core can with everything in registers, to be timed: the limit of every product.
  ///
  /// - Parameter repetitions: the amount of work; 200,000 take about a millisecond.
  /// - Returns: the number of multiplications and additions that were done.
  public static func multiplyAddOperations(_ repetitions: Int) -> Int {
    var result: Float = 0
    return Refrain.kernels.multiplyAddPeak(repetitions, &result)
  }
}
