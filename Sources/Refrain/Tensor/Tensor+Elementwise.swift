import RefrainKernels

extension Tensor {
  func apply(_ operation: UnaryOperation) -> Tensor {
    let code = operation.rawValue
    let x = self
    let result = Tensor(shape) { target in
      read { source in
        parallel(count, grain: Tensor.functionGrain, multiple: 16) {
          kernels.unary(code, $0.count, source + $0.lowerBound, target + $0.lowerBound)
        }
      }
    }
    return result.recording((x, { operation.gradient(x: x, y: result, $0) })).traced(as: .unary(operation), of: [x])
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

  /// Whether ``gradient(x:y:_:)`` follows from y alone.
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
  public var fraction: Tensor {
    Tensor(shape) { target in
      read { source in
        for index in 0..<count { target[index] = source[index] - source[index].rounded(.down) }
      }
    }.recording((self, { $0 })).traced(as: .fraction, of: [self])
  }

  /// Each value, or the nearer bound where it lies outside; no gradient flows to those.
  public func clamped(_ range: ClosedRange<Float>) -> Tensor {
    let x = self
    let result = Tensor(shape) { target in
      read { kernels.clamp(count, range.lowerBound, range.upperBound, $0, target) }
    }
    return result.recording((x, { $0 * equal(x, result) })).traced(as: .clamp(range), of: [x])
  }

  /// A function of each value by its scalar form, for functions too rare for a kernel.
  ///
  /// - Parameters:
  ///   - derivative: the derivative at x; nil where it is zero everywhere or there is none, and no gradient flows.
  ///   - function: the function.
  package func map(derivative: (@Sendable (Float) -> Float)?, _ function: @Sendable (Float) -> Float) -> Tensor {
    let result = Tensor(shape) { target in
      read { source in
        for index in 0..<count { target[index] = function(source[index]) }
      }
    }
    guard let derivative else { return result }
    return result.recording((self, { [x = detached] in $0 * x.map(derivative: nil, derivative) }))
  }
}
