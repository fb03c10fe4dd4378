import Refrain

/// What a state dictionary does not say of the model that it belongs to.
public struct StateAssumptions: Sendable {
  /// What the last recurrent layer gives.
  public var returning: Returning
  /// The function of an `nn.RNN`.
  public var function: ElmanFunction
  /// The keys of dictionaries to go into, joined by dots.
  public var key: String?

  /// Makes assumptions.
  public init(returning: Returning = .lastStep, function: ElmanFunction = .tanh, key: String? = nil) {
    self.returning = returning
    self.function = function
    self.key = key
  }
}
