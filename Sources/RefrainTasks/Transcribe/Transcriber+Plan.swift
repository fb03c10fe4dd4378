import Refrain
import RefrainData

extension Transcriber {
  /// What is not decided by the user, from the data.
  static func plan(
    for utterances: Utterances, _ configuration: Configuration
  ) throws(TaskError) -> TranscriptionPlan {
    guard utterances.haveTexts else { throw TaskError("there are recordings without a text; give all of them one") }
    let characters = Set(utterances.all.flatMap { Array($0.text ?? "") })
    guard !characters.isEmpty else { throw TaskError("all texts are empty, so there is nothing to learn") }
    let rows = utterances.all.reduce(0) { $0 + $1.frames.count }
    let seconds = Double(rows) * utterances.encoding.period
    let isSmall = seconds < 600
    let count = utterances.all.count
    let plan = TranscriptionPlan(
      encoding: utterances.encoding,
      normalization: utterances.all.contains { $0.speaker != nil } ? .speaker : .utterance,
      stacking: configuration.stacking ?? 3, symbols: [""] + characters.map { String($0) }.sorted(),
      cell: configuration.cell, hiddenSize: configuration.hiddenSize ?? (isSmall ? 128 : 256),
      layers: configuration.layers ?? (isSmall ? 2 : 3), dropout: configuration.dropout ?? 0.3,
      isLive: configuration.isLive,
      // About five thousand steps of the optimizer.
      epochs: configuration.epochs ?? max(10, min(100, 80_000 / max(1, count))),
      batchSize: min(16, max(1, count / 10)), learningRate: 2e-3,
      masks: configuration.dropout == 0 ? .none : FeatureMasks(), seed: configuration.seed)
    if let fault = plan.fault { throw TaskError("a transcriber cannot be made so: \(fault)") }
    return plan
  }

  /// How recordings become rows, chosen by the first of them.
  static func encoding(for path: String, _ configuration: Configuration) throws(DataError) -> SoundEncoding {
    try SoundEncoding(choosingFor: path, cepstra: configuration.features == .mfcc)
  }
}

extension Transcriber.Configuration {
  /// The language model of a file.
  func externalModel() throws(TaskError) -> NGramModel? {
    guard let languageModel else { return nil }
    do throws(DataError) { return try NGramModel(contentsOf: languageModel) } catch {
      throw TaskError(error)
    }
  }
}
