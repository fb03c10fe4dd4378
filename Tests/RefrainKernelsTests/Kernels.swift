import RefrainKernels

#if canImport(Glibc)
  import Glibc
#endif
#if arch(x86_64)
  import RefrainKernelsAVX2
  import RefrainKernelsAVX512
  import _Builtin_intrinsics.intel.cpuid
#endif

/// The builds of the kernels this machine can run, as indices into `Kernels`.
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
private func systemHas(_ flag: String) -> Bool {
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

/// Every kernel, once for each build.
struct Kernels {
  #if arch(x86_64)
    let vectorWidth = [RefrainKernels.vectorWidth, RefrainKernelsAVX2.vectorWidth, RefrainKernelsAVX512.vectorWidth]
    let paddedSize = [RefrainKernels.paddedSize, RefrainKernelsAVX2.paddedSize, RefrainKernelsAVX512.paddedSize]
    let unary = [RefrainKernels.unary, RefrainKernelsAVX2.unary, RefrainKernelsAVX512.unary]
    let unaryGradient = [
      RefrainKernels.unaryGradient, RefrainKernelsAVX2.unaryGradient, RefrainKernelsAVX512.unaryGradient,
    ]
    let binary = [RefrainKernels.binary, RefrainKernelsAVX2.binary, RefrainKernelsAVX512.binary]
    let fill = [RefrainKernels.fill, RefrainKernelsAVX2.fill, RefrainKernelsAVX512.fill]
    let copy = [RefrainKernels.copy, RefrainKernelsAVX2.copy, RefrainKernelsAVX512.copy]
    let scale = [RefrainKernels.scale, RefrainKernelsAVX2.scale, RefrainKernelsAVX512.scale]
    let addScaled = [RefrainKernels.addScaled, RefrainKernelsAVX2.addScaled, RefrainKernelsAVX512.addScaled]
    let clamp = [RefrainKernels.clamp, RefrainKernelsAVX2.clamp, RefrainKernelsAVX512.clamp]
    let sum = [RefrainKernels.sum, RefrainKernelsAVX2.sum, RefrainKernelsAVX512.sum]
    let sumOfSquares = [
      RefrainKernels.sumOfSquares, RefrainKernelsAVX2.sumOfSquares, RefrainKernelsAVX512.sumOfSquares,
    ]
    let dot = [RefrainKernels.dot, RefrainKernelsAVX2.dot, RefrainKernelsAVX512.dot]
    let sumRows = [RefrainKernels.sumRows, RefrainKernelsAVX2.sumRows, RefrainKernelsAVX512.sumRows]
    let allFinite = [RefrainKernels.allFinite, RefrainKernelsAVX2.allFinite, RefrainKernelsAVX512.allFinite]
    let softmaxRows = [RefrainKernels.softmaxRows, RefrainKernelsAVX2.softmaxRows, RefrainKernelsAVX512.softmaxRows]
    let logSoftmaxRows = [
      RefrainKernels.logSoftmaxRows, RefrainKernelsAVX2.logSoftmaxRows, RefrainKernelsAVX512.logSoftmaxRows,
    ]
    let softmaxGradientRows = [
      RefrainKernels.softmaxGradientRows, RefrainKernelsAVX2.softmaxGradientRows,
      RefrainKernelsAVX512.softmaxGradientRows,
    ]
    let logSoftmaxGradientRows = [
      RefrainKernels.logSoftmaxGradientRows, RefrainKernelsAVX2.logSoftmaxGradientRows,
      RefrainKernelsAVX512.logSoftmaxGradientRows,
    ]
    let layerNormRows = [
      RefrainKernels.layerNormRows, RefrainKernelsAVX2.layerNormRows, RefrainKernelsAVX512.layerNormRows,
    ]
    let layerNormGradientRows = [
      RefrainKernels.layerNormGradientRows, RefrainKernelsAVX2.layerNormGradientRows,
      RefrainKernelsAVX512.layerNormGradientRows,
    ]
    let crossEntropyRows = [
      RefrainKernels.crossEntropyRows, RefrainKernelsAVX2.crossEntropyRows, RefrainKernelsAVX512.crossEntropyRows,
    ]
    let crossEntropyGradientRows = [
      RefrainKernels.crossEntropyGradientRows, RefrainKernelsAVX2.crossEntropyGradientRows,
      RefrainKernelsAVX512.crossEntropyGradientRows,
    ]
    let transpose = [RefrainKernels.transpose, RefrainKernelsAVX2.transpose, RefrainKernelsAVX512.transpose]
    let packedSize = [RefrainKernels.packedSize, RefrainKernelsAVX2.packedSize, RefrainKernelsAVX512.packedSize]
    let packPanels = [RefrainKernels.packPanels, RefrainKernelsAVX2.packPanels, RefrainKernelsAVX512.packPanels]
    let panelWidth = [RefrainKernels.panelWidth, RefrainKernelsAVX2.panelWidth, RefrainKernelsAVX512.panelWidth]
    let product = [RefrainKernels.product, RefrainKernelsAVX2.product, RefrainKernelsAVX512.product]
    let tiledColumns = [
      RefrainKernels.tiledColumns, RefrainKernelsAVX2.tiledColumns, RefrainKernelsAVX512.tiledColumns,
    ]
    let packTiles = [RefrainKernels.packTiles, RefrainKernelsAVX2.packTiles, RefrainKernelsAVX512.packTiles]
    let productTiled = [
      RefrainKernels.productTiled, RefrainKernelsAVX2.productTiled, RefrainKernelsAVX512.productTiled,
    ]
    let recurrentPackedSize = [
      RefrainKernels.recurrentPackedSize, RefrainKernelsAVX2.recurrentPackedSize,
      RefrainKernelsAVX512.recurrentPackedSize,
    ]
    let recurrentPack = [
      RefrainKernels.recurrentPack, RefrainKernelsAVX2.recurrentPack, RefrainKernelsAVX512.recurrentPack,
    ]
    let recurrentForward = [
      RefrainKernels.recurrentForward, RefrainKernelsAVX2.recurrentForward, RefrainKernelsAVX512.recurrentForward,
    ]
    let recurrentStage = [
      RefrainKernels.recurrentStage, RefrainKernelsAVX2.recurrentStage, RefrainKernelsAVX512.recurrentStage,
    ]
    let recurrentBackward = [
      RefrainKernels.recurrentBackward, RefrainKernelsAVX2.recurrentBackward, RefrainKernelsAVX512.recurrentBackward,
    ]
    let sgdUpdate = [RefrainKernels.sgdUpdate, RefrainKernelsAVX2.sgdUpdate, RefrainKernelsAVX512.sgdUpdate]
    let adamUpdate = [RefrainKernels.adamUpdate, RefrainKernelsAVX2.adamUpdate, RefrainKernelsAVX512.adamUpdate]
    let rmspropUpdate = [
      RefrainKernels.rmspropUpdate, RefrainKernelsAVX2.rmspropUpdate, RefrainKernelsAVX512.rmspropUpdate,
    ]
    let adagradUpdate = [
      RefrainKernels.adagradUpdate, RefrainKernelsAVX2.adagradUpdate, RefrainKernelsAVX512.adagradUpdate,
    ]
  #else
    let vectorWidth = [RefrainKernels.vectorWidth]
    let paddedSize = [RefrainKernels.paddedSize]
    let unary = [RefrainKernels.unary]
    let unaryGradient = [RefrainKernels.unaryGradient]
    let binary = [RefrainKernels.binary]
    let fill = [RefrainKernels.fill]
    let copy = [RefrainKernels.copy]
    let scale = [RefrainKernels.scale]
    let addScaled = [RefrainKernels.addScaled]
    let clamp = [RefrainKernels.clamp]
    let sum = [RefrainKernels.sum]
    let sumOfSquares = [RefrainKernels.sumOfSquares]
    let dot = [RefrainKernels.dot]
    let sumRows = [RefrainKernels.sumRows]
    let allFinite = [RefrainKernels.allFinite]
    let softmaxRows = [RefrainKernels.softmaxRows]
    let logSoftmaxRows = [RefrainKernels.logSoftmaxRows]
    let softmaxGradientRows = [RefrainKernels.softmaxGradientRows]
    let logSoftmaxGradientRows = [RefrainKernels.logSoftmaxGradientRows]
    let layerNormRows = [RefrainKernels.layerNormRows]
    let layerNormGradientRows = [RefrainKernels.layerNormGradientRows]
    let crossEntropyRows = [RefrainKernels.crossEntropyRows]
    let crossEntropyGradientRows = [RefrainKernels.crossEntropyGradientRows]
    let transpose = [RefrainKernels.transpose]
    let packedSize = [RefrainKernels.packedSize]
    let packPanels = [RefrainKernels.packPanels]
    let product = [RefrainKernels.product]
    let tiledColumns = [RefrainKernels.tiledColumns]
    let packTiles = [RefrainKernels.packTiles]
    let productTiled = [RefrainKernels.productTiled]
    let panelWidth = [RefrainKernels.panelWidth]
    let recurrentPackedSize = [RefrainKernels.recurrentPackedSize]
    let recurrentPack = [RefrainKernels.recurrentPack]
    let recurrentForward = [RefrainKernels.recurrentForward]
    let recurrentStage = [RefrainKernels.recurrentStage]
    let recurrentBackward = [RefrainKernels.recurrentBackward]
    let sgdUpdate = [RefrainKernels.sgdUpdate]
    let adamUpdate = [RefrainKernels.adamUpdate]
    let rmspropUpdate = [RefrainKernels.rmspropUpdate]
    let adagradUpdate = [RefrainKernels.adagradUpdate]
  #endif
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
