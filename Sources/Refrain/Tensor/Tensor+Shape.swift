// The same values under another shape, or in another order of axes.

extension Tensor {
  /// The same values under another shape; one size may be −1 and follows from the others. Nothing is copied.
  public func reshaped(_ shape: [Int]) -> Tensor {
    var resolved = shape
    if let free = shape.firstIndex(of: -1) {
      resolved[free] = 1
      let known = resolved.product
      resolved[free] = known == 0 ? 0 : count / known
    }
    require(resolved.product == count, "a tensor of shape \(self.shape) cannot take the shape \(shape)")
    return resolved == self.shape ? self : Operations.Reshape(shape: resolved)(self)
  }

  /// The tensor repeated along axes of size 1, and along new leading axes, until it has `shape`.
  public func expanded(to shape: [Int]) -> Tensor {
    shape == self.shape ? self : Operations.Expand(shape: shape)(self)
  }

  /// The tensor with its axes in another order: axis `i` of the result is axis `order[i]` of this one.
  public func transposed(_ order: [Int]) -> Tensor {
    require(order.sorted() == Array(0..<rank), "\(order) is no order of the axes of a tensor of shape \(shape)")
    return order == Array(0..<rank) ? self : Operations.Transpose(order: order)(self)
  }

  /// The tensor with its last two axes exchanged: the transposed matrix, or a batch of them.
  public var transposed: Tensor {
    require(rank >= 2, "a tensor of shape \(shape) has no two axes to exchange")
    return transposed(Array(0..<rank - 2) + [rank - 1, rank - 2])
  }

  /// The tensor with its values along an axis in reverse order.
  public func flipped(axis: Int) -> Tensor { Operations.Flip(axis: self.axis(axis))(self) }

  /// The same values as a result of its own: the gradients of what it is used for add up before they go on.
  var apart: Tensor { Operations.Apart()(self) }
}

extension Operations {
  /// Another shape; one size may be −1, and follows from the others.
  package struct Reshape: OperationOfOne {
    package let shape: [Int]

    /// Of a shape in which no size is −1.
    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      Tensor(memoryOf: x, shape: shape).recorded(as: self, of: [x]) {
        [.pullback { [old = x.shape] in $0.reshaped(old) }]
      }
    }

    package func replay(_ operands: [Tensor], batch: Int) -> [Tensor] { [operands[0].reshaped(shape)] }

    package func generalized(with other: Reshape) -> Reshape? { merged(shape, other.shape).map { Reshape(shape: $0) } }
  }

  /// Repetition along axes of size 1, and along new leading axes; a size of −1 is that of the batch.
  package struct Expand: OperationOfOne {
    package let shape: [Int]

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let broadcast = Broadcast(x.shape, shape)
      require(broadcast.shape == shape, "a tensor of shape \(x.shape) cannot be repeated to \(shape)")
      let result = Tensor(shape) { target in
        x.read { source in
          broadcast.forEachRun { count, from, _, at in
            parallel(count, grain: Tensor.elementGrain, multiple: 16) { part in
              let to = target + at + part.lowerBound
              if from.step == 0 {
                kernels.fill(part.count, source[from.offset], to)
              } else {
                kernels.copy(part.count, source + from.offset + part.lowerBound, to)
              }
            }
          }
        }
      }
      return result.recorded(as: self, of: [x]) { [.pullback { [old = x.shape] in $0.summed(to: old) }] }
    }

    package func replay(_ operands: [Tensor], batch: Int) -> [Tensor] {
      [operands[0].expanded(to: shape.map { $0 == -1 ? batch : $0 })]
    }

    package func generalized(with other: Expand) -> Expand? { merged(shape, other.shape).map { Expand(shape: $0) } }
  }

  /// Axes in another order.
  package struct Transpose: OperationOfOne {
    package let order: [Int]

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let (shape, rank) = (x.shape, x.rank)
      var strides = [Int](repeating: 1, count: rank)
      for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] &* shape[axis + 1] }
      let result = x.moved { x in
        Tensor(order.map { shape[$0] }) { target in
          guard x.count > 0 else { return }
          x.read { source in
            let outer = order.dropLast(2).map { (count: shape[$0], strides: [strides[$0]]) }
            let (row, column) = (order[rank - 2], order[rank - 1])
            let plane = shape[row] * shape[column]
            forEachIndex(outer.isEmpty ? [(1, [0])] : outer) { index, offsets in
              let from = source + offsets[0]
              let to = target + index * plane
              if strides[column] == 1 {
                for i in 0..<shape[row] {
                  kernels.copy(shape[column], from + i * strides[row], to + i * shape[column])
                }
              } else if strides[row] == 1 {
                kernels.transpose(shape[column], shape[row], from, strides[column], to, shape[column])
              } else {
                for i in 0..<shape[row] {
                  for j in 0..<shape[column] {
                    to[i * shape[column] + j] = from[i * strides[row] + j * strides[column]]
                  }
                }
              }
            }
          }
        }
      }
      return result.recorded(as: self, of: [x]) {
        [.pullback { $0.transposed(order.indices.sorted { order[$0] < order[$1] }) }]
      }
    }
  }

  /// The values along an axis in reverse order.
  package struct Flip: OperationOfOne {
    package let axis: Int

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let (size, inner, outer) = (x.shape[axis], x.shape[(axis + 1)...].product, x.shape[..<axis].product)
      let result = Tensor(x.shape) { target in
        guard x.count > 0 else { return }
        x.read { source in
          for line in 0..<outer {
            for place in 0..<size {
              kernels.copy(
                inner, source + (line * size + place) * inner, target + (line * size + size - 1 - place) * inner)
            }
          }
        }
      }
      return result.recorded(as: self, of: [x]) { [.pullback { $0.flipped(axis: axis) }] }
    }

    /// Rows in reverse order, the axis being brought to the front.
    package func formula(_ operands: [Tensor]) -> [Tensor]? {
      let x = operands[0]
      var order = Array(x.shape.indices)
      order.swapAt(0, axis)
      return [x.transposed(order).gatheringRows((0..<x.shape[axis]).reversed()).transposed(order)]
    }
  }

  /// Nothing.
  package struct Apart: OperationOfOne {
    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      Tensor(memoryOf: x, shape: x.shape).recorded(as: self, of: [x]) { [.pullback { $0 }] }
    }

    package func formula(_ operands: [Tensor]) -> [Tensor]? { operands }
  }

  /// A shape for a batch of any size, from those for two: the one size that differs becomes −1. nil where more differ.
  private static func merged(_ sizes: [Int], _ others: [Int]) -> [Int]? {
    if sizes == others { return sizes }
    let differing = zip(sizes, others).count { $0 != $1 }
    guard sizes.count == others.count, differing == 1, !sizes.contains(-1) else { return nil }
    return zip(sizes, others).map { $0 == $1 ? $0 : -1 }
  }
}
