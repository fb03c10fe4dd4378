extension Tensor {
  /// The greatest of all values, a scalar; the gradient goes to the first place that holds it.
  public func maximum() -> Tensor { extremum(.maximum) }

  /// The smallest of all values, a scalar; the gradient goes to the first place that holds it.
  public func minimum() -> Tensor { extremum(.minimum) }

  /// The greatest value along an axis (a negative one counts from the last), which the result has no more unless
  /// `keepingAxis`; the gradient goes to the first place that holds it.
  public func maximum(axis: Int, keepingAxis: Bool = false) -> Tensor {
    extremum(.maximum, along: axis, keepingAxis: keepingAxis)
  }

  /// The smallest value along an axis (a negative one counts from the last), which the result has no more unless
  /// `keepingAxis`; the gradient goes to the first place that holds it.
  public func minimum(axis: Int, keepingAxis: Bool = false) -> Tensor {
    extremum(.minimum, along: axis, keepingAxis: keepingAxis)
  }

  /// Where the greatest value of each row of the last axis stands, in row order; of equals the first.
  public func argmax() -> [Int] { places(of: .maximum) }

  /// Where the smallest value of each row of the last axis stands, in row order; of equals the first.
  public func argmin() -> [Int] { places(of: .minimum) }

  private func extremum(_ kind: Operations.RowExtremum.Kind) -> Tensor {
    require(count > 0, "the \(kind) of no values was asked for, in shape \(shape)")
    return Operations.RowExtremum(kind: kind)(reshaped([1, count])).reshaped([])
  }

  private func extremum(_ kind: Operations.RowExtremum.Kind, along axis: Int, keepingAxis: Bool) -> Tensor {
    let axis = self.axis(axis)
    require(shape[axis] > 0, "the \(kind) of no values was asked for: axis \(axis) of the shape \(shape)")
    var order = Array(shape.indices)
    order.append(order.remove(at: axis))
    let result = Operations.RowExtremum(kind: kind)(transposed(order))
    var kept = shape
    kept[axis] = 1
    return result.reshaped(keepingAxis ? kept : Array(result.shape.dropLast()))
  }

  private func places(of kind: Operations.RowExtremum.Kind) -> [Int] {
    require(rank > 0 && shape[rank - 1] > 0, "the \(kind) of an empty row was asked for, in shape \(shape)")
    return kind.places(in: self)
  }
}

extension Operations {
  /// The greatest or the smallest value of each row of the last axis, which keeps a size of 1.
  package struct RowExtremum: OperationOfOne {
    /// Which value is looked for.
    package enum Kind: Sendable {
      /// The greatest value.
      case maximum
      /// The smallest value.
      case minimum

      /// Where the value of each row stands; of equals it is the first.
      fileprivate func places(in x: Tensor) -> [Int] {
        let (rows, width) = x.rowsAndWidth
        return x.read { values in
          (0..<rows).map { row in
            let first = values + row * width
            var found = 0
            for place in 1..<max(width, 1) {
              let isBetter = self == .maximum ? first[place] > first[found] : first[place] < first[found]
              if isBetter { found = place }
            }
            return found
          }
        }
      }
    }

    package let kind: Kind

    package var name: String { "\(kind) along an axis" }

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let (rows, width) = x.rowsAndWidth
      let places = kind.places(in: x)
      let result = Tensor(x.shape.dropLast() + [1]) { target in
        x.read { values in for row in 0..<rows { target[row] = values[row * width + places[row]] } }
      }
      return result.recorded(as: self, of: [x]) {
        [
          .pullback { [shape = x.shape] gradient in
            var whole = Tensor.zeros(shape)
            whole.write { target in
              gradient.read { gradient in for row in 0..<rows { target[row * width + places[row]] = gradient[row] } }
            }
            return whole
          }
        ]
      }
    }
  }
}
