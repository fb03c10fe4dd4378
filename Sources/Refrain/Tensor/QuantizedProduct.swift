import RefrainKernels

/// A matrix of bytes or of bfloat16, as the products with it read it.
struct QuantizedPanels {
  let products: any QuantizedKernels.Type
  let storage: Storage
}

/// Rows as bytes or as bfloat16, for products with such a matrix.
struct QuantizedRows {
  private let memory: Storage
  private let products: any QuantizedKernels.Type
  private let count: Int
  private let rowSize: Int

  /// Room for `count` rows of at most `depth` numbers.
  init(count: Int, depth: Int, for products: any QuantizedKernels.Type) {
    self.count = count
    self.products = products
    rowSize = products.quantizedRowSize(depth)
    memory = Storage(count: Self.size(count: count, depth: depth, for: products))
  }

  /// The floats that some rows take.
  static func size(count: Int, depth: Int, for products: any QuantizedKernels.Type) -> Int {
    count * (products.quantizedRowSize(depth) / 4 + 1)
  }

  private var bytes: UnsafeMutableRawPointer { UnsafeMutableRawPointer(memory.pointer) }
  private var scales: M { memory.pointer + count * rowSize / 4 }

  /// Writes some of the rows of x, which are `stride` apart.
  func quantize(_ rows: Range<Int>, of x: P, depth: Int, stride: Int) {
    products.quantizeRows(
      QuantizeRowsArguments(
        rows: rows.count, depth: depth, x: x + rows.lowerBound * stride, stride: stride,
        quantized: bytes + rows.lowerBound * products.quantizedRowSize(depth), scales: scales + rows.lowerBound))
  }

  /// c (+)= rows · the packed matrix (+ bias), for some rows and columns, the first a multiple of a panel's; the rows
  /// of `c` are `stride` apart.
  func multiply(
    _ rows: Range<Int>, _ packed: P, _ columns: Range<Int>, depth: Int, bias: P?, accumulate: Bool, into c: M,
    stride: Int
  ) {
    products.quantizedProduct(
      QuantizedProductArguments(
        rows: rows.count, columns: columns.count, depth: depth,
        a: UnsafeRawPointer(bytes) + rows.lowerBound * products.quantizedRowSize(depth),
        scales: P(scales) + rows.lowerBound,
        packed: packed + products.quantizedPackedSize(depth, columns.lowerBound),
        bias: bias.map { $0 + columns.lowerBound }, accumulate: accumulate,
        c: c + rows.lowerBound * stride + columns.lowerBound, stride: stride))
  }
}

extension Tensor {
  /// This matrix `[N, K]` of bytes or of bfloat16, transposed, as the right operand of products with such rows.
  func packedQuantized() -> QuantizedPanels? {
    guard let products = quantizedProducts else { return nil }
    let (columns, depth) = (shape[0], shape[1])
    let scales = rowScales
    let storage = storage.form("quantized panels", isKept: true) {
      let packed = Storage(count: products.quantizedPackedSize(depth, columns))
      let (width, panel) = (kernels.vectorWidth(), kernels.panelWidth())
      read { values in
        parallel(columns, grain: max(panel, 1 << 17 / max(depth, 1)), multiple: panel) { part in
          for first in Swift.stride(from: part.lowerBound, to: part.upperBound, by: panel) {
            let used = min(panel, columns - first)
            let vectors = (used + width - 1) / width
            for vector in 0..<vectors {
              let column = first + vector * width
              products.quantizedPack(
                QuantizedPackArguments(
                  depth: depth, lanes: min(width, columns - column), vectors: vectors, vector: vector,
                  weights: values + column * depth, scales: scales.map { $0.address + column },
                  panel: packed.pointer + products.quantizedPackedSize(depth, first)))
            }
          }
        }
      }
      return packed
    }
    return QuantizedPanels(products: products, storage: storage)
  }
}

/// c = a · b (+ bias) and then a function of each value, where `packed` is a matrix of bytes or of bfloat16
/// (``Tensor/packedQuantized()``). `a` is `[rows, depth]`, `c` `[rows, columns]`.
func quantizedProduct(
  _ a: P, rows: Int, depth: Int, packed: QuantizedPanels, columns: Int, into c: M, bias: P? = nil,
  then activation: UnaryOperation? = nil
) {
  guard rows > 0, columns > 0 else { return }
  let quantized = QuantizedRows(count: rows, depth: depth, for: packed.products)
  parallel(rows, grain: max(1, 1 << 16 / max(depth, 1))) { quantized.quantize($0, of: a, depth: depth, stride: depth) }
  func multiply(_ rows: Range<Int>, _ columns: Range<Int>, of total: Int) {
    quantized.multiply(
      rows, packed.storage.address, columns, depth: depth, bias: bias, accumulate: false, into: c, stride: total)
    guard let activation else { return }
    for row in rows {
      let place = c + row * total + columns.lowerBound
      kernels.unary(activation.rawValue, columns.count, place, place)
    }
  }
  if rows >= 2 * Parallelism.threads {
    parallel(rows, grain: max(1, 1 << 20 / max(columns * depth, 1)), multiple: 6) {
      multiply($0, 0..<columns, of: columns)
    }
  } else {
    let panel = kernels.panelWidth()
    parallel(columns, grain: max(panel, 1 << 20 / max(depth * rows, 1)), multiple: panel) {
      multiply(0..<rows, $0, of: columns)
    }
  }
  withExtendedLifetime(packed) {}
}
