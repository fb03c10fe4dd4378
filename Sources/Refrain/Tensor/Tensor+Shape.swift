extension Tensor {
  /// The same values under another shape; one size may be −1 and follows from the others. Nothing is copied.
  public func reshaped(_ shape: [Int]) -> Tensor {
    var shape = shape
    if let free = shape.firstIndex(of: -1) {
      let known = shape.reduce(1) { $1 == -1 ? $0 : $0 * $1 }
      shape[free] = known == 0 ? 0 : count / known
    }
    require(shape.product == count, "a tensor of shape \(self.shape) cannot take the shape \(shape)")
    if shape == self.shape { return self }
    return Tensor(self, shape: shape).recording((self, { [old = self.shape] in $0.reshaped(old) }))
      .traced(as: .reshape(shape), of: [self])
  }

  /// The tensor repeated along axes of size 1, and along new leading axes, until it has `shape`.
  public func expanded(to shape: [Int]) -> Tensor {
    if shape == self.shape { return self }
    let broadcast = Broadcast(self.shape, shape)
    require(broadcast.shape == shape, "a tensor of shape \(self.shape) cannot be repeated to \(shape)")
    let result = Tensor(shape) { target in
      read { source in
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
    return result.recording((self, { [old = self.shape] in $0.summed(to: old) })).traced(as: .expand(shape), of: [self])
  }

  /// The tensor with its axes in another order: axis `i` of the result is axis `order[i]` of this one.
  public func transposed(_ order: [Int]) -> Tensor {
    require(order.sorted() == Array(0..<rank), "\(order) is no order of the axes of a tensor of shape \(shape)")
    if order == Array(0..<rank) { return self }
    let x = self
    var strides = [Int](repeating: 1, count: rank)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    let result = Tensor(order.map { shape[$0] }) { target in
      read { source in
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
    let inverse = order.indices.sorted { order[$0] < order[$1] }
    return result.recording((x, { $0.transposed(inverse) })).traced(as: .transpose(order), of: [x])
  }

  /// The tensor with its last two axes exchanged: the transposed matrix, or a batch of them.
  public var transposed: Tensor {
    require(rank >= 2, "a tensor of shape \(shape) has no two axes to exchange")
    return transposed(Array(0..<rank - 2) + [rank - 1, rank - 2])
  }

  /// The part of the tensor that lies in `range` along `axis`.
  public func slice(_ range: Range<Int>, axis: Int) -> Tensor {
    let axis = self.axis(axis)
    require(
      range.lowerBound >= 0 && range.upperBound <= shape[axis],
      "the range \(range) is outside axis \(axis) of a tensor of shape \(shape)")
    if range.count == shape[axis] { return self }
    let slice = Slice(of: shape, range, axis: axis)
    var sliced = shape
    sliced[axis] = range.count
    func make() -> Tensor {
      let result = Tensor(sliced) { target in
        read { source in slice.forEachRun { run, whole, part in kernels.copy(run, source + whole, target + part) } }
      }
      return result.recording(edges: (self, .slice(of: slice))).traced(as: .slice(range, axis: axis), of: [self])
    }
    return Tape.current?.slice(of: self, at: slice, make: make) ?? make()
  }

  /// The same values as a result of its own: the gradients of what it is used for add up before they go on.
  var apart: Tensor { Tensor(self, shape: shape).recording((self, { $0 })) }

  /// The rows one part after another, of `counts` rows each.
  func split(_ counts: [Int]) -> [Tensor] {
    var start = 0
    return counts.map { count in
      defer { start += count }
      return slice(start..<start + count, axis: 0)
    }
  }

  /// The slice at one index along `axis`, which the result no longer has.
  public func at(_ index: Int, axis: Int) -> Tensor {
    let axis = self.axis(axis)
    let index = index < 0 ? index + shape[axis] : index
    var shape = shape
    shape.remove(at: axis)
    return slice(index..<index + 1, axis: axis).reshaped(shape)
  }

  /// The rows with the given indices, in that order: `[N, …]` → `[indices.count, …]`. This is the look-up of an
  /// embedding; its gradient is ``sparseRows``, so a large table costs only the rows used.
  public func gatheringRows(_ indices: [Int]) -> Tensor {
    require(rank >= 1, "a scalar has no rows")
    let width = shape.dropFirst().reduce(1, *)
    let rows = shape[0]
    let x = self
    for index in indices {
      require(index >= 0 && index < rows, "row \(index) is outside a tensor of shape \(shape)")
    }
    let result = Tensor([indices.count] + shape.dropFirst()) { target in
      read { source in
        for (row, index) in indices.enumerated() {
          kernels.copy(width, source + index * width, target + row * width)
        }
      }
    }
    return result.recording(
      (
        x,
        { gradient in
          let sums = SparseRows(adding: gradient.reshaped([indices.count, width]), at: indices)
          let sparse = Tensor(sparseRows: sums, shape: [rows, width])
          return x.rank == 2 ? sparse : sparse.reshaped(x.shape)
        }
      )
    ).traced(as: .gatherRows(indices), of: [x])
  }

  /// A tensor of `count` rows in which row `indices[i]` is row `i` of this one, and the others are zero; no index may
  /// occur twice.
  public func scatteringRows(to indices: [Int], count: Int) -> Tensor {
    require(
      rank >= 1 && indices.count == shape[0], "\(indices.count) places for the rows of a tensor of shape \(shape)")
    let width = shape.dropFirst().reduce(1, *)
    let x = self
    var result = Tensor.zeros([count] + shape.dropFirst())
    result.write { target in
      read { source in
        for (row, index) in indices.enumerated() {
          require(index >= 0 && index < count, "row \(index) is outside \(count) rows")
          kernels.copy(width, source + row * width, target + index * width)
        }
      }
    }
    return result.recording((x, { $0.gatheringRows(indices) }))
  }
}

/// Where a slice lies in the tensor it is of.
struct Slice: Hashable {
  /// A slice of what is at a slot of a tape.
  struct Place: Hashable {
    let slot: Int
    let slice: Slice
  }

  /// Of the whole tensor.
  let shape: [Int]
  private let runs: Int
  private let run: Int
  private let stride: Int
  private let start: Int

  init(of shape: [Int], _ range: Range<Int>, axis: Int) {
    self.shape = shape
    let inner = shape[(axis + 1)...].reduce(1, *)
    runs = shape[..<axis].reduce(1, *)
    (run, stride, start) = (range.count * inner, shape[axis] * inner, range.lowerBound * inner)
  }

  /// Calls `body` for every contiguous run: its length, and where it begins in the whole and in the slice.
  func forEachRun(_ body: (_ run: Int, _ whole: Int, _ part: Int) -> Void) {
    for index in 0..<runs { body(run, index * stride + start, index * run) }
  }
}

/// Tensors joined along an existing axis; all other sizes must agree.
public func concatenate(_ tensors: [Tensor], axis: Int) -> Tensor {
  guard let first = tensors.first else { fatalError("there is nothing to concatenate") }
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
  if tensors.count == 1 { return first }
  var shape = first.shape
  shape[axis] = tensors.reduce(0) { $0 + $1.shape[axis] }
  let outer = shape[..<axis].reduce(1, *)
  let inner = shape[(axis + 1)...].reduce(1, *)
  let stride = shape[axis] * inner
  var starts: [Int] = []
  let result = Tensor(shape) { target in
    var start = 0
    for tensor in tensors {
      let run = tensor.shape[axis] * inner
      tensor.read { source in
        for index in 0..<outer { kernels.copy(run, source + index * run, target + index * stride + start * inner) }
      }
      starts.append(start)
      start += tensor.shape[axis]
    }
  }
  guard let tape = Tape.current else { return result.traced(as: .concatenate(axis: axis), of: tensors) }
  let sizes = tensors.map { $0.shape[axis] }
  return tape.record(
    result,
    tensors.indices.map { index in
      let range = starts[index]..<starts[index] + sizes[index]
      return (tensors[index], .pullback { $0.slice(range, axis: axis) })
    })
}

/// Tensors of one shape as the slices of a new axis.
public func stack(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  concatenate(
    tensors.map { tensor in
      var shape = tensor.shape
      shape.insert(1, at: axis < 0 ? axis + shape.count + 1 : axis)
      return tensor.reshaped(shape)
    }, axis: axis)
}
