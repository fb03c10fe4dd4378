import Foundation
import Refrain
import RefrainData
import RefrainTasks
import Testing

@Suite("Tasks") struct TaskTests {
  @Test("Every task has a name and a kind of its own, says what it does, and names no option that all tasks have")
  func registry() {
    #expect(Set(Tasks.all.map { $0.name }).count == Tasks.all.count)
    #expect(Set(Tasks.all.map { $0.kind }).count == Tasks.all.count)
    // The flags of results, which every verb has, and those of training.
    let shared: Set = ["threads", "quiet", "format", "output", "save"]
    let training: Set = ["cell", "hidden", "layers", "dropout", "epochs", "seed"]
    func options<Task: TaskModel>(_ task: Task.Type) -> [(name: String, help: String)] {
      #expect(training.isDisjoint(with: Task.Configuration.options.map(\.name)))
      return Task.Configuration.options.map { ($0.name, $0.help) } + Task.Request.options.map { ($0.name, $0.help) }
    }
    for task in Tasks.all {
      #expect(task.purpose.hasSuffix(".") && Tasks.named(task.name) == task)
      for option in options(task) {
        #expect(!shared.contains(option.name) && !option.help.isEmpty)
        #expect(option.name.allSatisfy { $0.isLowercase || $0 == "-" })
      }
    }
    #expect(Tasks.named("nothing") == nil)
  }

  @Test("Options fill in a configuration, and one that makes no sense is named")
  func options() throws {
    let configuration = try Forecaster.Configuration([
      "target": ["sales"], "covariates": ["rain, snow"], "horizon": ["14"], "backtest": ["2"],
    ])
    #expect(configuration.target == "sales" && configuration.covariates == ["rain", "snow"])
    #expect(configuration.horizon == 14 && configuration.folds == 2 && configuration.season == nil)
    func problem(_ given: [String: [String]]) -> String {
      do {
        _ = try Forecaster.Configuration(given)
        return ""
      } catch { return error.description }
    }
    #expect(problem(["horizon": ["0"]]) == "horizon must be at least 1, not 0")
    #expect(problem(["season": ["100001"]]) == "season must be at most 100000, not 100001")
    #expect(problem(["horizon": ["x"]]) == "horizon takes a whole number, not 'x'")
    #expect(problem(["covariates": ["a,,b"]]).contains("'a,,b'"))
    #expect(problem(["steps": ["1"]]) == "steps is no option here")
  }

  @Test("What all tasks may be told goes to where the task has it, or is refused")
  func sharedOptions() throws {
    var options = SharedOptions()
    (options.cell, options.layers, options.hidden, options.epochs, options.seed) = ("gru", 2, 5, 7, 3)
    var configuration = Forecaster.Configuration()
    try configuration.choose(options)
    #expect(configuration.cell == "gru" && configuration.layers == 2 && configuration.hiddenSize == 5)
    #expect(configuration.epochs == 7 && configuration.seed == 3)
    options.dropout = 0.5
    #expect(throws: TaskError.self) { try configuration.choose(options) }
  }

  @Test("A forecaster reads, learns, is saved, answers and is measured as any task")
  func lifecycle() throws {
    func run<Task: TaskModel>(
      _ task: Task.Type, _ given: [String: [String]], _ data: DataSource
    ) throws -> (answers: [JSON], measured: TaskEvaluation, aside: TaskEvaluation?) {
      var configuration = try Task.Configuration(given)
      var options = SharedOptions()
      (options.hidden, options.epochs) = (4, 2)
      try configuration.choose(options)
      let model = try Task.train(on: Task.examples(from: data, configuration), configuration, TrainingContext())
      var file = try SafeTensorsFile(bytes: model.modelFile().bytes())
      #expect(file.metadata["kind"] == Task.name)
      let again = try #require(try Tasks.model(in: file, path: nil) as? Task)
      for kind in Task.formerKinds {
        file.metadata["kind"] = kind
        #expect(try Tasks.model(in: file, path: nil) is Task)
      }
      let answers = try again.predict(again.examples(from: data)).map { try JSON(encoding: $0) }
      let others = try model.predict(model.examples(from: DataSource([]))).map { try JSON(encoding: $0) }
      #expect(answers.map(\.line) == others.map(\.line))
      return (answers, try again.evaluate(on: again.examples(from: data)), model.evaluation)
    }
    var text = "month,passengers\n"
    for (row, value) in Series.airline.values.enumerated() { text += "\(1949 + row / 12)-\(row % 12 + 1),\(value)\n" }
    let csv = DataSource([.bytes(Array(text.utf8), name: "rows")])
    let (answers, measured, aside) = try run(Forecaster.self, ["horizon": ["3"], "backtest": ["2"]], csv)
    #expect(answers.count == 3)
    #expect(answers[0].line.hasPrefix(#"{"time":"1961-1","median":"#), "\(answers[0].line)")
    #expect(measured.task == "forecast" && measured.examples == 30)
    #expect(measured.measures.map(\.name) == ["mase", "smape", "rmse", "coverage"])
    #expect(measured.baselines.map(\.name) == ["seasonalNaive", "naive"])
    // The same numbers by hand: the mean error of repeating the season before.
    let values = Series.airline.values
    let held = values.count - 30
    let origins = (0..<10).map { held + 3 * $0 }
    func error(_ row: Int) -> Double { abs(values[row] - values[row - 12]) }
    var errors = 0.0
    for origin in origins { for step in 0..<3 { errors += error(origin + step) } }
    var scale = 0.0
    for row in 12..<held { scale += error(row) }
    let expected = errors / 30 / (scale / Double(held - 12))
    #expect(abs(measured.baselines[0].measures[0].value - expected) < 1e-9)
    #expect(aside?.examples == 6)
    let json = try JSON(encoding: measured).line
    #expect(json.hasPrefix(#"{"task":"forecast","examples":30,"measures":{"mase":"#), "\(json)")
    #expect(json.contains(#""baselines":{"seasonalNaive":{"mase":"#))
  }

  @Test("A file that is of no task is refused with what it is")
  func foreign() throws {
    func problem(_ file: SafeTensorsFile) -> String {
      do throws(DataError) {
        _ = try Tasks.model(in: file, path: "m")
        return ""
      } catch { return error.description }
    }
    let layers = Sequential(inputSize: 2, seed: 1) { Dense(1) }
    #expect(problem(try layers.fileContents()).contains("of the kind 'sequential', which is no task"))
    #expect(problem(SafeTensorsFile(tensors: [])).contains("not written by Refrain"))
    var training = SafeTensorsFile(tensors: [])
    (training.metadata["training"], training.metadata["stage"]) = ("{}", "member1")
    #expect(problem(training).contains("a training on its way, which cannot answer yet; go on with its folder"))
  }
}
