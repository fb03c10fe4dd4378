import RefrainKernels

/// A matrix as the packed kernels read it: where it starts and how far apart its rows and columns are.
struct MatrixView {
  var pointer: UnsafePointer<Float>
  var rows: Int
  var columns: Int
  var rowStep: Int
  var columnStep: Int

  /// A row-major matrix, or its transpose.
  init(_ pointer: UnsafePointer<Float>, rows: Int, columns: Int, transposed: Bool = false) {
    self.pointer = pointer
    (self.rows, self.columns) = transposed ? (columns, rows) : (rows, columns)
    (rowStep, columnStep) = transposed ? (1, columns) : (columns, 1)
  }
}

/// A matrix in the order in which the product kernel reads its right operand.
func packPanels(_ b: MatrixView) -> Storage {
  let (depth, columns) = (b.rows, b.columns)
  let packed = Storage(count: kernels.packedSize(depth, columns))
  let panel = kernels.panelWidth()
  parallel(columns, grain: max(panel, 1 << 17 / max(depth, 1)), multiple: panel) { part in
    kernels.packPanels(
      depth, part.count, b.pointer + part.lowerBound * b.columnStep, b.rowStep, b.columnStep,
      packed.pointer + part.lowerBound * depth)
  }
  return packed
}

/// c (+)= a · b (+ bias), all rows of `c` `columns` apart, and then a function of each value. `c` is `[a.rows,
/// columns]`, `bias` `[columns]`; `packed` is from ``packPanels(_:)``.
func product(
  _ a: MatrixView, packed: Storage, columns: Int, into c: UnsafeMutablePointer<Float>,
  bias: UnsafePointer<Float>? = nil, accumulate: Bool = false, then activation: UnaryOperation? = nil
) {
  let (rows, depth) = (a.rows, a.columns)
  guard rows > 0, columns > 0 else { return }
  let panel = kernels.panelWidth()
  let work = columns * depth
  if a.rowStep == 1, a.columnStep > 1, rows >= 32, depth > 0, bias == nil {
    productTransposed(a, packed: packed, columns: columns, into: c, accumulate: accumulate)
  } else if rows >= 2 * Parallelism.threads {
    // The function takes what is still in the processor's cache, some rows at a time.
    let block = activation == nil ? rows : max(6, (1 << 14) / columns / 6 * 6)
    parallel(rows, grain: max(1, 1 << 18 / max(work, 1)), multiple: 6) { part in
      for first in stride(from: part.lowerBound, to: part.upperBound, by: block) {
        let count = min(block, part.upperBound - first)
        kernels.product(
          count, columns, depth, a.pointer + first * a.rowStep, a.rowStep, a.columnStep, nil, packed.pointer, bias,
          accumulate, c + first * columns, columns, nil)
        if let activation {
          kernels.unary(activation.rawValue, count * columns, c + first * columns, c + first * columns)
        }
      }
    }
  } else {
    parallel(columns, grain: max(panel, 1 << 18 / max(depth * rows, 1)), multiple: panel) { part in
      kernels.product(
        rows, part.count, depth, a.pointer, a.rowStep, a.columnStep, nil,
        packed.pointer + part.lowerBound * depth, bias.map { $0 + part.lowerBound }, accumulate,
        c + part.lowerBound, columns, nil)
      guard let activation else { return }
      for row in 0..<rows {
        let place = c + row * columns + part.lowerBound
        kernels.unary(activation.rawValue, part.count, place, place)
      }
    }
  }
  withExtendedLifetime(packed) {}
}

/// The product with a transposed left operand, whose rows are brought together on the way: as they lie, every step of a
/// sum would be a page of memory further on.
private func productTransposed(
  _ a: MatrixView, packed: Storage, columns: Int, into c: UnsafeMutablePointer<Float>, accumulate: Bool
) {
  let (rows, depth) = (a.rows, a.columns)
  let block = min(512, depth)
  let width = kernels.tiledColumns()
  let starts = (0..<depth).map { a.pointer + $0 * a.columnStep }
  parallel(rows, grain: max(6, 1 << 18 / max(columns * depth, 1)), multiple: 6) { part in
    let tiles = Storage(count: block * width + 16)
    starts.withUnsafeBufferPointer { starts in
      guard let starts = starts.baseAddress else { return }
      for first in stride(from: part.lowerBound, to: part.upperBound, by: width) {
        let end = min(part.upperBound, first + width)
        for start in stride(from: 0, to: depth, by: block) {
          let count = min(block, depth - start)
          kernels.packTiles(count, rows, first, end, starts + start, tiles.pointer)
          kernels.productTiled(
            end - first, columns, count, tiles.pointer, packed.pointer, depth, start, accumulate || start > 0,
            c + first * columns, columns)
        }
      }
    }
    withExtendedLifetime(tiles) {}
  }
  withExtendedLifetime(packed) {}
}

extension Tensor {
  /// This matrix, or its transpose, as the right operand of a product with `rows` rows. What a few rows do not pay for
  /// is kept for the next product, such as the next step of a loop over time. Not so where the left operand is
  /// transposed: that is the gradient of weights, and this the data, of which a second copy would stay for as long as
  /// they do.
  func packed(transposed: Bool, forRows rows: Int, isSum: Bool = false) -> Storage {
    storage.form(transposed ? "transposed panels" : "panels", isKept: rows <= 64 && !isSum) {
      read { packPanels(MatrixView($0, rows: shape[0], columns: shape[1], transposed: transposed)) }
    }
  }
}

extension Tensor {
  /// The matrix product with `other`; either side may be used transposed without a copy.
  ///
  /// - `[…, M, K]` · `[K, N]` → `[…, M, N]`: leading axes are rows too.
  /// - `[…, M, K]` · `[…, K, N]` → `[…, M, N]`: a batch of products; the leading axes must be equal.
  ///
  /// - Parameters:
  ///   - other: the right operand.
  ///   - transposingSelf: whether the last two axes of this tensor are exchanged first.
  ///   - transposingOther: whether those of `other` are.
  public func matrixProduct(
    _ other: Tensor, transposingSelf: Bool = false, transposingOther: Bool = false
  ) -> Tensor {
    require(rank >= 1 && other.rank >= 2, "a matrix product of shapes \(shape) and \(other.shape)")
    if rank == 1 {
      let product = reshaped([1, count]).matrixProduct(other, transposingOther: transposingOther)
      return product.reshaped(Array(product.shape.dropFirst()))
    }
    if rank > 2 && other.rank == 2 && !transposingSelf {
      let flat = reshaped([-1, shape[rank - 1]]).matrixProduct(other, transposingOther: transposingOther)
      return flat.reshaped(shape.dropLast() + [flat.shape[1]])
    }
    require(
      Array(shape.dropLast(2)) == Array(other.shape.dropLast(2)),
      "a batch of matrix products of shapes \(shape) and \(other.shape): the leading axes differ")
    let (left, right) = (self, other)
    let batch = shape.dropLast(2).reduce(1, *)
    let (leftPlane, rightPlane) = (shape.suffix(2).reduce(1, *), other.shape.suffix(2).reduce(1, *))
    func view(_ tensor: Tensor, _ pointer: UnsafePointer<Float>, _ transposed: Bool) -> MatrixView {
      MatrixView(
        pointer, rows: tensor.shape[tensor.rank - 2], columns: tensor.shape[tensor.rank - 1], transposed: transposed)
    }
    let rows = shape[rank - (transposingSelf ? 1 : 2)]
    let columns = other.shape[other.rank - (transposingOther ? 2 : 1)]
    let depth = (leftPlane / max(rows, 1), rightPlane / max(columns, 1))
    require(
      rows == 0 || columns == 0 || depth.0 == depth.1,
      "a product of \(rows)×\(depth.0) and \(depth.1)×\(columns) matrices")
    let result = Tensor(shape.dropLast(2) + [rows, columns]) { target in
      Refrain.read(left, right) { a, b in
        for index in 0..<batch {
          let packed =
            other.rank == 2
            ? right.packed(transposed: transposingOther, forRows: rows, isSum: transposingSelf)
            : packPanels(view(right, b + index * rightPlane, transposingOther))
          product(
            view(left, a + index * leftPlane, transposingSelf), packed: packed, columns: columns,
            into: target + index * rows * columns)
        }
      }
    }
    let leftArc: Tape.Pullback = { gradient in
      transposingSelf
        ? right.matrixProduct(gradient, transposingSelf: transposingOther, transposingOther: true)
        : gradient.matrixProduct(right, transposingOther: !transposingOther)
    }
    let operation = Operation.matrixProduct(transposingSelf: transposingSelf, transposingOther: transposingOther)
    if right.rank == 2 && !transposingSelf {
      return result.recording(
        edges: (left, .pullback(leftArc)), (right, .product { transposingOther ? ($0, left) : (left, $0) })
      ).traced(as: operation, of: [left, right])
    }
    return result.recording(
      (left, leftArc),
      (
        right,
        { gradient in
          transposingOther
            ? gradient.matrixProduct(left, transposingSelf: true, transposingOther: transposingSelf)
            : left.matrixProduct(gradient, transposingSelf: !transposingSelf)
        }
      )
    ).traced(as: operation, of: [left, right])
  }

  /// φ(x · weightᵀ + bias): the map of a dense layer. `[…, I]` → `[…, O]`, `weight` `[O, I]`, `bias` `[O]`.
  public func linear(weight: Tensor, bias: Tensor, activation: Activation = .identity) -> Tensor {
    require(
      weight.rank == 2 && rank >= 1 && shape[rank - 1] == weight.shape[1] && bias.shape == [weight.shape[0]],
      "an input of shape \(shape) does not fit weights of shape \(weight.shape) and biases of shape \(bias.shape)")
    let x = self
    let (rows, depth) = rowsAndWidth
    let columns = weight.shape[0]
    // What the derivative needs besides the result must be kept, and the function is taken apart then.
    let operation = activation.operation.flatMap { Tape.current == nil || $0.isGradientOfResult ? $0 : nil }
    let result = Tensor(shape.dropLast() + [columns]) { target in
      Refrain.read(x, bias) { x, bias in
        product(
          MatrixView(x, rows: rows, columns: depth), packed: weight.packed(transposed: true, forRows: rows),
          columns: columns, into: target, bias: bias, then: operation)
      }
    }
    let sums = result.recording(
      edges: (x, .pullback { $0.matrixProduct(weight) }),
      (weight, .product { ($0.reshaped([rows, columns]), x.reshaped([rows, depth])) }),
      (bias, .pullback { $0.reshaped([rows, columns]).sum(axes: [0]) })
    )
    guard let operation else { return activation(sums.traced(as: .linear(nil), of: [x, weight, bias])) }
    return result.recording((sums, { operation.gradient(x: result, y: result, $0) }))
      .traced(as: .linear(operation), of: [x, weight, bias])
  }
}
