import Refrain
import RefrainData

// Parts of a value, by ranges and by order in time.

extension ONNXOperators {
  static let slicing: [ONNXOperator] = [
    ONNXOperator("Slice", inputs: 1...5, ["starts": .integers, "ends": .integers, "axes": .integers], run: slice),
    ONNXOperator("ReverseSequence", inputs: 2...2, ["batch_axis": .integer, "time_axis": .integer], run: reverse),
    ONNXOperator("Trilu", inputs: 1...2, ["upper": .integer], run: triangle),
  ]

  /// The ranges are attributes before operator set 10, and inputs with steps from then on.
  @Sendable private static func slice(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let value = try call.input(0)
    guard let starts = try call.optionalIntegers(1) ?? call.node.integers("starts"),
      let ends = try call.optionalIntegers(2) ?? call.node.integers("ends"), starts.count == ends.count
    else { throw call.fault("its starts and ends are missing, or of different numbers") }
    let given = try call.optionalIntegers(3) ?? call.node.integers("axes") ?? Array(starts.indices)
    let steps = try call.optionalIntegers(4) ?? starts.map { _ in 1 }
    guard given.count == starts.count, steps.count == starts.count, !steps.contains(0), !steps.contains(.min) else {
      throw call.fault("its axes \(given) and steps \(steps) do not fit its starts \(starts)")
    }
    _ = try call.axes(given, rank: value.rank)
    if steps.allSatisfy({ $0 == 1 }) {
      var result = value
      for index in given.indices {
        let axis = try call.axis(given[index], rank: value.rank)
        let range = bounds(starts[index], ends[index], step: 1, extent: value.shape[axis])
        result = result.slice(range.start..<range.start + range.count, axis: axis)
      }
      return [result]
    }
    var (shape, apart, start) = (value.shape, strides(of: value.shape), 0)
    for index in given.indices {
      let axis = try call.axis(given[index], rank: value.rank)
      let range = bounds(starts[index], ends[index], step: steps[index], extent: value.shape[axis])
      shape[axis] = range.count
      // With one value there is no step, which might be too large to count with.
      start += range.count > 0 ? range.start * apart[axis] : 0
      apart[axis] = range.count > 1 ? apart[axis] * steps[index] : 0
    }
    return [value.picking(places(of: shape, strides: apart, start: start), shape: shape)]
  }

  /// Where a range begins and how many values it has; what is outside is cut off, and negative bounds count from the
  /// end.
  private static func bounds(_ start: Int, _ end: Int, step: Int, extent: Int) -> (start: Int, count: Int) {
    func fit(_ bound: Int) -> Int {
      let bound = bound < 0 ? (bound + extent) : bound
      return step > 0 ? min(max(bound, 0), extent) : min(max(bound, -1), extent - 1)
    }
    let (first, last) = (fit(start), fit(end))
    let distance = step > 0 ? last - first : first - last
    let size = step.magnitude
    let count = distance <= 0 ? 0 : Int((UInt(distance) - 1) / size) + 1
    return (count == 0 ? 0 : first, count)
  }

  /// Each sequence of a batch with its first steps in reverse, as many as are said.
  @Sendable private static func reverse(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (value, lengths) = (try call.input(0), try call.integers(1))
    let time = try call.axis(call.node.integer("time_axis") ?? 0, rank: value.rank)
    let batch = try call.axis(call.node.integer("batch_axis") ?? 1, rank: value.rank)
    guard time != batch, lengths.count == value.shape[batch],
      lengths.allSatisfy({ $0 >= 0 && $0 <= value.shape[time] })
    else { throw call.fault("the lengths \(lengths.prefix(8)) do not fit a value of shape \(value.shape)") }
    let apart = strides(of: value.shape)
    var taken: [Int] = []
    forEachIndex(of: value.shape) { index in
      let (step, length) = (index[time], lengths[index[batch]])
      let place = zip(index, apart).reduce(0) { $0 + $1.0 * $1.1 }
      taken.append(step < length ? place + (length - 1 - 2 * step) * apart[time] : place)
    }
    return [value.picking(taken, shape: value.shape)]
  }

  /// One triangle of the last two axes, and zeros in the other.
  @Sendable private static func triangle(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let value = try call.input(0)
    guard value.rank >= 2 else { throw call.fault("its input of shape \(value.shape) is no matrix") }
    let isUpper = call.node.integer("upper") ?? 1 != 0
    let offset = call.optional(1) == nil ? 0 : try call.integers(1).first ?? 0
    var (taken, place) = ([Int](), 0)
    forEachIndex(of: value.shape) { index in
      let distance = index[value.rank - 1] - index[value.rank - 2]
      taken.append((isUpper ? distance >= offset : distance <= offset) ? place : value.count)
      place += 1
    }
    let zero = ONNXValue(Tensor([0])).cast(to: value.type)
    return [ONNXValue.flattened([value, zero]).picking(taken, shape: value.shape)]
  }
}
