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
  }

  /// Everything a forecast needs, as the contents of a `.safetensors` file.
  public func modelFile() throws(DataError) -> SafeTensorsFile {
    let description = Description(
      plan: plan, featureCount: 1 + covariates.count + 2 * plan.cycles.count, scaler: scaler,
      covariateScalers: covariateScalers, memory: memory, isComplete: isComplete, backtest: backtest, training: training
    )
    return try ModelFile.contents(of: forecastNetwork, kind: Self.kind, description: description)
  }

  /// Rebuilds a forecaster from what ``modelFile()`` gave; its forecasts are the same to the last bit.
  ///
  /// - Throws: What ``ModelFile/read(_:path:kind:description:layers:)`` throws; `damagedModel` when the parts do not
  ///   fit together.
  public init(modelFile: SafeTensorsFile, path: String? = nil) throws(DataError) {
    let contents = try ModelFile.read(modelFile, path: path, kind: Self.kind, description: Description.self)
    let description = contents.description
    guard description.plan.isSound, description.memory.values.count >= description.plan.context else {
      throw DataError(.damagedModel, file: path, "the model's numbers contradict each other", remedy: "save it again")
    }
    var generator = RandomGenerator(seed: 0)
    var network = ForecastNetwork(description.plan, featureCount: description.featureCount, using: &generator)
    try contents.load(into: &network)
    self.init(
      plan: description.plan, forecastNetwork: network, scaler: description.scaler,
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
