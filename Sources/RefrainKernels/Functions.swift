// The transcendental functions, on vectors: the gate functions of every recurrent cell and of the elementwise kernels.
// Coefficients: S. Moshier, Cephes (expf.c, logf.c). Errors stay below 3e-7 absolute and 2e-6 relative, and a NaN stays
// one.

/// e^x = scale · (1 + fraction), for x in −88 … 89 (beyond 88.38, `scale` is infinite; below −87.7 it is 0).
///
/// x = n·ln 2 + r: adding a large constant rounds x / ln 2 to n, and leaves n + 127, the exponent of 2ⁿ, in the lowest
/// bits of the sum. A NaN comes out in `fraction`.
@inline(always)
private func exponentialParts<let n: Int>(_ x: Rows<n>) -> (fraction: Rows<n>, scale: Rows<n>) {
  let magic: Float = 12_582_912 + 127
  let shifted = multiplyAdd(x, 1.442_695_04, magic)
  return (
    fraction(x, shifted - magic), shifted.map { float(shiftedLeft(bits($0), 23)) }
  )
}

/// e^r − 1 for r = x − n·ln 2, with ln 2 in two parts so that n·(the first) is exact.
@inline(always) private func fraction<let n: Int>(_ x: Rows<n>, _ whole: Rows<n>) -> Rows<n> {
  let r = multiplyAdd(whole, 2.121_944_40e-4, multiplyAdd(whole, -0.693_359_375, x))
  var p = multiplyAdd(r, 1.987_569_150_0e-4, 1.398_199_950_7e-3)
  p = multiplyAdd(p, r, 8.333_451_907_3e-3)
  p = multiplyAdd(p, r, 4.166_579_589_4e-2)
  p = multiplyAdd(p, r, 1.666_666_545_9e-1)
  p = multiplyAdd(p, r, 0.5)
  return multiplyAdd(p, r * r, r)
}

/// e^x: infinite above 88.72, denormal and then zero below −87.3.
@inline(always) func exponential<let n: Int>(_ x: Rows<n>) -> Rows<n> {
  let x = atLeast(-104, atMost(89, x))
  let magic: Float = 12_582_912
  let shifted = multiplyAdd(x, 1.442_695_04, magic)
  let result = 1 + fraction(x, shifted - magic)
  // 2ⁿ as two factors, because n reaches from −150 to 128.
  return result.map(shifted) { result, shifted in
    let n = bits(shifted) &- bits(splat(magic))
    let half = shiftedRight(n, 1)
    let bias = IntegerVector(repeating: 127)
    return result * float(shiftedLeft(half &+ bias, 23)) * float(shiftedLeft(n &- half &+ bias, 23))
  }
}

/// e^x for x ≤ 0 in two thirds of the time: zero below −87.7.
@inline(always) func exponentialBelowZero<let n: Int>(_ x: Rows<n>) -> Rows<n> {
  let (fraction, scale) = exponentialParts(atLeast(-88, x))
  return multiplyAdd(fraction, scale, scale)
}

/// 1 / (1 + e^−x), as e^x / (1 + e^x): beyond 30 that is 1, and below −87.7 e^x is 0.
@inline(always) func sigmoid<let n: Int>(_ x: Rows<n>) -> Rows<n> {
  let (fraction, scale) = exponentialParts(atMost(30, atLeast(-88, x)))
  let e = multiplyAdd(fraction, scale, scale)
  return quotient(e, 1 + e)
}

/// tanh x = −m / (2 + m) with m = e^(−2|x|) − 1, which is exact to the last bits near zero too; the sign is put back.
@inline(always) func tanh<let n: Int>(_ x: Rows<n>) -> Rows<n> {
  let (fraction, scale) = exponentialParts(atLeast(-40, -2 * x.map(magnitude)))
  let m = multiplyAdd(fraction, scale, scale - 1)
  return quotient(m, 2 + m).map(x) { float(bits(magnitude($0)) | (bits($1) & signBit)) }
}

@inline(always) func exponential(_ x: Vector) -> Vector { exponential(Rows<1>(x)).v0 }

@inline(always) func sigmoid(_ x: Vector) -> Vector { sigmoid(Rows<1>(x)).v0 }

@inline(always) func tanh(_ x: Vector) -> Vector { tanh(Rows<1>(x)).v0 }

/// ln x: −∞ at 0, NaN below.
@inline(always) func logarithm(_ x: Vector) -> Vector {
  let denormal = x .< splat(.leastNormalMagnitude)
  let scaled = choose(denormal, x * 33_554_432, x)
  let pattern = bits(scaled)
  // x = m · 2ᵉ with m in [0.5, 1); e as a float by way of the bits of 2²³ + e.
  let exponentBits = (shiftedRight(pattern, 23) & splatInteger(0xFF)) | splatInteger(0x4B00_0000)
  var exponent = float(exponentBits) - choose(denormal, splat(8_388_608 + 126 + 25), splat(8_388_608 + 126))
  var m = float((pattern & splatInteger(0x007F_FFFF)) | splatInteger(0x3F00_0000))
  let small = m .< splat(0.707_106_781)
  exponent = exponent - choose(small, splat(1), splat(0))
  m = choose(small, m + m, m) - 1
  let square = m * m
  var p = multiplyAdd(splat(7.037_683_629_2e-2), m, splat(-1.151_461_031_0e-1))
  p = multiplyAdd(p, m, splat(1.167_699_874_0e-1))
  p = multiplyAdd(p, m, splat(-1.242_014_084_6e-1))
  p = multiplyAdd(p, m, splat(1.424_932_278_7e-1))
  p = multiplyAdd(p, m, splat(-1.666_805_766_5e-1))
  p = multiplyAdd(p, m, splat(2.000_071_476_5e-1))
  p = multiplyAdd(p, m, splat(-2.499_999_399_3e-1))
  p = multiplyAdd(p, m, splat(3.333_333_117_4e-1))
  p = p * m * square
  p = multiplyAdd(exponent, splat(-2.121_944_40e-4), p)
  p = multiplyAdd(square, splat(-0.5), p)
  var result = multiplyAdd(exponent, splat(0.693_359_375), m + p)
  result = choose(x .== splat(.infinity), x, result)
  result = choose(x .== splat(0), splat(-.infinity), result)
  return choose((x .< splat(0)) .| (x .!= x), splat(.nan), result)
}

/// ln(1 + e^x), from whichever side does not overflow.
@inline(always) func softplus(_ x: Vector) -> Vector {
  let u = exponential(0 - magnitude(x))
  let w = 1 + u
  // What rounding 1 + u lost is put back, so that small values keep their digits.
  return atLeast(0, x) + (logarithm(w) + (u - (w - 1)) / w)
}

/// x · σ(2u), u = √(2/π) (x + 0.044715 x³): the tanh form of the Gaussian error linear unit.
@inline(always) func gelu(_ x: Vector) -> Vector { x * sigmoid(geluArgument(x)) }

@inline(always) private func geluArgument(_ x: Vector) -> Vector {
  x * multiplyAdd(x * x, splat(0.071_354_816), splat(1.595_769_12))
}

@inline(always) func geluDerivative(_ x: Vector) -> Vector {
  let s = sigmoid(geluArgument(x))
  let inner = multiplyAdd(x * x, splat(0.214_064_448), splat(1.595_769_12))
  return multiplyAdd(x * s * (1 - s), inner, s)
}

/// Φ(x), the probability that a normal number is below x, and its density φ(x).
///
/// For t ≥ 0, Φ(−t) = e^(−t²/2) p(u) with u = 1 / (1 + 0.3 t), as M. M. Shepherd and J. G. Laframboise (Mathematics of
/// Computation 36, 1981) have the error function. The coefficients of p are our own, a minimax fit with a relative
/// error of 3e-8; that of the result, where rounding comes to it, is 4e-7, and grows with t².
@inline(always) func normalDistribution(_ x: Vector) -> (below: Vector, density: Vector) {
  let e = exponentialBelowZero(Rows<1>(x * x * splat(-0.5))).v0
  let u = 1 / multiplyAdd(magnitude(x), splat(0.3), splat(1))
  var p = multiplyAdd(splat(-1.727_302_7e-2), u, splat(9.568_350_0e-2))
  p = multiplyAdd(p, u, splat(-1.923_480_8e-1))
  p = multiplyAdd(p, u, splat(1.488_017_4e-1))
  p = multiplyAdd(p, u, splat(-4.778_392_2e-2))
  p = multiplyAdd(p, u, splat(8.139_046_3e-2))
  p = multiplyAdd(p, u, splat(8.273_873_5e-2))
  p = multiplyAdd(p, u, splat(1.094_592_96e-1))
  p = multiplyAdd(p, u, splat(1.196_477_12e-1))
  p = multiplyAdd(p, u, splat(1.196_835_94e-1))
  let tail = e * p * u
  return (choose(x .< splat(0), tail, 1 - tail), e * splat(0.398_942_28))
}
