import Refrain
import RefrainData

// Values by their indices.

extension ONNXOperators {
  static let gathering: [ONNXOperator] = [
    ONNXOperator("Gather", inputs: 2...2, ["axis": .integer], run: gather),
    ONNXOperator("GatherElements", inputs: 2...2, ["axis": .integer], run: gatherElements),
    ONNXOperator("GatherND", inputs: 2...2, ["batch_dims": .integer], run: gatherRows),
    ONNXOperator("ScatterND", inputs: 3...3, ["reduction": .string], check: checkScatter, run: scatter),
    ONNXOperator("OneHot", inputs: 3...3, ["axis": .integer], run: oneHot),
  ]

  /// Valid indices into `extent` values; negative ones count from the end.
  static func checked(_ indices: [Int], extent: Int, _ call: ONNXCall) throws(DataError) -> [Int] {
    for index in indices where index < -extent || index >= extent {
      throw call.fault("the index \(index) is outside an axis of size \(extent)")
    }
    return indices.map { $0 < 0 ? $0 + extent : $0 }
  }

  @Sendable private static func gather(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (value, indices) = (try call.input(0), try call.input(1))
    let axis = try call.axis(call.node.integer("axis") ?? 0, rank: value.rank)
    let rows = try checked(try call.integers(1), extent: value.shape[axis], call)
    let shape = Array(value.shape[..<axis]) + indices.shape + Array(value.shape[(axis + 1)...])
    guard shape.count <= mostAxes else { throw call.fault("it makes more than \(mostAxes) axes") }
    let isLookUp = axis == 0 && value.tensor != nil
    try call.checkSize(shape, of: value.type, beside: isLookUp ? 0 : ONNXCall.placeSize)
    // The look-up of an embedding, whose gradient has only the rows that were used.
    if axis == 0, let tensor = value.tensor { return [call.like(0, tensor.gatheringRows(rows).reshaped(shape))] }
    let inner = value.shape[(axis + 1)...].reduce(1, *)
    var taken: [Int] = []
    for outer in 0..<value.shape[..<axis].reduce(1, *) {
      for row in rows {
        let start = (outer * value.shape[axis] + row) * inner
        taken += start..<start + inner
      }
    }
    return [value.picking(taken, shape: shape)]
  }

  @Sendable private static func gatherElements(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (value, indices) = (try call.input(0), try call.input(1))
    let axis = try call.axis(call.node.integer("axis") ?? 0, rank: value.rank)
    guard indices.rank == value.rank,
      value.shape.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= value.shape[$0] })
    else { throw call.fault("indices of shape \(indices.shape) do not fit a value of shape \(value.shape)") }
    try call.checkSize(indices.shape, of: value.type, beside: 2 * ONNXCall.placeSize)
    let rows = try checked(try call.integers(1), extent: value.shape[axis], call)
    let apart = strides(of: value.shape)
    var taken: [Int] = []
    forEachIndex(of: indices.shape) { index in
      let others = index.indices.reduce(0) { $1 == axis ? $0 : $0 + index[$1] * apart[$1] }
      taken.append(others + rows[taken.count] * apart[axis])
    }
    return [value.picking(taken, shape: indices.shape)]
  }

  /// Where the parts begin that the rows of an index tensor `[…, K]` name in a value, and how long each is.
  private static func parts(
    of shape: [Int], _ indices: ONNXValue, batchAxes: Int, _ call: ONNXCall
  ) throws(DataError) -> (starts: [Int], size: Int) {
    guard let depth = indices.shape.last, batchAxes >= 0, batchAxes < indices.rank, batchAxes + depth <= shape.count,
      indices.shape[..<batchAxes] == shape[..<batchAxes], let numbers = indices.integers
    else { throw call.fault("indices of shape \(indices.shape) do not fit a value of shape \(shape)") }
    let apart = strides(of: shape)
    let size = shape[(batchAxes + depth)...].reduce(1, *)
    let batches = shape[..<batchAxes].reduce(1, *)
    let count = indices.shape.dropLast().reduce(1, *)
    let rows = count / max(batches, 1)
    let plane = shape[batchAxes...].reduce(1, *)
    var starts: [Int] = []
    for place in 0..<count {
      var start = place / max(rows, 1) * plane
      for axis in 0..<depth {
        let (index, extent) = (numbers[place * depth + axis], shape[batchAxes + axis])
        guard index >= -extent, index < extent else {
          throw call.fault("the index \(index) is outside an axis of size \(extent)")
        }
        start += (index < 0 ? index + extent : index) * apart[batchAxes + axis]
      }
      starts.append(start)
    }
    return (starts, size)
  }

  @Sendable private static func gatherRows(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (value, indices) = (try call.input(0), try call.input(1))
    let axes = call.node.integer("batch_dims") ?? 0
    let (starts, size) = try parts(of: value.shape, indices, batchAxes: axes, call)
    let depth = indices.shape.last ?? 0
    let shape = Array(indices.shape.dropLast()) + Array(value.shape[(axes + depth)...])
    try call.checkSize(shape, of: value.type, beside: ONNXCall.placeSize)
    return [value.picking(starts.flatMap { $0..<$0 + size }, shape: shape)]
  }

  @Sendable static func checkScatter(_ node: ONNXNode) throws(DataError) {
    guard node.string("reduction") ?? "none" == "none" else {
      throw node.unsupported("its reduction \((node.string("reduction") ?? "").quoted) is not supported")
    }
  }

  /// The value with some of its parts replaced; of those that are named twice the last counts.
  @Sendable private static func scatter(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (value, indices, updates) = (try call.input(0), try call.input(1), try call.input(2))
    let (starts, size) = try parts(of: value.shape, indices, batchAxes: 0, call)
    guard updates.type == value.type, updates.count == starts.count * size else {
      throw call.fault("updates of shape \(updates.shape) do not fit \(starts.count) parts of \(size) values")
    }
    // Beside the places both values lie one after the other.
    try call.checkSize(value.shape, of: value.type, beside: 2 * value.type.sizeInMemory + ONNXCall.placeSize)
    var taken = Array(0..<value.count)
    for (part, start) in starts.enumerated() {
      for place in 0..<size { taken[start + place] = value.count + part * size + place }
    }
    return [ONNXValue.flattened([value, updates]).picking(taken, shape: value.shape)]
  }

  @Sendable private static func oneHot(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (indices, values) = (try call.input(0), try call.input(2))
    let depth = Int(saturating: try call.number(1))
    guard depth >= 0, values.count == 2, indices.rank < mostAxes else {
      throw call.fault("its depth is \(depth), and it has \(values.count) values for off and on")
    }
    let axis = try call.axis(call.node.integer("axis") ?? -1, rank: indices.rank + 1)
    var shape = indices.shape
    shape.insert(depth, at: axis)
    try call.checkSize(shape, of: values.type, beside: ONNXCall.placeSize)
    let numbers = indices.integers ?? indices.asTensor.values.map { Int(saturating: $0) }
    let inner = indices.shape[axis...].reduce(1, *)
    var taken = [Int](repeating: 0, count: indices.count * depth)
    for (place, index) in numbers.enumerated() where index >= -depth && index < depth {
      let row = index < 0 ? index + depth : index
      taken[(place / inner * depth + row) * inner + place % inner] = 1
    }
    return [values.reshaped([2]).picking(taken, shape: shape)]
  }
}
