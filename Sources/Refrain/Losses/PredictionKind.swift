/// The kind of prediction that a loss or metric takes.
public enum PredictionKind: Sendable {
  /// Values of any kind.
  case values
  /// Scores before a sigmoid or softmax, which the loss applies itself.
  case logits
  /// Probabilities of classes that add up to 1, as a softmax gives them.
  case probabilities

  /// Why predictions that have gone through `activation` last are not of this kind, and what to do; nil when they may
  /// be.
  func problem(after activation: Activation?, of measure: String) -> String? {
    switch (self, activation) {
    case (.logits, .sigmoid), (.logits, .softmax):
      """
      \(measure) takes logits, and the model's output has gone through \(activation ?? .identity): take it \
      out of the model, and apply it to what is predicted
      """
    case (.probabilities, let activation?) where activation != .softmax:
      """
      \(measure) takes probabilities, and the model's output has gone through \(activation), not softmax: give the \
      last layer the activation softmax, or choose crossEntropy, which takes logits
      """
    default: nil
    }
  }
}
