extension Translator {
  /// It does.
  public static let dividesExamples = true

  /// The best epoch is chosen by BLEU, where answers are long enough for it.
  public static let validatesByLoss = false

  /// Parts of the pairs.
  public static func folds(
    of examples: TranslationExamples, count: Int, _ configuration: Configuration
  ) throws(TaskError) -> [ExampleFold<TranslationExamples>]? {
    guard let targets = examples.pairs.targets else { return nil }
    let all = (sources: Array(examples.pairs.sources), targets: Array(targets))
    let plan = try FoldPlan(
      Array(repeating: 0, count: all.sources.count), count: count, seed: configuration.seed ?? 0)
    return plan.folds { places in
      TranslationExamples(
        TranslationExamples.Pairs(
          .values(places.map { all.sources[$0] }), .values(places.map { all.targets[$0] })),
        validation: examples.validation)
    }
  }
}
