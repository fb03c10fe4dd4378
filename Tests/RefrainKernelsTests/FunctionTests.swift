import RefrainKernels
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct FunctionTests {

  func value(_ operation: UnaryOperation, _ x: Double) -> Double {
    let root = (2 / Double.pi).squareRoot()
    return switch operation {
    case .negate: -x
    case .exponential: exp(x)
    case .logarithm: log(x)
    case .squareRoot: x.squareRoot()
    case .square: x * x
    case .absolute: abs(x)
    case .reciprocal: 1 / x
    case .tanh: exactTanh(x)
    case .sigmoid: 1 / (1 + exp(-x))
    case .relu: max(0, x)
    case .softplus: x > 30 ? x : log1p(exp(x))
    case .gelu: x / (1 + exp(-2 * root * (x + 0.044715 * x * x * x)))
    case .silu: x / (1 + exp(-x))
    case .geluExact: x * erfc(-x / 2.squareRoot()) / 2
    }
  }

  private func exactTanh(_ x: Double) -> Double {
    let e = expm1(-2 * abs(x))
    return (x < 0 ? 1 : -1) * e / (2 + e)
  }

  @Test("Every function is within 3e-7, or 2e-6 of its value, on a dense sweep", arguments: supportedBuilds)
  func accuracy(build: Int) {
    var xs: [Float] = []
    for i in -5000...5000 { xs.append(Float(i) * 0.0176) }
    xs += [88.6, 88.7, 88.8, -87.2, -87.4, -90, -103]
    for i in -600...600 { xs.append((i < 0 ? -1 : 1) * Float(pow(10, Double(abs(i)) / 20 - 20))) }
    var ys = [Float](repeating: 0, count: xs.count)
    for operation in UnaryOperation.allCases {
      builds[build].unary(operation.rawValue, xs.count, xs, &ys)
      var wrong = 0
      for (x, y) in zip(xs, ys) {
        let expected = value(operation, Double(x))
        if expected.isNaN {
          if !y.isNaN { wrong += 1 }
        } else if abs(expected) > 3.4e38 {
          if y != Float(expected) { wrong += 1 }
        } else if abs(expected) < 1.2e-38 {
          if !(abs(y) < 1.3e-38) { wrong += 1 }
        } else {
          let error = abs(Double(y) - expected)
          // These tails end in denormal numbers, and a GELU's exponent is a power of x, whose rounding grows.
          let isTail = [.gelu, .geluExact, .silu].contains(operation) && x < -3
          if isTail && error < 1e-35 { continue }
          if !(error <= (isTail ? 1e-4 : 2e-6) * abs(expected)) { wrong += 1 }
          if operation == .tanh || operation == .sigmoid, error > 3e-7 { wrong += 1 }
        }
      }
      #expect(wrong == 0, "\(operation)")
    }
  }

  @Test("Zeros, infinities and NaN come out exactly", arguments: supportedBuilds)
  func exceptions(build: Int) {
    let infinity = Float.infinity
    let odd = Float(bitPattern: 0x7FFF_FFFF)
    let cases: [(UnaryOperation, [Float], [Float])] = [
      (.exponential, [0, infinity, -infinity, 89, -110], [1, infinity, 0, infinity, 0]),
      (.tanh, [0, infinity, -infinity, 20, -20], [0, 1, -1, 1, -1]),
      (.sigmoid, [0, infinity, -infinity, 88], [0.5, 1, 0, 1]),
      (.logarithm, [1, infinity, 0, -1, -infinity], [0, infinity, -infinity, .nan, .nan]),
      (.softplus, [infinity, -infinity], [infinity, 0]),
      (.relu, [-infinity, infinity, -1], [0, infinity, 0]),
    ]
    for (operation, xs, expected) in cases {
      var ys = xs
      builds[build].unary(operation.rawValue, xs.count, xs, &ys)
      for (y, e) in zip(ys, expected) { #expect(y == e || y.isNaN && e.isNaN, "\(operation)") }
    }
    for operation in UnaryOperation.allCases {
      var ys: [Float] = [.nan, odd, -.nan]
      builds[build].unary(operation.rawValue, 3, ys, &ys)
      let isNaN = ys.map(\.isNaN)
      #expect(isNaN == [true, true, true], "\(operation)")
    }
    var zero: [Float] = [-0.0]
    builds[build].unary(UnaryOperation.tanh.rawValue, 1, zero, &zero)
    #expect(zero[0].sign == .minus)
  }

  @Test(
    "A result does not depend on where its element stands, and nothing beyond the end is written",
    arguments: supportedBuilds)
  func places(build: Int) {
    for operation in UnaryOperation.allCases {
      let x = numbers(70, seed: 3, scale: 4).map { abs($0) + 0.01 }
      var whole = [Float](repeating: 0, count: 70)
      builds[build].unary(operation.rawValue, 70, x, &whole)
      for count in [0, 1, 3, 15, 17, 69] {
        var part = [Float](repeating: 7, count: 71)
        builds[build].unary(operation.rawValue, count, x, &part)
        #expect(part == Array(whole[..<count]) + [Float](repeating: 7, count: 71 - count))
      }
    }
  }

  @Test("Every derivative agrees with central differences", arguments: supportedBuilds)
  func derivatives(build: Int) {
    for operation in UnaryOperation.allCases {
      let x = numbers(50, seed: 5, scale: 3).map {
        operation == .logarithm || operation == .squareRoot || operation == .reciprocal ? abs($0) + 0.2 : $0
      }
      var y = x
      var dx = x
      let dy = numbers(50, seed: 9)
      builds[build].unary(operation.rawValue, 50, x, &y)
      builds[build].unaryGradient(operation.rawValue, 50, x, y, dy, &dx)
      let expected = zip(x.doubles, dy.doubles).map { x, dy in
        dy * (value(operation, x + 1e-5) - value(operation, x - 1e-5)) / 2e-5
      }
      #expect(difference(dx, expected) < 1e-5, "\(operation)")
    }
  }

  @Test("Binary operations take arrays and scalars on either side", arguments: supportedBuilds)
  func binaries(build: Int) {
    let operations: [(Float, Float) -> Float] = [
      { $0 + $1 }, { $0 - $1 }, { $0 * $1 }, { $0 / $1 }, { max($0, $1) }, { min($0, $1) }, { $0 > $1 ? 1 : 0 },
      { $0 == $1 ? 1 : 0 },
    ]
    var x = numbers(37, seed: 1)
    let y = numbers(37, seed: 2)
    x[5] = y[5]
    for (code, operation) in operations.enumerated() {
      for (xStep, yStep) in [(1, 1), (0, 1), (1, 0), (0, 0)] {
        var z = [Float](repeating: 9, count: 38)
        builds[build].binary(code, 37, x, xStep, y, yStep, &z)
        for i in 0..<37 { #expect(z[i] == operation(x[i * xStep], y[i * yStep])) }
        #expect(z[37] == 9)
      }
    }
    var z: [Float] = [0, 0]
    builds[build].binary(BinaryOperation.maximum.rawValue, 2, [.nan, 1], 1, [1, .nan], 1, &z)
    #expect(z[0].isNaN && z[1].isNaN)
    builds[build].binary(BinaryOperation.minimum.rawValue, 2, [.nan, 1], 1, [1, .nan], 1, &z)
    #expect(z[0].isNaN && z[1].isNaN)
  }

  @Test("Fill, copy, scale, add and clamp do what they say", arguments: supportedBuilds)
  func simple(build: Int) {
    let x = numbers(21)
    var y = [Float](repeating: 3, count: 22)
    builds[build].addScaled(21, 0.5, x, &y)
    let added = x.doubles.map { 3 + 0.5 * $0 }
    #expect(difference(y, added + [3]) < 1e-6)
    builds[build].scale(21, -2, x, &y)
    let doubled = x.map { -2 * $0 }
    #expect(Array(y[..<21]) == doubled)
    builds[build].clamp(21, -0.5, 0.25, x, &y)
    let clamped = x.map { min(max($0, -0.5), 0.25) }
    #expect(Array(y[..<21]) == clamped)
    builds[build].copy(21, x, &y)
    #expect(Array(y[..<21]) == x)
    builds[build].fill(21, 4, &y)
    #expect(y == [Float](repeating: 4, count: 21) + [3])
  }
}
