import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData
@testable import RefrainTasks

/// Small data for each task, and how it is trained in a moment.
private enum Small {
  static func source(_ text: String, _ name: String = "t.csv") -> DataSource {
    DataSource([.bytes(Array(text.utf8), name: name)])
  }

  static let reviews =
    "text,kind,size,label\n"
    + (0..<48).map { "a \($0 % 2 == 0 ? "good" : "bad") film number\($0),k\($0 % 3),\($0 % 5),\($0 % 2)\n" }
    .joined()

  static let waves: String = {
    var text = "series,label\n"
    for row in 0..<40 {
      let values = (0..<12).map { "\(sin(Double($0 + row) * (row % 2 == 0 ? 0.5 : 1.5)))" }
      text += values.joined(separator: " ") + ",\(row % 2)\n"
    }
    return text
  }()

  static let rows: ObservedRows = {
    var generator = RandomGenerator(seed: 2)
    let values = (0..<200).map { 5 * sin(Double($0) / 6) + 0.2 * Double(generator.normal()) }
    return ObservedRows(channels: [ObservedRows.Channel(name: "load", values: values)], stamps: nil)
  }()

  static let sentences = (0..<40).map { index in
    let name = ["Ada", "Noor", "Linus"][index % 3]
    return TaggedSentence(words: ["today", name, "sings", "."], tags: ["O", "B-PER", "O", "O"])
  }

  static func classifier(_ text: String, _ context: TrainingContext, cell: String = "lstm") throws -> Classifier {
    var configuration = ClassifierConfiguration()
    (configuration.columns.shared.hidden, configuration.columns.shared.epochs) = (4, 2)
    configuration.columns.shared.cell = cell
    (configuration.columns.embeddingSize, configuration.columns.members) = (4, 1)
    return try Classifier.train(on: Classifier.examples(from: source(text), configuration), configuration, context)
  }

  static func forecaster(_ context: TrainingContext) throws -> Forecaster {
    var configuration = Forecaster.Configuration()
    (configuration.epochs, configuration.hiddenSize) = (3, 4)
    return try Forecaster.train(on: [.airline], configuration, context)
  }

  static func detector(_ context: TrainingContext) throws -> Detector {
    var configuration = Detector.Configuration()
    (configuration.epochs, configuration.hiddenSize) = (2, 4)
    return try Detector.train(on: rows, configuration: configuration, context)
  }

  static func tagger(_ context: TrainingContext) throws -> Tagger {
    var configuration = TagConfiguration()
    (configuration.hiddenSize, configuration.wordSize, configuration.epochs) = (4, 4, 2)
    return try Tagger.train(on: TagExamples(sentences), configuration: configuration, context)
  }

  static func language(_ context: TrainingContext, cell: String = "lstm") throws -> LanguageModel {
    var configuration = try LanguageModel.Configuration(["unit": ["words"], "batch": ["4"], "steps": ["8"]])
    (configuration.epochs, configuration.hidden, configuration.cell) = (2, 8, cell)
    let lines = (0..<60).map { "the \(["cat", "dog"][$0 % 2]) sees the \(["bird", "fish", "tree"][$0 % 3])" }
    let text = try TextLines(DataSource([.bytes(Array(lines.joined(separator: "\n").utf8), name: "text")]))
    return try LanguageModel.train(on: LanguageExamples(text), configuration: configuration, context)
  }

  static func translator(_ context: TrainingContext, unit: String = "words") throws -> Translator {
    var configuration = try Translator.Configuration(["unit": [unit], "embedding": ["8"]])
    (configuration.epochs, configuration.hidden, configuration.layers) = (2, 8, 2)
    let pairs = (0..<50).map { ("one two n\($0 % 5)", "eins zwei n\($0 % 5)") }
    return try Translator.train(
      on: TranslationExamples(.init(.values(pairs.map(\.0)), .values(pairs.map(\.1)))), configuration: configuration,
      context)
  }

  static func transcriber(in folder: String, _ context: TrainingContext) throws -> Transcriber {
    if !FileManager.default.fileExists(atPath: folder + "/train.csv") {
      try MadeSpeech.write(12, seed: 1, to: folder, table: "train.csv")
    }
    var configuration = Transcriber.Configuration()
    (configuration.hiddenSize, configuration.layers, configuration.epochs) = (4, 1, 2)
    configuration.languageOrder = 0
    let examples = try Transcriber.examples(from: DataSource(paths: [folder + "/train.csv"]), configuration)
    return try Transcriber.train(on: examples, configuration, context)
  }

  static func predictor(in folder: String, _ context: TrainingContext) throws -> FramePredictor {
    var configuration = FrameConfiguration()
    (configuration.context, configuration.horizon, configuration.hidden) = (4, 4, 4)
    (configuration.layers, configuration.patch, configuration.epochs) = (1, 4, 2)
    if !FileManager.default.fileExists(atPath: folder + "/clips.npy") {
      try MadeClips.write(12, seed: 1, to: folder + "/clips.npy")
    }
    let clips = try FramePredictor.examples(from: DataSource(paths: [folder + "/clips.npy"]), configuration)
    return try FramePredictor.train(on: clips, configuration, context)
  }
}

/// What a training does that is told to regularize so.
private func context(_ given: [String: [String]]) throws -> TrainingContext {
  var context = TrainingContext()
  context.regularization = try RegularizationOptions(given)
  return context
}

private func weights(_ model: any TaskModel) throws -> [String: [Float]] {
  Dictionary(uniqueKeysWithValues: try model.modelFile().tensors.map { ($0.name, $0.values) })
}

private func problem(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch { return "\(error)" }
}

@Suite("Regularization of tasks") struct TaskRegularizationTests {
  /// A task's training by what it is told.
  struct Training: Sendable, CustomTestStringConvertible {
    var task: String
    var augment: String
    var train: @Sendable (_ folder: String, TrainingContext) throws -> any TaskModel
    var testDescription: String { task }
  }

  static let trainings = [
    Training(task: "classify texts", augment: "word-dropout=0.3,deletion,swap,unknown,noise") { _, context in
      try Small.classifier(Small.reviews, context)
    },
    Training(task: "classify series", augment: "noise,scaling,time-warp,slice,permutation,mixup") { _, context in
      try Small.classifier(Small.waves, context)
    },
    Training(task: "forecast", augment: "noise=0.1,scaling,magnitude-warp") { try Small.forecaster($1) },
    Training(task: "detect", augment: "noise=0.1,scaling,magnitude-warp") { try Small.detector($1) },
    Training(task: "tag", augment: "word-dropout=0.3") { try Small.tagger($1) },
    Training(task: "language", augment: "word-dropout=0.3") { try Small.language($1) },
    Training(task: "translate", augment: "word-dropout,deletion,swap=0.5") { try Small.translator($1) },
    Training(task: "transcribe", augment: "masks=0.2,noise,gain,speed,shift") { try Small.transcriber(in: $0, $1) },
    Training(task: "frames", augment: "noise=0.2") { try Small.predictor(in: $0, $1) },
  ]

  @Test(
    "Changes of examples change what is learned, the same twice, and nothing where there are none", arguments: trainings
  )
  func augmentation(training: Training) throws {
    try withTemporaryFolder { folder in
      let plain = try weights(training.train(folder, TrainingContext()))
      let changed = try context(["augment": [training.augment]])
      let once = try weights(training.train(folder, changed))
      #expect(once != plain)
      #expect(try weights(training.train(folder, changed)) == once)
      #expect(try weights(training.train(folder, context(["augment": ["none"], "zoneout": ["0"]]))) == plain)
    }
  }

  @Test("The usual masks of recordings can be asked away") func masks() throws {
    try withTemporaryFolder { folder in
      let usual = try weights(Small.transcriber(in: folder, TrainingContext()))
      #expect(try weights(Small.transcriber(in: folder, context(["augment": ["masks=0"]]))) != usual)
    }
  }

  @Test("A training whose examples are changed goes on to the same bits, whenever it is killed", arguments: trainings)
  func resuming(training: Training) throws {
    try withTemporaryFolder { folder in
      let given = ["augment": [training.augment], "zoneout": training.task == "frames" ? ["0"] : ["0.2"]]
      let whole = try weights(training.train(folder, context(given)))
      for updates in [1, 3, 6] {
        var context = try context(given)
        try withTemporaryFolder { saved in
          context.checkpoints = CheckpointFolder(saved, every: .steps(1), keeping: 2)
          let killer = Killer(updates)
          context.observers = { [killer] _ in [killer] }
          var (runs, model) = (0, (any TaskModel)?.none)
          while model == nil, runs < 60 {
            model = try? training.train(folder, context)
            runs += 1
            context.checkpoints?.resumes = true
            killer.updates.withLock { $0 = updates + 3 }
          }
          #expect(runs > 1)
          let resumed = try #require(model)
          #expect(try weights(resumed) == whole)
        }
      }
    }
  }

  @Test("Zoneout is saved with a model, and what is dropped or penalized changes what is learned", arguments: trainings)
  func recurrent(training: Training) throws {
    guard training.task != "frames" else { return }
    try withTemporaryFolder { folder in
      let plain = try weights(training.train(folder, TrainingContext()))
      var given = [
        ("zoneout", "0.3"), ("recurrent-dropout", "0.3"), ("weight-dropout", "0.3"), ("activation-penalty", "2"),
        ("temporal-penalty", "2"),
      ]
      // The recurrent layers of a forecaster pass on their last step alone.
      if training.task == "forecast" { given.removeLast(2) }
      for (name, amount) in given {
        let model = try training.train(folder, context([name: [amount]]))
        #expect(try weights(model) != plain, "\(name)")
        let file = try model.modelFile()
        let again = try Tasks.model(in: file, path: nil)
        #expect(try weights(again) == weights(model), "\(name)")
        for file in [file, try again.modelFile()] {
          #expect(file.metadata["description"]?.contains("\"zoneout\":0.3") == (name == "zoneout"), "\(name)")
        }
      }
    }
  }

  @Test("Zoneout takes its expectation when a saved model answers") func expectation() throws {
    let model = try Small.forecaster(context(["zoneout": ["0.4"]]))
    let again = try Forecaster(modelFile: model.modelFile(), path: nil)
    let points = try model.forecast().points
    #expect(try again.forecast().points == points)
    var generator = RandomGenerator(seed: 0)
    var plan = model.plan
    plan.regularizers = nil
    var without = ForecastNetwork(plan, featureCount: 1, using: &generator)
    var own = ForecastNetwork(model.plan, featureCount: 1, using: &generator)
    let input = Tensor.normal([2, plan.context, 1], using: &generator)
    let head = Tensor.normal(own.head.weight.shape, using: &generator)
    (own.head.weight, without.head.weight) = (head, head)
    let tensors = own.namedTensors
    var index = 0
    without.forEachTensor { _, tensor in
      tensor = tensors[index].tensor
      index += 1
    }
    #expect(own(input) != without(input))
  }

  @Test("A cell or a network that cannot be regularized so refuses it by name") func refusals() throws {
    func refusal(_ name: String, _ train: (TrainingContext) throws -> Void) -> String {
      problem { try train(context([name: ["0.3"]])) }
    }
    let sru = refusal("weight-dropout") { _ = try Small.classifier(Small.reviews, $0, cell: "sru") }
    #expect(sru.contains("weight dropout needs a cell with recurrent weights, which sru has not"))
    let language = refusal("recurrent-dropout") { _ = try Small.language($0, cell: "sru") }
    #expect(language.contains("recurrent weights, which sru has not"))
    let last = refusal("activation-penalty") { _ = try Small.forecaster($0) }
    #expect(last.contains("its last step alone") && last.contains("leave out"))
    let table = "x,label\n" + (0..<40).map { "\($0 % 4),\($0 % 2)\n" }.joined()
    let numbers = refusal("zoneout") { _ = try Small.classifier(table, $0) }
    #expect(
      numbers == "numbers and categories are read by no recurrent layer, and 'zoneout' does nothing there; leave it out"
    )
    try withTemporaryFolder { folder in
      let frames = refusal("zoneout") { _ = try Small.predictor(in: folder, $0) }
      #expect(frames.contains("convolutional, and 'zoneout' does nothing there"))
    }
    #expect(problem { _ = try RegularizationOptions(["zoneout": ["1"]]) }.contains("zoneout must be from 0.0 to 0.99"))
    // Cells with a cell state keep that, others what they show.
    let regularizers = RecurrentRegularizers(zoneout: 0.2)
    #expect(regularizers.regularization(of: LSTMCell.self) == Regularization(zoneoutCell: 0.2))
    #expect(regularizers.regularization(of: GRUCell.self) == Regularization(zoneoutHidden: 0.2))
    for cell in Cells.all where cell.lastColumn == nil {
      #expect(throws: Never.self, "\(cell.name)") { try RecurrentRegularizers().check(cell.name, showsSteps: true) }
    }
  }

  @Test("A change that does not fit is refused with those that do") func misfits() throws {
    func refusal(_ augment: String, _ train: (TrainingContext) throws -> Void) -> String {
      problem { try train(context(["augment": [augment]])) }
    }
    #expect(
      refusal("rotation") { _ = try Small.forecaster($0) }
        == "the augmentation rotation does not fit the task forecast; there fit noise, scaling, magnitude-warp")
    #expect(
      refusal("rotation") { _ = try Small.classifier(Small.waves, $0) }.contains(
        "does not fit these examples; there fit noise, scaling, magnitude-warp, time-warp, slice, permutation, mixup"))
    // Words cannot be mixed.
    #expect(refusal("mixup") { _ = try Small.classifier(Small.reviews, $0) }.contains("mixup does not fit"))
    #expect(refusal("typos") { _ = try Small.translator($0) }.contains("there fit word-dropout, deletion, swap"))
    #expect(problem { _ = try Small.translator(context(["augment": ["typos=0.3"]]), unit: "characters") } == "")
    var options = RegularizationOptions()
    options.augmentations = Augmentations([Augmentation(.masks)])
    func check<Task: TaskModel>(_ task: Task.Type) -> String {
      problem { try options.check(for: Task.self) }
    }
    #expect(check(Tagger.self) == "augment masks does not fit the task tag; there fit word-dropout")
    #expect(check(Transcriber.self) == "" && check(Classifier.self) == "")
  }

  @Test("A task's own option stands in the place of the shared one of its name") func own() throws {
    let names = TaskRegularization<LanguageModel>.options.map(\.name)
    #expect(names.contains("zoneout") && names.contains("augment") && !names.contains("weight-dropout"))
    for task in Tasks.all {
      func twice<Task: TaskModel>(_ task: Task.Type) -> Int {
        let names = Task.Configuration.options.map(\.name) + TaskRegularization<Task>.options.map(\.name)
        return names.count - Set(names).count
      }
      #expect(twice(task) == 0, "\(task.name)")
    }
    let table = try TaskRegularization<Forecaster>(["weight-decay": ["0.5"], "augment": ["noise=0.2"]])
    #expect(table.values.weightDecay == 0.5 && table.values.augmentations?[.noise] == 0.2)
    #expect(problem { _ = try TaskRegularization<Forecaster>(["augment": ["nose"]]) }.contains("augment has no kind"))
    // In the library, what a language model is told stands above what every task is told.
    let both = try LanguagePlan(
      LanguageModel.Configuration(["weight-dropout": ["0.1"]]),
      RegularizationOptions(["weight-dropout": ["0.3"], "temporal-penalty": ["1"]]), unit: .words, count: 100,
      vocabulary: 20)
    #expect(both.architecture.regularizers.weightDropout == 0.1)
    #expect(both.architecture.regularizers.temporalPenalty == 1)
  }
}
