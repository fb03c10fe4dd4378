import Refrain
import RefrainData
import RefrainFoundation

// Numbers of few bits: floats divided by a scale and shifted by a zero point.

extension ONNXOperators {
  static let quantization: [ONNXOperator] = [
    ONNXOperator(
      "QuantizeLinear", inputs: 2...3,
      [
        "axis": .integer, "saturate": .integer, "block_size": .integer, "output_dtype": .integer,
        "precision": .integer,
      ], check: checkBlocks, learned: [0], run: quantize),
    ONNXOperator(
      "DequantizeLinear", inputs: 2...3, ["axis": .integer, "block_size": .integer, "output_dtype": .integer],
      check: checkBlocks, learned: [], run: dequantize),
    ONNXOperator("DynamicQuantizeLinear", outputs: 3, learned: [0]) { call throws(DataError) in
      let x = try call.tensor(0)
      try call.checkSize(x.shape, of: .uint8, beside: ElementType.float32.sizeInMemory)
      let (scale, zero) = rangeOfBytes(x.values)
      let values = x.values.map { quantized($0, scale, zero, 0...255) }
      return [
        ONNXValue(values, shape: x.shape, type: .uint8), ONNXValue(Tensor(scale)),
        ONNXValue([zero], shape: [], type: .uint8),
      ]
    },
  ]

  @Sendable private static func checkBlocks(_ node: ONNXNode) throws(DataError) {
    guard node.integer("block_size") ?? 0 == 0 else {
      throw node.unsupported("scales of blocks are not supported", remedy: "quantize by tensor or by channel")
    }
  }

  /// The scale and the zero point by which values become bytes, as DynamicQuantizeLinear chooses them.
  static func rangeOfBytes(_ values: [Float]) -> (scale: Float, zero: Int) {
    let low = values.reduce(Float(0)) { min($0, $1) }
    let high = values.reduce(Float(0)) { max($0, $1) }
    let scale = (high - low) / 255
    guard scale > 0, scale.isFinite else { return (1, 0) }
    return (scale, Int(saturating: min(max((-low / scale).rounded(.toNearestOrEven), 0), 255)))
  }

  /// A value as a number of few bits.
  static func quantized(_ value: Float, _ scale: Float, _ zero: Int, _ range: ClosedRange<Int>) -> Int {
    let scaled = (value / scale).rounded(.toNearestOrEven)
    // Beyond these bounds a whole number would overflow; what is no number has none.
    let whole = scaled.isNaN ? 0 : Int(saturating: min(max(scaled, -0x1p40), 0x1p40))
    return min(max(whole + zero, range.lowerBound), range.upperBound)
  }

  /// For each value of a shape, which of the scales it has: one for all, or one for each place of an axis.
  private static func scalePlaces(_ call: ONNXCall, _ shape: [Int], scales: ONNXValue) throws(DataError) -> [Int] {
    // The places, and the results.
    try call.checkSize(shape, of: .int64, beside: ONNXCall.placeSize)
    let count = shape.reduce(1, *)
    if scales.count == 1 { return Array(repeating: 0, count: count) }
    let axis = try call.axis(call.node.integer("axis") ?? 1, rank: shape.count)
    guard scales.rank == 1, scales.count == shape[axis] else {
      throw call.fault("scales of shape \(scales.shape) do not fit axis \(axis) of a value of shape \(shape)")
    }
    let inner = shape[(axis + 1)...].reduce(1, *)
    return (0..<count).map { $0 / inner % scales.count }
  }

  /// The zero points, one for each scale.
  static func zeroPoints(_ call: ONNXCall, _ index: Int, scales count: Int) throws(DataError) -> [Int] {
    guard let zeros = try call.optionalIntegers(index) else { return Array(repeating: 0, count: count) }
    guard zeros.count == count else { throw call.fault("it has \(zeros.count) zero points and \(count) scales") }
    return zeros
  }

  @Sendable private static func quantize(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (value, scales) = (try call.input(0), try call.input(1))
    guard value.booleans == nil, let factors = scales.tensor?.values else {
      throw call.fault("its input or its scales are not numbers")
    }
    let given = call.node.integer("output_dtype").flatMap { $0 == 0 ? nil : Int32(exactly: $0) }
    guard let type = call.optional(2)?.type ?? given.map({ ElementType(onnx: $0) }) ?? .uint8, let range = type.range,
      type != .int64
    else { throw call.fault("it cannot make the type that it is to make") }
    let zeros = try zeroPoints(call, 2, scales: factors.count)
    let places = try scalePlaces(call, value.shape, scales: scales)
    let results = zip(value.asTensor.values, places).map { quantized($0, factors[$1], zeros[$1], range) }
    return [ONNXValue(results, shape: value.shape, type: type)]
  }

  @Sendable private static func dequantize(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (value, scales) = (try call.input(0), try call.input(1))
    guard let numbers = value.integers, let factors = scales.tensor?.values else {
      throw call.fault("its input is of type \(value.type.onnxName), and must be whole numbers")
    }
    let zeros = try zeroPoints(call, 2, scales: factors.count)
    let places = try scalePlaces(call, value.shape, scales: scales)
    let results = zip(numbers, places).map { Float($0 &- zeros[$1]) * factors[$1] }
    return [ONNXValue(Tensor(results, shape: value.shape), type: scales.type)]
  }
}
