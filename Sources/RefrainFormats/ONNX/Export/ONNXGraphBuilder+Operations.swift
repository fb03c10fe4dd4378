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
}

/// The name of a part within something that has a name of its own, or none.
func joined(_ name: String, _ part: String) -> String { name.isEmpty ? part : name + "." + part }
