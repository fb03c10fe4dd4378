import Refrain
import RefrainData

extension Forecaster {
  /// What a saved forecaster needs besides its tensors.
  private struct Description: Codable {
    let plan: ForecastPlan
    let featureCount: Int
    let scaler: Scaler
    let covariateScalers: [Scaler]
    let memory: SeriesMemory
    let isComplete: Bool
    let backtest: Backtest?
    let training: TrainingReport
    /// Nil in files of older versions.
    let combination: Combination?
    let linearInputs: Int?
    let bounds: ForecastBounds?
    let effects: [Double]?
    /// The series besides the first, which the fields above speak of; nil where there is one.
    let id: String?
    let others: [ForecastMember]?

    /// What is wrong with numbers that somebody may have forged; nil where a forecast can be made of them.
    var fault: String? {
      guard plan.isSound, plan.beside?.count ?? covariateScalers.count == covariateScalers.count else {
        return "the plan cannot be"
      }
      let features = plan.featureCount(covariates: covariateScalers.count)
      guard featureCount == features else { return "there are \(features) features, and not \(featureCount)" }
      for member in members {
        if let fault = member.fault(plan: plan, covariates: covariateScalers.count, isFirst: others == nil) {
          return fault
        }
      }
      let inputs = plan.linearInputs(covariates: covariateScalers.count)
      if let linearInputs, linearInputs != inputs {
        return "the linear method has \(linearInputs) inputs, not \(inputs)"
      }
      return nil
    }

    var members: [ForecastMember] {
      [
        ForecastMember(
          id: id, scaler: scaler, covariateScalers: covariateScalers, memory: memory, bounds: bounds,
          effects: effects, combination: combination, backtest: backtest)
      ] + (others ?? [])
    }

    /// About how many weights the network will have.
    func weightCount(atMost limit: Int) -> Double? {
      func stack<Cell: RecurrentCell>(_ cell: Cell.Type) -> any Layer {
        Stacked<Recurrent<Cell>>(Array(repeating: plan.hiddenSize, count: plan.layers))
      }
      guard let cell = Cells.named(plan.cell) else { return nil }
      let shape = [nil, nil, featureCount]
      let recurrent = Sequential(inputShape: shape, builtLayers: [stack(cell)]).weightCount(for: shape, atMost: limit)
      let head = Double(plan.hiddenSize + 1) * Double(plan.horizon * ForecastNetwork.quantiles.count)
      let linear = Double(linearInputs ?? 0) * Double(plan.horizon)
      return recurrent.map { $0 + head + linear + Double(plan.horizon) * Double(plan.context) * Double(featureCount) }
    }
  }

  /// Everything a forecast needs, as the contents of a `.safetensors` file.
  public func modelFile() throws(DataError) -> SafeTensorsFile {
    let description = Description(
      plan: plan, featureCount: plan.featureCount(covariates: covariates.count), scaler: scaler,
      covariateScalers: covariateScalers, memory: memory, isComplete: isComplete, backtest: members[0].backtest,
      training: training,
      combination: combination, linearInputs: linear?.tensor.shape[0], bounds: members[0].bounds,
      effects: members[0].effects, id: members[0].id,
      others: members.count > 1 ? Array(members.dropFirst()) : nil)
    return try ModelFile.contents(
      of: SavedForecaster(network: forecastNetwork, linear: linear?.tensor), kind: Self.kind, description: description)
  }

  /// Rebuilds a forecaster from what ``modelFile()`` gave; its forecasts are the same to the last bit.
  ///
  /// - Throws: What ``ModelFile/read(_:path:kind:formerly:description:layers:)`` throws; `damagedModel` when the parts
  ///   do not fit together.
  public init(modelFile: SafeTensorsFile, path: String? = nil) throws(DataError) {
    let contents = try ModelFile.read(
      modelFile, path: path, kind: Self.kind, formerly: Self.formerKinds, description: Description.self)
    let description = contents.description
    if let fault = description.fault { throw contents.damaged("the model's numbers contradict each other: \(fault)") }
    try contents.checkSize(description.weightCount(atMost: contents.elementCount))
    var generator = RandomGenerator(seed: 0)
    let network = ForecastNetwork(description.plan, featureCount: description.featureCount, using: &generator)
    let linear = description.linearInputs.map { Tensor.zeros([$0, description.plan.horizon]) }
    var saved = SavedForecaster(network: network, linear: linear)
    try contents.load(into: &saved)
    self.init(
      plan: description.plan, forecastNetwork: saved.network, members: description.members,
      linear: saved.linear.map(LinearForecast.init(saved:)), isComplete: description.isComplete,
      training: description.training)
  }
}

/// The tensors of a forecaster: its network's, and the coefficients of the linear method.
private struct SavedForecaster: TensorGroup {
  var network: ForecastNetwork
  var linear: Tensor?

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try network.forEachTensor(body)
    if var tensor = linear {
      try body("linear.weight", &tensor)
      linear = tensor
    }
  }
}

extension ForecastMember {
  /// What is wrong with a member read from a file; nil where a forecast can be made of it.
  ///
  /// - Parameter isFirst: Whether it is the only one, which has a context at least.
  fileprivate func fault(plan: ForecastPlan, covariates: Int, isFirst: Bool) -> String? {
    let count = memory.values.count
    guard covariateScalers.count == covariates, ([scaler] + covariateScalers).allSatisfy(\.isSound) else {
      return "a scaler cannot be"
    }
    guard count >= (isFirst ? plan.context : 1), count <= 1 << 28, memory.times.count == count,
      memory.futureTimes.count == plan.horizon, memory.covariates.count == covariates,
      memory.covariateNames.count == covariates,
      memory.covariates.allSatisfy({ $0.count == count }), memory.firstPosition.magnitude < 1 << 53
    else { return "the end of the series does not fit the plan" }
    guard memory.observed.map({ $0.count == count && $0.contains(true) }) ?? true,
      memory.ahead.map({
        $0.count == covariates && $0.allSatisfy { $0.count <= plan.horizon && $0.allSatisfy(\.isFinite) }
      })
        ?? true, memory.rowAfter.map({ (0..<1 << 40).contains($0) }) ?? true
    else { return "the end of the series does not fit the plan" }
    let known = plan.roles(count: covariates).count { $0 == .future }
    guard effects.map({ $0.count == known && $0.allSatisfy(\.isFinite) }) ?? true, bounds?.isSound ?? true else {
      return "what is known ahead cannot be"
    }
    guard memory.values.allSatisfy(\.isFinite), memory.covariates.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
      return "the series has a value that is no number"
    }
    if let combination, !combination.isSound(horizon: plan.horizon) { return "the weights of the methods cannot be" }
    return nil
  }
}

extension Combination {
  /// Whether a combination read from a file can be used.
  fileprivate func isSound(horizon: Int) -> Bool {
    !members.isEmpty && members.count < 100 && members.allSatisfy { $0.weight.isFinite && $0.error.isFinite }
      && (0...1).contains(medianShare) && calibration.isSound(horizon: horizon)
      && ranks?.isSound(horizon: horizon) ?? true
  }
}

extension ForecastBounds {
  fileprivate var isSound: Bool {
    let (low, high) = (lowest ?? -.greatestFiniteMagnitude, highest ?? .greatestFiniteMagnitude)
    return low.isFinite && high.isFinite && low <= high
  }
}

extension IntervalCalibration {
  fileprivate func isSound(horizon: Int) -> Bool {
    spreads.count == horizon && spreads.allSatisfy { $0.isFinite && $0 >= 0 } && scores.count <= 1000
      && scores.allSatisfy(\.isFinite) && independent.isFinite && independent >= 0
  }
}

extension ForecastPlan {
  /// Whether a plan read from a file can be built.
  fileprivate var isSound: Bool {
    let sizes = [horizon, context, season, base, folds, hiddenSize, layers, epochs, batchSize, batchesPerEpoch]
    return sizes.allSatisfy { (1...1 << 24).contains($0) } && base <= context
      && (2...1 << 24).contains(longSeason ?? 2) && (1...Self.mostChannels).contains(channels ?? 1)
      && channelNames?.count == channels && cycles.count <= 64 && (beside?.count ?? 0) <= 1 << 16
      && beside?.allSatisfy({ $0.scaler?.isSound ?? true }) ?? true
      && Cells.named(cell).map { $0.lastColumn == nil } == true
      && hiddenSize <= 1 << 14 && layers <= 64 && cycles.allSatisfy { $0 > 0 } && regularizers.areSound
  }
}

extension Scaler {
  /// Whether a scaler read from a file can be used.
  fileprivate var isSound: Bool {
    if case .logarithm(let unit) = transform, !(unit.isNormal && unit > 0) { return false }
    return mean.isFinite && deviation.isNormal
  }
}
