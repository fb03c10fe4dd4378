/// Tensors joined along an existing axis; all other sizes must agree.
public func concatenate(_ tensors: [Tensor], axis: Int) -> Tensor {
  require(!tensors.isEmpty, "there is nothing to concatenate")
  let first = tensors[0]
  let axis = first.axis(axis)
  func outline(_ shape: [Int]) -> [Int] {
    var shape = shape
    if shape.indices.contains(axis) { shape[axis] = 0 }
    return shape
  }
  for tensor in tensors {
    require(
      outline(tensor.shape) == outline(first.shape),
      "shapes \(first.shape) and \(tensor.shape) cannot be joined along axis \(axis)")
  }
  return tensors.count == 1 ? first : Operations.Concatenate(axis: axis)(tensors)
}

/// Tensors of one shape as the slices of a new axis.
public func stack(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  for tensor in tensors {
    require(
      tensor.shape == tensors[0].shape,
      "tensors of the shapes \(tensors[0].shape) and \(tensor.shape) cannot be stacked; they must be of one shape")
  }
  return concatenate(
    tensors.map { tensor in
      var shape = tensor.shape
      let place = axis < 0 ? axis + shape.count + 1 : axis
      require((0...shape.count).contains(place), "axis \(axis) is no place for a new axis in the shape \(shape)")
      shape.insert(1, at: place)
      return tensor.reshaped(shape)
    }, axis: axis)
}

extension Operations {
  /// Tensors joined along an axis.
  package struct Concatenate: Operation {
    package let axis: Int

    @inline(never)
    package func callAsFunction(_ tensors: [Tensor]) -> Tensor {
      var shape = tensors[0].shape
      shape[axis] = tensors.reduce(0) { $0 + $1.shape[axis] }
      let outer = shape.product == 0 ? 0 : shape[..<axis].product
      let inner = shape[(axis + 1)...].product
      let stride = outer == 0 ? 0 : shape[axis] * inner
      var starts: [Int] = []
      func joined(_ tensors: [Tensor]) -> Tensor {
        Tensor(shape) { target in
          var start = 0
          for tensor in tensors {
            let run = outer == 0 ? 0 : tensor.shape[axis] * inner
            tensor.read { source in
              for index in 0..<outer {
                kernels.copy(run, source + index * run, target + index * stride + (start &* inner))
              }
            }
            start += tensor.shape[axis]
          }
        }
      }
      let result = joined(tensors)
      // Integers stay what they are where all parts have them.
      let integers = tensors.compactMap { tensor in
        tensor.sparseRows == nil ? tensor.storage.integers.map { Tensor($0, shape: tensor.shape) } : nil
      }
      if integers.count == tensors.count { result.storage.setIntegers(joined(integers).storage) }
      var start = 0
      for tensor in tensors {
        starts.append(start)
        start += tensor.shape[axis]
      }
      return result.recorded(as: self, of: tensors) {
        zip(starts, tensors).map { start, tensor in
          let range = start..<start + tensor.shape[axis]
          return .pullback { $0.slice(range, axis: axis) }
        }
      }
    }

    package func replay(_ operands: [Tensor], batch: Int) -> [Tensor] { [concatenate(operands, axis: axis)] }
  }
}
