import Refrain
import RefrainData

// Functions of each value: of the layer before them where it has one of its own, else layers.

extension ONNXLayerImport {
  /// The function that a node with one input is, with its numbers; nil where it is none, or one without numbers.
  func function(_ node: ONNXNode) -> ActivationFunction? {
    func bound(_ index: Int) -> Float? {
      guard node.inputs.count > index, let tensor = constant(node, index)?.tensor, tensor.count == 1 else { return nil }
      return tensor.values[0]
    }
    switch node.operation {
    case "Elu": return ActivationFunction(.elu, alpha: node.float("alpha"))
    case "Selu": return node.float("alpha") == nil && node.float("gamma") == nil ? ActivationFunction(.selu) : nil
    case "Softsign": return ActivationFunction(.softsign)
    case "Exp": return ActivationFunction(.exponential)
    case "LeakyRelu": return ActivationFunction(.leakyReLU, alpha: node.float("alpha"))
    case "ThresholdedRelu": return ActivationFunction(.thresholdedReLU, alpha: node.float("alpha"))
    case "HardSigmoid":
      let linear = ActivationFunction(.hardSigmoidLinear, alpha: node.float("alpha"), beta: node.float("beta"))
      let isSixth = abs(linear.alpha - 1 / 6) < 1e-7 && linear.beta == 0.5
      return isSixth ? ActivationFunction(.hardSigmoid) : linear
    case "Clip":
      switch (bound(1), bound(2)) {
      case (0, let most?): return ActivationFunction(.cappedReLU, alpha: most)
      case (-1, 1): return ActivationFunction(.hardTanh)
      default: return nil
      }
    default: return nil
    }
  }

  /// A function of the last layer's output; one with numbers of its own is a layer.
  func activated(_ stream: ONNXStream, _ function: ActivationFunction, at slot: Int) -> ONNXStream? {
    function.isUsual
      ? activated(stream, function.activation, at: slot)
      : stream.adding(.other(Activate(function), isPerStep: true), at: slot)
  }

  /// A function of the last layer's output.
  func activated(_ stream: ONNXStream, _ activation: Activation, at slot: Int) -> ONNXStream? {
    let isRow = stream.axes.last == .feature
    switch stream.layers.last {
    case .dense(let weight, let bias, .identity) where isRow:
      return stream.replacingLast(.dense(weight: weight, bias: bias, activation: activation), at: slot)
    case .other(let layer as Conv1D, let isPerStep) where isRow && layer.configuration.activation == .identity:
      var configuration = layer.configuration
      configuration.activation = activation
      var activated = Conv1D(configuration)
      (activated.weight, activated.bias) = (layer.weight, layer.bias)
      return stream.replacingLast(.other(activated, isPerStep: isPerStep), at: slot)
    default: return stream.adding(.other(Activate(activation), isPerStep: true), at: slot)
    }
  }

  /// x σ(x).
  func activated(_ node: ONNXNode, _ streams: [ONNXStream]) -> ONNXStream? {
    guard node.operation == "Mul", streams.count == 2, streams[0].axes == streams[1].axes else { return nil }
    let isGated = streams[1].sigmoidOf == streams[0].source
    guard isGated || streams[0].sigmoidOf == streams[1].source else { return nil }
    return activated(isGated ? streams[0] : streams[1], .silu, at: result(of: node))
  }

  /// x σ(x (a x² + b)), the form of GELU with tanh written out as Refrain's export has it.
  func gelu(_ node: ONNXNode) -> ONNXStream? {
    func isOf(_ node: ONNXNode?, _ operation: String, _ slots: Int?...) -> Bool {
      guard let node, node.operation == operation else { return false }
      return zip(node.inputs, slots).allSatisfy { $1 == nil || $0 == $1 }
    }
    guard node.operation == "Mul", node.inputs.count == 2, let x = node.inputs[0], let gate = maker(of: node, 1),
      isOf(gate, "Sigmoid"), let product = maker(of: gate, 0), isOf(product, "Mul", x), let sum = maker(of: product, 1),
      isOf(sum, "Add"), isNearly(sum.inputs[1], 1.595_769_12), let cube = maker(of: sum, 0), isOf(cube, "Mul"),
      isNearly(cube.inputs[1], 0.071_354_816), isOf(maker(of: cube, 0), "Mul", x, x),
      case .stream(let stream) = meanings[x]
    else { return nil }
    return activated(stream, .gelu, at: result(of: node))
  }

  /// ½ x (1 + erf(x / √2)), GELU itself, whatever the order of the three factors.
  func exactGelu(_ node: ONNXNode) -> ONNXStream? {
    guard node.operation == "Mul", node.inputs.count == 2 else { return nil }
    for (one, other) in [(0, 1), (1, 0)] {
      // One of the factors is itself a product of the two others.
      guard let inner = maker(of: node, other), inner.operation == "Mul", inner.inputs.count == 2 else { continue }
      let slots = [node.inputs[one], inner.inputs[0], inner.inputs[1]].compactMap(\.self)
      guard slots.count == 3, let half = slots.firstIndex(where: { isNearly($0, 0.5) }) else { continue }
      let rest = slots.indices.filter { $0 != half }.map { slots[$0] }
      for (x, distribution) in [(rest[0], rest[1]), (rest[1], rest[0])] {
        guard isErrorFunction(distribution, of: x), case .stream(let stream) = meanings[x] else { continue }
        return activated(stream, .geluExact, at: result(of: node))
      }
    }
    return nil
  }

  /// Whether a value is 1 + erf(x / √2).
  private func isErrorFunction(_ slot: Int, of x: Int) -> Bool {
    guard let sum = maker(of: slot), sum.operation == "Add", sum.inputs.count == 2,
      let one = sum.inputs.firstIndex(where: { $0.map { isNearly($0, 1) } ?? false }),
      let error = maker(of: sum, 1 - one), error.operation == "Erf", let scaled = maker(of: error, 0)
    else { return false }
    switch scaled.operation {
    case "Div": return scaled.inputs[0] == x && isNearly(scaled.inputs[1], 1.414_213_56)
    case "Mul":
      guard let place = scaled.inputs.firstIndex(of: x) else { return false }
      return isNearly(scaled.inputs[1 - place], 0.707_106_78)
    default: return false
    }
  }

  /// Whether a value is a constant number, but for rounding.
  private func isNearly(_ slot: Int?, _ number: Float) -> Bool {
    guard let slot, case .constant(let value) = meanings[slot], let tensor = value.tensor, tensor.count == 1 else {
      return false
    }
    return abs(tensor.values[0] - number) < 1e-5
  }
}
