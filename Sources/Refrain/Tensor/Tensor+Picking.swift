extension Tensor {
  /// Any of the values in any order, as often as one likes, under a new shape: value `i` of the result is value
  /// `indices[i]` of this tensor, both counted row-major. The gradients of a value that is taken several times add up.
  package func picking(_ indices: [Int], shape: [Int]) -> Tensor {
    require(indices.count == shape.product, "\(indices.count) values do not fill the shape \(shape)")
    let count = count
    for index in indices {
      require(index >= 0 && index < count, "value \(index) is outside a tensor of shape \(self.shape)")
    }
    let result = Tensor(shape) { target in
      read { source in
        for (place, index) in indices.enumerated() { target[place] = source[index] }
      }
    }
    return result.recording(
      (
        self,
        { [old = self.shape] gradient in
          var sum = Tensor.zeros(old)
          sum.write { target in
            gradient.read { gradient in
              for (place, index) in indices.enumerated() { target[index] += gradient[place] }
            }
          }
          return sum
        }
      )
    ).traced(as: .pick(indices, shape: shape), of: [self])
  }

  /// The running sums along the last axis.
  ///
  /// - Parameters:
  ///   - isExclusive: whether a value is not part of the sum that stands in its place.
  ///   - isReversed: whether the sums run from the last value to the first.
  package func cumulativeSum(isExclusive: Bool = false, isReversed: Bool = false) -> Tensor {
    let (rows, width) = rowsAndWidth
    let result = Tensor(shape) { target in
      read { source in
        for row in 0..<rows {
          var sum = Float(0)
          for step in 0..<width {
            let place = row * width + (isReversed ? width - 1 - step : step)
            target[place] = isExclusive ? sum : sum + source[place]
            sum += source[place]
          }
        }
      }
    }
    return result.recording((self, { $0.cumulativeSum(isExclusive: isExclusive, isReversed: !isReversed) }))
      .traced(as: .cumulativeSum(isExclusive: isExclusive, isReversed: isReversed), of: [self])
  }
}
