// Layer normalization (Ba, Kiros and Hinton 2016), a row at a time, four vectors side by side: a sum in one accumulator
// would wait for each addition.

extension KernelBuild {
  /// y = (x − mean) / √(variance + ε) ⊙ gain + shift, mean and (biased) variance those of each row.
  public static func layerNormRows(_ arguments: LayerNormArguments) {
    let (rows, columns, epsilon, accumulate) = (
      arguments.rows, arguments.columns, arguments.epsilon, arguments.accumulate
    )
    let (x, xStride, y, yStride) = (arguments.x, arguments.xStride, arguments.y, arguments.yStride)
    let (gain, shift) = (arguments.gain, arguments.shift)
    let (means, inverseDeviations) = (arguments.means, arguments.inverseDeviations)
    for row in 0..<rows {
      let source = x + row &* xStride
      let mean = sumOfValues(columns, source) / Float(columns)
      let squares = sumOfSquaredDistances(columns, source, mean)
      let inverse = 1 / (squares / Float(columns) + epsilon).squareRoot()
      means[row] = mean
      inverseDeviations[row] = inverse
      let target = y + row &* yStride
      let (center, factor) = (splat(mean), splat(inverse))
      var index = 0
      while index &+ 4 &* width <= columns {
        let normal = (four(source + index) - Rows(center)) * Rows(factor)
        let scaled = multiplyAdd(normal, four(gain + index), four(shift + index))
        storeFour(accumulate ? four(P(target) + index) + scaled : scaled, target + index)
        index &+= 4 &* width
      }
      while index < columns {
        let lanes = smaller(width, columns &- index)
        let normal = (load(source + index, lanes) - center) * factor
        let scaled = multiplyAdd(normal, load(gain + index, lanes), load(shift + index, lanes))
        store(accumulate ? load(target + index, lanes) + scaled : scaled, target + index, lanes)
        index &+= width
      }
    }
  }
}

@inline(always)
private func sumOfValues(_ columns: Int, _ x: P) -> Float {
  var sums = Rows<4>(splat(0))
  var index = 0
  while index &+ 4 &* width <= columns {
    sums = sums + four(x + index)
    index &+= 4 &* width
  }
  var rest = splat(0)
  while index < columns {
    rest = rest + load(x + index, smaller(width, columns &- index))
    index &+= width
  }
  return sumOfLanes(sumOfVectors(sums) + rest)
}

@inline(always)
private func sumOfSquaredDistances(_ columns: Int, _ x: P, _ mean: Float) -> Float {
  let center = splat(mean)
  var squares = Rows<4>(splat(0))
  var index = 0
  while index &+ 4 &* width <= columns {
    let distance = four(x + index) - Rows(center)
    squares = multiplyAdd(distance, distance, squares)
    index &+= 4 &* width
  }
  var rest = splat(0)
  while index &+ width <= columns {
    let distance = load(x + index) - center
    rest = multiplyAdd(distance, distance, rest)
    index &+= width
  }
  var sum = sumOfLanes(sumOfVectors(squares) + rest)
  while index < columns {
    sum += (x[index] - mean) * (x[index] - mean)
    index &+= 1
  }
  return sum
}

@inline(always) private func sumOfVectors(_ rows: Rows<4>) -> Vector { (rows.v0 + rows.v1) + (rows.v2 + rows.v3) }

extension KernelBuild {
  /// The gradient of `layerNormRows`: with x̂ = (x − mean) / deviation and g = gain ⊙ dy,
  /// dx = (g − mean of g − x̂ · mean of g x̂) / deviation; dy ⊙ x̂ and dy are added to dgain and dshift.
  public static func layerNormGradientRows(_ arguments: LayerNormGradientArguments) {
    let (rows, columns, rowsPerSum, sumStride) = (
      arguments.rows, arguments.columns, arguments.rowsPerSum, arguments.sumStride
    )
    let (x, dy, dx) = (arguments.x, arguments.dy, arguments.dx)
    let (xStride, dyStride, dxStride) = (arguments.xStride, arguments.dyStride, arguments.dxStride)
    let (gain, means, inverseDeviations) = (arguments.gain, arguments.means, arguments.inverseDeviations)
    let (dgain, dshift) = (arguments.dgain, arguments.dshift)
    for row in 0..<rows {
      let (x, dy, dx) = (x + row &* xStride, dy + row &* dyStride, dx + row &* dxStride)
      let sum = row / rowsPerSum &* sumStride
      let (dgain, dshift) = (dgain + sum, dshift.map { $0 + sum })
      let (center, factor) = (splat(means[row]), splat(inverseDeviations[row]))
      var (sums, productSums) = (Rows<4>(splat(0)), Rows<4>(splat(0)))
      var index = 0
      while index &+ 4 &* width <= columns {
        let scaled = four(gain + index) * four(P(dy) + index)
        sums = sums + scaled
        productSums = multiplyAdd(scaled, (four(x + index) - Rows(center)) * Rows(factor), productSums)
        index &+= 4 &* width
      }
      var (gradientSum, productSum) = (sumOfVectors(sums), sumOfVectors(productSums))
      while index < columns {
        // Lanes beyond the row have gradient 0 and add nothing.
        let lanes = smaller(width, columns &- index)
        let scaled = load(gain + index, lanes) * load(dy + index, lanes)
        gradientSum = gradientSum + scaled
        productSum = multiplyAdd(scaled, (load(x + index, lanes) - center) * factor, productSum)
        index &+= width
      }
      let gradientMean = splat(sumOfLanes(gradientSum) / Float(columns))
      let productMean = splat(sumOfLanes(productSum) / Float(columns))
      index = 0
      while index &+ 4 &* width <= columns {
        let normal = (four(x + index) - Rows(center)) * Rows(factor)
        let gradient = four(dy + index)
        storeFour(multiplyAdd(gradient, normal, four(P(dgain) + index)), dgain + index)
        if let dshift { storeFour(four(P(dshift) + index) + gradient, dshift + index) }
        let centered = four(gain + index) * gradient - Rows(gradientMean) - normal * Rows(productMean)
        storeFour(centered * Rows(factor), dx + index)
        index &+= 4 &* width
      }
      while index < columns {
        let lanes = smaller(width, columns &- index)
        let normal = (load(x + index, lanes) - center) * factor
        let gradient = load(dy + index, lanes)
        store(multiplyAdd(gradient, normal, load(dgain + index, lanes)), dgain + index, lanes)
        if let dshift { store(load(dshift + index, lanes) + gradient, dshift + index, lanes) }
        let centered = load(gain + index, lanes) * gradient - gradientMean - normal * productMean
        store(centered * factor, dx + index, lanes)
        index &+= width
      }
    }
  }
}
