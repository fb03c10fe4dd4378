#if arch(x86_64)
  internal import CProcessor
#endif
#if canImport(Darwin)
  import Darwin
#endif

/// The machine's processor, as it is named beside every figure that was measured on it.
public struct Processor: Sendable, CustomStringConvertible {
  /// Its name as the maker gives it, with family and model where there are such numbers: `AMD EPYC (family 25, model
  /// 17)`.
  public let name: String
  /// How many of its cores this process may use: see ``Parallelism/threads``.
  public let availableCores: Int

  /// That of this machine.
  public static let current = Processor(name: currentName(), availableCores: processorCount())

  /// Name, cores, and the instructions in use, such as `AMD EPYC (family 25, model 17), 2 cores, avx512`.
  public var description: String {
    "\(name), \(availableCores) \(availableCores == 1 ? "core" : "cores"), \(InstructionSet.current.rawValue)"
  }

  private static func currentName() -> String {
    #if arch(x86_64)
      // The brand is 48 bytes in three leaves.
      var bytes: [UInt8] = []
      if refrain_cpuid(0x8000_0000, 0).a >= 0x8000_0004 {
        for leaf in UInt32(0x8000_0002)...0x8000_0004 {
          let words = refrain_cpuid(leaf, 0)
          for word in [words.a, words.b, words.c, words.d] {
            for byte in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * UInt32(byte)))) }
          }
        }
      }
      let signature = refrain_cpuid(1, 0).a
      return Self.name(brand: bytes, signature: signature)
    #elseif canImport(Darwin)
      var size = 0
      guard sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0) == 0, size > 0 else {
        return "arm64 processor"
      }
      var bytes = [UInt8](repeating: 0, count: size)
      guard sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0) == 0 else { return "arm64 processor" }
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    #else
      let lines = textFile("/proc/cpuinfo")?.split(separator: "\n") ?? []
      func value(_ key: String) -> Substring? {
        lines.first { $0.hasPrefix(key) }?.split(separator: ":", maxSplits: 1).last
      }
      if let model = value("model name") { return model.trimmingSpaces }
      let parts = [value("CPU implementer"), value("CPU part")].compactMap { $0?.trimmingSpaces }
      return parts.count == 2 ? "arm64 processor (implementer \(parts[0]), part \(parts[1]))" : "arm64 processor"
    #endif
  }

  /// A name from the brand's bytes, which may be padded or empty, and register A of leaf 1, which holds family and
  /// model.
  static func name(brand: [UInt8], signature: UInt32) -> String {
    let text = String(decoding: brand.prefix { $0 != 0 }, as: UTF8.self)
    let words = text.split(separator: " ").joined(separator: " ")
    let (base, extra) = (signature >> 8 & 0xF, signature >> 20 & 0xFF)
    let family = base == 15 ? base + extra : base
    let wide = base == 6 || base == 15
    let model = signature >> 4 & 0xF | (wide ? (signature >> 16 & 0xF) << 4 : 0)
    return "\(words.isEmpty ? "x86-64 processor" : words) (family \(family), model \(model))"
  }
}

extension Substring {
  /// The text without spaces and tabs at its ends.
  fileprivate var trimmingSpaces: String {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
  }
}
