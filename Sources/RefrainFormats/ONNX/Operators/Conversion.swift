import Refrain
import RefrainData

// Cast and its kin.

extension ONNXOperators {
  static let conversion: [ONNXOperator] = [
    ONNXOperator("Cast", ["to": .integer, "saturate": .integer, "round_mode": .string], check: checkCast) {
      call throws(DataError) in
      guard let type = targetType(of: call.node) else { throw call.fault("its type is not supported") }
      return [try call.cast(to: type)]
    },
    ONNXOperator("CastLike", inputs: 2...2, ["saturate": .integer, "round_mode": .string]) { call throws(DataError) in
      [try call.cast(to: try call.input(1).type)]
    },
    ONNXOperator("Identity") { call throws(DataError) in [try call.input(0)] },
  ]

  private static func targetType(of node: ONNXNode) -> ElementType? {
    node.integer("to").flatMap { Int32(exactly: $0) }.flatMap { ElementType(onnx: $0) }
  }

  @Sendable private static func checkCast(_ node: ONNXNode) throws(DataError) {
    guard targetType(of: node) != nil else {
      let number = node.integer("to").flatMap { Int32(exactly: $0) } ?? 0
      throw node.unsupported("its type \(ElementType.onnxName(of: number)) is not supported")
    }
  }
}

extension ONNXCall {
  /// Input 0 as another type, which may take eight times the memory.
  fileprivate func cast(to type: ElementType) throws(DataError) -> ONNXValue {
    let value = try input(0)
    if type != value.type { try checkSize(value.shape, of: type) }
    return value.cast(to: type)
  }
}

extension ONNXValue {
  /// The values as another type: floats lose their fraction, and go to the nearest number that a type of whole numbers
  /// has. Gradients flow from floats to floats.
  func cast(to type: ElementType) -> ONNXValue {
    if type == self.type { return self }
    if type.isFloat {
      let tensor = asTensor
      switch type {
      case .float16: return ONNXValue(tensor.map(derivative: { _ in 1 }) { float(half: half($0)) }, type: type)
      case .bfloat16:
        return ONNXValue(tensor.map(derivative: { _ in 1 }) { float(bfloat16: bfloat16($0)) }, type: type)
      default: return ONNXValue(tensor, type: type)
      }
    }
    if type == .bool {
      switch content {
      case .floats(let tensor): return ONNXValue(tensor.values.map { $0 != 0 }, shape: shape)
      case .integers(let values): return ONNXValue(values.map { $0 != 0 }, shape: shape)
      case .booleans, .sequence: return self
      }
    }
    switch content {
    case .floats(let tensor):
      return ONNXValue(tensor.values.map { Int(saturating: $0) }, shape: shape, type: type)
    case .integers(let values): return ONNXValue(values, shape: shape, type: type)
    case .booleans(let values): return ONNXValue(values.map { $0 ? 1 : 0 }, shape: shape, type: type)
    case .sequence: return self
    }
  }
}

extension Int {
  /// The whole part of a float; the nearest Int where it is outside, and 0 for what is not a number.
  init(saturating value: Float) {
    if value.isNaN {
      self = 0
    } else {
      self = Int(exactly: value.rounded(.towardZero)) ?? (value < 0 ? .min : .max)
    }
  }
}
