// Sums have a fixed order, so the same tensor gives the same bits on any number of threads.

extension Tensor {
  /// The sum over the given axes (negative ones count from the last).
  ///
  /// - Parameter keepingAxes: whether the summed axes stay, with size 1.
  public func sum(axes: [Int], keepingAxes: Bool = false) -> Tensor {
    let reduced = Set(axes.map(axis))
    let sum = Operations.Sum(axes: reduced.sorted())(self)
    return keepingAxes ? sum : sum.reshaped(shape.indices.filter { !reduced.contains($0) }.map { shape[$0] })
  }

  /// The sum of all values, a scalar.
  public func sum() -> Tensor { Operations.SumOfAll()(self) }

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
    return (shape.dropLast().product, width)
  }

  /// A tensor of this shape whose rows (along the last axis) `body` fills, several at once.
  func mapRows(_ body: (_ rows: Range<Int>, _ width: Int, _ target: M) -> Void) -> Tensor {
    let (rows, width) = rowsAndWidth
    return Tensor(shape) { target in
      guard width > 0 else { return }
      parallel(rows, grain: max(1, Tensor.functionGrain / width)) {
        body($0, width, target + $0.lowerBound * width)
      }
    }
  }
}

extension Operations {
  /// Sums that keep their axes, with size 1.
  package struct Sum: OperationOfOne {
    /// In rising order.
    package let axes: [Int]

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      var kept = x.shape
      for axis in axes { kept[axis] = 1 }
      var result = Tensor.zeros(kept)
      // The result is broadcast against the operand, and written where it would be read.
      let broadcast = Broadcast(kept, x.shape)
      result.write { target in
        x.read { source in
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
      return result.recorded(as: self, of: [x]) {
        [.pullback { [old = x.shape] in $0.reshaped(kept).expanded(to: old) }]
      }
    }
  }

  /// The sum of all values, a scalar.
  package struct SumOfAll: OperationOfOne {
    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let sums = x.mapParts { Double(kernels.sum($0, $1)) }
      return Tensor(Float(sums.reduce(0, +))).recorded(as: self, of: [x]) {
        [.pullback { [old = x.shape] in $0.expanded(to: old) }]
      }
    }
  }
}
