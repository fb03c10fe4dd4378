import Refrain

extension Dense: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    let product = graph.matrixProduct(input, graph.weight(joined(name, "weight"), weight.transposed))
    let sums = graph.sum(product, graph.weight(joined(name, "bias"), bias))
    return configuration.activation.export(sums, to: &graph)
  }
}

extension Activation {
  /// Adds the function, with its usual numbers, to a graph.
  func export(_ x: ONNXGraphValue, to graph: inout ONNXGraphBuilder) -> ONNXGraphValue {
    ActivationFunction(self).export(x, to: &graph)
  }
}

extension ActivationFunction {
  /// Adds the function to a graph.
  func export(_ x: ONNXGraphValue, to graph: inout ONNXGraphBuilder) -> ONNXGraphValue {
    /// x within 0 … 1.
    func hardSigmoid(_ alpha: Float, _ beta: Float) -> ONNXGraphValue {
      graph.add("HardSigmoid", [x], ["alpha": .float(alpha), "beta": .float(beta)])
    }
    switch activation {
    case .identity: return x
    case .tanh: return graph.add("Tanh", [x])
    case .sigmoid: return graph.add("Sigmoid", [x])
    case .relu: return graph.add("Relu", [x])
    case .softplus: return graph.add("Softplus", [x])
    case .silu: return graph.product(x, graph.add("Sigmoid", [x]))
    case .softmax: return graph.add("Softmax", [x], ["axis": .integer(-1)])
    case .logSoftmax: return graph.add("LogSoftmax", [x], ["axis": .integer(-1)])
    case .elu: return graph.add("Elu", [x], ["alpha": .float(alpha)])
    case .selu: return graph.add("Selu", [x])
    case .softsign: return graph.add("Softsign", [x])
    case .exponential: return graph.add("Exp", [x])
    case .hardSigmoid: return hardSigmoid(1 / 6, 0.5)
    case .hardSigmoidLinear: return hardSigmoid(alpha, beta)
    case .hardTanh: return graph.add("Clip", [x, graph.scalar(-1), graph.scalar(1)])
    case .hardSwish: return graph.product(x, hardSigmoid(1 / 6, 0.5))
    case .leakyReLU: return graph.add("LeakyRelu", [x], ["alpha": .float(alpha)])
    case .cappedReLU: return graph.add("Clip", [x, graph.scalar(0), graph.scalar(alpha)])
    case .thresholdedReLU: return graph.add("ThresholdedRelu", [x], ["alpha": .float(alpha)])
    case .scaledTanh:
      return graph.product(graph.add("Tanh", [graph.product(x, graph.scalar(beta))]), graph.scalar(alpha))
    case .affine: return graph.sum(graph.product(x, graph.scalar(alpha)), graph.scalar(beta))
    case .mish: return graph.product(x, graph.add("Tanh", [graph.add("Softplus", [x])]))
    case .gelu:
      if graph.options.opset >= 20 { return graph.add("Gelu", [x], ["approximate": .text("tanh")]) }
      // x σ(√(8/π) (x + 0.044715 x³)), which is the form with tanh.
      let square = graph.product(x, x)
      let factor = graph.sum(graph.product(square, graph.scalar(0.071_354_816)), graph.scalar(1.595_769_12))
      return graph.product(x, graph.add("Sigmoid", [graph.product(x, factor)]))
    case .geluExact:
      if graph.options.opset >= 20 { return graph.add("Gelu", [x]) }
      let distribution = graph.sum(graph.add("Erf", [graph.product(x, graph.scalar(0.707_106_78))]), graph.scalar(1))
      return graph.product(graph.product(x, graph.scalar(0.5)), distribution)
    }
  }
}
