import Refrain
import RefrainData

/// The function of a simple recurrent network.
public enum ElmanFunction: String, CaseIterable, Sendable {
  /// The hyperbolic tangent.
  case tanh
  /// The rectifier.
  case relu
}

/// Which steps of a bidirectional layer's outputs what follows it sees.
public enum LastSteps: String, CaseIterable, Sendable {
  /// Each direction's own last step: PyTorch's `h_n` of both.
  case both
  /// The outputs at the last step, of which the backward direction has read one step alone: `output[:, -1]`.
  case step
}

/// What a state dictionary does not say of the model that it belongs to.
public struct StateAssumptions: Sendable {
  /// What the last recurrent layer gives.
  public var returning: Returning
  /// The function of an `nn.RNN`; nil is what the file says, or tanh.
  public var function: ElmanFunction?
  /// The keys of dictionaries to go into, joined by dots.
  public var key: String?
  /// Which last steps of both directions go on; nil is `both`.
  public var last: LastSteps?
  /// The functions that follow modules, by the modules' names.
  public var activations: [String: ActivationFunction]

  /// Makes assumptions.
  public init(
    returning: Returning = .lastStep, function: ElmanFunction? = nil, key: String? = nil, last: LastSteps? = nil,
    activations: [String: ActivationFunction] = [:]
  ) {
    self.returning = returning
    self.function = function
    self.key = key
    self.last = last
    self.activations = activations
  }
}

/// A model that was made from weights alone.
public struct InferredModel: Sendable {
  /// The model, with the weights.
  public var model: Sequential
  /// The modules of the state dictionary, one for each layer of the model that has weights, by the layer's number: what
  /// `StateDictionary(_:naming:cells:)` wants to give the layers their names back.
  public var naming: [String: String]
  /// The layers that are cells in the state dictionary, such as `nn.LSTMCell`.
  public var cells: Set<String>
  /// What a state dictionary does not say, and what was assumed, in words.
  public var notes: [String]
  /// Those of the notes on which the answers of the model depend: the functions between layers, and which steps go on.
  public var openQuestions: [String] = []
}

extension ActivationFunction {
  /// The function of this name, as PyTorch, Keras or Refrain call it: `relu`, `ReLU`, `leaky_relu`, `softmax`, ….
  public init?(named name: String) {
    let plain = name.lowercased().filter { $0.isLetter || $0.isNumber }
    let found = Activation.allCases.first { $0.rawValue.lowercased() == plain }
    switch (found, plain) {
    case (let activation?, _): self.init(activation)
    case (nil, "relu6"): self.init(.cappedReLU)
    case (nil, "swish"): self.init(.silu)
    case (nil, "linear"), (nil, "none"): self.init(.identity)
    case (nil, "exp"): self.init(.exponential)
    default: return nil
    }
  }

  /// The function of a module of PyTorch's; nil where it is none.
  init?(_ module: TorchModule) {
    func float(_ name: String) -> Float? { module.number(name).map { Float($0) } }
    switch module.kind {
    case "ReLU", "Tanh", "Sigmoid", "SELU", "Softplus", "Softsign", "SiLU", "Mish", "Hardtanh", "Hardswish",
      "Hardsigmoid", "ReLU6", "Softmax", "LogSoftmax", "Identity":
      self.init(named: module.kind == "Identity" ? "identity" : module.kind)
    case "GELU": self.init(module.attributes["approximate"] == "tanh" ? .gelu : .geluExact)
    case "LeakyReLU": self.init(.leakyReLU, alpha: float("negative_slope") ?? 0.01)
    case "ELU": self.init(.elu, alpha: float("alpha") ?? 1)
    default: return nil
    }
  }
}
