import Refrain
import RefrainData

// Operators that give the same values another shape or order.

extension ONNXOperators {
  static let shapes: [ONNXOperator] = [
    ONNXOperator("Shape", ["start": .integer, "end": .integer]) { call throws(DataError) in
      let shape = try call.input(0).shape
      func bound(_ name: String, _ absent: Int) -> Int {
        let bound = call.node.integer(name) ?? absent
        return min(max(bound < 0 ? bound + shape.count : bound, 0), shape.count)
      }
      let (start, end) = (bound("start", 0), bound("end", shape.count))
      let part = start < end ? Array(shape[start..<end]) : []
      return [ONNXValue(part, shape: [part.count])]
    },
    ONNXOperator("Size") { call throws(DataError) in [ONNXValue([try call.input(0).count], shape: [])] },
    ONNXOperator("Reshape", inputs: 2...2, ["allowzero": .integer], run: reshape),
    ONNXOperator("Flatten", ["axis": .integer]) { call throws(DataError) in
      let value = try call.input(0)
      let given = call.node.integer("axis") ?? 1
      let axis = given == value.rank ? given : try call.axis(given, rank: value.rank)
      return [value.reshaped([value.shape[..<axis].reduce(1, *), value.shape[axis...].reduce(1, *)])]
    },
    ONNXOperator("Squeeze", inputs: 1...2, ["axes": .integers]) { call throws(DataError) in
      let value = try call.input(0)
      var removed = Set(value.shape.indices.filter { value.shape[$0] == 1 })
      if let axes = try call.optionalIntegers(1) ?? call.node.integers("axes") {
        let wanted = try call.axes(axes, rank: value.rank)
        guard removed.isSuperset(of: wanted) else {
          throw call.fault("not all of the axes \(axes) of a value of shape \(value.shape) have the size 1")
        }
        removed = Set(wanted)
      }
      return [value.reshaped(value.shape.indices.filter { !removed.contains($0) }.map { value.shape[$0] })]
    },
    ONNXOperator("Unsqueeze", inputs: 1...2, ["axes": .integers]) { call throws(DataError) in
      let value = try call.input(0)
      let given = try call.optionalIntegers(1) ?? call.node.integers("axes") ?? []
      guard value.rank + given.count <= mostAxes else { throw call.fault("it makes more than \(mostAxes) axes") }
      let axes = try call.axes(given, rank: value.rank + given.count)
      var shape = value.shape
      for axis in axes { shape.insert(1, at: axis) }
      return [value.reshaped(shape)]
    },
    ONNXOperator("Transpose", ["perm": .integers]) { call throws(DataError) in
      let value = try call.input(0)
      let order = call.node.integers("perm") ?? value.shape.indices.reversed()
      guard order.sorted() == Array(0..<value.rank) else {
        throw call.fault("\(order) is no order of the axes of a value of shape \(value.shape)")
      }
      return [value.transposed(order)]
    },
  ]

  /// No value has more axes.
  static let mostAxes = 64

  @Sendable private static func reshape(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let value = try call.input(0)
    let wanted = try call.integers(1)
    guard wanted.count <= mostAxes else { throw call.fault("it makes more than \(mostAxes) axes") }
    let keepsZero = call.node.integer("allowzero") ?? 0 != 0
    var shape = wanted
    for axis in wanted.indices where wanted[axis] == 0 && !keepsZero {
      guard axis < value.rank else { throw call.fault("there is no axis \(axis) to keep in shape \(value.shape)") }
      shape[axis] = value.shape[axis]
    }
    if let free = shape.firstIndex(of: -1) {
      shape[free] = 1
      let known = elementCount(of: shape) ?? -1
      shape[free] = known > 0 ? value.count / known : known == 0 ? 0 : -1
    }
    guard boundedCount(of: shape) == value.count else {
      throw call.fault("a value of shape \(value.shape) cannot take the shape \(wanted)")
    }
    return [value.reshaped(shape)]
  }
}

extension ONNXValue {
  /// The axes in another order, which names each once.
  func transposed(_ order: [Int]) -> ONNXValue {
    if let tensor {
      if count == 0 { return ONNXValue(tensor.reshaped(order.map { shape[$0] }), type: type) }
      return ONNXValue(tensor.transposed(order), type: type)
    }
    let (target, apart) = (order.map { shape[$0] }, strides(of: shape))
    return picking(places(of: target, strides: order.map { apart[$0] }), shape: target)
  }
}
