extension Sequential {
  /// Throws where an input from outside the program does not fit the model: in its shape, in its steps, or as tokens of
  /// an ``Embedding``. What has passed this check does not stop ``predict(_:lengths:steps:batchSize:)``.
  ///
  /// - Parameters:
  ///   - input: what is to be predicted from, the examples first.
  ///   - steps: which steps of it there are.
  /// - Throws: ``LayerError`` with the shape that was given and the shape that is taken.
  public func check(_ input: Tensor, steps: Steps = Steps()) throws(LayerError) {
    if let problem = problem(withInputOf: input.shape) { throw LayerError(problem) }
    guard steps.layout == .batchFirst else {
      throw LayerError("the input has the time first, and the examples come first")
    }
    let count = input.shape[0]
    let time = input.rank > 1 ? input.shape[1] : 1
    if let lengths = steps.lengths {
      guard lengths.count == count, lengths.allSatisfy({ (0...time).contains($0) }) else {
        throw LayerError("the lengths do not fit \(count) sequences of \(time) steps")
      }
    }
    for (name, flags) in [("present", steps.present), ("resets", steps.resets)] {
      guard let flags else { continue }
      guard flags.count == count, flags.allSatisfy({ $0.count == time }) else {
        throw LayerError("'\(name)' does not fit \(count) sequences of \(time) steps")
      }
    }
    try checkTokens(input)
  }

  /// Throws where the first layer would look for tokens that it does not have.
  private func checkTokens(_ input: Tensor) throws(LayerError) {
    if let model = layers.first as? Sequential { return try model.checkTokens(input) }
    _ = try (layers.first as? Embedding)?.indices(in: input)
  }

  /// Why inputs of a shape are none for the model, or nil.
  ///
  /// - Parameter isWindow: whether the input is a part of longer sequences.
  func problem(withInputOf shape: [Int], isWindow: Bool = false) -> String? {
    guard !inputShape.isEmpty else { return nil }
    let fits =
      shape.count == inputShape.count
      && zip(shape, inputShape).enumerated().allSatisfy { axis, sizes in
        axis == 0 || sizes.1 == nil || sizes.0 == sizes.1 || isWindow && axis == 1
      }
    if fits { return nil }
    let hint =
      shape.count == inputShape.count - 1 ? "; a single example has a batch of 1, \([1] + shape)" : ""
    return "the input has shape \(shape), and the model takes \(shapeText(inputShape))\(hint)"
  }
}
