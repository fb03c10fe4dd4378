import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

/// Made-up clips: a bright square that goes straight on over a gray ground.
enum MadeClips {
  static func clip(
    _ generator: inout RandomGenerator, frames: Int = 8, side: Int = 16, step: (Int, Int)? = nil
  ) -> Clip {
    let steps = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    let step = step ?? steps[generator.integer(below: 4)]
    var (row, column) = (generator.integer(below: side), generator.integer(below: side))
    var values = [UInt8](repeating: 30, count: frames * side * side)
    for frame in 0..<frames {
      for place in 0..<16 {
        let (r, c) = ((row + place / 4) % side, (column + place % 4) % side)
        values[(frame * side + r) * side + c] = 220
      }
      (row, column) = ((row + step.0 + side) % side, (column + step.1 + side) % side)
    }
    return Clip(values: values, rows: side, columns: side, channels: 1, rate: 10)
  }

  /// Writes clips as one array.
  static func write(_ count: Int, seed: UInt64, to path: String) throws {
    var generator = RandomGenerator(seed: seed)
    try writeAtomically(Clip.npy((0..<count).map { _ in clip(&generator) }), to: path)
  }
}

/// Expects that the parts of pixels add up to those of steps and areas, and that the page shows them.
@discardableResult
private func expectPictures(
  of one: ExplainedExample, frames: Int, at location: SourceLocation = #_sourceLocation
) throws -> Explanation {
  let explanation = one.explanation(points: 100)
  let size = max(1, abs(explanation.score - explanation.baselineScore))
  let gap = try #require(explanation.methods[0].gap)
  #expect(abs(gap) < 0.05 * size, "\(gap)", sourceLocation: location)
  let pictures = try #require(explanation.pictures.first)
  #expect(pictures.clip.count == frames, sourceLocation: location)
  for (method, values) in pictures.parts {
    let parts = try #require(explanation.methods.first { $0.method == method })
    #expect(values.shape == [frames, pictures.clip.rows, pictures.clip.columns], sourceLocation: location)
    #expect(abs((values.sum() - parts.values.sum()).item) < 1e-3 * size, sourceLocation: location)
  }
  let areas = try #require(pictures.withoutArea)
  #expect(abs(areas.sum().item - explanation.withoutFeature.reduce(0, +)) < 1e-3 * size, sourceLocation: location)
  let page = ExplanationPage(title: "A", subtitle: "", explanations: [explanation]).text
  let count = page.components(separatedBy: "src=\"data:image/png;base64,").count - 1
  let others = explanation.exhibits.reduce(0) { sum, exhibit in
    if case .frames(let names, _) = exhibit.content { sum + names.count } else { sum }
  }
  #expect(count == frames * (pictures.parts.count + 1) + 1 + others, sourceLocation: location)
  #expect(!explanation.json().line.contains("\"pixels\""), sourceLocation: location)
  #expect(explanation.json(withStates: true).line.contains("\"pixels\":{\"integratedG"), sourceLocation: location)
  return explanation
}

@Suite("The task frames") struct FramesTests {
  private var configuration: FrameConfiguration {
    var configuration = FrameConfiguration()
    (configuration.context, configuration.horizon) = (4, 4)
    (configuration.hidden, configuration.layers, configuration.patch) = (24, 1, 2)
    (configuration.epochs, configuration.batchSize) = (40, 8)
    return configuration
  }

  @Test("foresees what moves better than the last frame does, and is the same once saved")
  func learning() throws {
    try withTemporaryFolder { folder in
      try MadeClips.write(120, seed: 1, to: folder + "/train.npy")
      try MadeClips.write(12, seed: 2, to: folder + "/test.npy")
      let clips = try FramePredictor.examples(from: DataSource(paths: [folder + "/train.npy"]), configuration)
      #expect(clips.library.count == 120)
      let model = try FramePredictor.train(on: clips, configuration, TrainingContext())
      #expect(model.isComplete && model.evaluation?.examples == 12)
      let test = try model.examples(from: DataSource(paths: [folder + "/test.npy"]))
      let evaluation = try model.evaluate(on: test)
      let (own, last) = (evaluation.measures, evaluation.baselines[0].measures)
      #expect(own.map(\.name).prefix(3) == ["meanSquaredError", "structuralSimilarity", "meanAbsoluteError"])
      #expect(own[0].value < 0.5 * last[0].value, "\(own[0].value) and \(last[0].value)")
      #expect(own[1].value > last[1].value && evaluation.tables[0].rows.count == 4 && evaluation.examples == 12)
      try model.save(to: folder + "/model")
      let again = try FramePredictor(contentsOf: folder + "/model")
      var request = FrameRequest()
      request.steps = 6
      let answers = try again.predict(test, request)
      #expect(try answers == model.predict(test, request))
      #expect(answers[3].frames.count == 6 && answers[3].clip == folder + "/test.npy#3" && answers[3].seen == 4)
      // More steps begin as fewer do.
      #expect(try again.predict(test)[3].frames == answers[3].frames[0..<4])

      try NextFrames.write(answers, to: folder + "/next.npy")
      #expect(try Clip(contentsOf: folder + "/next.npy#3").values == answers[3].frames.values)
      try NextFrames.write([answers[3]], to: folder + "/next.gif")
      #expect(
        try Clip(contentsOf: folder + "/next.gif", as: FrameFormat(isGray: true)).values == answers[3].frames.values)
      try NextFrames.write(Array(answers.prefix(2)), to: folder + "/next/")
      #expect(try Clip(contentsOf: folder + "/next/test.npy#1").values == answers[1].frames.values)
      #expect(
        dataError { () throws(DataError) in try NextFrames.write(answers, to: folder + "/all.gif") }?.code
          == .wrongInput)
      #expect(!NextFrames.isWritten(to: folder + "/next.csv") && NextFrames.isWritten(to: folder))
      for name in ["/next.mp4", "/next.png"] {
        // What is no table is not written as one.
        #expect(NextFrames.isWritten(to: folder + name))
        let error = dataError { () throws(DataError) in try NextFrames.write([answers[3]], to: folder + name) }
        #expect(error?.code == .unwritableFile && !FileManager.default.fileExists(atPath: folder + name))
      }
    }
  }

  @Test("goes on from a checkpoint to the same bits")
  func checkpoints() throws {
    try withTemporaryFolder { folder in
      try MadeClips.write(24, seed: 3, to: folder + "/train.npy")
      var configuration = configuration
      (configuration.hidden, configuration.epochs) = (4, 3)
      let clips = try FramePredictor.examples(from: DataSource(paths: [folder + "/train.npy"]), configuration)
      let whole = try FramePredictor.train(on: clips, configuration, TrainingContext())
      let steps = Counter()
      var context = TrainingContext(shouldStop: { steps.next() > 4 })
      context.checkpoints = CheckpointFolder(folder + "/state", every: .epochs(1), keeping: 2, resumes: false)
      try FileManager.default.createDirectory(atPath: folder + "/state", withIntermediateDirectories: true)
      #expect(try !FramePredictor.train(on: clips, configuration, context).isComplete)
      context = TrainingContext()
      context.checkpoints = CheckpointFolder(folder + "/state", every: .epochs(1), keeping: 2, resumes: true)
      expectSameBits(try FramePredictor.train(on: clips, configuration, context).frameNetwork, whole.frameNetwork)
    }
  }

  @Test("what is foreseen is explained by the pixels that were seen, and how far it is missed where the clip goes on")
  func explained() throws {
    try withTemporaryFolder { folder in
      try MadeClips.write(2, seed: 3, to: folder + "/a.npy")
      let plan = FramePlan(
        format: FrameFormat(rows: 16, columns: 16, isGray: true), rows: 16, columns: 16, channels: 1, context: 4,
        horizon: 3, patch: 2, filters: 5, layers: 2, kernel: 3, epochs: 1, batchSize: 1, learningRate: 1e-3, seed: 0)
      var generator = RandomGenerator(seed: 1)
      let network = FrameNetwork(plan, using: &generator)
      let model = FramePredictor(plan: plan, frameNetwork: network, report: FrameReport())
      let clips = try model.examples(from: DataSource(paths: [folder + "/a.npy"]))
      var request = FrameRequest()
      let one = try model.explained(clips, request, .numbers([2]))[0]
      #expect(one.title.hasPrefix("clip 2 (") && one.title.hasSuffix("frames 6–8 after 2–5, which the clip has too"))
      #expect(one.steps == ["frame 2", "frame 3", "frame 4", "frame 5"])
      #expect(
        one.outputs
          == ["mean", "squared error"].flatMap { what in
            ["of all frames", "of frame 6", "of frame 7", "of frame 8"].map { "\(what) \($0)" }
          })
      let explanation = try expectPictures(of: one, frames: 4)
      #expect(explanation.methods.map(\.method) == ["integratedGradients", "gradientTimesInput", "occlusion"])
      #expect(explanation.levels.count == 2 && explanation.levels[0].units.count == 5)
      #expect(explanation.levels[1].units.allSatisfy { $0.gates.count >= 3 && $0.halfLife != nil })
      let clip = try Clip(contentsOf: folder + "/a.npy#1")
      let next = model.next(3, after: clip[1..<5])
      #expect(abs(Double(explanation.score) - next.means.reduce(0, +) / 3) < 2e-3)
      let error = (next[1..<2].tensor - clip[6..<7].tensor).squared.mean().item
      #expect(abs(one.explanation(of: 6, points: 2).score - error) < 5e-3)
      #expect(one.exhibits.map(\.name) == ["foreseen", "followed"])

      request.steps = 5
      let short = try model.explained(clips, request, .first(1))[0]
      #expect(short.title.hasSuffix("frames 9–13 after 5–8") && short.outputs.count == 6 && short.exhibits.count == 1)
      #expect(throws: TaskError.self) { try model.explained(clips, request, .numbers([3])) }
    }
  }

  @Test("clips of unequal sizes, without frames, too short or damaged are named in one line")
  func faults() throws {
    try withTemporaryFolder { folder in
      var generator = RandomGenerator(seed: 1)
      try writeAtomically(MadeClips.clip(&generator).gif(), to: folder + "/a.gif")
      try writeAtomically(MadeClips.clip(&generator, side: 12).gif(), to: folder + "/b.gif")
      func fault(_ paths: [String], _ configuration: FrameConfiguration = .init()) -> String {
        let error = dataError { () throws(DataError) in
          try FramePredictor.examples(from: DataSource(paths: paths.map { folder + $0 }), configuration)
        }
        return (error?.description ?? "").replacing(folder + "/", with: "")
      }
      #expect(
        fault(["/a.gif", "/b.gif"])
          == "b.gif: its frames are 12 × 12, colored, and those of the first clip 16 × 16, colored; "
          + "say which size to bring them to, or make them gray")
      var sized = FrameConfiguration()
      (sized.format.rows, sized.format.columns) = (8, 8)
      #expect(fault(["/a.gif", "/b.gif"], sized).isEmpty)
      #expect(fault(["/c.gif"]).hasPrefix("c.gif: there is no such file"))
      try FileManager.default.createDirectory(atPath: folder + "/none", withIntermediateDirectories: false)
      #expect(fault(["/none"]).contains("there are no clips"))
      try writeAtomically("GIF89a", to: folder + "/d.gif")
      #expect(fault(["/d.gif"]).contains("d.gif: the GIF is damaged: it is cut off"))
      try writeAtomically("no clip", to: folder + "/e.txt")
      #expect(!fault(["/e.txt"]).contains("\n") && fault(["/e.txt"]).hasPrefix("e.txt: "))
      let clips = try FramePredictor.examples(from: DataSource(paths: [folder + "/a.gif"]), sized)
      var long = sized
      long.horizon = 20
      #expect(throws: TaskError.self) { try FramePredictor.train(on: clips, long, TrainingContext()) }
      var options = SharedOptions()
      options.cell = "gru"
      #expect(throws: TaskError.self) { try long.choose(options) }
    }
  }

  @Test("a model whose numbers contradict each other is refused")
  func forged() throws {
    try withTemporaryFolder { folder in
      try MadeClips.write(6, seed: 3, to: folder + "/train.npy")
      var configuration = configuration
      (configuration.hidden, configuration.epochs) = (2, 1)
      let clips = try FramePredictor.examples(from: DataSource(paths: [folder + "/train.npy"]), configuration)
      let file = try FramePredictor.train(on: clips, configuration, TrainingContext()).modelFile()
      for (name, value) in [("filters", "4000"), ("patch", "0"), ("kernel", "2"), ("layers", "9"), ("rows", "-1")] {
        var changed = file
        let text = try #require(file.metadata["description"])
        changed.metadata["description"] = text.replacing(
          try Regex("\"\(name)\":[0-9]+"), with: "\"\(name)\":\(value)")
        #expect(changed.metadata["description"] != text)
        #expect(
          dataError { () throws(DataError) in try FramePredictor(modelFile: changed) }?.code == .damagedModel, "\(name)"
        )
      }
    }
  }

  @Test("the structural similarity is scikit-image's", arguments: ["gray", "colored"])
  func similarity(name: String) throws {
    let fixture = try Fixture("convolutions").under("ssim").under(name)
    let (a, b) = try (fixture("a"), fixture("b"))
    let found = structuralSimilarity(a.values, b.values, rows: a.shape[0], columns: a.shape[1], channels: a.shape[2])
    #expect(try abs(found - Double(fixture("similarity").item)) < 1e-6)
    #expect(structuralSimilarity(a.values, a.values, rows: a.shape[0], columns: a.shape[1], channels: a.shape[2]) == 1)
    #expect(structuralSimilarity([0.5], [0.5], rows: 1, columns: 1, channels: 1) == 1)
  }
}

@Suite("Clips as examples") struct FramesColumnTests {
  @Test("whether something moves is learned from a folder of folders, of files and of images")
  func motion() throws {
    try withTemporaryFolder { folder in
      var generator = RandomGenerator(seed: 5)
      for (label, step) in [("moves", (0, 4)), ("stays", (0, 0))] {
        for (place, count) in [("train", 80), ("test", 20)] {
          let inner = "\(folder)/\(place)/\(label)"
          try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
          for number in 0..<count {
            let clip = MadeClips.clip(&generator, frames: 4 + number % 3, step: step)
            try writeAtomically(clip.gif(), to: "\(inner)/\(number).gif")
          }
        }
      }
      var configuration = ClassifierConfiguration()
      (configuration.columns.members, configuration.columns.shared.epochs) = (1, 40)
      configuration.columns.shared.hidden = 16
      configuration.columns.settings.frames.isGray = true
      let examples = try Classifier.examples(from: DataSource(paths: [folder + "/train"]), configuration)
      let model = try Classifier.train(on: examples, configuration, TrainingContext())
      #expect(model.facts.contains { $0.value.contains("clips, 16 × 16, gray") })
      let evaluation = try model.evaluate(on: model.examples(from: DataSource(paths: [folder + "/test"])))
      #expect(evaluation.measures[0].value >= 0.9, "\(evaluation.measures[0])")
      try model.save(to: folder + "/model")
      let again = try Classifier(contentsOf: folder + "/model")
      let one = DataSource(paths: [folder + "/test/moves/3.gif"])
      #expect(try again.predict(again.examples(from: one)) == model.predict(model.examples(from: one)))
      let explained = try again.explained(again.examples(from: one), ClassifierRequest(), .first(1))[0]
      let count = try Clip(contentsOf: folder + "/test/moves/3.gif").count
      #expect(explained.steps == (1...count).map { "frame \($0)" })
      let explanation = try expectPictures(of: explained, frames: count)
      #expect(explanation.features.count == 16 && explanation.features[1] == "rows 1–4, columns 5–8")
      #expect(!explanation.levels.isEmpty && explanation.levels.allSatisfy { $0.steps == explained.steps })
      // The same clip as a folder of images.
      try Clip(contentsOf: folder + "/test/moves/3.gif").writeImages(to: folder + "/images/moves/3")
      let images = try Records(DataSource(paths: [folder + "/images"]))
      #expect(images.count == 1 && images.text(row: 0, column: 1)?.hasSuffix("/moves/3") == true)
      for path in ["/images/moves/3", "/images/moves/3/", "/images/moves"] {
        let found = try again.predict(again.examples(from: DataSource(paths: [folder + path])))
        #expect(try found == again.predict(again.examples(from: one)), "\(path)")
      }
      // Folders of such folders are still classes.
      let labelled = try again.examples(from: DataSource(paths: [folder + "/images"]))
      #expect(labelled.records.text(row: 0, column: 0) == "moves")
    }
  }

  @Test("a table names the row of a clip that is missing, empty or of another size")
  func faults() throws {
    try withTemporaryFolder { folder in
      var generator = RandomGenerator(seed: 5)
      try writeAtomically(MadeClips.clip(&generator).gif(), to: folder + "/a.gif")
      try writeAtomically(MadeClips.clip(&generator, side: 12).gif(), to: folder + "/b.gif")
      func fault(_ rows: String) throws -> String {
        try writeAtomically("clip,label\n" + rows, to: folder + "/t.csv")
        let records = try Records(DataSource(paths: [folder + "/t.csv"]))
        #expect(FramesColumn.likelihood(of: Column(records, 0).sample) > 0.7)
        let error = dataError { () throws(DataError) in
          try FramesColumn(learning: Column(records, 0), ColumnSettings())
        }
        return (error?.description ?? "").replacing(folder + "/", with: "")
      }
      let good = String(repeating: "a.gif,x\n", count: 15)
      #expect(try fault(good).isEmpty)
      #expect(
        try fault(good + "c.gif,x\n") == "t.csv: row 17, column clip: c.gif: there is no such file; check the path")
      #expect(try fault("a.gif,x\nb.gif,x\n").hasPrefix("t.csv: row 3, column clip: b.gif: its frames are 12 × 12"))
      // A clip is no table of clips.
      let alone = dataError { () throws(DataError) in try Records(DataSource(paths: [folder + "/a.gif"])) }
      #expect(alone?.description.hasSuffix("a table is expected; name a table with a column of paths") == true)
    }
  }

  @Test("still images are read line by line")
  func images() throws {
    try withTemporaryFolder { folder in
      var generator = RandomGenerator(seed: 5)
      var clips: [Clip] = []
      var rows = "image,label\n"
      // A bar that lies or stands.
      for number in 0..<60 {
        var values = (0..<144).map { _ in UInt8(generator.integer(below: 60)) }
        let place = generator.integer(below: 10)
        for step in 0..<12 {
          for wide in 0..<2 {
            values[number % 2 == 0 ? (place + wide) * 12 + step : step * 12 + place + wide] = 230
          }
        }
        clips.append(Clip(values: values, rows: 12, columns: 12, channels: 1))
        rows += "images.npy#\(number),\(number % 2 == 0 ? "lies" : "stands")\n"
      }
      try writeAtomically(Clip.npy(clips), to: folder + "/images.npy")
      try writeAtomically(rows, to: folder + "/t.csv")
      var configuration = ClassifierConfiguration()
      (configuration.columns.members, configuration.columns.shared.epochs) = (1, 30)
      configuration.columns.shared.hidden = 8
      let examples = try Classifier.examples(from: DataSource(paths: [folder + "/t.csv"]), configuration)
      let model = try Classifier.train(on: examples, configuration, TrainingContext())
      #expect(model.facts.contains { $0.value.contains("images, 12 × 12, gray") })
      let read = try model.examples(from: DataSource(paths: [folder + "/t.csv"]))
      #expect(try model.evaluate(on: read).measures[0].value > 0.9)
      let explained = try model.explained(read, ClassifierRequest(), .first(1))[0]
      #expect(explained.steps.count == 12 && explained.steps[3] == "line 4")
      #expect(try expectPictures(of: explained, frames: 1).features.count == 8)
    }
  }
}

/// Counts on, whoever asks.
private final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var count = 0

  func next() -> Int {
    lock.withLock {
      count += 1
      return count
    }
  }
}
