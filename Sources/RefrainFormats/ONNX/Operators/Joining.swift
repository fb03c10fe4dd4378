import Refrain
import RefrainData

// Operators that join, divide and repeat.

extension ONNXOperators {
  static let joining: [ONNXOperator] = [
    ONNXOperator("Concat", inputs: 1...4096, ["axis": .integer], run: concatenate),
    ONNXOperator(
      "Split", inputs: 1...2, outputs: 4096, ["axis": .integer, "split": .integers, "num_outputs": .integer], run: split
    ),
    ONNXOperator("Expand", inputs: 2...2) { call throws(DataError) in
      let (value, wanted) = (try call.input(0), try call.integers(1))
      try call.checkSize(wanted, of: value.type)
      return [value.expanded(to: try call.broadcast(value.shape, wanted, of: value.type))]
    },
    ONNXOperator("Tile", inputs: 2...2) { call throws(DataError) in
      let (value, repeats) = (try call.input(0), try call.integers(1))
      guard repeats.count == value.rank, repeats.allSatisfy({ $0 >= 0 }) else {
        throw call.fault("the repeats \(repeats) do not fit a value of shape \(value.shape)")
      }
      var shape: [Int] = []
      for (extent, times) in zip(value.shape, repeats) {
        let (product, overflows) = extent.multipliedReportingOverflow(by: times)
        guard !overflows else { throw call.fault("the repeats \(repeats) are too many") }
        shape.append(product)
      }
      try call.checkSize(shape, of: value.type, beside: ONNXCall.placeSize)
      let apart = strides(of: value.shape)
      var taken: [Int] = []
      forEachIndex(of: shape) { index in
        taken.append(index.indices.reduce(0) { $0 + index[$1] % value.shape[$1] * apart[$1] })
      }
      return [value.picking(taken, shape: shape)]
    },
    ONNXOperator(
      "Pad", inputs: 1...4, ["mode": .string, "pads": .integers, "value": .float], check: checkPad, learned: [0],
      run: pad),
  ]

  @Sendable static func concatenate(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let values = try call.allInputs()
    guard let given = call.node.integer("axis") else { throw call.fault("its axis is missing") }
    let axis = try call.axis(given, rank: values[0].rank)
    var shape = values[0].shape
    shape[axis] = 0
    for value in values {
      guard value.type == values[0].type, value.rank == shape.count,
        value.shape.indices.allSatisfy({ $0 == axis || value.shape[$0] == shape[$0] })
      else {
        let texts = values.map { "\($0.type.onnxName) \($0.shape)" }.joined(separator: " and ")
        throw call.fault("\(texts) cannot be joined along axis \(axis)")
      }
      shape[axis] += value.shape[axis]
    }
    // What is no float lies one after another first, and is then picked.
    let type = values[0].type
    try call.checkSize(shape, of: type, beside: type.isFloat ? 0 : type.sizeInMemory + ONNXCall.placeSize)
    let tensors = values.compactMap(\.tensor)
    if tensors.count == values.count { return [call.like(0, Refrain.concatenate(tensors, axis: axis))] }
    // One after another, and then in their order: runs of each along the axis.
    let inner = shape[(axis + 1)...].reduce(1, *)
    var taken: [Int] = []
    for outer in 0..<shape[..<axis].reduce(1, *) {
      var start = 0
      for value in values {
        let run = value.shape[axis] * inner
        taken += start + outer * run..<start + (outer + 1) * run
        start += value.count
      }
    }
    return [ONNXValue.flattened(values).picking(taken, shape: shape)]
  }

  @Sendable private static func split(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let value = try call.input(0)
    let axis = try call.axis(call.node.integer("axis") ?? 0, rank: value.rank)
    let extent = value.shape[axis]
    let parts = call.node.integer("num_outputs") ?? call.node.outputs.count
    guard parts > 0, parts <= 4096 else { throw call.fault("\(parts) parts are not what it can make") }
    let size = (extent + parts - 1) / parts
    // The last part is smaller where they cannot be equal.
    let equal = (0..<parts).map { max(0, min(size, extent - $0 * size)) }
    let sizes = try call.optionalIntegers(1) ?? call.node.integers("split") ?? equal
    var start = 0
    var results: [ONNXValue] = []
    for size in sizes {
      guard size >= 0, size <= extent - start else { throw call.fault("the parts \(sizes) are more than \(extent)") }
      results.append(value.slice(start..<start + size, axis: axis))
      start += size
    }
    guard start == extent else { throw call.fault("the parts \(sizes) are less than \(extent)") }
    return results
  }

  private static let padModes: Set<String> = ["constant", "edge", "reflect", "wrap"]

  @Sendable private static func checkPad(_ node: ONNXNode) throws(DataError) {
    guard padModes.contains(node.string("mode") ?? "constant") else {
      throw node.unsupported("its mode \((node.string("mode") ?? "").quoted) is not supported")
    }
  }

  /// Values around a value; negative ones take away. Where they come from depends on the mode.
  @Sendable private static func pad(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let value = try call.input(0)
    let given = try call.optionalIntegers(1) ?? call.node.integers("pads") ?? []
    let axes =
      try call.optionalIntegers(3).map { (axes) throws(DataError) in
        try axes.map { (axis) throws(DataError) in try call.axis(axis, rank: value.rank) }
      } ?? Array(value.shape.indices)
    guard given.count == 2 * axes.count, Set(axes).count == axes.count else {
      throw call.fault("the pads \(given) do not fit the axes \(axes)")
    }
    var (before, shape) = ([Int](repeating: 0, count: value.rank), value.shape)
    for (place, axis) in axes.enumerated() {
      let (low, high) = (given[place], given[place + axes.count])
      guard max(low.magnitude, high.magnitude) <= UInt(max(call.largestValue, 0)), low + high + shape[axis] >= 0 else {
        throw call.fault("the pads \(given) do not fit a value of shape \(value.shape)")
      }
      before[axis] = low
      shape[axis] += low + high
    }
    try call.checkSize(shape, of: value.type, beside: ONNXCall.placeSize)
    let mode = call.node.string("mode") ?? "constant"
    guard mode == "constant" || value.count > 0 || shape.contains(0) else {
      throw call.fault("there is nothing to repeat")
    }
    let filling = try filling(call, like: value)
    let apart = strides(of: value.shape)
    var taken: [Int] = []
    forEachIndex(of: shape) { index in
      var place = 0
      for axis in index.indices {
        guard let source = padSource(index[axis] - before[axis], of: value.shape[axis], mode) else {
          place = value.count
          break
        }
        place += source * apart[axis]
      }
      taken.append(place)
    }
    return [ONNXValue.flattened([value, filling]).picking(taken, shape: shape)]
  }

  /// Where along an axis of `extent` values the one at `place` comes from, or nil for the constant.
  private static func padSource(_ place: Int, of extent: Int, _ mode: String) -> Int? {
    if place >= 0, place < extent { return place }
    switch mode {
    case "edge": return min(max(place, 0), extent - 1)
    case "wrap": return (place % extent + extent) % extent
    case "reflect":
      let period = max(1, 2 * (extent - 1))
      let step = (place % period + period) % period
      return step < extent ? step : period - step
    default: return nil
    }
  }

  private static func filling(_ call: ONNXCall, like value: ONNXValue) throws(DataError) -> ONNXValue {
    if let given = call.optional(2) {
      guard given.count == 1, given.type == value.type else {
        throw call.fault("what it fills with is not one value of its type")
      }
      return given.reshaped([1])
    }
    return ONNXValue(Tensor([call.node.float("value") ?? 0])).cast(to: value.type)
  }
}

extension ONNXValue {
  /// The value repeated to a shape that its own fits.
  func expanded(to shape: [Int]) -> ONNXValue {
    if let tensor { return ONNXValue(tensor.expanded(to: shape), type: type) }
    return picking(repeatedPlaces(of: self.shape, in: shape), shape: shape)
  }

  /// The part in `range` along an axis, both valid.
  func slice(_ range: Range<Int>, axis: Int) -> ONNXValue {
    if let tensor { return ONNXValue(tensor.slice(range, axis: axis), type: type) }
    var part = shape
    part[axis] = range.count
    let apart = strides(of: shape)
    return picking(places(of: part, strides: apart, start: range.lowerBound * apart[axis]), shape: part)
  }
}
