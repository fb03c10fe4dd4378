/// What a model is judged by while it trains, and never learns from.
public enum Validation: Sendable {
  /// A part of the examples, such as 0.2, chosen at random by the seed.
  case fraction(Double)
  /// A part of the examples at the end, such as 0.2: for a series, whose future must not be known.
  case tail(Double)
  /// Examples of its own.
  case data(Tensor, Tensor, lengths: [Int]? = nil, steps: Steps = Steps(), weights: Tensor? = nil)

  /// Divides examples into those to learn from and those to judge by, each in their given order.
  func split(_ examples: Batch, seed: UInt64) throws(TrainingError) -> (training: Batch, validation: Batch) {
    let count = examples.count
    func heldOut(_ part: Double) throws(TrainingError) -> Int {
      require(part > 0 && part < 1, "the part for validation is \(part), and must be inside 0…1")
      guard count > 1 else {
        throw .noExamples("\(count) examples cannot be divided into some to learn from and some to validate with")
      }
      return Swift.min(count - 1, Swift.max(1, Int((Double(count) * part).rounded())))
    }
    switch self {
    case .fraction(let part):
      let size = try heldOut(part)
      var generator = RandomGenerator(seed: seed ^ 0x5EED_0F_5911)
      let order = generator.permutation(count)
      return (examples.selecting(order[size...].sorted()), examples.selecting(order[..<size].sorted()))
    case .tail(let part):
      let boundary = count - (try heldOut(part))
      return (examples.slice(0..<boundary), examples.slice(boundary..<count))
    case .data(let input, let target, let lengths, let steps, let weights):
      return (examples, Batch(input, target, steps: steps.with(lengths: lengths), weights: weights))
    }
  }
}
