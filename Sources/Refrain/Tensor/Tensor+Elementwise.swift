import RefrainKernels

extension Tensor {
  /// A function of each value.
  func apply(_ function: UnaryOperation) -> Tensor { Operations.Unary(function)(self) }
}

extension Operations {
  /// A function of each value, by a kernel.
  package struct Unary: OperationOfOne {
    package let function: UnaryOperation

    package init(_ function: UnaryOperation) { self.function = function }

    package var name: String { "\(function)" }

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let result = Tensor(x.shape) { target in
        x.read { source in
          parallel(x.count, grain: Tensor.functionGrain, multiple: 16) {
            kernels.unary(function.rawValue, $0.count, source + $0.lowerBound, target + $0.lowerBound)
          }
        }
      }
      return result.recorded(as: self, of: [x]) { [.pullback { function.gradient(x: x, y: result, $0) }] }
    }
  }
}

extension UnaryOperation {
  /// The gradient by x of y = f(x), given that by y.
  func gradient(x: Tensor, y: Tensor, _ gradient: Tensor) -> Tensor {
    Tensor(x.shape) { target in
      read(x, y, gradient) { x, y, dy in
        parallel(gradient.count, grain: Tensor.functionGrain, multiple: 16) { part in
          let at = part.lowerBound
          kernels.unaryGradient(rawValue, part.count, x + at, y + at, dy + at, target + at)
        }
      }
    }
  }

  /// What the derivative is computed from.
  var derivativeNeeds: (operand: Bool, result: Bool) {
    switch self {
    case .negate: (false, false)
    case .tanh, .sigmoid, .exponential, .squareRoot, .reciprocal: (false, true)
    case .logarithm, .square, .absolute, .relu: (true, false)
    case .softplus, .gelu, .geluExact, .silu: (true, true)
    }
  }

  /// Whether ``gradient(x:y:_:)`` follows from y alone, as for the functions of a layer that say so.
  var isGradientOfResult: Bool { self == .tanh || self == .sigmoid || self == .relu }
}

/// e to the power of each value.
public func exp(_ x: Tensor) -> Tensor { x.apply(.exponential) }
/// The natural logarithm of each value.
public func log(_ x: Tensor) -> Tensor { x.apply(.logarithm) }
/// The square root of each value.
public func sqrt(_ x: Tensor) -> Tensor { x.apply(.squareRoot) }
/// The hyperbolic tangent of each value.
public func tanh(_ x: Tensor) -> Tensor { x.apply(.tanh) }
/// The logistic function 1 / (1 + e^−x) of each value.
public func sigmoid(_ x: Tensor) -> Tensor { x.apply(.sigmoid) }
/// Each value, or 0 where it is negative.
public func relu(_ x: Tensor) -> Tensor { x.apply(.relu) }
/// log(1 + eˣ) of each value, without overflow.
public func softplus(_ x: Tensor) -> Tensor { x.apply(.softplus) }
/// The Gaussian error linear unit in its tanh form (Hendrycks and Gimpel 2016).
public func gelu(_ x: Tensor) -> Tensor { x.apply(.gelu) }
/// The Gaussian error linear unit itself: x times the probability that a normal number is below x.
public func geluExact(_ x: Tensor) -> Tensor { x.apply(.geluExact) }
/// x · sigmoid(x) of each value.
public func silu(_ x: Tensor) -> Tensor { x.apply(.silu) }
/// The absolute value of each value; the gradient at 0 is 0.
public func abs(_ x: Tensor) -> Tensor { x.apply(.absolute) }

extension Tensor {
  /// Each value times itself.
  public var squared: Tensor { apply(.square) }
  /// 1 divided by each value.
  public var reciprocal: Tensor { apply(.reciprocal) }

  /// Each value less the greatest whole number that is not above it: 0 ≤ … < 1. The gradient is that of the value.
  public var fraction: Tensor { Operations.Fraction()(self) }

  /// Each value, or the nearer bound where it lies outside; no gradient flows to those.
  public func clamped(_ range: ClosedRange<Float>) -> Tensor { Operations.Clamp(range: range)(self) }
}

extension Operations {
  /// Each value less the greatest whole number that is not above it.
  package struct Fraction: OperationOfOne {
    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      Tensor(x.shape) { target in
        x.read { takeFractions(x.count, of: $0, into: target) }
      }.recorded(as: self, of: [x]) { [.pullback { $0 }] }
    }
  }

  /// Each value held in a range.
  package struct Clamp: OperationOfOne {
    package let range: ClosedRange<Float>

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let result = Tensor(x.shape) { target in
        x.read { kernels.clamp(x.count, range.lowerBound, range.upperBound, $0, target) }
      }
      return result.recorded(as: self, of: [x]) { [.pullback { $0 * equal(x, result) }] }
    }
  }
}

/// What is left of each value above the whole number below it.
func takeFractions(_ count: Int, of source: P, into target: M) {
  for index in 0..<count { target[index] = source[index] - source[index].rounded(.down) }
}
