// Softmax and its company, a row at a time. All matrices are [rows, columns], contiguous.

/// Σ e^(x − shift) over `count` elements, none above `shift`, at most a few thousand; the terms go to `y` unless that
/// is nil. Four vectors at a time, side by side.
@inline(always)
private func sumOfExponentials(_ count: Int, _ x: P, _ shift: Float, _ y: M?) -> Float {
  let shift = splat(shift)
  var sums = Rows<4>(splat(0))
  var index = 0
  while index &+ 4 &* width <= count {
    let e = exponentialBelowZero(four(x + index) - Rows(shift))
    sums = sums + e
    if let y { storeFour(e, y + index) }
    index &+= 4 &* width
  }
  var rest = splat(0)
  while index < count {
    let lanes = smaller(width, count &- index)
    // e^−∞ is 0: lanes that do not exist do not count.
    let e = exponentialBelowZero(Rows<1>(load(x + index, lanes, rest: -.infinity) - shift)).v0
    rest = rest + e
    if let y { store(e, y + index, lanes) }
    index &+= width
  }
  return sumOfLanes((sums.v0 + sums.v1) + (sums.v2 + sums.v3) + rest)
}

/// Writes e^(x − max) to `y`, which may be `x`, and returns the sum of what was written.
@inline(always)
private func exponentials(_ columns: Int, _ x: P, _ y: M) -> Float {
  let largest = maximum(columns, x)
  var total = 0.0
  var start = 0
  while start < columns {
    total += Double(sumOfExponentials(smaller(blockSize, columns &- start), x + start, largest, y + start))
    start &+= blockSize
  }
  return Float(total)
}

/// max and Σ e^(x − max) in one pass: when a block brings a new maximum, the sum so far is scaled down to it.
@inline(always)
private func sumOfExponentials(_ columns: Int, _ x: P) -> (maximum: Float, sum: Float) {
  // Finite, so that a block of nothing but −∞ adds nothing.
  var largest = -Float.greatestFiniteMagnitude
  var total = 0.0
  var start = 0
  // What a block costs beside its elements, a chain of some hundred cycles, should not show.
  let blockSize = 4 &* blockSize
  while start < columns {
    let count = smaller(blockSize, columns &- start)
    let candidate = maximum(count, x + start)
    if candidate > largest {
      total *= Double(exponential(splat(largest - candidate))[0])
      largest = candidate
    }
    total += Double(sumOfExponentials(count, x + start, largest, nil))
    start &+= blockSize
  }
  return (largest, Float(total))
}

@inline(always)
private func logarithm(_ value: Float) -> Float { logarithm(splat(value))[0] }

extension KernelBuild {
  /// y[r, c] = e^x[r, c] / Σ_c e^x[r, c]; `y` may be `x`.
  public static func softmaxRows(
    _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      let target = y + row &* columns
      let total = exponentials(columns, x + row &* columns, target)
      scale(columns, 1 / total, target, target)
    }
  }

  /// y[r, c] = x[r, c] − ln Σ_c e^x[r, c]; `y` may be `x`.
  public static func logSoftmaxRows(
    _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      let source = x + row &* columns
      let target = y + row &* columns
      let (largest, total) = sumOfExponentials(columns, source)
      let shift = splat(largest)
      let rest = splat(logarithm(total))
      var vectors = Vectors(columns)
      while vectors.next() {
        store(load(source + vectors.index, vectors.lanes) - shift - rest, target + vectors.index, vectors.lanes)
      }
    }
  }

  /// dx = y ⊙ (dy − Σ_c dy · y), given y = softmax(x); `dx` is overwritten and may be `dy`.
  public static func softmaxGradientRows(
    _ rows: Int, _ columns: Int, _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      let start = row &* columns
      let mean = splat(dot(columns, dy + start, y + start))
      var vectors = Vectors(columns)
      while vectors.next() {
        let index = start &+ vectors.index
        store(load(y + index, vectors.lanes) * (load(dy + index, vectors.lanes) - mean), dx + index, vectors.lanes)
      }
    }
  }

  /// dx = dy − e^y · Σ_c dy, given y = log softmax(x); `dx` is overwritten and may be `dy`.
  public static func logSoftmaxGradientRows(
    _ rows: Int, _ columns: Int, _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      let start = row &* columns
      let total = splat(sum(columns, dy + start))
      var vectors = Vectors(columns)
      while vectors.next() {
        let index = start &+ vectors.index
        let probability = exponential(load(y + index, vectors.lanes))
        store(load(dy + index, vectors.lanes) - probability * total, dx + index, vectors.lanes)
      }
    }
  }

  /// The cross-entropy of softmax(logits) with one target class a row: losses `[rows]`, written, are
  /// (1 − ε) · −ln p_target + ε · the mean of −ln p.
  public static func crossEntropyRows(_ arguments: CrossEntropyArguments, _ losses: UnsafeMutablePointer<Float>) {
    let (rows, columns, smoothing) = (arguments.rows, arguments.columns, arguments.smoothing)
    let (logits, targets) = (arguments.logits, arguments.targets)
    let (maxima, sums) = (arguments.maxima, arguments.sums)
    for row in 0..<rows {
      let x = logits + row &* columns
      let (largest, total) = sumOfExponentials(columns, x)
      let rest = logarithm(total)
      var loss = (largest - x[targets[row]] + rest) * (1 - smoothing)
      if smoothing > 0 { loss += smoothing * (largest - sum(columns, x) / Float(columns) + rest) }
      losses[row] = loss
      maxima[row] = largest
      sums[row] = total
    }
  }

  /// The gradient of `crossEntropyRows`: factor · (softmax − target distribution).
  ///
  /// - factors: [rows], the gradient by each loss.
  /// - gradient: [rows, columns], written; may be the logits.
  public static func crossEntropyGradientRows(
    _ arguments: CrossEntropyArguments, _ factors: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>
  ) {
    let (rows, columns, smoothing) = (arguments.rows, arguments.columns, arguments.smoothing)
    let (logits, targets) = (arguments.logits, arguments.targets)
    let (maxima, sums) = (P(arguments.maxima), P(arguments.sums))
    for row in 0..<rows {
      let x = logits + row &* columns
      let y = gradient + row &* columns
      let shift = splat(maxima[row])
      let factor = splat(factors[row] / sums[row])
      let spread = splat(-factors[row] * smoothing / Float(columns))
      var index = 0
      while index &+ 4 &* width <= columns {
        let e = exponentialBelowZero(four(x + index) - Rows(shift))
        storeFour(multiplyAdd(e, Rows(factor), Rows(spread)), y + index)
        index &+= 4 &* width
      }
      while index < columns {
        let lanes = smaller(width, columns &- index)
        let e = exponentialBelowZero(Rows<1>(load(x + index, lanes) - shift)).v0
        store(multiplyAdd(e, factor, spread), y + index, lanes)
        index &+= width
      }
      y[targets[row]] -= factors[row] * (1 - smoothing)
    }
  }
}
