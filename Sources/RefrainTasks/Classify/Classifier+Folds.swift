import RefrainData

extension Classifier {
  /// It does.
  public static let dividesExamples = true

  /// Parts in which each class has its share.
  public static func folds(
    of examples: LabelledRecords, count: Int, _ configuration: ClassifierConfiguration
  ) throws(TaskError) -> [ExampleFold<LabelledRecords>]? {
    guard let target = examples.target else { return nil }
    let classes: [Int]
    do throws(DataError) {
      let column = Column(examples.records, target)
      classes = try Labels(column, separator: configuration.separator).places(in: column).map { $0.first ?? -1 }
    } catch {
      throw TaskError(error)
    }
    return try examples.folds(classes, count: count, seed: configuration.columns.seed)
  }
}

extension LabelledRecords {
  /// Parts of the rows, in which each class has its share.
  func folds(_ classes: [Int], count: Int, seed: UInt64) throws(TaskError) -> [ExampleFold<LabelledRecords>] {
    try FoldPlan(classes, count: count, seed: seed).folds { places in
      LabelledRecords(
        records: records.selecting(Set(places)), validation: validation, target: target, choices: choices,
        layout: layout, decimal: decimal)
    }
  }
}
