import RefrainData
import RefrainTasks

/// Measures with those of baselines, in one of the formats.
struct EvaluationReport {
  private let evaluation: TaskEvaluation

  init(_ evaluation: TaskEvaluation) { self.evaluation = evaluation }

  /// The measures in a format, ended by a line break.
  func text(as format: OutputFormat, for terminal: Terminal) throws -> String {
    switch format {
    case .table:
      let page = Page(width: terminal.width, usesColor: terminal.usesColor)
      return
        ([page.strong(evaluation.task) + page.faint("  \(counted(evaluation.examples)) examples")] + rows(on: page))
        .map { $0 + "\n" }.joined()
    case .csv:
      return table(csvField).map { $0.joined(separator: ",") + "\n" }.joined()
    case .json: return try JSON(encoding: evaluation).text() + "\n"
    case .jsonl: return try JSON(encoding: evaluation).line + "\n"
    }
  }

  /// The measures below each other, the baselines beside them.
  func rows(on page: Page) -> [String] { page.grid(table { $0.isFinite ? significant($0) : "–" }) }

  private func table(_ text: (Double) -> String) -> [[String]] {
    let header = ["measure", "refrain"] + evaluation.baselines.map(\.name)
    return [header]
      + evaluation.measures.map { measure in
        let others = evaluation.baselines.map { baseline in
          baseline.measures.first { $0.name == measure.name }.map { text($0.value) } ?? ""
        }
        return [measure.name, text(measure.value)] + others
      }
  }
}

/// What a training says of its result.
struct TrainingSummary {
  private let task: String
  private let file: String
  private let isComplete: Bool
  private let isMeasured: Bool
  private let facts: [(name: String, value: String)]
  private let evaluation: TaskEvaluation?
  private let course: JSON
  private let folds: FoldEvaluation?

  /// - Parameter told: Notes that were said before the training.
  init<Task: TaskModel>(
    _ model: Task, file: String, course: TrainingCourse, folds: FoldEvaluation? = nil, told: Set<String> = []
  ) {
    task = Task.name
    isMeasured = Task.measuresTraining
    self.folds = folds
    self.file = file
    (isComplete, evaluation) = (model.isComplete, model.evaluation)
    facts = model.facts.filter { $0.name != "Note" || !told.contains($0.value) } + course.facts
    self.course = course.json
  }

  /// The summary in a format, ended by a line break.
  func text(as format: OutputFormat, for terminal: Terminal) throws -> String {
    switch format {
    case .table:
      let page = Page(width: min(terminal.width, 100), usesColor: terminal.usesColor)
      let labelWidth = (facts.map(\.name.count).max() ?? 0) + 2
      var lines = [page.strong(task)]
      lines += facts.flatMap { page.entry($0.name, $0.value, labelWidth: labelWidth) }
      if let evaluation {
        lines += ["", page.strong("Kept aside") + page.faint("  \(counted(evaluation.examples)) examples")]
        lines += EvaluationReport(evaluation).rows(on: page)
      } else {
        let why =
          !isMeasured
          ? "What it learned from says nothing of it, and 'refrain evaluate' measures it on what has labels"
          : isComplete ? "Nothing was kept aside to measure it on" : "There was no time to measure it"
        lines += page.paragraph("\(why): how good this model is, is not known.")
      }
      if let folds { lines += [""] + FoldReport(task, folds).lines(on: page) }
      return lines.map { $0 + "\n" }.joined()
    case .csv: return try evaluation.map { try EvaluationReport($0).text(as: .csv, for: terminal) } ?? ""
    case .json: return try json.text() + "\n"
    case .jsonl: return try json.line + "\n"
    }
  }

  private var json: JSON {
    get throws {
      let known: JSON = [
        "task": .text(task), "model": .text(file), "isComplete": .bool(isComplete),
        "evaluation": try evaluation.map { try JSON(encoding: $0) } ?? .null, "training": course,
      ]
      guard let folds, case .object(let pairs) = known else { return known }
      return .object(pairs + [("folds", try JSON(encoding: folds))])
    }
  }
}
