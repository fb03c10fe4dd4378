// Softmax and its company, a row at a time. All matrices are [rows, columns], contiguous.

/// Writes e^(x − max) to `y` and returns max and the sum of what was written.
@inline(always)
private func exponentials(_ columns: Int, _ x: P, _ y: M) -> (maximum: Float, sum: Float) {
  let largest = maximum(columns, x)
  let shift = splat(largest)
  var vectors = Vectors(columns)
  while vectors.next() {
    store(exponential(load(x + vectors.index, vectors.lanes) - shift), y + vectors.index, vectors.lanes)
  }
  return (largest, sum(columns, y))
}

@inline(always)
private func logarithm(_ value: Float) -> Float { logarithm(splat(value))[0] }

/// y[r, c] = e^x[r, c] / Σ_c e^x[r, c]; `y` may be `x`.
public func softmaxRows(
  _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
) {
  for row in 0..<rows {
    let target = y + row &* columns
    let total = exponentials(columns, x + row &* columns, target).sum
    scale(columns, 1 / total, target, target)
  }
}

/// y[r, c] = x[r, c] − ln Σ_c e^x[r, c]; `y` is not `x`.
public func logSoftmaxRows(
  _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
) {
  for row in 0..<rows {
    let source = x + row &* columns
    let target = y + row &* columns
    let (largest, total) = exponentials(columns, source, target)
    let shift = splat(largest)
    let rest = splat(logarithm(total))
    var vectors = Vectors(columns)
    while vectors.next() {
      store(load(source + vectors.index, vectors.lanes) - shift - rest, target + vectors.index, vectors.lanes)
    }
  }
}

/// dx = y ⊙ (dy − Σ_c dy · y), given y = softmax(x); `dx` is overwritten and may be `dy`.
public func softmaxGradientRows(
  _ rows: Int, _ columns: Int, y: UnsafePointer<Float>, dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
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
public func logSoftmaxGradientRows(
  _ rows: Int, _ columns: Int, y: UnsafePointer<Float>, dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
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

/// The cross-entropy of softmax(logits) with one target class a row, and its gradient.
///
/// - logits: [rows, columns]; targets: [rows], a class, or negative for a row that is left out (loss and gradient 0).
/// - weights: [rows], or nil for 1.
/// - smoothing ε: the target distribution is (1 − ε) on the target plus ε spread over all classes.
/// - losses: [rows], written: weight · ((1 − ε) · −ln p_target + ε · the mean of −ln p).
/// - gradient: [rows, columns], written: weight · (softmax − target distribution); nil if it is not wanted.
public func crossEntropyRows(
  _ rows: Int, _ columns: Int, logits: UnsafePointer<Float>, targets: UnsafePointer<Int>,
  weights: UnsafePointer<Float>?, smoothing: Float, losses: UnsafeMutablePointer<Float>,
  gradient: UnsafeMutablePointer<Float>?
) {
  for row in 0..<rows {
    let x = logits + row &* columns
    let target = targets[row]
    let weight = weights.map { $0[row] } ?? 1
    guard target >= 0 else {
      losses[row] = 0
      if let gradient { fill(columns, 0, gradient + row &* columns) }
      continue
    }
    let largest: Float
    let total: Float
    if let gradient {
      let y = gradient + row &* columns
      (largest, total) = exponentials(columns, x, y)
      let factor = splat(weight / total)
      let spread = splat(weight * smoothing / Float(columns))
      var vectors = Vectors(columns)
      while vectors.next() {
        store(
          multiplyAdd(load(y + vectors.index, vectors.lanes), factor, 0 - spread), y + vectors.index, vectors.lanes)
      }
      y[target] -= weight * (1 - smoothing)
    } else {
      largest = maximum(columns, x)
      total = sumOfExponentials(columns, x, largest)
    }
    let rest = logarithm(total)
    var loss = (largest - x[target] + rest) * (1 - smoothing)
    if smoothing > 0 { loss += smoothing * (largest - sum(columns, x) / Float(columns) + rest) }
    losses[row] = weight * loss
  }
}

/// Σ e^(x − shift) without writing the terms, in order, hence with the same bits, as `sum` of the written numbers.
@inline(always)
private func sumOfExponentials(_ columns: Int, _ x: P, _ shift: Float) -> Float {
  let shift = splat(shift)
  var total = 0.0
  var start = 0
  while start < columns {
    let end = smaller(columns, start &+ blockSize)
    var (a, b, c, d) = (splat(0), splat(0), splat(0), splat(0))
    var index = start
    while index &+ 4 &* width <= end {
      a = a + exponential(load(x + index) - shift)
      b = b + exponential(load(x + index + width) - shift)
      c = c + exponential(load(x + index + 2 &* width) - shift)
      d = d + exponential(load(x + index + 3 &* width) - shift)
      index &+= 4 &* width
    }
    while index < end {
      let lanes = smaller(width, end &- index)
      let value = exponential(load(x + index, lanes) - shift)
      if lanes == width {
        a = a + value
      } else {
        // Lanes that do not exist must not count as e^(0 − shift).
        var present = splat(0)
        for lane in 0..<lanes { present[lane] = value[lane] }
        a = a + present
      }
      index &+= width
    }
    total += Double(sumOfLanes((a + b) + (c + d)))
    start = end
  }
  return Float(total)
}
