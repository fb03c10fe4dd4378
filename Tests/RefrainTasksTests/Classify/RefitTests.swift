import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

@Suite("Training again on all rows") struct RefitTests {
  private static let classes =
    "text,label\n" + (0..<60).map { "\($0 % 2 == 0 ? "good" : "bad") film number\($0 % 7),\($0 % 2)\n" }.joined()
  private static let numbers = "x,price\n" + (0..<60).map { "\($0 % 8),\(3 * ($0 % 8) + 1)\n" }.joined()

  private func small(_ refits: Bool?) -> ColumnOptions {
    var options = ColumnOptions()
    (options.shared.hidden, options.shared.epochs) = (4, 3)
    (options.embeddingSize, options.members, options.refits) = (4, 2, refits)
    return options
  }

  private func source(_ text: String) -> DataSource { DataSource([.bytes(Array(text.utf8), name: "t.csv")]) }

  @Test("changes a classifier's networks, and leaves what was measured before") func classifier() throws {
    var configuration = ClassifierConfiguration()
    configuration.columns = small(nil)
    let examples = try Classifier.examples(from: source(Self.classes), configuration)
    let once = try Classifier.train(on: examples, configuration, TrainingContext())
    configuration.columns = small(true)
    let again = try Classifier.train(on: examples, configuration, TrainingContext())
    #expect(again.evaluation == once.evaluation && once.report.refitted == nil)
    #expect(again.report.refitted == 60 && again.report.epochs == once.report.epochs)
    #expect(again.report.examples + again.report.heldOut == 60 && again.report.heldOut > 0)
    let (rows, other) = (try once.predict(examples), try again.predict(examples))
    #expect(try rows.map { try JSON(encoding: $0).line } != other.map { try JSON(encoding: $0).line })
    #expect(again.facts.contains { $0.value.hasSuffix("again on all 60 examples") })
    let saved = try Classifier(modelFile: SafeTensorsFile(bytes: again.modelFile().bytes()), path: nil)
    #expect(saved.report == again.report)
  }

  @Test("changes a regressor's networks too") func regressor() throws {
    var configuration = RegressorConfiguration()
    configuration.columns = small(nil)
    let examples = try Regressor.examples(from: source(Self.numbers), configuration)
    let once = try Regressor.train(on: examples, configuration, TrainingContext())
    configuration.columns = small(true)
    let again = try Regressor.train(on: examples, configuration, TrainingContext())
    #expect(again.evaluation == once.evaluation && again.model.report.refitted == 60)
    #expect(try once.predict(examples).map(\.value) != again.predict(examples).map(\.value))
  }

  @Test("is refused beside a validation file, from which nothing is learned") func validation() throws {
    try withTemporaryFolder { folder in
      try writeAtomically(Self.classes, to: folder + "/v.csv")
      var configuration = ClassifierConfiguration()
      configuration.columns = small(true)
      configuration.columns.validation = folder + "/v.csv"
      #expect(configuration.refitting == nil)
      let examples = try Classifier.examples(from: source(Self.classes), configuration)
      let error = #expect(throws: TaskError.self) {
        try Classifier.train(on: examples, configuration, TrainingContext())
      }
      #expect(error?.description.contains("beside a validation file nothing is kept aside") == true)
    }
  }

  @Test("is of the tasks that keep some aside and can be begun anew") func tasks() throws {
    var tag = TagConfiguration()
    #expect(tag.refitting == false)
    tag.validation = "v.txt"
    #expect(tag.refitting == nil)
    tag.refits = true
    #expect(tag.refitting == true)
    var forecast = Forecaster.Configuration()
    forecast.refitting = true
    #expect(forecast.refitting == nil)
    #expect(
      try ClassifierConfiguration(["refit": []]).refitting == true && ClassifierConfiguration().refitting == false)
  }
}
