/// Why training could not go on.
public struct TrainingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What kind of failure it is.
  public struct Code: Sendable, Equatable {
    private let name: String
    /// A loss, a gradient or a weight became infinite or not a number.
    public static let notFinite = Code(name: "notFinite")
    /// There was nothing to learn from.
    public static let noExamples = Code(name: "noExamples")
    /// The examples could not be read.
    public static let unreadableData = Code(name: "unreadableData")
    /// The gradient could not be exchanged.
    public static let exchangeFailed = Code(name: "exchangeFailed")
    /// An observer failed, such as one that could not write its file.
    public static let observerFailed = Code(name: "observerFailed")
    /// Training cannot go on from the state that was given.
    public static let stateDoesNotFit = Code(name: "stateDoesNotFit")
    /// What was asked for does not go with the way in which this model is trained.
    public static let unsuitableOption = Code(name: "unsuitableOption")
  }

  /// The kind of fault, for programs.
  public let code: Code
  /// The epoch, from 1.
  public let epoch: Int?
  /// The step within the epoch, from 1.
  public let step: Int?
  /// Where the first value that is not finite was found, such as `the gradient of 0.weight_hh_l0`.
  public let place: String?
  /// One line: when, what, where and what to do.
  public let description: String

  /// A failure of a part of training that is one's own: a source of data, an exchange, an observer.
  ///
  /// - Parameters:
  ///   - code: what kind of failure it is.
  ///   - description: one line: what, where and what to do.
  public init(_ code: Code, _ description: String) {
    self.init(code: code, epoch: nil, step: nil, place: nil, description: description)
  }

  private init(code: Code, epoch: Int?, step: Int?, place: String?, description: String) {
    self.code = code
    self.epoch = epoch
    self.step = step
    self.place = place
    self.description = description
  }

  /// The place where numbers went astray.
  ///
  /// - Parameters:
  ///   - subject: what was found not to be finite, such as `the loss`.
  ///   - place: where the first such value is, if that is known.
  ///   - isData: whether the examples are to blame, not the training.
  static func notFinite(
    _ subject: String, epoch: Int, step: Int? = nil, place: String?, isData: Bool = false
  ) -> TrainingError {
    let time = "epoch \(epoch)" + (step.map { ", step \($0)" } ?? "")
    let first = place.map { "; first in \($0)" } ?? ""
    let advice = isData ? "replace missing or infinite values" : "lower the learning rate or clip gradients"
    return TrainingError(
      code: .notFinite, epoch: epoch, step: step, place: place,
      description: "\(time): \(subject) is not finite\(first); \(advice)")
  }

  static func noExamples(_ description: String, epoch: Int? = nil) -> TrainingError {
    TrainingError(code: .noExamples, epoch: epoch, step: nil, place: nil, description: description)
  }
}
