import Refrain
import RefrainData

// The functions of layers, as operators and as the activations of recurrent ones.

/// An activation with its two numbers, of which not all use any.
struct ONNXActivation: Sendable, Hashable {
  enum Function: String, CaseIterable, Sendable {
    case affine, relu, leakyrelu, thresholdedrelu, tanh, scaledtanh, sigmoid, hardsigmoid, elu, softsign, softplus

    /// What alpha and beta are where nothing is said; nil where the function has no such number.
    var defaults: (alpha: Float?, beta: Float?) {
      switch self {
      case .affine: (1, 0)
      case .leakyrelu: (0.01, nil)
      case .thresholdedrelu, .elu: (1, nil)
      case .scaledtanh: (1, 1)
      case .hardsigmoid: (0.2, 0.5)
      case .relu, .tanh, .sigmoid, .softsign, .softplus: (nil, nil)
      }
    }
  }

  /// Whether a recurrent layer must say its numbers, as ONNX does not, and other programs assume different ones.
  static func mustSay(_ function: Function) -> (alpha: Bool, beta: Bool) {
    switch function {
    case .affine, .thresholdedrelu: (true, false)
    case .scaledtanh: (true, true)
    default: (false, false)
    }
  }

  var function: Function
  var alpha: Float = 0
  var beta: Float = 0

  /// An activation with the defaults unless something is given.
  init(_ function: Function, alpha: Float? = nil, beta: Float? = nil) {
    self.function = function
    self.alpha = alpha ?? function.defaults.alpha ?? 0
    self.beta = beta ?? function.defaults.beta ?? 0
  }

  /// The function that it is in Refrain.
  var general: ActivationFunction {
    let activation: Activation =
      switch function {
      case .affine: .affine
      case .relu: .relu
      case .leakyrelu: .leakyReLU
      case .thresholdedrelu: .thresholdedReLU
      case .tanh: .tanh
      case .scaledtanh: .scaledTanh
      case .sigmoid: .sigmoid
      case .hardsigmoid: .hardSigmoidLinear
      case .elu: .elu
      case .softsign: .softsign
      case .softplus: .softplus
      }
    return ActivationFunction(activation, alpha: alpha, beta: beta)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { general(x) }
}

extension ONNXOperators {
  /// An operator that is an activation; the attributes are the numbers that the function has.
  private static func activation(
    _ name: String, _ function: ONNXActivation.Function, alpha: Float? = nil
  ) -> ONNXOperator {
    var attributes: [String: ONNXAttribute.Kind] = [:]
    if function.defaults.alpha != nil { attributes["alpha"] = .float }
    if function.defaults.beta != nil { attributes["beta"] = .float }
    return ONNXOperator(name, attributes) { call throws(DataError) in
      let numbers = (call.node.float("alpha") ?? alpha, call.node.float("beta"))
      return [call.like(0, ONNXActivation(function, alpha: numbers.0, beta: numbers.1)(try call.tensor(0)))]
    }
  }

  static let activations: [ONNXOperator] = [
    activation("Sigmoid", .sigmoid),
    activation("Tanh", .tanh),
    activation("LeakyRelu", .leakyrelu),
    activation("ThresholdedRelu", .thresholdedrelu),
    activation("HardSigmoid", .hardsigmoid),
    activation("Elu", .elu),
    activation("Softsign", .softsign),
    activation("Softplus", .softplus),
    unary("Relu", integers: { max($0, 0) }, { relu($0) }),
    unary("HardSwish") { $0 * ONNXActivation(.hardsigmoid, alpha: 1 / 6, beta: 0.5)($0) },
    unary("Mish") { $0 * tanh(softplus($0)) },
    ONNXOperator("Selu", ["alpha": .float, "gamma": .float]) { call throws(DataError) in
      let elu = ONNXActivation(.elu, alpha: call.node.float("alpha") ?? 1.67326319217681884765625)
      return [call.like(0, elu(try call.tensor(0)) * (call.node.float("gamma") ?? 1.05070102214813232421875))]
    },
    ONNXOperator("Celu", ["alpha": .float]) { call throws(DataError) in
      let alpha = call.node.float("alpha") ?? 1
      guard alpha != 0 else { throw call.fault("its alpha is 0") }
      return [call.like(0, ONNXActivation(.elu, alpha: 1)(try call.tensor(0) / alpha) * alpha)]
    },
    ONNXOperator("Swish", ["alpha": .float]) { call throws(DataError) in
      let x = try call.tensor(0)
      return [call.like(0, x * sigmoid(x * (call.node.float("alpha") ?? 1)))]
    },
    ONNXOperator("Gelu", ["approximate": .string], check: checkGelu) { call throws(DataError) in
      let x = try call.tensor(0)
      return [call.like(0, call.node.string("approximate") == "tanh" ? gelu(x) : geluExact(x))]
    },
    ONNXOperator("PRelu", inputs: 2...2) { call throws(DataError) in
      let (x, slope) = (try call.tensor(0), try call.tensor(1))
      guard try call.broadcast(x.shape, slope.shape, of: .float32) == x.shape else {
        throw call.fault("its slope of shape \(slope.shape) does not fit an input of shape \(x.shape)")
      }
      return [call.like(0, select(greater(x, Tensor(0)), x, x * slope))]
    },
  ]

  @Sendable private static func checkGelu(_ node: ONNXNode) throws(DataError) {
    guard ["none", "tanh"].contains(node.string("approximate") ?? "none") else {
      throw node.unsupported("its approximation is not supported")
    }
  }

  static let softmax: [ONNXOperator] = [
    ONNXOperator("Softmax", ["axis": .integer]) { call throws(DataError) in [try rows(call) { $0.softmax() }] },
    ONNXOperator("LogSoftmax", ["axis": .integer]) { call throws(DataError) in [try rows(call) { $0.logSoftmax() }] },
    ONNXOperator("Hardmax", ["axis": .integer]) { call throws(DataError) in
      [
        try rows(call) { x in
          let (chosen, width) = (x.argmax(), x.shape[1])
          return Tensor(chosen.flatMap { row in (0..<width).map { $0 == row ? Float(1) : 0 } }, shape: x.shape)
        }
      ]
    },
  ]

  /// A function along an axis; before operator set 13 along all axes from that one on together.
  private static func rows(_ call: ONNXCall, _ function: (Tensor) -> Tensor) throws(DataError) -> ONNXValue {
    let x = try call.tensor(0)
    let isOld = call.node.opset < 13
    if x.rank == 0 { return call.like(0, function(x.reshaped([1, 1])).reshaped([])) }
    let given = call.node.integer("axis") ?? (isOld ? 1 : -1)
    // The end is an axis too where all from it on are taken together.
    let axis = isOld && given == x.rank ? given : try call.axis(given, rank: x.rank)
    if x.count == 0 { return call.like(0, x) }
    if isOld {
      let width = x.shape[axis...].reduce(1, *)
      return call.like(0, function(x.reshaped([x.count / width, width])).reshaped(x.shape))
    }
    let order = x.shape.indices.filter { $0 != axis } + [axis]
    let inverse = order.indices.sorted { order[$0] < order[$1] }
    let turned = x.transposed(order)
    let width = x.shape[axis]
    return call.like(
      0, function(turned.reshaped([x.count / width, width])).reshaped(turned.shape).transposed(inverse))
  }
}
