import Refrain
import RefrainData

/// Which steps of its sequences a graph knows to be there: the `Steps` that its layers are given and pass on.
public struct ONNXSteps: Sendable, Hashable {
  /// How many steps each sequence has, int64 `[B]`; nil where all have all.
  public var lengths: ONNXGraphValue?
  /// Which of them are there, truth values `[B, T]`; nil where none is missing.
  public var present: ONNXGraphValue?

  /// All steps, unless something is said.
  public init(lengths: ONNXGraphValue? = nil, present: ONNXGraphValue? = nil) {
    self.lengths = lengths
    self.present = present
  }
}

extension ONNXGraphBuilder {
  /// Which steps of a value `[B, T, …]` are there, as truth values that broadcast with it; nil where all are.
  ///
  /// - Parameter timeFirst: whether the value is `[T, B, …]`.
  public mutating func mask(of value: ONNXGraphValue, timeFirst: Bool = false) -> ONNXGraphValue? {
    if let present = steps.present {
      let mask = timeFirst ? swappingBatchAndTime(present) : present
      return unsqueezed(mask, axes: Array(2..<max(2, value.rank)))
    }
    guard let lengths else { return nil }
    let numbers = range(to: extent(value, axis: timeFirst ? 0 : 1))
    let operands = timeFirst ? [unsqueezed(numbers, axes: [1]), lengths] : [numbers, unsqueezed(lengths, axes: [1])]
    let mask = add("Less", operands, rank: 2, type: .bool)
    return unsqueezed(mask, axes: Array(2..<max(2, value.rank)))
  }

  /// The value with zeros at the steps that are not there.
  public mutating func masked(_ value: ONNXGraphValue, timeFirst: Bool = false) -> ONNXGraphValue {
    guard let mask = mask(of: value, timeFirst: timeFirst) else { return value }
    return select(mask, value, value.type == .float32 ? scalar(0) : squeezed(integers([0]), axis: 0))
  }

  /// Takes the steps for which `isThere`, truth values `[B, T]`, says so, of those that there were.
  mutating func keepSteps(where isThere: ONNXGraphValue) {
    let present = mask(of: isThere).map { add("And", [isThere, $0]) } ?? isThere
    // The length is the number of the last step that is there, counted from 1.
    let numbers = sum(range(to: extent(present, axis: 1)), squeezed(integers([1]), axis: 0))
    let kept = product(add("Cast", [present], type: .int64, ["to": .integer(7)]), numbers)
    let lengths =
      options.opset < 18
      ? add("ReduceMax", [kept], rank: 1, ["axes": .integers([1]), "keepdims": .integer(0)])
      : add("ReduceMax", [kept, integers([1])], rank: 1, ["keepdims": .integer(0)])
    steps = ONNXSteps(lengths: lengths, present: present)
  }

  /// 0, 1, … up to but not including a number `[1]`.
  private mutating func range(to end: ONNXGraphValue) -> ONNXGraphValue {
    let operands = [integers([0]), end, integers([1])].map { squeezed($0, axis: 0) }
    return add("Range", operands, rank: 1)
  }
}

// MARK: - Gaps

/// ONNX's recurrent operators know lengths and no gaps: for them the steps that are there stand side by side.
struct ONNXStepOrder {
  /// The numbers of the steps, int64 `[B, T, 1]`: first those that are there, each kind in its order.
  let steps: ONNXGraphValue
  /// Where each step stands in that order, int64 `[B, T, 1]`.
  let places: ONNXGraphValue
  /// How many are there, int64 `[B]`.
  let counts: ONNXGraphValue
}

extension ONNXGraphBuilder {
  /// Adds an operator on sequences `[B, T, …]` that knows lengths alone: `body` is given them without gaps, and with
  /// their lengths as ``steps``; what it makes of every step goes back to where the step stood.
  ///
  /// - Parameter hasSteps: whether the result is `[B, T, …]` too; else no steps are left.
  mutating func closingGaps(
    of value: ONNXGraphValue, hasSteps: Bool,
    _ body: (_ value: ONNXGraphValue, inout ONNXGraphBuilder) -> ONNXGraphValue
  ) -> ONNXGraphValue {
    let given = steps
    defer { steps = hasSteps ? given : ONNXSteps() }
    guard let present = given.present else { return body(value, &self) }
    let order = order(of: present)
    steps = ONNXSteps(lengths: order.counts)
    let result = body(rows(of: value, order.steps, inverse: order.places), &self)
    return hasSteps ? rows(of: result, order.places, inverse: order.steps) : result
  }

  private mutating func order(of present: ONNXGraphValue) -> ONNXStepOrder {
    if let known = orders[present] { return known }
    let time = extent(present, axis: 1)
    let absent = add("Cast", [add("Not", [present])], type: .int64, ["to": .integer(7)])
    // Each number once: those of absent steps lie above all others.
    let keys = sum(product(absent, time), range(to: time))
    let smallest: [String: Attribute] = ["axis": .integer(1), "largest": .integer(0)]
    let steps = add("TopK", [keys, time], ranks: [2, 2], smallest)[1]
    // Sorting a permutation gives its inverse.
    let places = add("TopK", [steps, time], ranks: [2, 2], smallest)[1]
    let kept = add("Cast", [present], type: .int64, ["to": .integer(7)])
    let counts = add("ReduceSum", [kept, integers([1])], rank: 1, ["keepdims": .integer(0)])
    let order = ONNXStepOrder(
      steps: unsqueezed(steps, axes: [2]), places: unsqueezed(places, axes: [2]), counts: counts)
    orders[present] = order
    return order
  }

  /// The steps of a value `[B, T, …]` in another order. Going back to the order that it had before is doing nothing.
  private mutating func rows(
    of value: ONNXGraphValue, _ order: ONNXGraphValue, inverse: ONNXGraphValue
  ) -> ONNXGraphValue {
    if let known = ordered[value], known.order == inverse { return known.value }
    let result = add("GatherND", [value, order], ["batch_dims": .integer(1)])
    ordered[result] = (value, order)
    return result
  }
}
