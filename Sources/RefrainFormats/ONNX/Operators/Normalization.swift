import Refrain
import RefrainData

// Normalization by the mean and the variance of some axes, or by those of the training.

extension ONNXOperators {
  static let normalization: [ONNXOperator] = [
    ONNXOperator(
      "LayerNormalization", inputs: 2...3, outputs: 3,
      ["axis": .integer, "epsilon": .float, "stash_type": .integer], run: layerNormalization),
    ONNXOperator(
      "RMSNormalization", inputs: 2...2, ["axis": .integer, "epsilon": .float, "stash_type": .integer]
    ) { call throws(DataError) in
      let (x, gain) = (try call.tensor(0), try call.tensor(1))
      let axes = try trailingAxes(call, x)
      guard try call.broadcast(x.shape, gain.shape, of: .float32) == x.shape else {
        throw call.fault("its scale does not fit its input")
      }
      let size = x.squared.mean(axes: axes, keepingAxes: true) + (call.node.float("epsilon") ?? 1e-5)
      return [call.like(0, x / sqrt(size) * gain)]
    },
    ONNXOperator(
      "BatchNormalization", inputs: 5...5,
      ["epsilon": .float, "momentum": .float, "training_mode": .integer, "spatial": .integer],
      check: checkBatch, learned: [0, 1, 2], run: batchNormalization),
    ONNXOperator("InstanceNormalization", inputs: 3...3, ["epsilon": .float]) { call throws(DataError) in
      let x = try call.tensor(0)
      guard x.rank >= 3, x.count > 0 else {
        throw call.fault("its input of shape \(x.shape) has no places to normalize")
      }
      try checkChannels(call, 1...2)
      let (_, normal, _) = normalized(x, Array(2..<x.rank), call.node.float("epsilon") ?? 1e-5)
      return [call.like(0, normal * channels(try call.tensor(1), x) + channels(try call.tensor(2), x))]
    },
  ]

  @Sendable private static func checkBatch(_ node: ONNXNode) throws(DataError) {
    guard node.integer("training_mode") ?? 0 == 0, node.integer("spatial") ?? 1 == 1 else {
      throw node.unsupported("its training mode is not supported", remedy: "export the model for inference")
    }
  }

  /// The mean, the values brought to mean 0 and variance 1, and what they were divided by.
  private static func normalized(_ x: Tensor, _ axes: [Int], _ epsilon: Float) -> (Tensor, Tensor, Tensor) {
    let mean = x.mean(axes: axes, keepingAxes: true)
    let centered = x - mean
    let deviation = sqrt(centered.squared.mean(axes: axes, keepingAxes: true) + epsilon)
    return (mean, centered / deviation, deviation)
  }

  /// The axes from the attribute `axis` on.
  private static func trailingAxes(_ call: ONNXCall, _ x: Tensor) throws(DataError) -> [Int] {
    let axis = try call.axis(call.node.integer("axis") ?? -1, rank: x.rank)
    guard x.count > 0 else { throw call.fault("its input of shape \(x.shape) is empty") }
    return Array(axis..<x.rank)
  }

  @Sendable private static func layerNormalization(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (x, gain) = (try call.tensor(0), try call.tensor(1))
    let shift = try call.optionalTensor(2)
    let axes = try trailingAxes(call, x)
    guard try call.broadcast(x.shape, gain.shape, shift?.shape ?? [], of: .float32) == x.shape else {
      throw call.fault("its scale or bias does not fit an input of shape \(x.shape)")
    }
    let (mean, normal, deviation) = normalized(x, axes, call.node.float("epsilon") ?? 1e-5)
    let scaled = normal * gain
    return [
      call.like(0, shift.map { scaled + $0 } ?? scaled), ONNXValue(mean), ONNXValue(deviation.reciprocal),
    ]
  }

  @Sendable private static func batchNormalization(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let x = try call.tensor(0)
    guard x.rank >= 2 else { throw call.fault("its input of shape \(x.shape) has no channels") }
    try checkChannels(call, 1...4)
    func parameter(_ index: Int) throws(DataError) -> Tensor { channels(try call.tensor(index), x) }
    let deviation = sqrt(try parameter(4) + (call.node.float("epsilon") ?? 1e-5))
    let normal = (x - (try parameter(3))) / deviation
    return [call.like(0, normal * (try parameter(1)) + (try parameter(2)))]
  }

  /// Makes sure that some inputs have a value for each channel, axis 1.
  private static func checkChannels(_ call: ONNXCall, _ inputs: ClosedRange<Int>) throws(DataError) {
    let channels = try call.tensor(0).shape[1]
    for index in inputs { try call.checkShape(index, [channels], "its input \(index)") }
  }

  /// A value for each channel, ready to meet `x`.
  private static func channels(_ values: Tensor, _ x: Tensor) -> Tensor {
    values.reshaped([values.count] + Array(repeating: 1, count: x.rank - 2))
  }
}
