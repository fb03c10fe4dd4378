extension Tagger {
  /// It does.
  public static let dividesExamples = true

  /// The best epoch is chosen by the tags that are right.
  public static let validatesByLoss = false

  /// Parts of the sentences.
  public static func folds(
    of examples: TagExamples, count: Int, _ configuration: TagConfiguration
  ) throws(TaskError) -> [ExampleFold<TagExamples>]? {
    let labels = Set(examples.sentences.compactMap(\.label)).sorted()
    let numbers = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
    let classes = examples.sentences.map { $0.label.flatMap { numbers[$0] } ?? -1 }
    return try FoldPlan(classes, count: count, seed: configuration.seed).folds { places in
      var part = examples
      part.sentences = examples.sentences.selecting(places)
      return part
    }
  }
}
