import RefrainKernels

// Element by element, with broadcasting; each operation with its pullbacks beside it.

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
  public static func + (left: Tensor, right: Tensor) -> Tensor {
    // Pullbacks hold only what they need: here the shapes, and not the values.
    combine(.add, left, right).recording(
      (left, { [shape = left.shape] in $0.summed(to: shape) }),
      (right, { [shape = right.shape] in $0.summed(to: shape) })
    ).traced(as: .binary(.add), of: [left, right])
  }

  /// The difference, element by element and broadcast.
  public static func - (left: Tensor, right: Tensor) -> Tensor {
    combine(.subtract, left, right).recording(
      (left, { [shape = left.shape] in $0.summed(to: shape) }),
      (right, { [shape = right.shape] in (-$0).summed(to: shape) })
    ).traced(as: .binary(.subtract), of: [left, right])
  }

  /// The product, element by element and broadcast.
  public static func * (left: Tensor, right: Tensor) -> Tensor {
    combine(.multiply, left, right).recording(
      (left, { ($0 * right).summed(to: left.shape) }),
      (right, { ($0 * left).summed(to: right.shape) })
    ).traced(as: .binary(.multiply), of: [left, right])
  }

  /// The quotient, element by element and broadcast.
  public static func / (left: Tensor, right: Tensor) -> Tensor {
    let quotient = combine(.divide, left, right)
    return quotient.recording(
      (left, { ($0 / right).summed(to: left.shape) }),
      (right, { (-$0 * quotient / right).summed(to: right.shape) })
    ).traced(as: .binary(.divide), of: [left, right])
  }

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
public func maximum(_ left: Tensor, _ right: Tensor) -> Tensor { extremum(.maximum, left, right) }

/// The smaller of two tensors' values; where they are equal the gradient goes to the first.
public func minimum(_ left: Tensor, _ right: Tensor) -> Tensor { extremum(.minimum, left, right) }

private func extremum(_ operation: BinaryOperation, _ left: Tensor, _ right: Tensor) -> Tensor {
  let result = Tensor.combine(operation, left, right)
  let isFirst = { Tensor.combine(.equal, result, left) }
  return result.recording(
    (left, { ($0 * isFirst()).summed(to: left.shape) }),
    (right, { ($0 * (1 - isFirst())).summed(to: right.shape) })
  ).traced(as: .binary(operation), of: [left, right])
}

/// 1 where the left value is greater, else 0; no gradient flows.
public func greater(_ left: Tensor, _ right: Tensor) -> Tensor {
  Tensor.combine(.greater, left, right).traced(as: .binary(.greater), of: [left, right])
}

/// 1 where the values are equal, else 0; no gradient flows.
public func equal(_ left: Tensor, _ right: Tensor) -> Tensor {
  Tensor.combine(.equal, left, right).traced(as: .binary(.equal), of: [left, right])
}

/// `yes` where `condition` is not zero, else `no`; all three are broadcast together. A value that is not chosen has no
/// influence and gets no gradient, be it infinite or not a number.
public func select(_ condition: Tensor, _ yes: Tensor, _ no: Tensor) -> Tensor {
  let shape = Broadcast(Broadcast(yes.shape, no.shape).shape, condition.shape).shape
  let mask = condition.detached.expanded(to: shape)
  let (yesFull, noFull) = (yes.detached.expanded(to: shape), no.detached.expanded(to: shape))
  let result = Tensor(shape) { target in
    read(mask, yesFull, noFull) { mask, yes, no in
      for index in 0..<shape.product { target[index] = mask[index] != 0 ? yes[index] : no[index] }
    }
  }
  let zero = Tensor(0)
  return result.recording(
    (yes, { select(mask, $0, zero).summed(to: yes.shape) }),
    (no, { select(mask, zero, $0).summed(to: no.shape) })
  ).traced(as: .select, of: [condition, yes, no])
}

/// A function of two tensors' values by its scalar form, broadcast, for functions too rare for a kernel.
///
/// - Parameters:
///   - derivatives: the derivatives by x and by y at both; nil where no gradient flows.
///   - function: the function.
package func combine(
  _ x: Tensor, _ y: Tensor, derivatives: (x: @Sendable (Float, Float) -> Float, y: @Sendable (Float, Float) -> Float)?,
  _ function: @Sendable (Float, Float) -> Float
) -> Tensor {
  let shape = Broadcast(x.shape, y.shape).shape
  let (left, right) = (x.detached.expanded(to: shape), y.detached.expanded(to: shape))
  let result = Tensor(shape) { target in
    read(left, right) { x, y in
      for index in 0..<shape.product { target[index] = function(x[index], y[index]) }
    }
  }
  guard let derivatives else { return result }
  return result.recording(
    (x, { ($0 * combine(left, right, derivatives: nil, derivatives.x)).summed(to: x.shape) }),
    (y, { ($0 * combine(left, right, derivatives: nil, derivatives.y)).summed(to: y.shape) }))
}
