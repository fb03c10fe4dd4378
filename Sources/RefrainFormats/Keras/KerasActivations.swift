import Refrain
import RefrainData

extension ActivationFunction {
  /// The function of this name in Keras, or nil.
  ///
  /// - Parameter isKeras3: whether the file is of Keras 3, whose `hard_sigmoid` is another function than before.
  init?(kerasName: String, isKeras3: Bool) {
    switch kerasName {
    case "linear": self.init(.identity)
    case "swish", "silu": self.init(.silu)
    case "gelu": self.init(.geluExact)
    case "elu", "celu": self.init(.elu)
    case "hard_sigmoid": self.init(isKeras3 ? .hardSigmoid : .hardSigmoidLinear)
    case "hard_tanh": self.init(.hardTanh)
    case "hard_silu", "hard_swish": self.init(.hardSwish)
    case "leaky_relu": self.init(.leakyReLU, alpha: 0.2)
    case "relu6": self.init(.cappedReLU)
    case "log_softmax": self.init(.logSoftmax)
    case "tanh", "sigmoid", "relu", "softplus", "softmax", "selu", "softsign", "exponential", "mish":
      guard let activation = Activation(rawValue: kerasName) else { return nil }
      self.init(activation)
    default: return nil
    }
  }

  /// The name in Keras 3.
  ///
  /// - Throws: for functions and numbers that Keras has no name for.
  func kerasName() throws(LayerError) -> JSONValue {
    if self == ActivationFunction(.leakyReLU, alpha: 0.2) { return "leaky_relu" }
    guard isUsual else {
      throw LayerError("Keras has no name for \(activation) with other numbers than the usual ones")
    }
    return try activation.kerasName()
  }
}

extension Activation {
  /// The name in Keras 3.
  ///
  /// - Throws: for functions that have another name, or none: Keras' `gelu` means the exact one.
  func kerasName() throws(LayerError) -> JSONValue {
    switch self {
    case .identity: "linear"
    case .geluExact: "gelu"
    case .hardSigmoid: "hard_sigmoid"
    case .hardTanh: "hard_tanh"
    case .hardSwish: "hard_silu"
    case .logSoftmax: "log_softmax"
    case .tanh, .sigmoid, .relu, .softplus, .silu, .softmax, .elu, .selu, .softsign, .exponential, .mish:
      .string(rawValue)
    case .gelu: throw LayerError("the activation gelu is another function in Keras, which is geluExact here")
    case .cappedReLU: "relu6"
    case .hardSigmoidLinear:
      throw LayerError("Keras 3 has no hard sigmoid of the slope 0.2, as Keras 2 had; hardSigmoid is the one it has")
    case .leakyReLU, .thresholdedReLU, .scaledTanh, .affine:
      throw LayerError("Keras has no activation of the name \(rawValue)")
    }
  }
}

extension KerasOptions {
  /// A function of each value; the identity, or `standard`, where nothing is said.
  mutating func function(
    _ name: String = "activation", default standard: Activation = .identity
  ) -> ActivationFunction {
    let value = self[name]
    if value == .null { return ActivationFunction(standard) }
    if let function = function(of: value) { return function }
    note("\(name) is \(String(value.text.prefix(40)).onOneLine), which Refrain has not")
    return ActivationFunction(.identity)
  }

  /// The function that a name, or a description of one, stands for.
  private func function(of value: JSONValue) -> ActivationFunction? {
    if let name = value.string { return ActivationFunction(kerasName: name, isKeras3: version >= 3) }
    let config = value["config"]
    switch value["class_name"].string {
    case "function": return (config.string ?? config["name"].string).flatMap { function(of: .string($0)) }
    case "Activation": return config["activation"].string.flatMap { function(of: .string($0)) }
    case let name?:
      var options = KerasOptions(name, config, version: version)
      let function = options.rectifier(name)
      return options.problems.isEmpty ? function : nil
    case nil: return nil
    }
  }

  /// The function of a layer that is nothing else.
  mutating func rectifier(_ kerasClass: String) -> ActivationFunction? {
    switch kerasClass {
    case "LeakyReLU":
      return ActivationFunction(.leakyReLU, alpha: number("negative_slope") ?? number("alpha") ?? 0.3)
    case "ELU": return ActivationFunction(.elu, alpha: number("alpha") ?? 1)
    case "ThresholdedReLU": return ActivationFunction(.thresholdedReLU, alpha: number("theta") ?? 1)
    case "Softmax": return ActivationFunction(.softmax)
    case "ReLU":
      let (slope, threshold) = (number("negative_slope") ?? 0, number("threshold") ?? 0)
      switch (number("max_value"), slope, threshold) {
      case (nil, 0, 0): return ActivationFunction(.relu)
      case (nil, 0, let threshold): return ActivationFunction(.thresholdedReLU, alpha: threshold)
      case (nil, let slope, 0): return ActivationFunction(.leakyReLU, alpha: slope)
      case (let most?, 0, 0): return ActivationFunction(.cappedReLU, alpha: most)
      default:
        note("max_value, negative_slope and threshold together are a function that Refrain has not")
        return ActivationFunction(.relu)
      }
    case "Rescaling":
      guard let scale = number("scale") else { return nil }
      return ActivationFunction(.affine, alpha: scale, beta: number("offset") ?? 0)
    default: return nil
    }
  }

  /// A number, alone or as an array of none or one.
  private func number(_ name: String) -> Float? {
    let value = self[name]["value"] == .null ? self[name] : self[name]["value"]
    return (value.array.flatMap { $0.count == 1 ? $0[0] : nil } ?? value).number.map { Float($0) }
  }
}
