import RefrainKernels
import Testing

@Suite struct ProductTests {

  static let shapes: [(Int, Int, Int)] = [
    (0, 5, 3), (3, 0, 2), (1, 1, 0), (1, 1, 1), (2, 17, 5), (5, 33, 7), (6, 64, 31), (7, 65, 257), (13, 100, 600),
    (20, 48, 64), (241, 3, 19), (37, 130, 23),
  ]

  func naive(_ m: Int, _ n: Int, _ k: Int, _ a: (Int, Int) -> Float, _ b: (Int, Int) -> Float) -> [Double] {
    var c: [Double] = []
    for i in 0..<m {
      for j in 0..<n {
        var sum = 0.0
        for l in 0..<k { sum += Double(a(i, l)) * Double(b(l, j)) }
        c.append(sum)
      }
    }
    return c
  }

  @Test(
    "A packed product agrees with the naive one: shapes, steps, offsets, bias, accumulation", arguments: supportedBuilds
  )
  func packed(build: Int) {
    for (m, n, k) in Self.shapes {
      for transposed in [false, true] {
        let aRow = transposed ? 1 : k + 3
        let aColumn = transposed ? m + 2 : 1
        let a = numbers((m + 3) * (k + 3) + 9, seed: 2)
        let bRow = transposed ? 1 : n + 1
        let bColumn = transposed ? k + 2 : 1
        let b = numbers((n + 2) * (k + 2) + 9, seed: 3)
        let bias = numbers(n, seed: 4)
        var packed = [Float](repeating: .nan, count: builds[build].packedSize(k, n))
        builds[build].packPanels(k, n, b, bRow, bColumn, &packed)
        let offsets = (0..<m).map { m - 1 - $0 }
        for (hasOffsets, accumulate) in [(false, false), (true, true)] {
          let before = numbers(m * (n + 1) + 1, seed: 6)
          let memory = Memory()
          let order: UnsafePointer<Int>? = hasOffsets ? memory(offsets) : nil
          let product = ProductArguments(
            rows: m, columns: n, depth: k, a: memory(a), aRowStep: aRow, aColumnStep: aColumn, aOffsets: order,
            packed: memory(packed), bias: hasOffsets ? nil : memory(bias), accumulate: accumulate, c: memory(before),
            cRowStep: n + 1, cOffsets: order)
          builds[build].product(product)
          let c = memory.values(product.c, before.count)
          var expected = before.doubles
          let sums = naive(m, n, k, { a[$0 * aRow + $1 * aColumn] }, { b[$0 * bRow + $1 * bColumn] })
          for i in 0..<m {
            for j in 0..<n {
              expected[i * (n + 1) + j] =
                sums[i * n + j] + (accumulate ? expected[i * (n + 1) + j] : 0) + (hasOffsets ? 0 : Double(bias[j]))
            }
          }
          #expect(difference(c, expected) < 1e-4, "\(m) \(n) \(k) \(transposed) \(accumulate)")
        }
      }
    }
  }

  @Test("A row's bits do not depend on the rows computed with it", arguments: supportedBuilds)
  func rowBits(build: Int) {
    let (m, n, k) = (23, 70, 300)
    let a = numbers(m * k, seed: 2)
    let b = numbers(k * n, seed: 3)
    var packed = [Float](repeating: 0, count: builds[build].packedSize(k, n))
    builds[build].packPanels(k, n, b, n, 1, &packed)
    let memory = Memory()
    let zeros = [Float](repeating: 0, count: m * n)
    let whole = ProductArguments(
      rows: m, columns: n, depth: k, a: memory(a), aRowStep: k, aColumnStep: 1, packed: memory(packed),
      accumulate: false, c: memory(zeros), cRowStep: n)
    builds[build].product(whole)
    for split in [1, 2, 3, 4, 7, 8, 9, 22] {
      var part = whole
      part.rows = split
      part.c = memory(zeros)
      let parts = part.c
      builds[build].product(part)
      part.rows = m - split
      part.a += split * k
      part.c += split * n
      builds[build].product(part)
      #expect(memory.values(parts, m * n) == memory.values(whole.c, m * n))
    }
  }

  @Test(
    "A transposed product in blocks agrees with the naive one, with the sums of B's columns", arguments: supportedBuilds
  )
  func transposed(build: Int) {
    for (m, n, k) in [(1, 1, 1), (7, 33, 5), (10, 64, 40), (250, 70, 513), (33, 17, 1030), (5, 8, 0)] {
      let a = numbers(k * (m + 1) + 1, seed: 2)
      let b = numbers(k * (n + 2) + 1, seed: 3)
      let block = 512
      // A's rows lie in reverse order; a column of ones follows the last.
      let sums = naive(
        m + 1, n, k, { $0 == m ? 1 : a[(k - 1 - $1) * (m + 1) + $0] }, { b[$0 * (n + 2) + $1] })
      let memory = Memory()
      let target: UnsafeMutablePointer<Float> = memory([Float](repeating: .nan, count: (m + 1) * (n + 1)))
      let tiles: UnsafeMutablePointer<Float> = memory(
        [Float](repeating: .nan, count: block * builds[build].tiledColumns() + 16))
      let packed: UnsafeMutablePointer<Float> = memory(
        [Float](repeating: .nan, count: builds[build].packedSize(block, n)))
      a.withUnsafeBufferPointer { a in
        let rows = (0..<max(k, 1)).map { a.baseAddress! + max(k - 1 - $0, 0) * (m + 1) }
        for start in stride(from: 0, through: max(0, k - 1), by: block) {
          let depth = min(block, k - start)
          builds[build].packPanels(depth, n, Array(b[(start * (n + 2))...]), n + 2, 1, packed)
          for first in stride(from: 0, to: m + 1, by: builds[build].tiledColumns()) {
            let end = min(m + 1, first + builds[build].tiledColumns())
            rows.withUnsafeBufferPointer { rows in
              builds[build].packTiles(depth, m, first, end, rows.baseAddress! + start, tiles)
            }
            builds[build].productTiled(
              TiledProductArguments(
                rows: end - first, columns: n, depth: depth, tiles: tiles, packed: packed, packedDepth: depth,
                firstDepth: 0, accumulate: start > 0, c: target + first * (n + 1), cRowStep: n + 1))
          }
        }
      }
      let c = memory.values(target, (m + 1) * (n + 1))
      for row in 0...m {
        #expect(
          difference(Array(c[row * (n + 1)..<row * (n + 1) + n]), Array(sums[row * n..<(row + 1) * n])) < 2e-4,
          "\(m) \(n) \(k), row \(row)")
        #expect(c[row * (n + 1) + n].isNaN, "beyond row \(row)")
      }
    }
  }

  @Test("A transposition moves every element and nothing else", arguments: supportedBuilds)
  func transposition(build: Int) {
    for (rows, columns) in [(1, 1), (3, 40), (33, 17), (0, 4)] {
      let x = numbers(rows * (columns + 2) + 1)
      var y = [Float](repeating: 8, count: columns * (rows + 1) + 1)
      builds[build].transpose(rows, columns, x, columns + 2, &y, rows + 1)
      for c in 0..<columns {
        for r in 0..<rows { #expect(y[c * (rows + 1) + r] == x[r * (columns + 2) + c]) }
        #expect(y[c * (rows + 1) + rows] == 8)
      }
    }
  }
}
