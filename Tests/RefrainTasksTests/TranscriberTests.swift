import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainTasks

/// Made-up speech: each letter is a sum of two tones as the formants of vowels are, each blank a silence.
enum MadeSpeech {
  static let formants: [Character: (Float, Float)] = [
    "A": (730, 1090), "E": (530, 1840), "I": (270, 2290), "O": (570, 840), "U": (300, 3100),
  ]

  /// A recording at 8 kHz; every speaker has another pitch and speed.
  static func recording(_ text: String, speaker: Int = 0, seed: UInt64 = 1) -> Recording {
    var generator = RandomGenerator(seed: seed)
    var samples: [Float] = []
    func silence(_ count: Int) { for _ in 0..<count { samples.append(0.005 * generator.normal()) } }
    silence(300)
    for letter in text {
      let length = 480 + Int(200 * generator.uniform()) + 60 * speaker
      guard let (first, second) = formants[letter] else {
        silence(length)
        continue
      }
      let shift = 1 + 0.04 * Float(speaker) + 0.02 * generator.normal()
      for index in 0..<length {
        let time = Float(index) / 8000
        let rise = min(1, Float(min(index, length - index)) / 60)
        let pulse = 0.6 + 0.4 * sin(2 * .pi * (110 + 30 * Float(speaker)) * time)
        let tones = sin(2 * .pi * first * shift * time) + 0.6 * sin(2 * .pi * second * shift * time)
        samples.append(0.3 * rise * pulse * tones + 0.005 * generator.normal())
      }
      silence(60)
    }
    silence(300)
    return Recording(samples, sampleRate: 8000)
  }

  static let words = ["AE", "IO", "UA", "EIO", "OU"]

  /// Texts of two or three words.
  static func texts(_ count: Int, seed: UInt64) -> [String] {
    var generator = RandomGenerator(seed: seed)
    return (0..<count).map { _ in
      (0..<2 + generator.integer(below: 2)).map { _ in words[generator.integer(below: words.count)] }
        .joined(separator: " ")
    }
  }

  /// Writes recordings and a table of them, `audio,text,speaker`.
  static func write(_ count: Int, seed: UInt64, to folder: String, table: String) throws {
    var rows = "audio,text,speaker\n"
    for (index, text) in texts(count, seed: seed).enumerated() {
      let name = "\(table)-\(index).wav"
      try recording(text, speaker: index % 3, seed: seed + UInt64(index)).write(to: folder + "/" + name)
      rows += "\(name),\(text),s\(index % 3)\n"
    }
    try writeAtomically(rows, to: folder + "/" + table)
  }
}

@Suite("The task transcribe") struct TranscriberTests {
  @Test("error rates are jiwer's")
  func errorRates() throws {
    struct Case: Decodable {
      var references: [String]
      var hypotheses: [String]
      var wordErrorRate: Double
      var characterErrorRate: Double
    }
    let cases = try JSONDecoder().decode([Case].self, from: Data(try fixture("error_rates.json")))
    for one in cases {
      let rates = Transcriber.errorRates(references: one.references, one.hypotheses)
      #expect(abs(rates.words.rate - one.wordErrorRate) < 1e-12)
      #expect(abs(rates.characters.rate - one.characterErrorRate) < 1e-12)
    }
    let found = edits(from: ["A", "B", "C"], to: ["B", "X", "C", "D"])
    #expect(found.count == 3 && EditCounts(reference: ["A", "B", "C"], ["B", "X", "C", "D"]).total == 3)
    #expect(EditCounts(reference: [], ["A"]).rate == .infinity && EditCounts(reference: [Int](), []).rate == 0)
  }

  @Test("learns what made-up speech says, with times, and is the same once saved")
  func learning() throws {
    try withTemporaryFolder { folder in
      try MadeSpeech.write(90, seed: 1, to: folder, table: "train.csv")
      try MadeSpeech.write(12, seed: 500, to: folder, table: "test.csv")
      var configuration = Transcriber.Configuration()
      (configuration.hiddenSize, configuration.layers, configuration.epochs) = (32, 1, 50)
      (configuration.batchSize, configuration.dropout) = (8, 0.1)
      let examples = try Transcriber.examples(
        from: DataSource(paths: [folder + "/train.csv"]), configuration)
      #expect(examples.all.count == 90 && examples.encoding.width == 40)
      let model = try Transcriber.train(on: examples, configuration, TrainingContext())
      #expect(model.alphabet == [" ", "A", "E", "I", "O", "U"] && model.isComplete)
      #expect(model.evaluation?.measures.map(\.name) == ["wordErrorRate", "characterErrorRate"])
      let test = try model.examples(from: DataSource(paths: [folder + "/test.csv"]))
      let evaluation = try model.evaluate(on: test)
      #expect(evaluation.measures[0].value <= 0.1, "word error rate \(evaluation.measures[0].value)")
      #expect(evaluation.measures[1].value <= 0.05)
      #expect(evaluation.baselines[0].measures[0].value > 0.5 && evaluation.examples == 12)

      let answers = try model.predict(test)
      let answer = try #require(answers.first { $0.text == $0.reference })
      #expect(answer.words.map(\.word) == answer.text.split(separator: " ").map(String.init))
      #expect(answer.errors == [] && answer.confidence > 0.5 && answer.problem == nil)
      for (one, next) in zip(answer.words, answer.words.dropFirst()) { #expect(one.end <= next.start + 1e-9) }
      let seconds = try Recording(contentsOf: folder + "/" + answer.audio).seconds
      #expect(answer.words.allSatisfy { $0.start >= 0 && $0.start < $0.end && $0.end <= seconds + 0.05 })

      try model.save(to: folder + "/model")
      let again = try Transcriber(contentsOf: folder + "/model")
      #expect(try again.predict(test) == answers)
      #expect(again.languageModel == model.languageModel && again.languageModel?.order == 3)
      // A recording alone, and one that cannot be read among others: the rest goes on.
      let alone = try again.examples(from: DataSource(paths: [folder + "/test.csv-0.wav"]))
      #expect(try again.predict(alone)[0].text == answers[0].text)
      try writeAtomically("RIFF nonsense", to: folder + "/broken.wav")
      let mixed = try again.examples(
        from: DataSource(paths: [folder + "/broken.wav", folder + "/test.csv-0.wav"]))
      let both = try again.predict(mixed)
      #expect(both[0].problem != nil && both[0].text.isEmpty && both[1].text == answers[0].text)
      // One that breaks off is read as far as it goes, and that is said.
      try writeAtomically(Array(MadeSpeech.recording("AE").wav().dropLast(100)), to: folder + "/cut.wav")
      let cut = try again.examples(from: DataSource(paths: [folder + "/cut.wav"]))
      #expect(Transcriber.notes(of: cut).map { $0.contains("cut.wav: the file breaks off") } == [true])
      #expect(Transcriber.notes(of: mixed).isEmpty)
      // A movie is asked for its sound, and is no table.
      try writeAtomically("no movie", to: folder + "/movie.mp4")
      let movie = dataError { () throws(DataError) in
        try again.examples(from: DataSource(paths: [folder + "/movie.mp4"]))
      }
      #expect(movie?.code == .unsupportedContent || movie?.code == .wrongFormat)
      // Untrained, the network says nothing of use: it was the training.
      var broken = try SafeTensorsFile(contentsOf: folder + "/model")
      broken.tensors.removeLast()
      #expect(
        dataError { () throws(DataError) in try Transcriber(modelFile: broken, path: "m") }?.code == .damagedModel)
    }
  }

  @Test("finds known words alone where that is asked for, whether or not recordings are held out")
  func closedLexicon() throws {
    try withTemporaryFolder { folder in
      try MadeSpeech.write(6, seed: 3, to: folder, table: "train.csv")
      var configuration = Transcriber.Configuration()
      (configuration.hiddenSize, configuration.layers, configuration.epochs) = (4, 1, 1)
      configuration.isClosed = true
      let examples = try Transcriber.examples(from: DataSource(paths: [folder + "/train.csv"]), configuration)
      let model = try Transcriber.train(on: examples, configuration, TrainingContext())
      #expect(model.report.heldOut == 0 && model.search.isClosed)
      configuration.languageOrder = 0
      #expect(throws: TaskError.self) { try Transcriber.train(on: examples, configuration, TrainingContext()) }
      configuration.isClosed = false
      #expect(try Transcriber.train(on: examples, configuration, TrainingContext()).languageModel == nil)
    }
  }

  @Test("goes on from a checkpoint to the same bits")
  func checkpoints() throws {
    try withTemporaryFolder { folder in
      try MadeSpeech.write(12, seed: 3, to: folder, table: "train.csv")
      var configuration = Transcriber.Configuration()
      (configuration.hiddenSize, configuration.layers, configuration.epochs) = (4, 1, 3)
      configuration.batchSize = 4
      let examples = try Transcriber.examples(from: DataSource(paths: [folder + "/train.csv"]), configuration)
      let whole = try Transcriber.train(on: examples, configuration, TrainingContext())
      // Stopped in its second epoch, when the state of the first is saved.
      let steps = Counter()
      var context = TrainingContext(shouldStop: { steps.next() > 4 })
      context.checkpoints = CheckpointFolder(folder + "/state", every: .epochs(1), keeping: 2, resumes: false)
      try FileManager.default.createDirectory(atPath: folder + "/state", withIntermediateDirectories: true)
      let stopped = try Transcriber.train(on: examples, configuration, context)
      #expect(!stopped.isComplete)
      // A checkpoint writes down what it can, by the language model of the texts.
      for name in try FileManager.default.contentsOfDirectory(atPath: folder + "/state") {
        let saved = try Transcriber(contentsOf: folder + "/state/" + name)
        #expect(!saved.isComplete && saved.languageModel != nil)
        #expect(try saved.predict(saved.examples(from: DataSource(paths: [folder + "/train.csv"]))).count == 12)
      }
      context = TrainingContext()
      context.checkpoints = CheckpointFolder(folder + "/state", every: .epochs(1), keeping: 2, resumes: true)
      let resumed = try Transcriber.train(on: examples, configuration, context)
      #expect(resumed.isComplete)
      expectSameBits(resumed.transcriptionNetwork, whole.transcriptionNetwork)
    }
  }

  @Test("reads a folder of pairs, and a table whose columns are named")
  func sources() throws {
    try withTemporaryFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/pairs/inner", withIntermediateDirectories: true)
      for (name, text) in [("b", "  AE\n IO "), ("inner/a", "OU")] {
        try MadeSpeech.recording(text).write(to: folder + "/pairs/\(name).wav")
        try writeAtomically(text, to: folder + "/pairs/\(name).txt")
      }
      let pairs = try Transcriber.examples(from: DataSource(paths: [folder + "/pairs"]), Transcriber.Configuration())
      #expect(pairs.all.map(\.text) == ["AE IO", "OU"] && pairs.all.allSatisfy { $0.frames.count > 20 })
      try writeAtomically("file,what is said,who\npairs/b.wav,AE IO,x\n", to: folder + "/t.csv")
      var configuration = Transcriber.Configuration()
      (configuration.target, configuration.speaker) = ("what is said", "who")
      let table = try Transcriber.examples(from: DataSource(paths: [folder + "/t.csv"]), configuration)
      #expect(table.all[0].speaker == "x" && table.all[0].frames == pairs.all[0].frames)
    }
  }

  @Test("names the row of what is at fault")
  func faults() throws {
    try withTemporaryFolder { folder in
      try MadeSpeech.recording("AEIO").write(to: folder + "/a.wav")
      try writeAtomically("no sound", to: folder + "/b.wav")
      func fault(_ rows: String, _ configuration: Transcriber.Configuration = .init()) throws -> String {
        try writeAtomically("path,text\n" + rows, to: folder + "/t.csv")
        let error = dataError { () throws(DataError) in
          try Transcriber.examples(from: DataSource(paths: [folder + "/t.csv"]), configuration)
        }
        return (error?.description ?? "").replacing(folder + "/", with: "")
      }
      let good = String(repeating: "a.wav,AEIO\n", count: 15)
      #expect(try fault(good + "c.wav,A\n") == "t.csv: row 17: c.wav: there is no such file; check the path")
      #expect(try fault("a.wav,A\nb.wav,A\n").hasPrefix("t.csv: row 3: b.wav: "))
      #expect(try fault(",A\n").contains("row 2, column path: there is no path"))
      var named = Transcriber.Configuration()
      named.audio = "pth"
      #expect(try fault("a.wav,A\n", named).contains("did you mean 'path'?"))

      // A text that takes more steps than there are.
      let long = String(repeating: "AAEE ", count: 40)
      try writeAtomically("path,text\na.wav,AEIO\na.wav,\(long)\n", to: folder + "/t.csv")
      let examples = try Transcriber.examples(
        from: DataSource(paths: [folder + "/t.csv"]), Transcriber.Configuration())
      do {
        _ = try Transcriber.train(on: examples, Transcriber.Configuration(), TrainingContext())
        Issue.record("a text without a path was learned from")
      } catch let error as TaskError {
        let text = error.description.replacing(folder + "/", with: "")
        #expect(
          text.hasPrefix("t.csv: row 3: the text of 199 characters takes 279 steps, and the recording a.wav has "))
      }
      var timed = Transcriber.Configuration()
      timed.cell = "t-lstm"
      do {
        _ = try Transcriber.train(on: examples, timed, TrainingContext())
        Issue.record("a cell that reads times was taken")
      } catch let error as TaskError {
        #expect(error.description.contains("the cell 't-lstm' reads the time since the step before, which recordings"))
      }
      #expect(
        dataError { () throws(DataError) in
          try Transcriber.examples(from: DataSource(paths: [folder + "/a.wav"]), Transcriber.Configuration())
        }?.code == .wrongInput)
    }
  }

  /// Counts how often it is asked.
  private final class Counter: @unchecked Sendable {
    private var count = 0
    func next() -> Int {
      count += 1
      return count
    }
  }
}

@Suite("Recordings as a column") struct RecordingColumnTests {
  @Test("in a folder of folders, or by paths in a table, are classified")
  func classify() throws {
    try withTemporaryFolder { folder in
      var rows = "path,class\n"
      for (place, text) in ["AE", "OU", "IO"].enumerated() {
        try FileManager.default.createDirectory(atPath: folder + "/sounds/" + text, withIntermediateDirectories: true)
        for index in 0..<14 {
          let name = "sounds/\(text)/\(index).wav"
          try MadeSpeech.recording(text, speaker: index % 3, seed: UInt64(100 * place + index))
            .write(to: folder + "/" + name)
          if index < 12 { rows += "\(name),\(text)\n" }
        }
      }
      try writeAtomically(rows, to: folder + "/t.csv")
      var configuration = ClassifierConfiguration()
      configuration.columns.shared.hidden = 8
      configuration.columns.shared.epochs = 12
      let examples = try Classifier.examples(from: DataSource(paths: [folder + "/t.csv"]), configuration)
      let model = try Classifier.train(on: examples, configuration, TrainingContext())
      #expect(model.facts.contains { $0.value.contains("path (recordings, 40 mel filters at 8000 Hz)") })
      try writeAtomically(
        "path\nsounds/AE/13.wav\nsounds/OU/13.wav\nsounds/IO/13.wav\n", to: folder + "/new.csv")
      let answers = try model.predict(try model.examples(from: DataSource(paths: [folder + "/new.csv"])))
      #expect(answers.map(\.labels) == [["AE"], ["OU"], ["IO"]])
      try model.save(to: folder + "/model")
      let again = try Classifier(contentsOf: folder + "/model")
      let others = try again.predict(try again.examples(from: DataSource(paths: [folder + "/new.csv"])))
      #expect(others.map(\.labels) == answers.map(\.labels))

      // What was read to be answered is not read again.
      let kept = try again.examples(from: DataSource(paths: [folder + "/new.csv"]))
      try FileManager.default.moveItem(atPath: folder + "/sounds", toPath: folder + "/away")
      #expect(try again.predict(kept).map(\.labels) == answers.map(\.labels))
      // Another model reads them itself.
      #expect(throws: TaskError.self) { try model.predict(kept) }
      try FileManager.default.moveItem(atPath: folder + "/away", toPath: folder + "/sounds")

      // A folder of folders is read as one.
      let all = try Classifier.examples(from: DataSource(paths: [folder + "/sounds"]), configuration)
      #expect(all.records.count == 42)
      // One that breaks off is read as far as it goes, and that is said.
      try writeAtomically(Array(MadeSpeech.recording("AE").wav().dropLast(100)), to: folder + "/cut.wav")
      try writeAtomically("path\nsounds/AE/13.wav\ncut.wav\n", to: folder + "/cut.csv")
      let cut = try again.examples(from: DataSource(paths: [folder + "/cut.csv"]))
      #expect(Classifier.notes(of: cut).contains { $0.contains("cut.wav: the file breaks off") })
      // A recording that is missing is named with its row.
      try writeAtomically("path\nsounds/AE/13.wav\nnowhere.wav\n", to: folder + "/bad.csv")
      let error = dataError { () throws(DataError) in
        try again.examples(from: DataSource(paths: [folder + "/bad.csv"]))
      }
      #expect(
        error?.description.replacing(folder + "/", with: "")
          == "bad.csv: row 3, column path: nowhere.wav: there is no such file; check the path")
    }
  }
}
