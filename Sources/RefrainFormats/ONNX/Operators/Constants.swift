import Refrain
import RefrainData

// Values out of nothing.

extension ONNXOperators {
  static let constants: [ONNXOperator] = [
    ONNXOperator(
      "Constant", inputs: 0...0,
      [
        "value": .value, "value_float": .float, "value_floats": .floats, "value_int": .integer, "value_ints": .integers,
      ],
      check: checkConstant
    ) { call throws(DataError) in [constant(call.node) ?? ONNXValue([], shape: [0])] },
    ONNXOperator("ConstantOfShape", ["value": .value]) { call throws(DataError) in
      let shape = try call.integers(0)
      guard shape.count <= mostAxes else { throw call.fault("it makes more than \(mostAxes) axes") }
      let value = call.node.value("value") ?? ONNXValue(Tensor([0]))
      guard value.count == 1 else { throw call.fault("it has \(value.count) values, and must have one") }
      try call.checkSize(shape, of: value.type)
      return [value.reshaped([]).expanded(to: shape)]
    },
    ONNXOperator("Range", inputs: 3...3, run: range),
    ONNXOperator("EyeLike", ["dtype": .integer, "k": .integer]) { call throws(DataError) in
      let value = try call.input(0)
      guard value.rank == 2 else { throw call.fault("its input of shape \(value.shape) is no matrix") }
      let number = call.node.integer("dtype").flatMap { Int32(exactly: $0) }
      guard let type = number == nil ? value.type : ElementType(onnx: number ?? 0) else {
        throw call.fault("its type is not supported")
      }
      try call.checkSize(value.shape, of: type, beside: ElementType.float32.sizeInMemory)
      let (width, offset) = (value.shape[1], call.node.integer("k") ?? 0)
      let values = (0..<value.count).map { $0 % width - $0 / width == offset ? Float(1) : 0 }
      return [ONNXValue(Tensor(values, shape: value.shape)).cast(to: type)]
    },
  ]

  @Sendable private static func checkConstant(_ node: ONNXNode) throws(DataError) {
    guard constant(node) != nil else { throw node.unsupported("it has no value") }
  }

  private static func constant(_ node: ONNXNode) -> ONNXValue? {
    if let value = node.value("value") { return value }
    if let value = node.float("value_float") { return ONNXValue(Tensor(value)) }
    if let values = node.floats("value_floats") { return ONNXValue(Tensor(values)) }
    if let value = node.integer("value_int") { return ONNXValue([value], shape: []) }
    return node.integers("value_ints").map { ONNXValue($0, shape: [$0.count]) }
  }

  @Sendable private static func range(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let first = try call.input(0)
    for index in 0..<3 {
      let value = try call.input(index)
      guard value.count == 1, value.type == first.type, value.type != .bool else {
        throw call.fault("its inputs are not single numbers of one type")
      }
    }
    if first.integers != nil {
      let (start, end, step) = (try call.integers(0)[0], try call.integers(1)[0], try call.integers(2)[0])
      let (distance, overflows) =
        step > 0 ? end.subtractingReportingOverflow(start) : start.subtractingReportingOverflow(end)
      guard step != 0, !overflows else { throw call.fault("a range from \(start) to \(end) by \(step) has no end") }
      let count = distance <= 0 ? 0 : Int((distance.magnitude - 1) / step.magnitude) + 1
      try call.checkSize([count], of: first.type)
      return [ONNXValue((0..<count).map { start + $0 * step }, shape: [count], type: first.type)]
    }
    let (start, end, step) = (try call.number(0), try call.number(1), try call.number(2))
    let steps = ((end - start) / step).rounded(.up)
    guard steps.isFinite else { throw call.fault("a range from \(start) to \(end) by \(step) has no end") }
    let count = max(0, Int(saturating: steps))
    try call.checkSize([count], of: first.type)
    return [ONNXValue(Tensor((0..<count).map { start + Float($0) * step }, shape: [count]), type: first.type)]
  }
}
