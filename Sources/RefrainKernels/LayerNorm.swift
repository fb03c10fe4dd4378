// Layer normalisation (Ba, Kiros and Hinton 2016), a row at a time.

/// y = (x − mean) / √(variance + ε) ⊙ gain + shift, mean and (biased) variance those of each row.
///
/// - x, y: [rows, columns], the rows `xStride` and `yStride` apart; `y` may be `x`. gain, shift: [columns].
/// - means, inverseDeviations: [rows], written, for the gradient.
public func layerNormRows(
  _ rows: Int, _ columns: Int, epsilon: Float, x: UnsafePointer<Float>, xStride: Int, gain: UnsafePointer<Float>,
  shift: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>, yStride: Int, means: UnsafeMutablePointer<Float>,
  inverseDeviations: UnsafeMutablePointer<Float>
) {
  for row in 0..<rows {
    let source = x + row &* xStride
    let mean = sum(columns, source) / Float(columns)
    let centre = splat(mean)
    var squares = splat(0)
    var index = 0
    while index &+ width <= columns {
      let distance = load(source + index) - centre
      squares = multiplyAdd(distance, distance, squares)
      index &+= width
    }
    var variance = sumOfLanes(squares)
    while index < columns {
      variance += (source[index] - mean) * (source[index] - mean)
      index &+= 1
    }
    let inverse = 1 / (variance / Float(columns) + epsilon).squareRoot()
    means[row] = mean
    inverseDeviations[row] = inverse
    let factor = splat(inverse)
    let target = y + row &* yStride
    var vectors = Vectors(columns)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      let normal = (load(source + index, lanes) - centre) * factor
      store(multiplyAdd(normal, load(gain + index, lanes), load(shift + index, lanes)), target + index, lanes)
    }
  }
}

/// The gradient of `layerNormRows` by x: with x̂ = (x − mean) / deviation and g = gain ⊙ dy,
/// dx = (g − mean of g − x̂ · mean of g x̂) / deviation.
///
/// - x, dy, dx: [rows, columns], the rows `xStride`, `dyStride` and `dxStride` apart; dx is overwritten, and may be `dy`.
public func layerNormGradientRows(
  _ rows: Int, _ columns: Int, x: UnsafePointer<Float>, xStride: Int, gain: UnsafePointer<Float>,
  means: UnsafePointer<Float>, inverseDeviations: UnsafePointer<Float>, dy: UnsafePointer<Float>, dyStride: Int,
  dx: UnsafeMutablePointer<Float>, dxStride: Int
) {
  for row in 0..<rows {
    let (x, dy, dx) = (x + row &* xStride, dy + row &* dyStride, dx + row &* dxStride)
    let centre = splat(means[row])
    let inverse = splat(inverseDeviations[row])
    var sum = splat(0)
    var productSum = splat(0)
    var vectors = Vectors(columns)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      // Lanes beyond the row have gradient 0 and add nothing.
      let scaled = load(gain + index, lanes) * load(dy + index, lanes)
      sum = sum + scaled
      productSum = multiplyAdd(scaled, (load(x + index, lanes) - centre) * inverse, productSum)
    }
    let mean = splat(sumOfLanes(sum) / Float(columns))
    let productMean = splat(sumOfLanes(productSum) / Float(columns))
    vectors = Vectors(columns)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      let normal = (load(x + index, lanes) - centre) * inverse
      let scaled = load(gain + index, lanes) * load(dy + index, lanes)
      store((scaled - mean - normal * productMean) * inverse, dx + index, lanes)
    }
  }
}

/// The gradients of `layerNormRows` by gain and shift: the sums over the rows of dy ⊙ x̂ and of dy.
///
/// - x, dy: as above. dgain, dshift: [columns], added to.
public func layerNormParameterGradientRows(
  _ rows: Int, _ columns: Int, x: UnsafePointer<Float>, xStride: Int, means: UnsafePointer<Float>,
  inverseDeviations: UnsafePointer<Float>, dy: UnsafePointer<Float>, dyStride: Int, dgain: UnsafeMutablePointer<Float>,
  dshift: UnsafeMutablePointer<Float>
) {
  for row in 0..<rows {
    let (x, dy) = (x + row &* xStride, dy + row &* dyStride)
    let centre = splat(means[row])
    let inverse = splat(inverseDeviations[row])
    var vectors = Vectors(columns)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      let gradient = load(dy + index, lanes)
      let normal = (load(x + index, lanes) - centre) * inverse
      store(multiplyAdd(gradient, normal, load(dgain + index, lanes)), dgain + index, lanes)
      store(load(dshift + index, lanes) + gradient, dshift + index, lanes)
    }
  }
}
