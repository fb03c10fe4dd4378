import Refrain
import RefrainData

extension ONNXGraphBuilder {
  /// x · W, with W `[I, O]`.
  mutating func matrixProduct(_ x: ONNXGraphValue, _ weight: ONNXGraphValue) -> ONNXGraphValue {
    add("MatMul", [x, weight], rank: max(x.rank, weight.rank))
  }

  mutating func sum(_ left: ONNXGraphValue, _ right: ONNXGraphValue) -> ONNXGraphValue {
    add("Add", [left, right], rank: max(left.rank, right.rank))
  }

  mutating func difference(_ left: ONNXGraphValue, _ right: ONNXGraphValue) -> ONNXGraphValue {
    add("Sub", [left, right], rank: max(left.rank, right.rank))
  }

  mutating func product(_ left: ONNXGraphValue, _ right: ONNXGraphValue) -> ONNXGraphValue {
    add("Mul", [left, right], rank: max(left.rank, right.rank))
  }

  /// The value under a shape in which 0 is the size that stands there, and -1 what is left.
  mutating func reshaped(_ value: ONNXGraphValue, _ shape: [Int]) -> ONNXGraphValue {
    add("Reshape", [value, integers(shape)], rank: shape.count)
  }

  /// The value with axes of size 1 put in.
  mutating func unsqueezed(_ value: ONNXGraphValue, axes: [Int]) -> ONNXGraphValue {
    axes.isEmpty ? value : add("Unsqueeze", [value, integers(axes)], rank: value.rank + axes.count)
  }

  /// The extent of an axis, int64 `[1]`.
  mutating func extent(_ value: ONNXGraphValue, axis: Int) -> ONNXGraphValue {
    let shape = add("Shape", [value], rank: 1, type: .int64)
    return add("Gather", [shape, integers([axis])])
  }

  mutating func select(
    _ condition: ONNXGraphValue, _ yes: ONNXGraphValue, _ no: ONNXGraphValue
  ) -> ONNXGraphValue {
    add("Where", [condition, yes, no], rank: yes.rank, type: yes.type)
  }

  /// Which steps of a value `[B, T, …]` are there, as truth values that broadcast with it; nil where all are.
  ///
  /// - Parameter timeFirst: whether the value is `[T, B, …]`.
  public mutating func mask(of value: ONNXGraphValue, timeFirst: Bool = false) -> ONNXGraphValue? {
    guard let lengths else { return nil }
    let zero = squeezed(integers([0]), axis: 0)
    let time = squeezed(extent(value, axis: timeFirst ? 0 : 1), axis: 0)
    let steps = add("Range", [zero, time, squeezed(integers([1]), axis: 0)], rank: 1)
    let operands = timeFirst ? [unsqueezed(steps, axes: [1]), lengths] : [steps, unsqueezed(lengths, axes: [1])]
    let mask = add("Less", operands, rank: 2, type: .bool)
    return unsqueezed(mask, axes: Array(2..<max(2, value.rank)))
  }

  /// The value with zeros at the steps that are not there.
  public mutating func masked(_ value: ONNXGraphValue, timeFirst: Bool = false) -> ONNXGraphValue {
    guard let mask = mask(of: value, timeFirst: timeFirst) else { return value }
    let zero = value.type == .float32 ? scalar(0) : squeezed(integers([0]), axis: 0)
    return select(mask, value, zero)
  }
}

/// The name of a part within something that has a name of its own, or none.
func joined(_ name: String, _ part: String) -> String { name.isEmpty ? part : name + "." + part }
