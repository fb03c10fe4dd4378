/// Watches a training and says in plain words when it is in trouble, once for each kind of trouble, with what to try.
///
///     let advice = TrainingAdvice { print($0) }
///     Trainer(epochs: 20, exchanges: [advice], observers: [advice])
///
/// As an observer it sees the losses, as an exchange the gradients; it changes neither.
public final class TrainingAdvice: TrainingObserver, GradientExchange {
  /// Something that goes wrong.
  public struct Warning: Sendable, Equatable, CustomStringConvertible {
    /// The kinds of trouble.
    public enum Kind: String, Sendable, CaseIterable {
      /// The loss is far above what it was.
      case diverging
      /// The gradient is far greater than it used to be.
      case exploding
      /// The gradient of a layer is nearly nothing beside that of another.
      case vanishing
      /// The loss does not fall.
      case learningNothing
      /// Units have no gradient at all.
      case deadUnits
      /// The gates of a recurrent level are nearly always open or closed.
      case saturatedGates
      /// The validation loss rises while the loss falls.
      case overfitting
    }
    /// What kind of trouble it is.
    public let kind: Kind
    /// What is seen, with its numbers.
    public let problem: String
    /// What to try.
    public let remedy: String
    /// Both on one line.
    public var description: String { problem + "; " + remedy }
  }

  /// What was said so far.
  public private(set) var warnings: [Warning] = []
  private let norms = GradientNorms()
  private let say: (Warning) -> Void
  private var firstLoss: Float?
  /// The mean loss of the last steps, and the least that it has been.
  private var (meanLoss, leastLoss): (Float, Float) = (0, .infinity)
  /// How many steps in a row had a loss far above the least.
  private var stepsAbove = 0
  /// Gradient norms of the first updates, from which the usual one is known.
  private var usual: [Float] = []
  private var tiny: [String: Int] = [:]
  private var updates = 0
  /// How many updates the rows without a gradient were looked for in.
  private var rowUpdates = 0
  /// For each recurrent level how many looks in a row found its gates saturated.
  private var saturated: [String: Int] = [:]

  /// - Parameter say: takes a warning when it is new.
  public init(_ say: @escaping (Warning) -> Void) { self.say = say }

  public func exchange<G: TensorGroup>(_ gradient: inout G, in step: inout GradientStep) {
    norms.exchange(&gradient, in: &step)
    guard let total = norms.total else { return }
    (updates, rowUpdates) = (updates + 1, rowUpdates + 1)
    if usual.count < 50 {
      usual.append(total)
    } else {
      let median = usual.sorted()[25]
      if median > 0, total > 1000 * median {
        warn(
          .exploding, "the gradient's norm is \(short(total)), and was about \(short(median)) at first",
          "lower the learning rate, or clip gradients")
      }
    }
    let greatest = norms.norms.reduce(0) { max($0, $1.norm) }
    // What is not learned, such as the statistics of a BatchNorm, has a gradient of exactly 0.
    for (name, norm) in norms.norms where norm > 0 && norm < 1e-7 * greatest { tiny[name, default: 0] += 1 }
  }

  public func observe(_ event: TrainingEvent) -> TrainingDecision {
    switch event.kind {
    case .began, .ended: break
    case .step(let step): look(at: step)
    case .epoch(let epoch):
      look(at: event.history.epochs, epoch)
      // A look takes as long as an update or two: about ten of them in a training are enough.
      if epoch.number % max(1, event.epochs / 10) == 0 { look(at: GateSaturation.levels(event.gates()), epoch) }
    }
    return .proceed
  }

  private func look(at step: TrainingStep) {
    let first = firstLoss ?? step.loss
    meanLoss = firstLoss == nil ? first : meanLoss + 0.1 * (step.loss - meanLoss)
    firstLoss = first
    // Near 0 losses differ by any factor from batch to batch, and a single batch may be a hard one.
    let isAbove = step.loss > 10 * max(leastLoss, first / 100)
    stepsAbove = isAbove ? stepsAbove + 1 : 0
    leastLoss = min(leastLoss, meanLoss)
    guard first > 0, step.loss > 10 * first || stepsAbove >= 10 else { return }
    let before = step.loss > 10 * first ? "and began at \(short(first))" : "and was \(short(leastLoss))"
    warn(
      .diverging, "in epoch \(step.epoch) the loss is \(short(step.loss)), \(before)",
      "lower the learning rate, or clip gradients")
  }

  private func look(at epochs: [History.Epoch], _ epoch: History.Epoch) {
    lookAtGradients()
    if epochs.count >= 5, let first = epochs.first {
      let least = epochs.dropFirst().reduce(Float.infinity) { min($0, $1.loss) }
      if least > first.loss - 0.001 * abs(first.loss) {
        warn(
          .learningNothing,
          "after \(epochs.count) epochs the loss is \(short(epoch.loss)), and began at \(short(first.loss))",
          "try another learning rate, look at the data and the targets, or let the network be larger")
      }
    }
    let validated = epochs.filter { $0.validationLoss != nil }
    if let best = validated.min(by: { $0.monitoredLoss < $1.monitoredLoss }), let loss = epoch.validationLoss,
      epochs.count - best.number >= 5, epoch.loss < 0.9 * best.loss, loss > 1.1 * best.monitoredLoss
    {
      warn(
        .overfitting,
        "since epoch \(best.number) the loss has fallen from \(short(best.loss)) to \(short(epoch.loss)), and on the "
          + "validation examples it has risen from \(short(best.monitoredLoss)) to \(short(loss))",
        "stop early, give more examples, more dropout or weight decay, or fewer units")
    }
  }

  private func look(at levels: [GateSaturation], _ epoch: History.Epoch) {
    for level in levels {
      saturated[level.level] = level.isTrouble ? saturated[level.level, default: 0] + 1 : 0
      // Gates that are at their ends for a while may come back.
      guard saturated[level.level, default: 0] >= 3 else { continue }
      let gates = level.gates.count > 1 ? "gates (\(level.gates.joined(separator: ", ")))" : "gate (\(level.gates[0]))"
      warn(
        .saturatedGates,
        "in epoch \(epoch.number) the \(gates) of '\(level.level)' are wholly open or closed at "
          + "\(Int((level.share * 100).rounded())) % of its units' steps, as before: little is learned through them",
        "bring the inputs to about -1 to 1, lower the learning rate, or begin anew with weight decay")
    }
  }

  private func lookAtGradients() {
    for (name, count) in tiny.sorted(by: { $0.key < $1.key }) where updates >= 20 && 2 * count > updates {
      warn(
        .vanishing, "the gradient of '\(name)' is less than a ten-millionth of that of another layer",
        "shorten the sequences, take a gated cell or fewer layers, or normalize the layers")
    }
    if updates >= 20 { (tiny, updates) = ([:], 0) }
    // Where the last layer begins at zero, nothing before it has a gradient in the first update: short epochs are
    // looked at together.
    guard rowUpdates >= 4 else { return }
    for (name, used) in norms.usedRows.sorted(by: { $0.key < $1.key }) where used.count > 1 {
      let dead = used.count { !$0 }
      guard dead * 10 >= used.count else { continue }
      warn(
        .deadUnits, "\(dead) of \(used.count) rows of '\(name)' had no gradient in \(rowUpdates) updates",
        "lower the learning rate, take another activation or fewer units")
    }
    norms.forgetRows()
    rowUpdates = 0
  }

  private func warn(_ kind: Warning.Kind, _ problem: String, _ remedy: String) {
    guard !warnings.contains(where: { $0.kind == kind }) else { return }
    let warning = Warning(kind: kind, problem: problem, remedy: remedy)
    warnings.append(warning)
    say(warning)
  }

  /// About three digits of a number.
  private func short(_ value: Float) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    guard (1e-3..<1e5).contains(abs(value)) else { return "\(value)" }
    let scale: Float = abs(value) >= 100 ? 1 : abs(value) >= 1 ? 100 : 10_000
    return "\((value * scale).rounded() / scale)"
  }
}
