// The functions behind the operation codes, each beside its derivative.

/// A function of one variable. `gradient` is dy · f′(x), given x and y = f(x).
protocol UnaryFunction {
  static func value(_ x: Vector) -> Vector
  /// The same of four vectors, side by side where the function is a long chain.
  static func values(_ x: Rows<4>) -> Rows<4>
  static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector
}

extension UnaryFunction {
  @inline(always) static func values(_ x: Rows<4>) -> Rows<4> { x.map { value($0) } }
}

/// A function of two variables.
protocol BinaryFunction {
  static func value(_ x: Vector, _ y: Vector) -> Vector
}

enum Negate: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { float(bits(x) ^ signBit) }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    0 - dy
  }
}

enum Exponential: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { exponential(x) }
  @inline(always) static func values(_ x: Rows<4>) -> Rows<4> { exponential(x) }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    dy * y
  }
}

enum Logarithm: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { logarithm(x) }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    dy / x
  }
}

enum SquareRoot: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { squareRoot(x) }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    dy * 0.5 / y
  }
}

enum Square: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { x * x }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    dy * (x + x)
  }
}

enum Absolute: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { magnitude(x) }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    choose(x .== splat(0), splat(0), float(bits(dy) ^ (bits(x) & signBit)))
  }
}

enum Reciprocal: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { 1 / x }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    0 - dy * y * y
  }
}

enum Tanh: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { tanh(x) }
  @inline(always) static func values(_ x: Rows<4>) -> Rows<4> { tanh(x) }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    dy * (1 - y * y)
  }
}

enum Sigmoid: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { sigmoid(x) }
  @inline(always) static func values(_ x: Rows<4>) -> Rows<4> { sigmoid(x) }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    dy * (y * (1 - y))
  }
}

enum Relu: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { atLeast(0, x) }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    choose(x .<= splat(0), splat(0), dy)
  }
}

enum Softplus: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { softplus(x) }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    dy * sigmoid(x)
  }
}

enum Gelu: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { gelu(x) }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    dy * geluDerivative(x)
  }
}

enum GeluExact: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { x * normalDistribution(x).below }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    let (below, density) = normalDistribution(x)
    return dy * multiplyAdd(x, density, below)
  }
}

enum Silu: UnaryFunction {
  @inline(always) static func value(_ x: Vector) -> Vector { x * sigmoid(x) }
  @inline(always) static func values(_ x: Rows<4>) -> Rows<4> { x * sigmoid(x) }
  @inline(always) static func gradient(_ x: Vector, _ y: Vector, _ dy: Vector) -> Vector {
    dy * siluDerivative(x, y)
  }
}

@inline(always) private func siluDerivative(_ x: Vector, _ y: Vector) -> Vector {
  let s = sigmoid(x)
  return multiplyAdd(y, 1 - s, s)
}

enum Add: BinaryFunction {
  @inline(always) static func value(_ x: Vector, _ y: Vector) -> Vector { x + y }
}

enum Subtract: BinaryFunction {
  @inline(always) static func value(_ x: Vector, _ y: Vector) -> Vector { x - y }
}

enum Multiply: BinaryFunction {
  @inline(always) static func value(_ x: Vector, _ y: Vector) -> Vector { x * y }
}

enum Divide: BinaryFunction {
  @inline(always) static func value(_ x: Vector, _ y: Vector) -> Vector { x / y }
}

enum Maximum: BinaryFunction {
  @inline(always) static func value(_ x: Vector, _ y: Vector) -> Vector { larger(x, y) }
}

enum Minimum: BinaryFunction {
  @inline(always) static func value(_ x: Vector, _ y: Vector) -> Vector { smaller(x, y) }
}

enum Greater: BinaryFunction {
  @inline(always) static func value(_ x: Vector, _ y: Vector) -> Vector { choose(x .> y, splat(1), splat(0)) }
}

enum Equal: BinaryFunction {
  @inline(always) static func value(_ x: Vector, _ y: Vector) -> Vector { choose(x .== y, splat(1), splat(0)) }
}
