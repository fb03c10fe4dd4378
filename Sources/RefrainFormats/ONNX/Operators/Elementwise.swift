import Refrain
import RefrainData
import RefrainFoundation

// Functions of one value, element by element.

extension ONNXOperators {
  /// A function of floats.
  static func unary(_ name: String, _ function: @escaping @Sendable (Tensor) -> Tensor) -> ONNXOperator {
    ONNXOperator(name) { call throws(DataError) in [call.like(0, function(try call.tensor(0)))] }
  }

  /// The same by its scalar form; without a derivative no gradient flows.
  static func unary(
    _ name: String, derivative: (@Sendable (Float) -> Float)?, _ function: @escaping @Sendable (Float) -> Float
  ) -> ONNXOperator {
    unary(name) { $0.map(derivative: derivative, function) }
  }

  /// A function of floats that whole numbers have too; what it makes of these wraps around.
  static func unary(
    _ name: String, integers: @escaping @Sendable (Int) -> Int, _ function: @escaping @Sendable (Tensor) -> Tensor
  ) -> ONNXOperator {
    ONNXOperator(name) { call throws(DataError) in
      let value = try call.input(0)
      if let whole = value.integers { return [ONNXValue(whole.map(integers), shape: value.shape, type: value.type)] }
      return [call.like(0, function(try call.tensor(0)))]
    }
  }

  static let elementwise: [ONNXOperator] = [
    unary("Neg", integers: { 0 &- $0 }, { -$0 }),
    unary("Abs", integers: { $0 < 0 ? 0 &- $0 : $0 }, { abs($0) }),
    unary("Sign", integers: { $0.signum() }, { $0.map(derivative: nil) { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 } }),
    unary("Sqrt") { sqrt($0) },
    unary("Exp") { exp($0) },
    unary("Log") { log($0) },
    unary("Reciprocal") { $0.reciprocal },
    unary("Floor", derivative: nil) { $0.rounded(.down) },
    unary("Ceil", derivative: nil) { $0.rounded(.up) },
    unary("Round", derivative: nil) { $0.rounded(.toNearestOrEven) },
    unary("Erf", derivative: { 2 / Float.pi.squareRoot() * expf(-$0 * $0) }, { erff($0) }),
    unary("Sin", derivative: { cosf($0) }, { sinf($0) }),
    unary("Cos", derivative: { -sinf($0) }, { cosf($0) }),
    unary("Tan", derivative: { 1 / (cosf($0) * cosf($0)) }, { tanf($0) }),
    unary("Asin", derivative: { 1 / (1 - $0 * $0).squareRoot() }, { asinf($0) }),
    unary("Acos", derivative: { -1 / (1 - $0 * $0).squareRoot() }, { acosf($0) }),
    unary("Atan", derivative: { 1 / (1 + $0 * $0) }, { atanf($0) }),
    unary("Sinh", derivative: { coshf($0) }, { sinhf($0) }),
    unary("Cosh", derivative: { sinhf($0) }, { coshf($0) }),
    unary("Asinh", derivative: { 1 / ($0 * $0 + 1).squareRoot() }, { asinhf($0) }),
    unary("Acosh", derivative: { 1 / ($0 * $0 - 1).squareRoot() }, { acoshf($0) }),
    unary("Atanh", derivative: { 1 / (1 - $0 * $0) }, { atanhf($0) }),
    ONNXOperator("Clip", inputs: 1...3, ["min": .float, "max": .float], learned: [0], run: clip),
    ONNXOperator("IsNaN") { call throws(DataError) in
      let tensor = try call.tensor(0)
      return [ONNXValue(tensor.values.map(\.isNaN), shape: tensor.shape)]
    },
    ONNXOperator("Dropout", inputs: 1...3, outputs: 2, ["ratio": .float, "seed": .integer], run: dropout),
  ]

  /// The bounds are attributes before operator set 11, and inputs from then on.
  @Sendable private static func clip(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let value = try call.input(0)
    if let whole = value.integers {
      let low = try call.optionalIntegers(1)?.first ?? .min
      let high = try call.optionalIntegers(2)?.first ?? .max
      return [ONNXValue(whole.map { min(max($0, low), high) }, shape: value.shape, type: value.type)]
    }
    let low = call.optional(1) == nil ? call.node.float("min") ?? -.infinity : try call.number(1)
    let high = call.optional(2) == nil ? call.node.float("max") ?? .infinity : try call.number(2)
    guard !low.isNaN, !high.isNaN else { throw call.fault("a bound is not a number") }
    let tensor = try call.tensor(0)
    // The lower bound wins over the input, the upper one over both.
    return [call.like(0, low <= high ? tensor.clamped(low...high) : Tensor(repeating: high, shape: tensor.shape))]
  }

  /// Acts in training alone, when the model was exported for it.
  @Sendable private static func dropout(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let value = try call.input(0)
    let rate = call.optional(1) == nil ? call.node.float("ratio") ?? 0.5 : try call.number(1)
    let isTraining = call.optional(2) == nil ? false : try call.booleans(2).first ?? false
    let mask = ONNXValue(Array(repeating: true, count: value.count), shape: value.shape)
    guard isTraining, let tensor = value.tensor else { return [value, mask] }
    guard rate >= 0, rate < 1 else { throw call.fault("its ratio is \(rate), and must be at least 0 and below 1") }
    guard call.node.outputs.count < 2 else { throw call.fault("its mask in training is not supported") }
    return [call.like(0, Refrain.dropout(tensor, rate: rate)), mask]
  }
}
