import Refrain
import RefrainData

/// How any task is kept from learning its examples by heart, and how its gradients are gathered, besides what the task
/// does itself. Nil does nothing.
public struct RegularizationOptions: OptionTable, Codable, Equatable {
  /// Weight decay, L1, a greatest norm, noise on gradients, how many batches make an update; zoneout, what is dropped
  /// of recurrent layers, penalties on what they say; changes of examples.
  public static let options: [TaskOption<Self>] = [
    .decimal(
      "weight-decay", \.weightDecay, in: 0...1000,
      help: "Multiply weights by 1 minus the learning rate times this at each update. (default: 0)"),
    .decimal(
      "l1", \.absolute, in: 0...1000,
      help: "Add this times the sum of the weights' absolute values to the loss. (default: 0)"),
    .decimal(
      "greatest-norm", \.greatestNorm, in: 1e-6...1e6,
      help: "The greatest norm of the weights that go into a unit. (default: none)"),
    .decimal(
      "gradient-noise", \.gradientNoise, in: 0...1000,
      help: "Add noise to gradients, whose variance is this at first and falls. (default: 0)"),
    .count(
      "accumulate", \.accumulation, in: 1...100_000,
      help: "How many batches make an update, as if they were one. (default: 1)"),
    .decimal(
      "zoneout", \.zoneout, in: 0...0.99, valueName: "p",
      help: "Units of the cell state, or else of the hidden state, that keep their value at a step. (default: 0)"),
    .decimal(
      "recurrent-dropout", \.recurrentDropout, in: 0...0.99, valueName: "p",
      help: "Drop what units say to the next step, the same at every step of a sequence. (default: 0)"),
    .decimal(
      "weight-dropout", \.weightDropout, in: 0...0.99, valueName: "p",
      help: "Drop recurrent weights, the same for a batch. (default: 0)"),
    .decimal(
      "activation-penalty", \.activationPenalty, in: 0...1000,
      help: "Hold the outputs of the last recurrent layer small: AR. (default: 0)"),
    .decimal(
      "temporal-penalty", \.temporalPenalty, in: 0...1000,
      help: "Hold them from changing fast: TAR. (default: 0)"),
    augment(Augmentation.Kind.allCases),
  ]

  /// The name of the option that changes examples.
  public static let augment = "augment"

  /// The option that changes examples.
  ///
  /// - Parameter kinds: Those that its help names.
  static func augment(_ kinds: [Augmentation.Kind]) -> TaskOption<Self> {
    TaskOption(
      augment, .value, valueName: "kind,…",
      help: """
        Change examples while they are learned from: \(kinds.map(\.rawValue).joined(separator: ", ")), several between \
        commas, each with its amount behind = if that is not to be the usual one. (default: none)
        """
    ) { options, texts throws(OptionError) in
      do throws(Augmentations.Fault) { options.augmentations = try Augmentations(texts[0]) } catch {
        throw OptionError(option: augment, error.description)
      }
    }
  }

  /// The strength λ of ``WeightPenalty/decay(_:on:)``.
  public var weightDecay: Float?
  /// The strength of ``WeightPenalty/absolute(_:on:)``.
  public var absolute: Float?
  /// The limit of ``WeightPenalty/maximumNorm(_:on:)``.
  public var greatestNorm: Float?
  /// The variance of ``GradientNoise`` at the first update.
  public var gradientNoise: Float?
  /// Batches to an update, ``Trainer/accumulation``.
  public var accumulation: Int?
  /// ``Regularization/zoneoutCell`` of cells with a cell state, ``Regularization/zoneoutHidden`` of others.
  public var zoneout: Float?
  /// ``Regularization/recurrentDropout``.
  public var recurrentDropout: Float?
  /// ``Regularization/weightDropout``.
  public var weightDropout: Float?
  /// The weight α of ``ActivationPenalty`` on the outputs of the last recurrent layer.
  public var activationPenalty: Float?
  /// Its weight β, of their changes.
  public var temporalPenalty: Float?
  /// How examples are changed while they are learned from.
  public var augmentations: Augmentations?

  /// Nothing.
  public init() {}

  /// The weights that are held back: no bias, and nothing that is not learned, such as running means.
  private static let pattern = "*weight*"

  /// Puts it into a trainer.
  ///
  /// - Throws: `unsuitableOption` for a trainer that accumulates nothing.
  func apply<M: Module>(to trainer: inout Trainer, for model: M) throws(TrainingError) {
    // A penalty on weights that there are none of would stop the program.
    let hasWeights = model.namedTensors.contains { $0.name.contains("weight") }
    if hasWeights {
      if let weightDecay { trainer.penalties.append(.decay(weightDecay, on: Self.pattern)) }
      if let absolute { trainer.penalties.append(.absolute(absolute, on: Self.pattern)) }
      if let greatestNorm { trainer.penalties.append(.maximumNorm(greatestNorm, on: Self.pattern)) }
    }
    if let gradientNoise { trainer.gradientNoise = GradientNoise(variance: gradientNoise) }
    guard let accumulation, accumulation > 1 else { return }
    guard trainer.truncation == nil else {
      throw TrainingError(
        .unsuitableOption,
        "gradients are not accumulated where texts are learned in windows; choose a larger batch in place of 'accumulate'"
      )
    }
    trainer.accumulation = accumulation
  }
}
