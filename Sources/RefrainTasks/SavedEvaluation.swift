/// An evaluation as a model file holds it: lists, which keep their order. JSON has no word for what is not finite: such
/// measures are left out.
struct SavedEvaluation: Codable, Sendable, Equatable {
  let examples: Int
  let measures: [TaskEvaluation.Measure]
  let baselines: [TaskEvaluation.Baseline]
  let tables: [TaskEvaluation.Table]

  init(_ evaluation: TaskEvaluation) {
    examples = evaluation.examples
    measures = evaluation.measures.filter(\.value.isFinite)
    baselines = evaluation.baselines.map { .init($0.name, $0.measures.filter(\.value.isFinite)) }
    tables = evaluation.tables
  }

  /// The evaluation of a task.
  func evaluation(of task: String) -> TaskEvaluation {
    TaskEvaluation(task: task, examples: examples, measures: measures, baselines: baselines, tables: tables)
  }
}
