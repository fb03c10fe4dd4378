// Layer normalisation (Ba, Kiros and Hinton 2016), a row at a time.

/// y = (x − mean) / √(variance + ε) ⊙ gain + shift, mean and (biased) variance those of each row.
///
/// - x, y: [rows, columns]; `y` may be `x`. gain, shift: [columns].
/// - means, inverseDeviations: [rows], written, for the gradient.
public func layerNormRows(
  _ rows: Int, _ columns: Int, epsilon: Float, x: UnsafePointer<Float>, gain: UnsafePointer<Float>,
  shift: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>, means: UnsafeMutablePointer<Float>,
  inverseDeviations: UnsafeMutablePointer<Float>
) {
  for row in 0..<rows {
    let source = x + row &* columns
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
    let target = y + row &* columns
    var vectors = Vectors(columns)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      let normal = (load(source + index, lanes) - centre) * factor
      store(multiplyAdd(normal, load(gain + index, lanes), load(shift + index, lanes)), target + index, lanes)
    }
  }
}

/// The gradient of `layerNormRows`: with x̂ = (x − mean) / deviation and g = gain ⊙ dy,
/// dx = (g − mean of g − x̂ · mean of g x̂) / deviation.
///
/// - dx: [rows, columns], overwritten; may be `dy`. dgain, dshift: [columns], added to.
public func layerNormGradientRows(
  _ rows: Int, _ columns: Int, x: UnsafePointer<Float>, gain: UnsafePointer<Float>, means: UnsafePointer<Float>,
  inverseDeviations: UnsafePointer<Float>, dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>,
  dgain: UnsafeMutablePointer<Float>, dshift: UnsafeMutablePointer<Float>
) {
  for row in 0..<rows {
    let start = row &* columns
    let centre = splat(means[row])
    let inverse = splat(inverseDeviations[row])
    var sum = splat(0)
    var productSum = splat(0)
    var vectors = Vectors(columns)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      // Lanes beyond the row have gradient 0 and add nothing.
      let gradient = load(dy + start + index, lanes)
      let normal = (load(x + start + index, lanes) - centre) * inverse
      let scaled = load(gain + index, lanes) * gradient
      sum = sum + scaled
      productSum = multiplyAdd(scaled, normal, productSum)
      store(multiplyAdd(gradient, normal, load(dgain + index, lanes)), dgain + index, lanes)
      store(load(dshift + index, lanes) + gradient, dshift + index, lanes)
    }
    let mean = splat(sumOfLanes(sum) / Float(columns))
    let productMean = splat(sumOfLanes(productSum) / Float(columns))
    vectors = Vectors(columns)
    while vectors.next() {
      let (index, lanes) = (vectors.index, vectors.lanes)
      let normal = (load(x + start + index, lanes) - centre) * inverse
      let scaled = load(gain + index, lanes) * load(dy + start + index, lanes)
      store((scaled - mean - normal * productMean) * inverse, dx + start + index, lanes)
    }
  }
}
