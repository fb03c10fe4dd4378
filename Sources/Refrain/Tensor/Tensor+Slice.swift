extension Tensor {
  /// The part of the tensor that lies in `range` along `axis`.
  public func slice(_ range: Range<Int>, axis: Int) -> Tensor {
    let axis = self.axis(axis)
    require(
      range.lowerBound >= 0 && range.upperBound <= shape[axis],
      "the range \(range) is outside axis \(axis) of a tensor of shape \(shape)")
    return range.count == shape[axis] ? self : Operations.Slice(range: range, axis: axis)(self)
  }

  /// The part of the tensor that lies in a range along each of its first axes, `x[0..<3]` or `x[..., 1...]`; the other
  /// axes are whole. Every axis stays, whatever its size.
  public subscript(_ ranges: any RangeExpression<Int>...) -> Tensor {
    require(ranges.count <= rank, "\(ranges.count) ranges for a tensor of shape \(shape)")
    return ranges.enumerated().reduce(self) { part, range in
      let axis = range.offset
      // A range without an end has that of the axis.
      let bounds = range.element.relative(to: 0..<Int.max)
      let end = bounds.upperBound == .max ? Swift.max(shape[axis], bounds.lowerBound) : bounds.upperBound
      require(
        bounds.lowerBound >= 0 && end <= shape[axis],
        "the range \(bounds.lowerBound)..<\(end) is outside axis \(axis) of a tensor of shape \(shape)")
      return part.slice(bounds.lowerBound..<end, axis: axis)
    }
  }

  /// The slice at one index along `axis`, which the result no longer has; a negative index counts from the end.
  public func at(_ index: Int, axis: Int) -> Tensor {
    let axis = self.axis(axis)
    let place = index < 0 ? index + shape[axis] : index
    require(
      shape[axis] > place && place >= 0, "the index \(index) is outside axis \(axis) of a tensor of shape \(shape)")
    var shape = shape
    shape.remove(at: axis)
    return slice(place..<place + 1, axis: axis).reshaped(shape)
  }

  /// The rows one part after another, of `counts` rows each.
  func split(_ counts: [Int]) -> [Tensor] {
    var start = 0
    return counts.map { count in
      defer { start += count }
      return slice(start..<start + count, axis: 0)
    }
  }

  /// Some rows of a matrix of weights, taken once until the weights change: a loop over steps asks for them at each.
  func weightRows(_ rows: Range<Int>) -> Tensor {
    guard rank == 2, Recording.current?.follows(self) != true else { return slice(rows, axis: 0) }
    let kept = storage.form("rows \(rows)", isKept: true) {
      let part = slice(rows, axis: 0).storage
      // The rows of a quantized matrix are one, too, and so are those of one of bfloat16.
      if part !== storage, let scales = rowScales {
        part.setRowScales(Tensor(scales, shape: [scales.count]).slice(rows, axis: 0).storage)
      }
      if part !== storage, storage.isBFloat16 { part.setBFloat16() }
      return part
    }
    return Tensor(kept, shape: [rows.count, shape[1]])
  }
}

extension Operations {
  /// The part in a range along an axis.
  package struct Slice: OperationOfOne {
    package let range: Range<Int>
    package let axis: Int

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let slice = Refrain.Slice(of: x.shape, range, axis: axis)
      func make() -> Tensor {
        var shape = x.shape
        shape[axis] = range.count
        let result = x.moved { x in
          Tensor(shape) { target in
            x.read { source in
              slice.forEachRun { run, whole, part in kernels.copy(run, source + whole, target + part) }
            }
          }
        }
        return result.recorded(as: self, of: [x]) { [.slice(of: slice)] }
      }
      return Recording.current?.slice(of: x, at: slice, make: make) ?? make()
    }

    package func replay(_ operands: [Tensor], batch: Int) -> [Tensor] {
      [axis == 0 ? operands[0].weightRows(range) : operands[0].slice(range, axis: axis)]
    }
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
    let inner = shape[(axis + 1)...].product
    let isEmpty = shape.product == 0 || range.isEmpty
    runs = isEmpty ? 0 : shape[..<axis].product
    (run, stride, start) = isEmpty ? (0, 0, 0) : (range.count * inner, shape[axis] * inner, range.lowerBound * inner)
  }

  /// Calls `body` for every contiguous run: its length, and where it begins in the whole and in the slice.
  func forEachRun(_ body: (_ run: Int, _ whole: Int, _ part: Int) -> Void) {
    for index in 0..<runs { body(run, index * stride + start, index * run) }
  }
}
