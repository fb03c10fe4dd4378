import Foundation
import Refrain
import RefrainData
import RefrainTasks

/// A second task, as small as one can be: the mean of a column, and for every row of a file how far it lies from it. It
/// is this file; where it stood in `Tasks.all` it would be a line there, and nothing else.
struct ColumnMean: TaskModel {
  static let name = "mean"
  static let purpose = "Learn the mean of a column."

  struct Configuration: TaskConfiguration {
    static let options: [TaskOption<Self>] = [
      .column("target", \.target, help: "The column. (default: the last)"),
      .count("first-rows", \.rows, in: 1...1_000_000, help: "How many rows to learn from. (default: all)"),
    ]
    var target: String?
    var rows: Int?
    mutating func choose(_ options: SharedOptions) throws(TaskError) {
      if options.cell != nil { throw TaskError("a mean has no cell; leave it out") }
    }
  }

  struct Request: TaskRequest {
    static let options: [TaskOption<Self>] = [
      TaskOption("signed", .flag, help: "Give distances with their sign.") { request, _ in request.isSigned = true },
      TaskOption("from", .values, valueName: "x", help: "Measure from these, not from the mean.") { request, texts in
        request.origins = texts.compactMap(Double.init)
      },
    ]
    var isSigned = false
    var origins: [Double] = []
  }

  struct Answer: Encodable {
    var row: Int
    var value: Double
    var distance: Double
    var note: String?
  }

  private struct Mean: TensorGroup {
    var value = Tensor([0], shape: [1])
    mutating func forEachTensor<E: Error>(_ body: (String, inout Tensor) throws(E) -> Void) throws(E) {
      try body("mean", &value)
    }
  }

  let target: String
  private var mean = Mean()

  static func examples(from source: DataSource, _ configuration: Configuration) throws(DataError) -> [Double] {
    let values = try values(source, configuration.target)
    return Array(values.prefix(configuration.rows ?? values.count))
  }

  func examples(from source: DataSource, _ request: Request) throws(DataError) -> [Double] {
    try Self.values(source, target)
  }

  private static func values(_ source: DataSource, _ target: String?) throws(DataError) -> [Double] {
    var values: [Double] = []
    for part in source.parts {
      let table = try part.table()
      values += try table.numbers(
        in: try target.map { (name) throws(DataError) in try table.column(named: name) } ?? table.columns.last!)
    }
    return values
  }

  static func train(
    on examples: [Double], _ configuration: Configuration, _ context: TrainingContext
  ) throws(TaskError) -> ColumnMean {
    guard !examples.isEmpty else { throw TaskError("there are no rows; add some") }
    context.progress?(1, "adding up")
    var model = ColumnMean(target: configuration.target)
    model.mean.value = Tensor([Float(examples.reduce(0, +) / Double(examples.count))], shape: [1])
    return model
  }

  private init(target: String?) { self.target = target ?? "sales" }

  func predict(_ examples: [Double], _ request: Request) throws(TaskError) -> [Answer] {
    let origin = request.origins.first ?? Double(mean.value.values[0])
    return examples.enumerated().map { row, value in
      let distance = value - origin
      return Answer(
        row: row + 2, value: value, distance: request.isSigned ? distance : abs(distance),
        note: row == 0 ? "first, of \(examples.count)" : nil)
    }
  }

  func evaluate(on examples: [Double], _ request: Request) throws(TaskError) -> TaskEvaluation {
    func error(_ center: Double) -> Double {
      examples.map { abs($0 - center) }.reduce(0, +) / Double(examples.count)
    }
    return TaskEvaluation(
      task: Self.name, examples: examples.count,
      measures: [.init("meanAbsoluteError", error(Double(mean.value.values[0]))), .init("nothing", .nan)],
      baselines: [.init("zero", [.init("meanAbsoluteError", error(0))])])
  }

  var facts: [(name: String, value: String)] { [("Mean", "\(mean.value.values[0])")] }

  func modelFile() throws(DataError) -> SafeTensorsFile {
    try ModelFile.contents(of: mean, kind: Self.kind, description: target)
  }

  init(modelFile: SafeTensorsFile, path: String?) throws(DataError) {
    let contents = try ModelFile.read(modelFile, path: path, kind: Self.kind, description: String.self)
    target = contents.description
    try contents.load(into: &mean)
  }
}
