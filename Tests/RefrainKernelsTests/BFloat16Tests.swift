import Testing

#if arch(x86_64)
  import RefrainKernelsBFloat16

  private typealias Products = RefrainKernelsBFloat16.KernelBuild

  private let canMultiply = supportedBuilds.contains(2) && systemHas("avx512_bf16")

  /// The vectors of the build.
  private let width = 16

  @Suite(.enabled(if: canMultiply, "the processor has no instructions for them"))
  struct `Products of bfloat16` {
    /// The nearest bfloat16, found by the two that a value lies between.
    private static func rounded(_ value: Float) -> Float {
      let lower = Float(bitPattern: value.bitPattern & 0xFFFF_0000)
      let upper = Float(bitPattern: lower.bitPattern &+ 0x1_0000)
      let (below, above) = (abs(Double(value) - Double(lower)), abs(Double(upper) - Double(value)))
      if below == above { return lower.bitPattern >> 16 & 1 == 0 ? lower : upper }
      return below < above ? lower : upper
    }

    private struct Operands {
      var rows: Int
      var columns: Int
      var depth: Int
      var a: [Float]
      /// Column by column.
      var b: [Float]
      var bias: [Float]

      init(_ rows: Int, _ columns: Int, _ depth: Int) {
        (self.rows, self.columns, self.depth) = (rows, columns, depth)
        a = numbers(rows * depth, seed: 1, scale: 3)
        b = numbers(columns * depth, seed: 5)
        bias = numbers(columns, seed: 9)
      }

      /// One of the rows alone.
      func row(_ row: Int) -> Operands {
        var result = self
        (result.rows, result.a) = (1, Array(a[row * depth..<(row + 1) * depth]))
        return result
      }
    }

    private func product(_ operands: Operands, added: [Float]? = nil) -> [Float] {
      let (rows, columns, depth) = (operands.rows, operands.columns, operands.depth)
      let memory = Memory()
      let weights: UnsafePointer<Float> = memory(operands.b)
      let packed: UnsafeMutablePointer<Float> = memory(
        [Float](repeating: .nan, count: Products.quantizedPackedSize(depth, columns)))
      for first in stride(from: 0, to: columns, by: 4 * width) {
        let vectors = (min(4 * width, columns - first) + width - 1) / width
        for vector in 0..<vectors {
          let column = first + vector * width
          Products.quantizedPack(
            QuantizedPackArguments(
              depth: depth, lanes: min(width, columns - column), vectors: vectors, vector: vector,
              weights: weights + column * depth, scales: nil,
              panel: packed + Products.quantizedPackedSize(depth, first)))
        }
      }
      let halves: UnsafeMutablePointer<UInt8> = memory(
        [UInt8](repeating: 0xFF, count: rows * Products.quantizedRowSize(depth)))
      let scales: UnsafeMutablePointer<Float> = memory([Float](repeating: .nan, count: rows))
      Products.quantizeRows(
        QuantizeRowsArguments(
          rows: rows, depth: depth, x: memory(operands.a), stride: depth, quantized: halves, scales: scales))
      let c: UnsafeMutablePointer<Float> = memory((added ?? [Float](repeating: .nan, count: rows * columns)) + [55])
      Products.quantizedProduct(
        QuantizedProductArguments(
          rows: rows, columns: columns, depth: depth, a: halves, scales: scales, packed: packed,
          bias: memory(operands.bias), accumulate: added != nil, c: c, stride: columns))
      let result = memory.values(c, rows * columns + 1)
      #expect(result.last == 55)
      return result.dropLast()
    }

    private static let sizes = [
      (1, 1, 1), (1, 64, 4), (3, 5, 7), (6, 64, 64), (7, 65, 63), (13, 100, 131), (2, 33, 2), (5, 16, 3), (1, 130, 257),
      (4, 3, 0), (64, 48, 200),
    ]

    @Test(arguments: sizes)
    func `are those of rounded numbers, but for the rounding of each addition`(
      size: (rows: Int, columns: Int, depth: Int)
    ) {
      let operands = Operands(size.rows, size.columns, size.depth)
      let (a, b) = (operands.a.map(Self.rounded).doubles, operands.b.map(Self.rounded).doubles)
      for added in [nil, numbers(size.rows * size.columns, seed: 12)] {
        let found = product(operands, added: added)
        for row in 0..<size.rows {
          for column in 0..<size.columns {
            let place = row * size.columns + column
            var terms = (0..<size.depth).map { a[row * size.depth + $0] * b[column * size.depth + $0] }
            terms += [Double(operands.bias[column]), Double(added?[place] ?? 0)]
            let bound = Double(terms.count) * 0x1p-24 * terms.reduce(0) { $0 + abs($1) }
            #expect(abs(Double(found[place]) - terms.reduce(0, +)) <= bound)
          }
        }
      }
    }

    @Test func `of a row alone are the same to the bit as among others`() {
      let operands = Operands(13, 100, 131)
      let all = product(operands)
      for row in 0..<13 { #expect(product(operands.row(row)) == Array(all[row * 100..<(row + 1) * 100])) }
    }

    @Test func `round rows to the nearest number, even in a tie, and keep what is no number`() {
      let halves: [Float] = [1 + 0x1p-8, 1 + 0x3p-8, -1 - 0x1p-8, 1 + 0x1.01p-8, -3.3e38, .infinity, -.infinity, -0.0]
      var x = halves + numbers(50, seed: 3, scale: 1e6) + numbers(50, seed: 8, scale: 1e-30)
      let depth = x.count + 3
      // The largest float is nearer to what would follow the largest bfloat16.
      x += [.greatestFiniteMagnitude, .nan, Float(bitPattern: 0x7F80_0001)]
      let memory = Memory()
      let found: UnsafeMutablePointer<UInt16> = memory(
        [UInt16](repeating: 77, count: Products.quantizedRowSize(depth) / 2))
      let scales: UnsafeMutablePointer<Float> = memory([Float](repeating: 7, count: 1))
      Products.quantizeRows(
        QuantizeRowsArguments(rows: 1, depth: depth, x: memory(x), stride: depth, quantized: found, scales: scales))
      let values = (0..<Products.quantizedRowSize(depth) / 2).map { Float(bitPattern: UInt32(found[$0]) << 16) }
      for place in 0..<depth - 3 {
        let expected = x[place].isInfinite ? x[place] : Self.rounded(x[place])
        #expect(values[place].bitPattern == expected.bitPattern)
      }
      #expect(values[depth - 3] == .infinity && values[depth - 2].isNaN && values[depth - 1].isNaN)
      #expect(values[depth...].allSatisfy { $0.bitPattern == 0 })
      withExtendedLifetime(memory) {}
    }

    @Test func `show what is not finite, and in its row and column alone`() {
      var operands = Operands(3, 20, 40)
      operands.a[40 + 7] = .nan
      operands.b[4 * 40 + 9] = .infinity
      let found = product(operands)
      for row in 0..<3 {
        for column in 0..<20 { #expect(found[row * 20 + column].isFinite == (row != 1 && column != 4)) }
      }
    }
  }
#endif
