import Refrain
import RefrainFoundation

/// Examples of a batch mixed with others of it (Zhang et al. 2018, mixup):
///
///     x̃_i = λ x_i + (1 − λ) x_j(i)
///     loss = λ loss(x̃_i, y_i) + (1 − λ) loss(x̃_i, y_j(i))
public struct Mixing: Sendable, Equatable {
  /// j: which example each is mixed with.
  public let order: [Int]
  /// λ: the share of the example itself.
  public let share: Float

  /// What an example gives by itself, and what the one it is mixed with does, in their shares.
  public func mixed(_ own: Tensor, _ other: Tensor) -> Tensor { own * share + other * (1 - share) }

  /// Values `[B, …]` of which each row is mixed with another; a sequence has the steps of the longer one.
  public func mixed(_ input: StepValues) -> StepValues {
    let values = mixed(input.values, input.values.gatheringRows(order))
    guard let lengths = input.steps.lengths else { return StepValues(values, steps: input.steps) }
    return StepValues(values, steps: Steps(lengths: zip(lengths, order).map { max($0, lengths[$1]) }))
  }
}

extension Augmentations {
  /// How a batch of so many examples is mixed; nil where it is not.
  public func mixing(_ count: Int, using generator: inout RandomGenerator) -> Mixing? {
    guard let alpha = self[.mixup] else { return nil }
    let order = generator.permutation(count)
    let (own, other) = (gamma(alpha, &generator), gamma(alpha, &generator))
    return Mixing(order: order, share: own + other > 0 ? Float(own / (own + other)) : 1)
  }
}

/// A number from the gamma distribution of a shape (Marsaglia and Tsang 2000): two of them make one of the beta
/// distribution.
private func gamma(_ shape: Float, _ generator: inout RandomGenerator) -> Double {
  let shape = Double(shape)
  guard shape >= 1 else {
    let lift = pow(1 - Double(generator.uniform()), 1 / shape)
    return gamma(Float(shape) + 1, &generator) * lift
  }
  let d = shape - 1.0 / 3
  let c = 1 / (9 * d).squareRoot()
  while true {
    let x = Double(generator.normal())
    let v = pow(1 + c * x, 3)
    let u = 1 - Double(generator.uniform())
    if v > 0, log(u) < 0.5 * x * x + d * (1 - v + log(v)) { return d * v }
  }
}
