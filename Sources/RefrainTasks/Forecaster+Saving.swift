import Refrain
import RefrainData

extension Forecaster {
  private static let kind = "forecaster"

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
  }

  /// Writes everything a forecast needs to a `.safetensors` file.
  ///
  /// - Throws: What ``ModelFile/write(_:kind:description:to:)`` throws.
  public func save(to path: String) throws(DataError) {
    let description = Description(
      plan: plan, featureCount: 1 + covariates.count + 2 * plan.cycles.count, scaler: scaler,
      covariateScalers: covariateScalers, memory: memory, isComplete: isComplete, backtest: backtest, training: training
    )
    try ModelFile.write(network, kind: Self.kind, description: description, to: path)
  }

  /// Reads a forecaster that ``save(to:)`` wrote; its forecasts are the same to the last bit.
  ///
  /// - Throws: What ``ModelFile/read(_:kind:description:layers:)`` throws; `damagedModel` when the parts do not fit
  ///   together.
  public init(contentsOf path: String) throws(DataError) {
    let contents = try ModelFile.read(path, kind: Self.kind, description: Description.self)
    let description = contents.description
    guard description.plan.isSound, description.memory.values.count >= description.plan.context else {
      throw DataError(.damagedModel, file: path, "the model's numbers contradict each other", remedy: "save it again")
    }
    var generator = RandomGenerator(seed: 0)
    var network = ForecastNetwork(description.plan, featureCount: description.featureCount, using: &generator)
    try contents.load(into: &network)
    self.init(
      plan: description.plan, network: network, scaler: description.scaler,
      covariateScalers: description.covariateScalers, memory: description.memory, isComplete: description.isComplete,
      backtest: description.backtest, training: description.training)
  }
}

extension ForecastPlan {
  /// Whether a plan read from a file can be built.
  fileprivate var isSound: Bool {
    let sizes = [horizon, context, season, base, folds, hiddenSize, layers, epochs, batchSize, batchesPerEpoch]
    return sizes.allSatisfy { (1...1 << 24).contains($0) } && base <= context
      && Cells.named(cell).map { $0.lastColumn == nil } == true
      && hiddenSize <= 1 << 14 && layers <= 64 && cycles.allSatisfy { $0 > 0 }
  }
}
