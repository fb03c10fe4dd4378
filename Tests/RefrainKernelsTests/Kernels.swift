import RefrainKernels

#if canImport(Glibc)
  import Glibc
#endif
#if arch(x86_64)
  import RefrainKernelsAVX2
  import RefrainKernelsAVX512
  import _Builtin_intrinsics.intel.cpuid
#endif

/// The builds of the kernels this machine can run, as indices into `builds`.
let supportedBuilds: [Int] = {
  #if arch(x86_64)
    var (a, b, c, d): (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    guard __get_cpuid_count(1, 0, &a, &b, &c, &d) != 0 else { return [0] }
    // The processor's words: XSAVE in use by the system, and FMA.
    let saves = c & (1 << 27) != 0 && c & (1 << 12) != 0
    guard saves, __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0, systemHas("avx2"), b & (1 << 5) != 0 else { return [0] }
    // F, DQ, BW, VL.
    let wanted: UInt32 = 1 << 16 | 1 << 17 | 1 << 30 | 1 << 31
    return b & wanted == wanted && systemHas("avx512f") ? [0, 1, 2] : [0, 1]
  #else
    return [0]
  #endif
}()

/// Whether the operating system saves the registers of a set of instructions: Linux lists only those.
func systemHas(_ flag: String) -> Bool {
  #if canImport(Glibc)
    guard let file = fopen("/proc/cpuinfo", "r") else { return false }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 8192)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if text.hasPrefix("flags") { return text.split(whereSeparator: { " \t\n".contains($0) }).contains { $0 == flag } }
    }
    return false
  #else
    return false
  #endif
}

/// The builds of the kernels.
let builds: [any Kernels.Type] = {
  #if arch(x86_64)
    [RefrainKernels.KernelBuild.self, RefrainKernelsAVX2.KernelBuild.self, RefrainKernelsAVX512.KernelBuild.self]
  #else
    [RefrainKernels.KernelBuild.self]
  #endif
}()

/// Copies of arrays that stay where they are, for the arguments of kernels, until this is freed.
final class Memory {
  private var blocks: [UnsafeMutableRawPointer] = []

  func callAsFunction<Number: BitwiseCopyable>(_ values: [Number]) -> UnsafeMutablePointer<Number> {
    let block = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, values.count) * MemoryLayout<Number>.stride, alignment: 64)
    blocks.append(block)
    let typed = block.bindMemory(to: Number.self, capacity: max(1, values.count))
    for (index, value) in values.enumerated() { typed[index] = value }
    return typed
  }

  func callAsFunction<Number: BitwiseCopyable>(_ values: [Number]) -> UnsafePointer<Number> {
    UnsafePointer(self(values) as UnsafeMutablePointer<Number>)
  }

  /// What stands there now.
  func values(_ pointer: UnsafePointer<Float>, _ count: Int) -> [Float] {
    withExtendedLifetime(self) { Array(UnsafeBufferPointer(start: pointer, count: count)) }
  }

  deinit { for block in blocks { block.deallocate() } }
}

/// Numbers in −scale … scale, all different, the same every time.
func numbers(_ count: Int, seed: Int = 1, scale: Double = 1) -> [Float] {
  (0..<count).map { Float(scale * sin(Double($0 * 7 + seed * 131) * 0.618 + Double(seed))) }
}

extension [Float] {
  var doubles: [Double] { map(Double.init) }
}

/// The largest difference, relative to `max(1, |expected|)`; infinite if one is NaN.
func difference(_ actual: [Float], _ expected: [Double]) -> Double {
  guard actual.count == expected.count else { return .infinity }
  var largest = 0.0
  for (a, e) in zip(actual, expected) {
    let d = abs(Double(a) - e) / max(1, abs(e))
    if !(d <= largest) { largest = d.isNaN ? .infinity : d }
  }
  return largest
}
