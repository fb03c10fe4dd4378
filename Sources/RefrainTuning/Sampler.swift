import Refrain

/// What is known of a trial when the next one is chosen: where it was, and how it ended.
public struct Observation: Sendable {
  /// What was chosen, in the order of the space's parameters.
  public var values: [ParameterValue]
  /// What came out: less is better.
  public var loss: Double

  /// A trial that has ended.
  public init(values: [ParameterValue], loss: Double) {
    self.values = values
    self.loss = loss
  }
}

/// Chooses where to look next. The same seed and observations give the same choice.
public protocol Sampler: Sendable {
  /// The values of the next trial, in the order of the space's parameters.
  ///
  /// - Parameters:
  ///   - space: What may be chosen.
  ///   - observations: The trials that have ended.
  ///   - running: Those that have not, which are better not repeated.
  ///   - generator: What chance comes from.
  func next(
    in space: SearchSpace, after observations: [Observation], running: [[ParameterValue]],
    using generator: inout RandomGenerator
  ) -> [ParameterValue]
}

/// Evenly at random.
public struct RandomSampler: Sampler {
  /// A sampler.
  public init() {}

  public func next(
    in space: SearchSpace, after observations: [Observation], running: [[ParameterValue]],
    using generator: inout RandomGenerator
  ) -> [ParameterValue] { space.parameters.map { $0.domain.value(at: Double(generator.uniform())) } }
}
