import Refrain

/// A ``Sequential`` that runs on named arrays: `input`, and `lengths` of the sequences where it has any; the output is
/// called `output`.
extension Sequential: RunnableModel {
  /// Whether the first layer wants tokens, and of which vocabulary.
  package var vocabulary: Int? { (layers.first as? Embedding)?.weight.shape[0] }

  /// Whether the second axis of the input is the time.
  package var hasTime: Bool { inputShape.count >= 2 && inputShape[1] == nil }

  /// `input`, and `lengths` where there are sequences.
  public var inputs: [ModelPort] {
    let input = ModelPort(name: "input", type: vocabulary == nil ? .float32 : .int64, shape: inputShape)
    return [input] + (hasTime ? [ModelPort(name: "lengths", type: .int64, shape: [nil], isOptional: true)] : [])
  }

  /// `output`.
  public var outputs: [ModelPort] {
    [ModelPort(name: "output", type: .float32, shape: (try? outputShape(for: inputShape)) ?? [nil])]
  }

  /// The output for an input, and for lengths where they are given.
  ///
  /// - Throws: `wrongInput` when an input is missing, unknown, or does not fit.
  public func run(_ inputs: [String: NumericArray]) throws(DataError) -> [String: NumericArray] {
    try checkNames(inputs)
    guard let input = inputs["input"] else { return [:] }
    let isFitting = zip(input.shape, inputShape).allSatisfy { $1 == nil || $0 == $1 }
    guard input.shape.count == inputShape.count, isFitting else {
      throw DataError(
        .wrongInput, "the input 'input' has shape \(input.shape), the model expects \(self.inputs[0].shapeText)",
        remedy: "reshape it")
    }
    try checkMemory(input.shape)
    let values = Tensor(input)
    if let vocabulary {
      // Programs save tokens as floats, too.
      guard let tokens = values.integers else {
        throw DataError(.wrongInput, "the input 'input' is of type \(input.type.rawValue); tokens are whole numbers")
      }
      if let token = tokens.first(where: { !(0..<vocabulary).contains($0) }) {
        throw DataError(.wrongInput, "the token \(token) is not below the model's vocabulary of \(vocabulary)")
      }
    }
    let lengths = try inputs["lengths"].map { (array) throws(DataError) in
      try checked(lengths: array, batch: input.shape[0], time: input.shape.count > 1 ? input.shape[1] : 0)
    }
    let output = self(values, lengths: lengths)
    return ["output": NumericArray(output.values, shape: output.shape)]
  }

  /// Holds the values between the layers, and the lists of steps, against the memory budget: an input without elements
  /// may have a batch of any size.
  private func checkMemory(_ inputShape: [Int]) throws(DataError) {
    let budget = MemoryBudget.current
    var shape = inputShape.map(Optional.init)
    try budget.take(shape: inputShape, elementSize: 16, for: "an input of shape \(inputShape)")
    for layer in layers {
      guard let next = try? layer.outputShape(for: shape) else { return }
      shape = next
      let sizes = shape.map { $0 ?? 1 }
      try budget.take(shape: sizes, for: "an output of shape \(sizes) for an input of shape \(inputShape)")
    }
  }

  private func checked(lengths: NumericArray, batch: Int, time: Int) throws(DataError) -> [Int] {
    guard case .integers(let values) = lengths.values, lengths.shape == [batch] else {
      throw DataError(
        .wrongInput, "the input 'lengths' has shape \(lengths.shape); the model expects \(batch) whole numbers")
    }
    if let length = values.first(where: { !(0...time).contains($0) }) {
      throw DataError(.wrongInput, "the length \(length) is not between 0 and the input's \(time) steps")
    }
    return values
  }
}
