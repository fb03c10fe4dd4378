import RefrainData

extension Regressor {
  /// It does.
  public static let dividesExamples = true

  /// Parts of the rows.
  public static func folds(
    of examples: LabelledRecords, count: Int, _ configuration: RegressorConfiguration
  ) throws(TaskError) -> [ExampleFold<LabelledRecords>]? {
    try examples.folds(
      Array(repeating: 0, count: examples.records.count), count: count, seed: configuration.columns.seed)
  }
}
