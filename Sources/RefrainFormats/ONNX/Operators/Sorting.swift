import Refrain
import RefrainData

extension ONNXOperators {
  /// The greatest values along an axis, or the smallest, in their order, and where they stood; of equal ones the first
  /// is first. (Before operator set 10 their number is an attribute.)
  @Sendable static func greatest(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let value = try call.input(0)
    let axis = try call.axis(call.node.integer("axis") ?? -1, rank: value.rank)
    let width = value.shape[axis]
    let wanted = try call.optional(1) == nil ? call.node.integer("k") ?? -1 : Int(saturating: call.number(1))
    guard (0...width).contains(wanted) else {
      throw call.fault("\(wanted) values are wanted of an axis of size \(width)")
    }
    let isLargest = call.node.integer("largest") ?? 1 != 0
    let order = value.shape.indices.filter { $0 != axis } + [axis]
    let inverse = order.indices.sorted { order[$0] < order[$1] }
    let turned = value.transposed(order)
    let rows = width == 0 ? 0 : value.count / width

    func indices<Number: Comparable>(_ numbers: [Number]) -> [Int] {
      (0..<rows).flatMap { row -> ArraySlice<Int> in
        let start = row * width
        return (0..<width).sorted { first, second in
          let (a, b) = (numbers[start + first], numbers[start + second])
          return a == b ? first < second : isLargest ? a > b : a < b
        }.prefix(wanted)
      }
    }
    let found: [Int]
    switch turned.content {
    case .floats(let tensor): found = indices(tensor.values)
    case .integers(let numbers): found = indices(numbers)
    case .booleans, .sequence: throw call.fault("its input are truth values")
    }
    let shape = turned.shape.dropLast() + [wanted]
    let places = found.enumerated().map { $1 + $0 / max(wanted, 1) * width }
    return [
      turned.picking(places, shape: Array(shape)).transposed(inverse),
      ONNXValue(found, shape: Array(shape)).transposed(inverse),
    ]
  }
}
