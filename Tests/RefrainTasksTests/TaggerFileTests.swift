import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@testable import Refrain
@testable import RefrainTasks

@Suite("Tagger, what it reads and how it is kept") struct TaggerFileTests {
  private var tagger: Tagger { TaggerSample.trained }

  private func examples(_ text: String, _ request: TagRequest = TagRequest()) throws -> TagExamples {
    try tagger.examples(from: DataSource([.bytes(Array(text.utf8), name: "new.txt")]), request)
  }

  // MARK: - Input

  @Test("plain text, words between spaces and columns are told apart")
  func inputs() throws {
    let text = try examples("Does Ada like Oslo?\nNoor sings.\n").sentences
    #expect(text.map(\.words) == [["Does", "Ada", "like", "Oslo", "?"], ["Noor", "sings", "."]])
    #expect(try examples("does Ada like Oslo ?\n").sentences[0].words.count == 5)
    let columns = try examples("Ada B-PER\nsings O\n").sentences
    #expect(Array(columns) == [TaggedSentence(words: ["Ada", "sings"], tags: ["B-PER", "O"])])
    #expect(try examples("Ada\nsings\n\nNoor\n").sentences.map(\.words) == [["Ada", "sings"], ["Noor"]])
    var request = TagRequest()
    request.input = .words
    #expect(try examples("Oslo, Ada\n", request).sentences[0].words == ["Oslo,", "Ada"])
    #expect(throws: DataError.self) { try examples("\n") }
    #expect(throws: DataError.self) { try tagger.examples(from: DataSource([]), TagRequest()) }
    // A line that lacks a column among many that have it is a mistake, and not a sentence of plain text.
    let many = String(repeating: "Ada NNP B-PER\nsings VBZ O\n\n", count: 6)
    let error = dataError { () throws(DataError) in
      try tagger.examples(
        from: DataSource([.bytes(Array((many + "Oslo B-LOC\n").utf8), name: "new.txt")]), TagRequest())
    }
    #expect(error?.description.contains("line 19: there are 2 columns, and 3 in line 1") == true)
    // What a longer sentence takes of memory would have no bound.
    let long = dataError { () throws(DataError) in
      try tagger.examples(
        from: DataSource([
          .bytes(Array(String(repeating: "Oslo ", count: TagExamples.longestSentence + 1).utf8), name: "new.txt")
        ]), TagRequest())
    }
    #expect(long?.description.contains("the sentence has 20001 words, more than 20000") == true)
    #expect(long?.file == "new.txt")
    let spaced = "Ada sings .\nNoor sings in Oslo .\nAda .\n"
    #expect(try examples(spaced).sentences.map(\.words.count) == [3, 5, 2])
  }

  @Test("answers may be of words or of spans")
  func units() throws {
    let examples = try examples("Ada Holm sings .\n\nOslo sleeps\n")
    var request = TagRequest()
    request.unit = .word
    #expect(try tagger.predict(examples, request).count == 6)
    request.unit = .span
    let lines = try tagger.predict(examples, request).map { try JSON(encoding: $0).line }
    #expect(lines[0].hasPrefix(#"{"sentence":1,"type":"PER","start":0,"end":2,"text":"Ada Holm","probability":"#))
  }

  @Test("evaluation refuses tags that were not learned, with the line")
  func foreignTags() throws {
    func problem(_ text: String) -> String {
      do {
        var request = TagRequest()
        request.input = .columns
        return "\(try tagger.evaluate(on: examples(text, request)))"
      } catch { return "\(error)" }
    }
    #expect(problem("Ada NNP\nsings VBZ\n").contains("new.txt: line 1: the tag 'NNP' says nothing of spans"))
    #expect(
      problem("Ada O\nHolm I-PER\n\nOslo B-LOC\nOslo I-LOC\n\nx O\nx B-PER\n").contains("line 2: the tag 'I-PER'"))
    #expect(problem("Ada\nsings\n\n").contains("there are no tags to compare with"))
  }

  // MARK: - Files

  @Test("weights so great that scores are no numbers are an error, and no trap")
  func greatWeights() throws {
    var great = tagger
    great.tagNetwork.forEachTensor { name, tensor in
      if !name.contains("transitions") { tensor = Tensor(repeating: 3e38, shape: tensor.shape) }
    }
    let examples = try TagExamples(TaggerSample.sentences(3, seed: 5))
    for verb in [
      { _ = try great.predict(examples) }, { _ = try great.evaluate(on: examples) },
      { _ = try great.explained(examples, TagRequest(), .first(1)) },
      { _ = try great.overview(examples, TagRequest()) },
    ] as [() throws -> Void] {
      let error = #expect(throws: TaskError.self) { try verb() }
      #expect(error?.problem.hasPrefix("the tagger's scores are infinite or no numbers") == true)
    }
    // A file of weights that are no numbers is refused before.
    great.tagNetwork.forEachTensor { name, tensor in
      if name.contains("transitions") { tensor = Tensor(repeating: .nan, shape: tensor.shape) }
    }
    let file = try great.modelFile()
    let error = dataError { () throws(DataError) in try Tagger(modelFile: file, path: nil) }
    #expect(error?.code == .damagedModel && error?.problem.contains("not a number") == true)
  }

  @Test("a saved tagger answers with the same bits")
  func saving() throws {
    let path = temporaryPath(".model")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try tagger.save(to: path)
    let loaded = try Tagger(contentsOf: path)
    #expect(loaded.tagNetwork.tensors == tagger.tagNetwork.tensors)
    let texts = TaggerSample.sentences(30, seed: 11).map(\.words)
    #expect(loaded.predict(texts, best: 2) == tagger.predict(texts, best: 2))
    #expect(loaded.evaluation == tagger.evaluation)
    #expect(loaded.facts.map(\.value) == tagger.facts.map(\.value))
    #expect(try loaded.modelFile().metadata == tagger.modelFile().metadata)
  }

  @Test("model files whose parts contradict each other are refused")
  func damaged() throws {
    let file = try tagger.modelFile()
    func refused(_ change: (inout [String: String], inout [NamedArray]) -> Void) -> Bool {
      var (metadata, tensors) = (file.metadata, file.tensors)
      change(&metadata, &tensors)
      let error = dataError { () throws(DataError) in
        try Tagger(modelFile: SafeTensorsFile(tensors: tensors, metadata: metadata))
      }
      return error?.code == .damagedModel
    }
    func replacing(_ old: String, _ new: String) -> Bool {
      #expect(file.metadata["description"]?.contains(old) == true, "\(old)")
      return refused { metadata, _ in metadata["description"] = metadata["description"]?.replacing(old, with: new) }
    }
    #expect(refused { _, tensors in tensors.removeLast() })
    #expect(replacing("\"hiddenSize\":16", "\"hiddenSize\":16000"))
    #expect(replacing("\"hiddenSize\":16", "\"hiddenSize\":0"))
    #expect(replacing("\"layers\":1", "\"layers\":-1"))
    #expect(replacing("\"cell\":\"lstm\"", "\"cell\":\"no\""))
    #expect(replacing("\"learned\":\"bioes\"", "\"learned\":\"none\""))
    #expect(replacing("\"S-PER\"", "\"S-LOC\""))
    #expect(replacing("\"S-PER\"", "\"Q-LOC\""))
    #expect(replacing("\"wordSize\":16", "\"wordSize\":99999999"))
    #expect(replacing("\"tagOfWord\":[", "\"tagOfWord\":[7000,"))
    #expect(replacing("\"dropout\":", "\"dropout\":7,\"other\":"))
    // Tags of which none may begin a sentence.
    #expect(
      refused { metadata, _ in
        for (old, new) in [("\"learned\":\"bioes\"", "\"learned\":\"bio\""), ("\"O\"", "\"I-O\"")] {
          metadata["description"] = metadata["description"]?.replacing(old, with: new)
        }
        for letter in ["S", "B", "E"] {
          metadata["description"] = metadata["description"]?.replacing("\"\(letter)-", with: "\"I-\(letter)")
        }
      })
    let inside = #"{"scheme":"bio","learned":"bio","tags":["I-PER","I-LOC"],"labels":[]}"#
    #expect(try JSONDecoder().decode(TagLabels.self, from: Data(inside.utf8)).constraints == nil)
    #expect(!refused { _, _ in })
  }

  @Test("the options are those of the table, and the shared ones are taken")
  func options() throws {
    var configuration = try TagConfiguration(
      [
        "column": ["upos"], "scheme": ["none"], "learn-as": ["bio"], "validation": ["dev.txt"], "refit": [],
        "batch": ["8"],
      ]
    )
    var shared = SharedOptions()
    (shared.cell, shared.hidden, shared.layers, shared.dropout, shared.epochs, shared.seed) = ("gru", 8, 2, 0.1, 3, 5)
    try configuration.choose(shared)
    #expect(configuration.columns.tags == "upos" && configuration.scheme == TagScheme.none && configuration.refits)
    #expect(
      configuration.learnedScheme == .bio && configuration.validation == "dev.txt" && configuration.batchSize == 8)
    #expect(configuration.cell == "gru" && configuration.hiddenSize == 8 && configuration.layers == 2)
    #expect(configuration.dropout == 0.1 && configuration.epochs == 3 && configuration.seed == 5)
    #expect(throws: OptionError.self) { try TagConfiguration(["scheme": ["iob7"]]) }
    #expect(Tasks.named("tag") != nil)
  }
}
