extension Transcriber {
  /// It does.
  public static let dividesExamples = true

  /// Parts of the recordings.
  public static func folds(
    of examples: Utterances, count: Int, _ configuration: Configuration
  ) throws(TaskError) -> [ExampleFold<Utterances>]? {
    let plan = try FoldPlan(Array(repeating: 0, count: examples.all.count), count: count, seed: configuration.seed)
    return plan.folds { places in
      var part = examples
      part.all = places.map { examples.all[$0] }
      return part
    }
  }
}
