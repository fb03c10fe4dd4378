import Refrain

/// How the recurrent layers of a task's network are regularized. The network's plan holds it: zoneout has a part at
/// prediction, so that a saved model needs it.
struct RecurrentRegularizers: Codable, Sendable, Equatable {
  var zoneout: Float = 0
  var recurrentDropout: Float = 0
  var weightDropout: Float = 0
  var activationPenalty: Float = 0
  var temporalPenalty: Float = 0

  /// Whether numbers from a file can be used.
  var isSound: Bool {
    [zoneout, recurrentDropout, weightDropout].allSatisfy { (0..<1).contains($0) }
      && [activationPenalty, temporalPenalty].allSatisfy { $0 >= 0 && $0.isFinite }
  }

  /// The same for layers of a cell: zoneout is of its cell state, or where it has none of its hidden state.
  func regularization<Cell: RecurrentCell>(of _: Cell.Type) -> Regularization {
    var generator = RandomGenerator(seed: 0)
    let state = Cell(inputSize: 0, hiddenSize: 0, using: &generator).initialState(batch: 1)
    let hasCellState = state.namedTensors.contains { $0.name == "cell" }
    return Regularization(
      recurrentDropout: recurrentDropout, zoneoutHidden: hasCellState ? 0 : zoneout,
      zoneoutCell: hasCellState ? zoneout : 0, weightDropout: weightDropout)
  }

  /// Why layers of a cell cannot be regularized so; nil where they can.
  private func problem<Cell: RecurrentCell>(_ cell: Cell.Type) -> String? {
    let (layer, shape) = (Recurrent<Cell>(4, returning: .everyStep), [nil, nil, 4] as [Int?])
    guard (try? layer.outputShape(for: shape)) != nil else { return nil }
    do throws(LayerError) {
      _ = try layer.regularized(by: regularization(of: cell)).outputShape(for: shape)
      return nil
    } catch {
      return error.description
    }
  }

  /// - Parameters:
  ///   - cell: The name of the network's cell.
  ///   - showsSteps: Whether the last recurrent layer passes on every step.
  /// - Throws: ``TaskError`` where the cell has nothing that one of them could act on.
  func check(_ cell: String, showsSteps: Bool) throws(TaskError) {
    if let cell = Cells.named(cell), let problem = problem(cell) { throw TaskError(problem) }
    guard showsSteps || activationPenalty == 0 && temporalPenalty == 0 else {
      throw TaskError(
        "the last recurrent layer of this network passes on its last step alone, and penalties are on all",
        remedy: "leave out 'activation-penalty' and 'temporal-penalty'")
    }
  }
}

extension RecurrentRegularizers? {
  /// The regularization of layers of a cell; none where there is nothing.
  func regularization<Cell: RecurrentCell>(of cell: Cell.Type) -> Regularization {
    self?.regularization(of: cell) ?? Regularization()
  }

  /// What the last recurrent layer says, passed on; while the network is trained the penalties on it enter the loss.
  func penalizing(_ steps: StepValues) -> StepValues { penalty.map { $0(steps) } ?? steps }

  /// The layer of the penalties; nil where there are none.
  var penalty: ActivationPenalty? {
    guard let own = self, own.activationPenalty > 0 || own.temporalPenalty > 0 else { return nil }
    return ActivationPenalty(activation: own.activationPenalty, temporal: own.temporalPenalty)
  }

  /// Whether numbers from a file can be used.
  var areSound: Bool { self?.isSound ?? true }
}

extension RegularizationOptions {
  /// What is asked for of recurrent layers; nil where that is nothing.
  ///
  /// - Parameters:
  ///   - cell: The name of the network's cell.
  ///   - showsSteps: Whether the last recurrent layer passes on every step.
  /// - Throws: ``TaskError`` where the cell or the network cannot be regularized so.
  func recurrent(of cell: String, showsSteps: Bool = true) throws(TaskError) -> RecurrentRegularizers? {
    guard let regularizers else { return nil }
    try regularizers.check(cell, showsSteps: showsSteps)
    return regularizers
  }

  /// Refuses all of it for a network without a layer that could be regularized so.
  ///
  /// - Parameter why: What it is that has none.
  func requireNoRecurrent(_ why: String) throws(TaskError) {
    let all: [(String, Float?)] = [
      ("zoneout", zoneout), ("recurrent-dropout", recurrentDropout), ("weight-dropout", weightDropout),
      ("activation-penalty", activationPenalty), ("temporal-penalty", temporalPenalty),
    ]
    guard let (name, _) = all.first(where: { $0.1 ?? 0 > 0 }) else { return }
    throw TaskError("\(why), and \(name.quoted) does nothing there", remedy: "leave it out")
  }

  private var regularizers: RecurrentRegularizers? {
    let all = RecurrentRegularizers(
      zoneout: zoneout ?? 0, recurrentDropout: recurrentDropout ?? 0, weightDropout: weightDropout ?? 0,
      activationPenalty: activationPenalty ?? 0, temporalPenalty: temporalPenalty ?? 0)
    return all == RecurrentRegularizers() ? nil : all
  }
}
