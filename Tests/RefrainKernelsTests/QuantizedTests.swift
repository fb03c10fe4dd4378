import RefrainKernels
import Testing

#if arch(x86_64)
  import RefrainKernelsAVX2
  import RefrainKernelsAVX512
  import RefrainKernelsVNNI
#endif

/// The compilations of the products of bytes that this machine can run.
private let byteBuilds: [any QuantizedKernels.Type] = {
  #if arch(x86_64)
    let all: [any QuantizedKernels.Type] = [
      RefrainKernels.KernelBuild.self, RefrainKernelsAVX2.KernelBuild.self, RefrainKernelsAVX512.KernelBuild.self,
    ]
    let hasVNNI = supportedBuilds.contains(2) && systemHas("avx512_vnni")
    return supportedBuilds.map { all[$0] } + (hasVNNI ? [RefrainKernelsVNNI.KernelBuild.self] : [])
  #else
    [RefrainKernels.KernelBuild.self]
  #endif
}()

/// The vectors of the same compilations.
private let widths = [4, 8, 16, 16]

@Suite struct `Products of bytes` {
  /// Rows of whole numbers times a scale.
  private struct Quantized {
    var numbers: [[Int]]
    var scales: [Float]
    var values: [Float] { zip(numbers, scales).flatMap { row, scale in row.map { Float($0) * scale } } }

    /// Each row has a 127 or a −127, by which its scale is found again.
    init(_ rows: Int, _ depth: Int, seed: Int, number: (Int, Int) -> Int) {
      numbers = (0..<rows).map { row in (0..<depth).map { number(row, $0) } }
      for row in 0..<rows where depth > 0 && numbers[row].contains(where: { $0 != 0 }) {
        if !numbers[row].contains(where: { abs($0) == 127 }) { numbers[row][(row + seed) % depth] = -127 }
      }
      scales = RefrainKernelsTests.numbers(rows, seed: seed).map { abs($0) + 0.01 }
    }
  }

  /// The product of rows and columns by the kernels, with a bias, and with what is in C already.
  private func product(
    _ build: Int, _ a: Quantized, _ b: Quantized, depth: Int, bias: [Float], added: [Float]?
  ) -> [Float] {
    let (kernels, width) = (byteBuilds[build], widths[build])
    let memory = Memory()
    let (rows, columns) = (a.numbers.count, b.numbers.count)
    let weights: UnsafePointer<Float> = memory(b.values)
    let scales: UnsafePointer<Float> = memory(b.scales)
    let packed: UnsafeMutablePointer<Float> = memory(
      [Float](repeating: .nan, count: kernels.quantizedPackedSize(depth, columns)))
    for first in stride(from: 0, to: columns, by: 4 * width) {
      let vectors = (min(4 * width, columns - first) + width - 1) / width
      for vector in 0..<vectors {
        let column = first + vector * width
        kernels.quantizedPack(
          QuantizedPackArguments(
            depth: depth, lanes: min(width, columns - column), vectors: vectors, vector: vector,
            weights: weights + column * depth, scales: scales + column,
            panel: packed + kernels.quantizedPackedSize(depth, first)))
      }
    }
    let bytes: UnsafeMutablePointer<UInt8> = memory(
      [UInt8](repeating: 77, count: rows * kernels.quantizedRowSize(depth)))
    let rowScales: UnsafeMutablePointer<Float> = memory([Float](repeating: .nan, count: rows))
    kernels.quantizeRows(
      QuantizeRowsArguments(
        rows: rows, depth: depth, x: memory(a.values), stride: depth, quantized: bytes, scales: rowScales))
    let c: UnsafeMutablePointer<Float> = memory((added ?? [Float](repeating: .nan, count: rows * columns)) + [55])
    kernels.quantizedProduct(
      QuantizedProductArguments(
        rows: rows, columns: columns, depth: depth, a: bytes, scales: rowScales, packed: packed, bias: memory(bias),
        accumulate: added != nil, c: c, stride: columns))
    let result = memory.values(c, rows * columns + 1)
    #expect(result.last == 55)
    return result.dropLast()
  }

  private func expected(_ a: Quantized, _ b: Quantized, bias: [Float], added: [Float]?) -> [Double] {
    var result: [Double] = []
    for (row, x) in a.numbers.enumerated() {
      for (column, y) in b.numbers.enumerated() {
        let sum = zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
        let product = Double(sum) * Double(a.scales[row]) * Double(b.scales[column]) + Double(bias[column])
        result.append(product + Double(added?[row * b.numbers.count + column] ?? 0))
      }
    }
    return result
  }

  private static let sizes = [
    (1, 1, 1), (1, 64, 4), (3, 5, 7), (6, 64, 64), (7, 65, 63), (13, 100, 130), (2, 33, 2), (5, 16, 3), (1, 130, 257),
    (4, 3, 0),
  ]

  @Test(arguments: byteBuilds.indices, sizes)
  func `are those of whole numbers, for sizes that are no multiples of anything`(
    build: Int, size: (rows: Int, columns: Int, depth: Int)
  ) {
    let a = Quantized(size.rows, size.depth, seed: 1) { ($0 * 131 + $1 * 37) % 255 - 127 }
    let b = Quantized(size.columns, size.depth, seed: 5) { ($0 * 89 + $1 * 53) % 255 - 127 }
    let bias = numbers(size.columns, seed: 9)
    let added = numbers(size.rows * size.columns, seed: 12)
    for added in [nil, added] {
      let found = product(build, a, b, depth: size.depth, bias: bias, added: added)
      #expect(difference(found, expected(a, b, bias: bias, added: added)) < 1e-6)
    }
  }

  @Test(arguments: byteBuilds.indices)
  func `do not saturate, even the longest`(build: Int) {
    for sign in [1, -1] {
      let a = Quantized(1, 65_536, seed: 1) { _, _ in 127 }
      let b = Quantized(5, 65_536, seed: 2) { row, _ in row % 2 == 0 ? sign * 127 : -sign * 127 }
      let bias = [Float](repeating: 0, count: 5)
      let found = product(build, a, b, depth: 65_536, bias: bias, added: nil)
      #expect(difference(found, expected(a, b, bias: bias, added: nil)) < 1e-6)
    }
  }

  @Test(arguments: byteBuilds.indices)
  func `with rows of zeros are the bias`(build: Int) {
    var a = Quantized(3, 40, seed: 1) { row, k in row == 1 ? 0 : k % 100 }
    a.scales[1] = 0
    var b = Quantized(20, 40, seed: 2) { row, k in row == 4 ? 0 : k % 90 - 40 }
    b.scales[4] = 0
    let bias = numbers(20, seed: 3)
    let found = product(build, a, b, depth: 40, bias: bias, added: nil)
    #expect(difference(found, expected(a, b, bias: bias, added: nil)) < 1e-6)
    #expect(Array(found[20..<40]) == bias)
  }

  @Test(arguments: byteBuilds.indices)
  func `quantize a row to the nearest whole numbers, and say so where it is not finite`(build: Int) {
    let kernels = byteBuilds[build]
    let memory = Memory()
    let depth = 37
    var x = numbers(4 * depth, seed: 3, scale: 3)
    x[depth + 3] = .nan
    x[2 * depth + 30] = -.infinity
    for place in 3 * depth..<4 * depth { x[place] = 1e-38 }
    let scales: UnsafeMutablePointer<Float> = memory([Float](repeating: 7, count: 4))
    let bytes: UnsafeMutablePointer<UInt8> = memory([UInt8](repeating: 0, count: 4 * kernels.quantizedRowSize(depth)))
    kernels.quantizeRows(
      QuantizeRowsArguments(rows: 4, depth: depth, x: memory(x), stride: depth, quantized: bytes, scales: scales))
    let largest = x[..<depth].map(abs).max() ?? 0
    #expect(scales[0] == largest / 127)
    #expect(scales[1].isNaN && !scales[2].isFinite && scales[3] == 0)
    let hasWords = kernels.quantizedRowSize(16) == 32
    for k in 0..<depth {
      let words = UnsafeRawPointer(bytes).assumingMemoryBound(to: Int16.self)
      let found = hasWords ? Int(words[k]) : Int(bytes[k]) - 128
      #expect(found == Int((x[k] * (127 / largest)).rounded(.toNearestOrEven)))
    }
    withExtendedLifetime(memory) {}
  }

  @Test func `are the same to the bit in every compilation`() {
    let a = Quantized(7, 100, seed: 1) { ($0 * 131 + $1 * 37) % 255 - 127 }
    let b = Quantized(70, 100, seed: 5) { ($0 * 89 + $1 * 53) % 255 - 127 }
    let bias = [Float](repeating: 0, count: 70)
    let all = byteBuilds.indices.map { product($0, a, b, depth: 100, bias: bias, added: nil) }
    for found in all { #expect(found == all[0]) }
  }
}
