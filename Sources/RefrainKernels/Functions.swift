// The transcendental functions, on vectors: the gate functions of every recurrent cell and of the elementwise kernels.
// Coefficients: S. Moshier, Cephes (expf.c, logf.c). Errors stay below 3e-7 absolute and 2e-6 relative, and a NaN stays
// one.

/// e^x = scale · (1 + fraction), for x in −87.3 … 89 (beyond 88.38, `scale` is infinite).
///
/// x = n·ln 2 + r: adding a large constant rounds x / ln 2 to n, and leaves n + 127, the exponent of 2ⁿ, in the lowest
/// bits of the sum. A NaN comes out in `fraction`.
@inline(always) private func exponentialParts(_ x: Vector) -> (fraction: Vector, scale: Vector) {
  let magic = splat(12_582_912 + 127)
  let shifted = multiplyAdd(x, splat(1.442_695_04), magic)
  let (rest, square) = reduced(x, shifted - magic)
  return (fraction(rest, square), float(bits(shifted) &<< IntegerVector(repeating: 23)))
}

/// r = x − n·ln 2, with ln 2 in two parts so that n·(the first) is exact; and r².
@inline(always) private func reduced(_ x: Vector, _ n: Vector) -> (rest: Vector, square: Vector) {
  let rest = multiplyAdd(n, splat(2.121_944_40e-4), multiplyAdd(n, splat(-0.693_359_375), x))
  return (rest, rest * rest)
}

/// e^r − 1 for |r| ≤ ln 2 / 2.
@inline(always) private func fraction(_ r: Vector, _ square: Vector) -> Vector {
  var p = multiplyAdd(splat(1.987_569_150_0e-4), r, splat(1.398_199_950_7e-3))
  p = multiplyAdd(p, r, splat(8.333_451_907_3e-3))
  p = multiplyAdd(p, r, splat(4.166_579_589_4e-2))
  p = multiplyAdd(p, r, splat(1.666_666_545_9e-1))
  p = multiplyAdd(p, r, splat(0.5))
  return multiplyAdd(p, square, r)
}

/// e^x: infinite above 88.72, denormal and then zero below −87.3.
@inline(always) func exponential(_ x: Vector) -> Vector {
  let x = atLeast(-104, atMost(89, x))
  let magic = splat(12_582_912)
  let shifted = multiplyAdd(x, splat(1.442_695_04), magic)
  let (rest, square) = reduced(x, shifted - magic)
  // 2ⁿ as two factors, because n reaches from −150 to 128.
  let n = bits(shifted) &- bits(magic)
  let half = n &>> IntegerVector(repeating: 1)
  let bias = IntegerVector(repeating: 127)
  let shift = IntegerVector(repeating: 23)
  let first = float((half &+ bias) &<< shift)
  let second = float((n &- half &+ bias) &<< shift)
  return (1 + fraction(rest, square)) * first * second
}

/// 1 / (1 + e^−x).
@inline(always) func sigmoid(_ x: Vector) -> Vector {
  let (fraction, scale) = exponentialParts(atMost(89, atLeast(-87.3, 0 - x)))
  return 1 / multiplyAdd(1 + fraction, scale, splat(1))
}

/// tanh x = −m / (2 + m) with m = e^(−2|x|) − 1, which is exact to the last bits near zero too; the sign is put back.
@inline(always) func tanh(_ x: Vector) -> Vector {
  let sign = IntegerVector(repeating: Int32.min)
  let (fraction, scale) = exponentialParts(atLeast(-40, magnitude(x) * -2))
  let m = multiplyAdd(fraction, scale, scale - 1)
  return float((bits(m / (2 + m)) & ~sign) | (bits(x) & sign))
}

/// ln x: −∞ at 0, NaN below.
@inline(always) func logarithm(_ x: Vector) -> Vector {
  let denormal = x .< splat(.leastNormalMagnitude)
  let scaled = choose(denormal, x * 33_554_432, x)
  let pattern = bits(scaled)
  // x = m · 2ᵉ with m in [0.5, 1); e as a float by way of the bits of 2²³ + e.
  let exponentBits = ((pattern &>> IntegerVector(repeating: 23)) & 0xFF) | 0x4B00_0000
  var exponent = float(exponentBits) - choose(denormal, splat(8_388_608 + 126 + 25), splat(8_388_608 + 126))
  var m = float((pattern & 0x007F_FFFF) | 0x3F00_0000)
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
