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
          ProductArguments(
            rows: count, columns: columns, depth: depth, a: a.pointer + first * a.rowStep, aRowStep: a.rowStep,
            aColumnStep: a.columnStep, packed: packed.pointer, bias: bias, accumulate: accumulate,
            c: c + first * columns, cRowStep: columns))
        if let activation {
          kernels.unary(activation.rawValue, count * columns, c + first * columns, c + first * columns)
        }
      }
    }
  } else {
    parallel(columns, grain: max(panel, 1 << 18 / max(depth * rows, 1)), multiple: panel) { part in
      kernels.product(
        ProductArguments(
          rows: rows, columns: part.count, depth: depth, a: a.pointer, aRowStep: a.rowStep,
          aColumnStep: a.columnStep, packed: packed.pointer + part.lowerBound * depth,
          bias: bias.map { $0 + part.lowerBound }, accumulate: accumulate, c: c + part.lowerBound,
          cRowStep: columns))
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
            TiledProductArguments(
              rows: end - first, columns: columns, depth: count, tiles: tiles.pointer, packed: packed.pointer,
              packedDepth: depth, firstDepth: start, accumulate: accumulate || start > 0, c: c + first * columns,
              cRowStep: columns))
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
    require(
      rank >= 1 && other.rank >= 2,
      "a matrix product of shapes \(shape) and \(other.shape): the right operand is no matrix")
    let sharesRight = other.rank == 2 && rank != 2 && !(rank > 2 && transposingSelf)
    require(
      sharesRight || Array(shape.dropLast(2)) == Array(other.shape.dropLast(2)),
      "a batch of matrix products of shapes \(shape) and \(other.shape): the leading axes differ")
    let depths = (
      shape[rank - (transposingSelf && rank > 1 ? 2 : 1)], other.shape[other.rank - (transposingOther ? 1 : 2)]
    )
    require(
      depths.0 == depths.1,
      "a matrix product of shapes \(shape)\(transposingSelf ? " transposed" : "") and "
        + "\(other.shape)\(transposingOther ? " transposed" : ""): the inner sizes \(depths.0) and \(depths.1) differ")
    let operation = Operations.MatrixProduct(transposingSelf: transposingSelf, transposingOther: transposingOther)
    guard sharesRight else { return operation(self, other) }
    let rows = Operations.MatrixProduct(transposingSelf: false, transposingOther: transposingOther)
    let product = rows(reshaped(rank == 1 ? [1, count] : [shape.dropLast().product, depths.0]), other)
    return product.reshaped(shape.dropLast() + [product.shape[1]])
  }

  /// φ(x · weightᵀ + bias): the map of a dense layer. `[…, I]` → `[…, O]`, `weight` `[O, I]`, `bias` `[O]`.
  public func linear(weight: Tensor, bias: Tensor, activation: Activation = .identity) -> Tensor {
    require(
      weight.rank == 2 && rank >= 1 && shape[rank - 1] == weight.shape[1] && bias.shape == [weight.shape[0]],
      "an input of shape \(shape) does not fit weights of shape \(weight.shape) and biases of shape \(bias.shape)")
    // What the derivative needs besides the result must be kept, and the function is taken apart then.
    let isSplit = Recording.current?.isDifferentiating ?? false
    let function = activation.operation.flatMap { isSplit && !$0.isGradientOfResult ? nil : $0 }
    let result = Operations.Linear(function: function)(self, weight, bias)
    return function == nil ? activation(result) : result
  }
}

extension Operations {
  /// A product of matrices, or a batch of them, each as it is or transposed.
  package struct MatrixProduct: OperationOfTwo {
    package let transposingSelf: Bool
    package let transposingOther: Bool

    /// Of `[…, M, K]` and `[…, K, N]` with equal leading axes.
    @inline(never)
    package func callAsFunction(_ left: Tensor, _ right: Tensor) -> Tensor {
      let (transposingSelf, transposingOther) = (transposingSelf, transposingOther)
      let leading = left.shape.dropLast(2)
      let (leftPlane, rightPlane) = (left.shape.suffix(2).product, right.shape.suffix(2).product)
      func view(_ tensor: Tensor, _ pointer: P, _ transposed: Bool) -> MatrixView {
        MatrixView(
          pointer, rows: tensor.shape[tensor.rank - 2], columns: tensor.shape[tensor.rank - 1], transposed: transposed)
      }
      let rows = left.shape[left.rank - (transposingSelf ? 1 : 2)]
      let columns = right.shape[right.rank - (transposingOther ? 2 : 1)]
      let result = Tensor(leading + [rows, columns]) { target in
        guard rows > 0, columns > 0 else { return }
        read(left, right) { a, b in
          if right.rank == 2, transposingOther, !transposingSelf, Recording.current == nil,
            let packed = right.packedQuantized()
          {
            quantizedProduct(
              a, rows: rows, depth: right.shape[1], packed: packed, columns: columns, into: target)
            return
          }
          for index in 0..<leading.product {
            let packed =
              right.rank == 2
              ? right.packed(transposed: transposingOther, forRows: rows, isSum: transposingSelf)
              : packPanels(view(right, b + index * rightPlane, transposingOther))
            product(
              view(left, a + index * leftPlane, transposingSelf), packed: packed, columns: columns,
              into: target + index * rows * columns)
          }
        }
      }
      return result.recorded(as: self, of: [left, right]) {
        let leftEdge = GradientEdge.pullback { gradient in
          transposingSelf
            ? right.matrixProduct(gradient, transposingSelf: transposingOther, transposingOther: true)
            : gradient.matrixProduct(right, transposingOther: !transposingOther)
        }
        if right.rank == 2 && !transposingSelf {
          return [leftEdge, .product { transposingOther ? ($0, left) : (left, $0) }]
        }
        return [
          leftEdge,
          .pullback { gradient in
            transposingOther
              ? gradient.matrixProduct(left, transposingSelf: true, transposingOther: transposingSelf)
              : left.matrixProduct(gradient, transposingSelf: !transposingSelf)
          },
        ]
      }
    }

    package func replay(_ operands: [Tensor], batch: Int) -> [Tensor] {
      [operands[0].matrixProduct(operands[1], transposingSelf: transposingSelf, transposingOther: transposingOther)]
    }
  }

  /// Of x, weights `[O, I]` and a bias `[O]`: x · weightᵀ + bias, and a function of that.
  package struct Linear: OperationOfThree {
    package let function: UnaryOperation?

    package init(function: UnaryOperation?) { self.function = function }

    @inline(never)
    package func callAsFunction(_ x: Tensor, _ weight: Tensor, _ bias: Tensor) -> Tensor {
      let (rows, depth) = x.rowsAndWidth
      let columns = weight.shape[0]
      let result = Tensor(x.shape.dropLast() + [columns]) { target in
        read(x, bias) { x, bias in
          if Recording.current == nil, let packed = weight.packedQuantized() {
            quantizedProduct(
              x, rows: rows, depth: depth, packed: packed, columns: columns, into: target, bias: bias, then: function)
            return
          }
          product(
            MatrixView(x, rows: rows, columns: depth), packed: weight.packed(transposed: true, forRows: rows),
            columns: columns, into: target, bias: bias, then: function)
        }
      }
      func edges() -> [GradientEdge?] {
        [
          .pullback { $0.matrixProduct(weight) },
          .product { ($0.reshaped([rows, columns]), x.reshaped([rows, depth])) },
          .pullback { $0.reshaped([rows, columns]).sum(axes: [0]) },
        ]
      }
      guard let function, Recording.current?.isDifferentiating == true else {
        return result.recorded(as: self, of: [x, weight, bias], edges: edges)
      }
      // For gradients the function is an operation of its own, whose result is all that it needs.
      let sums = result.recorded(as: Linear(function: nil), of: [x, weight, bias], edges: edges)
      return result.recorded(as: Unary(function), of: [sums]) {
        [.pullback { function.gradient(x: result, y: result, $0) }]
      }
    }
  }
}
