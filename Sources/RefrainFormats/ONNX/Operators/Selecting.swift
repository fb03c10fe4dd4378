import Refrain
import RefrainData

// Values that are chosen by others: how many there are depends on what the values are.

extension ONNXOperators {
  static let selecting: [ONNXOperator] = [
    ONNXOperator("NonZero") { call throws(DataError) in
      let value = try call.input(0)
      let truths = value.cast(to: .bool).booleans ?? []
      let found = truths.indices.filter { truths[$0] }
      let rank = max(value.rank, 1)
      try call.checkSize([rank, found.count], of: .int64)
      let apart = value.rank == 0 ? [1] : strides(of: value.shape)
      let extents = value.rank == 0 ? [1] : value.shape
      let places = (0..<rank).flatMap { axis in found.map { $0 / apart[axis] % extents[axis] } }
      return [ONNXValue(places, shape: [rank, found.count])]
    },
    ONNXOperator("IsInf", ["detect_negative": .integer, "detect_positive": .integer]) { call throws(DataError) in
      let tensor = try call.tensor(0)
      let (low, high) = (
        call.node.integer("detect_negative") ?? 1 != 0, call.node.integer("detect_positive") ?? 1 != 0
      )
      return [ONNXValue(tensor.values.map { $0.isInfinite && ($0 < 0 ? low : high) }, shape: tensor.shape)]
    },
    ONNXOperator("Compress", inputs: 2...2, ["axis": .integer]) { call throws(DataError) in
      var value = try call.input(0)
      let truths = try call.booleans(1)
      var axis = 0
      if let given = call.node.integer("axis") {
        axis = try call.axis(given, rank: value.rank)
      } else {
        value = value.reshaped([value.count])
      }
      guard truths.count <= value.shape[axis] else {
        throw call.fault("\(truths.count) conditions do not fit an axis of size \(value.shape[axis])")
      }
      let kept = truths.indices.filter { truths[$0] }
      var shape = value.shape
      shape[axis] = kept.count
      try call.checkSize(shape, of: value.type, beside: ONNXCall.placeSize)
      let apart = strides(of: value.shape)
      var taken: [Int] = []
      forEachIndex(of: shape) { index in
        taken.append(index.indices.reduce(0) { $0 + ($1 == axis ? kept[index[$1]] : index[$1]) * apart[$1] })
      }
      return [value.picking(taken, shape: shape)]
    },
    ONNXOperator(
      "ScatterElements", inputs: 3...3, ["axis": .integer, "reduction": .string], check: checkScatter,
      run: scatterElements),
  ]

  /// The value with some of its elements replaced; of those that are named twice the last counts.
  @Sendable private static func scatterElements(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (value, indices, updates) = (try call.input(0), try call.input(1), try call.input(2))
    let axis = try call.axis(call.node.integer("axis") ?? 0, rank: value.rank)
    guard updates.type == value.type, updates.shape == indices.shape, indices.rank == value.rank,
      value.shape.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= value.shape[$0] })
    else {
      throw call.fault(
        "indices of shape \(indices.shape) and updates of shape \(updates.shape) do not fit a value of shape "
          + "\(value.shape)")
    }
    let rows = try checked(try call.integers(1), extent: value.shape[axis], call)
    let apart = strides(of: value.shape)
    try call.checkSize(value.shape, of: value.type, beside: 2 * value.type.sizeInMemory + ONNXCall.placeSize)
    var taken = Array(0..<value.count)
    var place = 0
    forEachIndex(of: indices.shape) { index in
      let others = index.indices.reduce(0) { $1 == axis ? $0 : $0 + index[$1] * apart[$1] }
      taken[others + rows[place] * apart[axis]] = value.count + place
      place += 1
    }
    return [ONNXValue.flattened([value, updates]).picking(taken, shape: value.shape)]
  }
}
