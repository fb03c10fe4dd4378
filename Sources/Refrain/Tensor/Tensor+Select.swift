/// `yes` where `condition` is not zero, else `no`; all three are broadcast together. A value that is not chosen has no
/// influence and gets no gradient, be it infinite or not a number.
public func select(_ condition: Tensor, _ yes: Tensor, _ no: Tensor) -> Tensor {
  Operations.Select()(condition, yes, no)
}

extension Operations {
  /// Of a condition, what stands where it is not 0, and what stands elsewhere; all broadcast.
  package struct Select: OperationOfThree {
    package init() {}

    @inline(never)
    package func callAsFunction(_ condition: Tensor, _ yes: Tensor, _ no: Tensor) -> Tensor {
      let shape = Broadcast(Broadcast(yes.shape, no.shape).shape, condition.shape).shape
      let operands = [condition, yes, no].map { operand in
        // One value is read again and again; other shapes are brought to that of the result.
        operand.count == 1 || operand.shape == shape ? operand.detached : operand.detached.expanded(to: shape)
      }
      let steps = operands.map { $0.shape == shape ? 1 : 0 }
      let result = Tensor(shape) { target in
        read(operands[0], operands[1], operands[2]) { condition, yes, no in
          parallel(shape.product, grain: Tensor.elementGrain, multiple: 16) { part in
            selectValues(
              part, (condition, steps[0]), (yes, steps[1]), (no, steps[2]), into: target)
          }
        }
      }
      return result.recorded(as: self, of: [condition, yes, no]) {
        let (mask, zero) = (condition.detached, Tensor(0))
        return [
          nil,
          .pullback { [shape = yes.shape] in select(mask, $0, zero).summed(to: shape) },
          .pullback { [shape = no.shape] in select(mask, zero, $0).summed(to: shape) },
        ]
      }
    }
  }
}

/// Chooses the values at `places`; those of an operand with a step of 0 are all its first.
func selectValues(
  _ places: Range<Int>, _ condition: (values: P, step: Int), _ yes: (values: P, step: Int),
  _ no: (values: P, step: Int), into target: M
) {
  typealias Vector = SIMD16<Float>
  func vector(_ operand: (values: P, step: Int), at place: Int) -> Vector {
    operand.step == 0
      ? Vector(repeating: operand.values[0])
      : UnsafeRawPointer(operand.values + place).loadUnaligned(as: Vector.self)
  }
  var place = places.lowerBound
  while place + Vector.scalarCount <= places.upperBound {
    let isChosen = vector(condition, at: place) .!= 0
    let chosen = vector(no, at: place).replacing(with: vector(yes, at: place), where: isChosen)
    UnsafeMutableRawPointer(target + place).storeBytes(of: chosen, as: Vector.self)
    place += Vector.scalarCount
  }
  while place < places.upperBound {
    target[place] =
      condition.values[place * condition.step] != 0 ? yes.values[place * yes.step] : no.values[place * no.step]
    place += 1
  }
}
