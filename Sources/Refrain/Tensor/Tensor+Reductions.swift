// Sums have a fixed order, so the same tensor gives the same bits on any number of threads.

extension Tensor {
  /// The sum over the given axes (negative ones count from the last).
  ///
  /// - Parameter keepingAxes: whether the summed axes stay, with size 1.
  public func sum(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    let reduced = Set(axes.map(axis))
    let kept = shape.indices.map { reduced.contains($0) ? 1 : shape[$0] }
    let old = shape
    var result = Tensor.zeros(kept)
    // The result is broadcast against this tensor, and written where it would be read.
    let broadcast = Broadcast(kept, shape)
    result.write { target in
      read { source in
        let loops = broadcast.loops
        if loops.count == 2, loops[0].x == 0, loops[1].x == 1 {
          let (rows, columns) = (loops[0].count, loops[1].count)
          return parallel(columns, grain: max(1, Tensor.elementGrain / max(rows, 1)), multiple: 16) { part in
            kernels.sumRows(rows, part.count, source + part.lowerBound, columns, target + part.lowerBound)
          }
        }
        broadcast.forEachRun { count, to, from, _ in
          if to.step == 0 {
            target[to.offset] += kernels.sum(count, source + from.offset)
          } else {
            kernels.addScaled(count, 1, source + from.offset, target + to.offset)
          }
        }
      }
    }
    let recorded = result.recording((self, { $0.reshaped(kept).expanded(to: old) }))
      .traced(as: .sum(axes: reduced.sorted()), of: [self])
    return keepingAxes ? recorded : recorded.reshaped(shape.indices.filter { !reduced.contains($0) }.map { shape[$0] })
  }

  /// The sum of all values, a scalar.
  public func sum() -> Tensor {
    let sums = mapParts { Double(kernels.sum($0, $1)) }
    return Tensor(Float(sums.reduce(0, +))).recording((self, { [old = shape] in $0.expanded(to: old) }))
      .traced(as: .sumOfAll, of: [self])
  }

  /// What `body` makes of parts of the values, whose size does not depend on the number of threads.
  func mapParts<Result>(_ body: (_ count: Int, _ values: P) -> Result) -> [Result] {
    let (count, size) = (count, 1 << 15)
    guard count > size else { return [read { body(count, $0) }] }
    let parts = (count + size - 1) / size
    return read { values in
      Array(unsafeUninitializedCapacity: parts) { results, initialized in
        let results = results.baseAddress!
        parallel(parts) { range in
          for part in range {
            (results + part).initialize(to: body(min(size, count - part * size), values + part * size))
          }
        }
        initialized = parts
      }
    }
  }

  /// The mean over the given axes.
  public func mean(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    let count = axes.reduce(1) { $0 * shape[axis($1)] }
    return sum(axes: axes, keepingAxes: keepingAxes) * (1 / Float(count))
  }

  /// The mean of all values, a scalar.
  public func mean() -> Tensor { sum() * (1 / Float(count)) }

  /// The greatest value along the last axis, `[…, N]` → `[…]`; the gradient goes to the first place that holds it.
  public func maximum() -> Tensor {
    let indices = argmax()
    let width = shape[rank - 1]
    let rows = count / width
    return reshaped([rows * width, 1]).gatheringRows((0..<rows).map { $0 * width + indices[$0] })
      .reshaped(Array(shape.dropLast()))
  }

  /// Where the greatest value of each row of the last axis stands, in row order; of equals the first.
  public func argmax() -> [Int] {
    require(rank > 0 && shape[rank - 1] > 0, "the greatest value of an empty row was asked for, in shape \(shape)")
    let width = shape[rank - 1]
    return read { values in
      (0..<count / width).map { row in
        (1..<max(width, 1)).reduce(0) { values[row * width + $1] > values[row * width + $0] ? $1 : $0 }
      }
    }
  }

  /// A valid axis from one that may count from the end.
  func axis(_ axis: Int) -> Int {
    let result = axis < 0 ? axis + rank : axis
    require(shape.indices.contains(result), "axis \(axis) is outside a tensor of shape \(shape)")
    return result
  }

  /// The number of rows and their width when all axes but the last are taken together.
  var rowsAndWidth: (rows: Int, width: Int) {
    require(rank > 0, "a scalar has no rows")
    let width = shape[rank - 1]
    return (shape.dropLast().reduce(1, *), width)
  }

  /// A tensor of this shape whose rows (along the last axis) `body` fills, several at once.
  func mapRows(_ body: (_ rows: Range<Int>, _ width: Int, _ target: M) -> Void) -> Tensor {
    let (rows, width) = rowsAndWidth
    return Tensor(shape) { target in
      parallel(rows, grain: max(1, Tensor.functionGrain / max(width, 1))) {
        body($0, width, target + $0.lowerBound * width)
      }
    }
  }

  /// e to each value over the sum of these along the last axis: each row is a distribution. Does not overflow.
  public func softmax() -> Tensor {
    let x = self
    let y = mapRows { rows, width, target in
      x.read { kernels.softmaxRows(rows.count, width, $0 + rows.lowerBound * width, target) }
    }
    return y.recording(
      (
        x,
        { gradient in
          y.mapRows { rows, width, target in
            Refrain.read(y, gradient) { y, dy in
              let at = rows.lowerBound * width
              kernels.softmaxGradientRows(rows.count, width, y + at, dy + at, target)
            }
          }
        }
      )
    ).traced(as: .softmax, of: [x])
  }

  /// The logarithm of ``softmax()``, computed so that it neither overflows nor loses small values.
  public func logSoftmax() -> Tensor {
    let x = self
    let y = mapRows { rows, width, target in
      x.read { kernels.logSoftmaxRows(rows.count, width, $0 + rows.lowerBound * width, target) }
    }
    return y.recording(
      (
        x,
        { gradient in
          y.mapRows { rows, width, target in
            Refrain.read(y, gradient) { y, dy in
              let at = rows.lowerBound * width
              kernels.logSoftmaxGradientRows(rows.count, width, y + at, dy + at, target)
            }
          }
        }
      )
    ).traced(as: .logSoftmax, of: [x])
  }
}
