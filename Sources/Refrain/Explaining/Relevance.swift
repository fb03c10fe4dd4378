extension Attribution {
  /// Layer-wise relevance propagation through gated recurrent layers (Bach et al. 2015; Arras et al. 2017), with ε = 0:
  /// the score is divided among the values of the input, the biases and the initial state. Nothing is compared with,
  /// and the parts add up to the score but for rounding and for layers that are neither linear nor have a twin
  /// (``RelevanceLayer``).
  ///
  /// - Parameters:
  ///   - network: What makes the score.
  ///   - input: `[T, I]`.
  ///   - score: The score of one input `[1, T, I]`, one number, in which recurrent layers are called by their twins.
  public static func relevance<Network: Module>(
    of network: Network, at input: Tensor, score: (_ network: Network, _ input: Tensor) -> Tensor
  ) -> Attribution {
    let one = stack([input])
    let (value, gradient) = valueAndGradient(at: network, one, training: false) { score($0, $1).sum() }
    var parts = ["biases": Float(0), "initial state": Float(0)]
    for ((name, weight), slope) in zip(network.namedTensors, gradient.0.tensors) {
      let own = name.split(separator: ".").last ?? ""
      let part = own.hasPrefix("initial_") ? "initial state" : own.hasPrefix("bias") ? "biases" : nil
      if let part { parts[part]! += (weight * slope).sum().item }
    }
    var attribution = Attribution(values: (gradient.1 * one).at(0, axis: 0).detached, score: value, baselineScore: 0)
    attribution.others = parts.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    return attribution
  }
}
