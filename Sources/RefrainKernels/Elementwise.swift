// Elementwise kernels. Every array is contiguous and belongs to the caller.

/// The functions `unary` knows; kernels take the raw value, which means the same in every build.
public enum UnaryOperation: Int, CaseIterable, Sendable {
  /// −x
  case negate
  /// eˣ
  case exponential
  /// ln x
  case logarithm
  /// √x
  case squareRoot
  /// x²
  case square
  /// |x|
  case absolute
  /// 1 / x
  case reciprocal
  /// tanh x
  case tanh
  /// 1 / (1 + e⁻ˣ)
  case sigmoid
  /// max(x, 0)
  case relu
  /// ln(1 + eˣ)
  case softplus
  /// x Φ(x), Φ by the hyperbolic tangent.
  case gelu
  /// x / (1 + e⁻ˣ)
  case silu
  /// x Φ(x), Φ the normal distribution.
  case geluExact
}

/// The functions `binary` knows; `greater` and `equal` give 1 or 0.
public enum BinaryOperation: Int, CaseIterable, Sendable {
  /// x + y
  case add
  /// x − y
  case subtract
  /// x · y
  case multiply
  /// x / y
  case divide
  /// The greater one.
  case maximum
  /// The smaller one.
  case minimum
  /// x > y
  case greater
  /// x = y
  case equal
}

extension KernelBuild {
  /// y[i] = f(x[i]) for `count` elements, f the `UnaryOperation` of that raw value; `y` may be `x`.
  public static func unary(_ operation: Int, _ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>)
  {
    switch UnaryOperation(rawValue: operation) {
    case .negate: map(Negate.self, count, x, y)
    case .exponential: map(Exponential.self, count, x, y)
    case .logarithm: map(Logarithm.self, count, x, y)
    case .squareRoot: map(SquareRoot.self, count, x, y)
    case .square: map(Square.self, count, x, y)
    case .absolute: map(Absolute.self, count, x, y)
    case .reciprocal: map(Reciprocal.self, count, x, y)
    case .tanh: map(Tanh.self, count, x, y)
    case .sigmoid: map(Sigmoid.self, count, x, y)
    case .relu: map(Relu.self, count, x, y)
    case .softplus: map(Softplus.self, count, x, y)
    case .gelu: map(Gelu.self, count, x, y)
    case .silu: map(Silu.self, count, x, y)
    case .geluExact: map(GeluExact.self, count, x, y)
    case nil: fatalError("unary: no such operation")
    }
  }
}

/// Four vectors side by side, and what is left one at a time, by the same arithmetic.
@inline(never) private func map<F: UnaryFunction>(_: F.Type, _ count: Int, _ x: P, _ y: M) {
  var index = 0
  while index &+ 4 &* width <= count {
    storeFour(F.values(four(x + index)), y + index)
    index &+= 4 &* width
  }
  while index < count {
    let lanes = smaller(width, count &- index)
    store(F.value(load(x + index, lanes)), y + index, lanes)
    index &+= width
  }
}

extension KernelBuild {
  /// dx[i] = dy[i] · f′(x[i]) for `count` elements, given y = f(x); `dx` is overwritten and may be any of the others.
  /// The derivative of `absolute` and of `relu` at 0 is 0.
  public static func unaryGradient(
    _ operation: Int, _ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>
  ) {
    switch UnaryOperation(rawValue: operation) {
    case .negate: mapGradient(Negate.self, count, x, y, dy, dx)
    case .exponential: mapGradient(Exponential.self, count, x, y, dy, dx)
    case .logarithm: mapGradient(Logarithm.self, count, x, y, dy, dx)
    case .squareRoot: mapGradient(SquareRoot.self, count, x, y, dy, dx)
    case .square: mapGradient(Square.self, count, x, y, dy, dx)
    case .absolute: mapGradient(Absolute.self, count, x, y, dy, dx)
    case .reciprocal: mapGradient(Reciprocal.self, count, x, y, dy, dx)
    case .tanh: mapGradient(Tanh.self, count, x, y, dy, dx)
    case .sigmoid: mapGradient(Sigmoid.self, count, x, y, dy, dx)
    case .relu: mapGradient(Relu.self, count, x, y, dy, dx)
    case .softplus: mapGradient(Softplus.self, count, x, y, dy, dx)
    case .gelu: mapGradient(Gelu.self, count, x, y, dy, dx)
    case .silu: mapGradient(Silu.self, count, x, y, dy, dx)
    case .geluExact: mapGradient(GeluExact.self, count, x, y, dy, dx)
    case nil: fatalError("unaryGradient: no such operation")
    }
  }
}

@inline(never)
private func mapGradient<F: UnaryFunction>(_: F.Type, _ count: Int, _ x: P, _ y: P, _ dy: P, _ dx: M) {
  var vectors = Vectors(count)
  while vectors.next() {
    let index = vectors.index
    let lanes = vectors.lanes

    store(F.gradient(load(x + index, lanes), load(y + index, lanes), load(dy + index, lanes)), dx + index, lanes)
  }
}

extension KernelBuild {
  /// z[i] = f(x[i · xStep], y[i · yStep]) for `count` elements, f the `BinaryOperation` of that raw value. A step is 1,
  /// or 0 for one scalar repeated; `z` may be `x` or `y`. `maximum` and `minimum` hand a NaN on.
  public static func binary(
    _ operation: Int, _ count: Int, _ x: UnsafePointer<Float>, _ xStep: Int, _ y: UnsafePointer<Float>, _ yStep: Int,
    _ z: UnsafeMutablePointer<Float>
  ) {
    mapRows(
      operation,
      BinaryRows(
        rows: 1, columns: count, x: x, xStride: 0, xStep: xStep, y: y, yStride: 0, yStep: yStep, z: z, zStride: 0))
  }

  /// The same for the rows of matrices.
  public static func binaryRows(_ arguments: BinaryRowsArguments) {
    mapRows(
      arguments.operation,
      BinaryRows(
        rows: arguments.rows, columns: arguments.columns, x: arguments.x, xStride: arguments.xStride,
        xStep: arguments.xStep, y: arguments.y, yStride: arguments.yStride, yStep: arguments.yStep, z: arguments.z,
        zStride: arguments.zStride))
  }

  @inline(never) private static func mapRows(_ operation: Int, _ m: BinaryRows) {
    @inline(never) func map<F: BinaryFunction>(_: F.Type) {
      for row in 0..<m.rows {
        mapRow(
          F.self, m.columns, m.x + row &* m.xStride, m.xStep, m.y + row &* m.yStride, m.yStep, m.z + row &* m.zStride)
      }
    }
    switch BinaryOperation(rawValue: operation) {
    case .add: map(Add.self)
    case .subtract: map(Subtract.self)
    case .multiply: map(Multiply.self)
    case .divide: map(Divide.self)
    case .maximum: map(Maximum.self)
    case .minimum: map(Minimum.self)
    case .greater: map(Greater.self)
    case .equal: map(Equal.self)
    case nil: fatalError("binary: no such operation")
    }
  }
}

/// What `BinaryRowsArguments` says but for the operation.
private struct BinaryRows {
  let rows: Int
  let columns: Int
  let x: P
  let xStride: Int
  let xStep: Int
  let y: P
  let yStride: Int
  let yStep: Int
  let z: M
  let zStride: Int
}

@inline(always)
private func mapRow<F: BinaryFunction>(_: F.Type, _ count: Int, _ x: P, _ xStep: Int, _ y: P, _ yStep: Int, _ z: M) {
  guard count > 0 else { return }
  let first = splat(x[0])
  let second = splat(y[0])
  var index = 0
  if xStep == 1, yStep == 1 {
    while index &+ 2 &* width <= count {
      let a = F.value(load(x + index), load(y + index))
      let b = F.value(load(x + index + width), load(y + index + width))
      store(a, z + index)
      store(b, z + index + width)
      index &+= 2 &* width
    }
  }
  while index < count {
    let lanes = smaller(width, count &- index)
    let a = xStep == 0 ? first : load(x + index, lanes)
    let b = yStep == 0 ? second : load(y + index, lanes)
    store(F.value(a, b), z + index, lanes)
    index &+= width
  }
}

extension KernelBuild {
  /// y[i] = value.
  public static func fill(_ count: Int, _ value: Float, _ y: UnsafeMutablePointer<Float>) {
    let vector = splat(value)
    var vectors = Vectors(count)
    while vectors.next() {
      let index = vectors.index
      let lanes = vectors.lanes
      store(vector, y + index, lanes)
    }
  }

  /// y[i] = x[i]; the arrays do not overlap.
  public static func copy(_ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    var vectors = Vectors(count)
    while vectors.next() {
      let index = vectors.index
      let lanes = vectors.lanes
      store(load(x + index, lanes), y + index, lanes)
    }
  }

  /// y[i] = factor · x[i]; `y` may be `x`.
  public static func scale(_ count: Int, _ factor: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    let vector = splat(factor)
    var vectors = Vectors(count)
    while vectors.next() {
      let index = vectors.index
      let lanes = vectors.lanes
      store(vector * load(x + index, lanes), y + index, lanes)
    }
  }

  /// y[i] += factor · x[i]; `y` may be `x`.
  public static func addScaled(
    _ count: Int, _ factor: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    let vector = splat(factor)
    var vectors = Vectors(count)
    while vectors.next() {
      let index = vectors.index
      let lanes = vectors.lanes

      store(multiplyAdd(vector, load(x + index, lanes), load(y + index, lanes)), y + index, lanes)
    }
  }

  /// y[i] = x[i] held between `lower` and `upper`; a NaN stays; `y` may be `x`.
  public static func clamp(
    _ count: Int, _ lower: Float, _ upper: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    var vectors = Vectors(count)
    while vectors.next() {
      let index = vectors.index
      let lanes = vectors.lanes

      store(atMost(upper, atLeast(lower, load(x + index, lanes))), y + index, lanes)
    }
  }
}
