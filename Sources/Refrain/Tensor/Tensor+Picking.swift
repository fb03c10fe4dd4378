extension Tensor {
  /// Any of the values in any order, as often as one likes, under a new shape: value `i` of the result is value
  /// `indices[i]` of this tensor, both counted row-major. The gradients of a value that is taken several times add up.
  package func picking(_ indices: [Int], shape: [Int]) -> Tensor {
    Operations.Pick(indices: indices, shape: shape)(self)
  }

  /// The running sums along the last axis.
  ///
  /// - Parameters:
  ///   - isExclusive: whether a value is not part of the sum that stands in its place.
  ///   - isReversed: whether the sums run from the last value to the first.
  package func cumulativeSum(isExclusive: Bool = false, isReversed: Bool = false) -> Tensor {
    Operations.CumulativeSum(isExclusive: isExclusive, isReversed: isReversed)(self)
  }
}

extension Operations {
  /// Values at some places, under a new shape.
  package struct Pick: OperationOfOne {
    package let indices: [Int]
    package let shape: [Int]

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      require(indices.count == shape.product, "\(indices.count) values do not fill the shape \(shape)")
      let count = x.count
      for index in indices {
        require(index >= 0 && index < count, "value \(index) is outside a tensor of shape \(x.shape)")
      }
      let result = Tensor(shape) { target in
        x.read { source in
          for (place, index) in indices.enumerated() { target[place] = source[index] }
        }
      }
      return result.recorded(as: self, of: [x]) {
        [
          .pullback { [old = x.shape] gradient in
            var sum = Tensor.zeros(old)
            sum.write { target in
              gradient.read { gradient in
                for (place, index) in indices.enumerated() { target[index] += gradient[place] }
              }
            }
            return sum
          }
        ]
      }
    }
  }

  /// The running sums along the last axis.
  package struct CumulativeSum: OperationOfOne {
    package let isExclusive: Bool
    package let isReversed: Bool

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let (rows, width) = x.rowsAndWidth
      let result = Tensor(x.shape) { target in
        x.read { source in
          for row in 0..<(width == 0 ? 0 : rows) {
            var sum = Float(0)
            for step in 0..<width {
              let place = row * width + (isReversed ? width - 1 - step : step)
              target[place] = isExclusive ? sum : sum + source[place]
              sum += source[place]
            }
          }
        }
      }
      return result.recorded(as: self, of: [x]) {
        [.pullback { $0.cumulativeSum(isExclusive: isExclusive, isReversed: !isReversed) }]
      }
    }
  }
}
