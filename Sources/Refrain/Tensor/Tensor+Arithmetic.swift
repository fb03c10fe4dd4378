import RefrainKernels

// Functions of two values, element by element and broadcast.

extension Tensor {
  /// Below this many elements a second thread costs more than it saves.
  static let elementGrain = 1 << 15
  /// The same for exponentials and their like.
  static let functionGrain = elementGrain / 4

  static func combine(_ operation: BinaryOperation, _ left: Tensor, _ right: Tensor) -> Tensor {
    let code = operation.rawValue
    if left.shape == right.shape {
      return Tensor(left.shape) { z in
        Refrain.read(left, right) { x, y in
          parallel(left.count, grain: elementGrain, multiple: 16) { part in
            let at = part.lowerBound
            kernels.binary(code, part.count, x + at, 1, y + at, 1, z + at)
          }
        }
      }
    }
    let broadcast = Broadcast(left.shape, right.shape)
    return Tensor(broadcast.shape) { z in
      Refrain.read(left, right) { x, y in
        broadcast.forEachRun { count, a, b, at in
          kernels.binary(code, count, x + a.offset, a.step, y + b.offset, b.step, z + at)
        }
      }
    }
  }

  /// The sum over the axes along which a tensor of `shape` was repeated.
  func summed(to shape: [Int]) -> Tensor {
    if self.shape == shape { return self }
    let missing = rank - shape.count
    let axes = self.shape.indices.filter { $0 < missing || shape[$0 - missing] != self.shape[$0] }
    return sum(axes: axes, keepingAxes: true).reshaped(shape)
  }

  /// The sum, element by element and broadcast.
  public static func + (left: Tensor, right: Tensor) -> Tensor { Operations.Binary(.add)(left, right) }
  /// The difference, element by element and broadcast.
  public static func - (left: Tensor, right: Tensor) -> Tensor { Operations.Binary(.subtract)(left, right) }
  /// The product, element by element and broadcast.
  public static func * (left: Tensor, right: Tensor) -> Tensor { Operations.Binary(.multiply)(left, right) }
  /// The quotient, element by element and broadcast.
  public static func / (left: Tensor, right: Tensor) -> Tensor { Operations.Binary(.divide)(left, right) }

  /// Each value with the other sign.
  public static prefix func - (x: Tensor) -> Tensor { x.apply(.negate) }

  /// The sum, element by element and broadcast.
  public static func + (left: Tensor, right: Float) -> Tensor { left + Tensor(right) }
  /// The sum, element by element and broadcast.
  public static func + (left: Float, right: Tensor) -> Tensor { Tensor(left) + right }
  /// The difference, element by element and broadcast.
  public static func - (left: Tensor, right: Float) -> Tensor { left - Tensor(right) }
  /// The difference, element by element and broadcast.
  public static func - (left: Float, right: Tensor) -> Tensor { Tensor(left) - right }
  /// The product, element by element and broadcast.
  public static func * (left: Tensor, right: Float) -> Tensor { left * Tensor(right) }
  /// The product, element by element and broadcast.
  public static func * (left: Float, right: Tensor) -> Tensor { Tensor(left) * right }
  /// The quotient, element by element and broadcast.
  public static func / (left: Tensor, right: Float) -> Tensor { left / Tensor(right) }
  /// The quotient, element by element and broadcast.
  public static func / (left: Float, right: Tensor) -> Tensor { Tensor(left) / right }

  /// Adds `right`, broadcast.
  public static func += (left: inout Tensor, right: Tensor) { left = left + right }
  /// Subtracts `right`, broadcast.
  public static func -= (left: inout Tensor, right: Tensor) { left = left - right }
  /// Multiplies by `right`, broadcast.
  public static func *= (left: inout Tensor, right: Tensor) { left = left * right }
  /// Divides by `right`, broadcast.
  public static func /= (left: inout Tensor, right: Tensor) { left = left / right }
  /// Multiplies by `right`, broadcast.
  public static func *= (left: inout Tensor, right: Float) { left = left * right }
}

/// The greater of two tensors' values; where they are equal the gradient goes to the first.
public func maximum(_ left: Tensor, _ right: Tensor) -> Tensor { Operations.Binary(.maximum)(left, right) }

/// The smaller of two tensors' values; where they are equal the gradient goes to the first.
public func minimum(_ left: Tensor, _ right: Tensor) -> Tensor { Operations.Binary(.minimum)(left, right) }

/// 1 where the left value is greater, else 0; no gradient flows.
public func greater(_ left: Tensor, _ right: Tensor) -> Tensor { Operations.Binary(.greater)(left, right) }

/// 1 where the values are equal, else 0; no gradient flows.
public func equal(_ left: Tensor, _ right: Tensor) -> Tensor { Operations.Binary(.equal)(left, right) }

extension Operations {
  /// A function of the values of two tensors, broadcast.
  package struct Binary: OperationOfTwo {
    package let function: BinaryOperation

    package init(_ function: BinaryOperation) { self.function = function }

    package var name: String { "\(function)" }

    @inline(never)
    package func callAsFunction(_ left: Tensor, _ right: Tensor) -> Tensor {
      let result = Tensor.combine(function, left, right)
      return result.recorded(as: self, of: [left, right]) { edges(left, right, result) }
    }

    /// Pullbacks hold only what they need: those of a sum the shapes, and not the values.
    private func edges(_ left: Tensor, _ right: Tensor, _ result: Tensor) -> [GradientEdge?] {
      let (leftShape, rightShape) = (left.shape, right.shape)
      switch function {
      case .add: return [.pullback { $0.summed(to: leftShape) }, .pullback { $0.summed(to: rightShape) }]
      case .subtract: return [.pullback { $0.summed(to: leftShape) }, .pullback { (-$0).summed(to: rightShape) }]
      case .multiply:
        return [.pullback { ($0 * right).summed(to: leftShape) }, .pullback { ($0 * left).summed(to: rightShape) }]
      case .divide:
        return [
          .pullback { ($0 / right).summed(to: leftShape) },
          .pullback { (-$0 * result / right).summed(to: rightShape) },
        ]
      case .maximum, .minimum:
        let isFirst = { Tensor.combine(.equal, result, left) }
        return [
          .pullback { ($0 * isFirst()).summed(to: leftShape) },
          .pullback { ($0 * (1 - isFirst())).summed(to: rightShape) },
        ]
      case .greater, .equal: return [nil, nil]
      }
    }
  }
}
