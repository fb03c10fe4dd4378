import Foundation
import Refrain
import RefrainTestSupport
import Synchronization
import Testing

@testable import RefrainData
@testable import RefrainTasks

@Suite("Batches that fit memory") struct BatchSizeTests {
  private func fit(_ budget: Int, usual: Int = 8, examples: Int = 100_000) -> BatchFit {
    BatchFit(usual: usual, examples: examples, budget: budget) { 1000 + 100 * $0 }
  }

  @Test("have the task's own size, doubled as often as it fits") func doubled() {
    #expect(fit(1000 + 6400).automatic == 64)
    #expect(fit(1000 + 12_700).automatic == 64)
    #expect(fit(1000 + 12_800).automatic == 128)
    #expect(fit(1800).automatic == 8)
    // An epoch keeps sixteen updates, unless the task's own size has fewer.
    #expect(fit(.max, examples: 512).automatic == 32)
    #expect(fit(.max, examples: 511).automatic == 16)
    #expect(fit(.max, examples: 20).automatic == 8)
    // No size is larger than the largest that may be asked for.
    #expect(fit(.max, usual: 32_768, examples: .max).automatic == 65_536)
    #expect(fit(.max, usual: 3, examples: .max).automatic == 49_152)
  }

  @Test("are the largest that fit where the task's own do not, if one does") func smaller() {
    #expect(fit(1799).automatic == 7 && fit(1100).automatic == 1 && fit(1099).automatic == nil)
    #expect(fit(2000).largest(atMost: 4096) == 10 && fit(2000).largest(atMost: 4) == 4)
    #expect(fit(2000).problem(10) == nil)
    #expect(
      fit(2000).problem(90) == "A training step with a batch of 90 takes about 10.0 KB, more than the memory budget of "
        + "2.0 KB: batches of 10 would fit")
    #expect(fit(500).problem(1)?.hasSuffix("not even one example would fit") == true)
  }

  @Test("are a number or auto, in options and in files") func texts() throws {
    func batch(_ text: String) throws -> BatchSize? { try TagConfiguration(["batch": [text]]).batchSize }
    #expect(try batch("12") == 12)
    #expect(try batch("auto") == .fitting)
    #expect(try TagConfiguration([:]).batchSize == nil)
    for wrong in ["0", "-3", "65537", "many", "1.5", ""] {
      #expect(throws: OptionError.self, "\(wrong)") { try batch(wrong) }
    }
    for (size, text) in [(BatchSize.count(12), "[12]"), (.fitting, "[\"auto\"]")] {
      let encoded = try JSONEncoder().encode([size])
      #expect(String(decoding: encoded, as: UTF8.self) == text)
      #expect(try JSONDecoder().decode([BatchSize].self, from: encoded) == [size])
    }
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([BatchSize].self, from: Data("[\"all\"]".utf8)) }
    #expect(try ClassifierConfiguration(["batch": ["auto"]]).columns.batch == .fitting)
    #expect(try LanguageModel.Configuration(["batch": ["7"]]).training.batch == 7)
  }

  private struct Lengths: ExampleSource {
    let lengths: [Int]
    var count: Int { lengths.count }
    func length(of example: Int) -> Int { lengths[example] }
    func batch(_ examples: [Int]) -> Batch {
      let longest = examples.map { lengths[$0] }.max() ?? 0
      let input = Tensor.ones([examples.count, longest, 8])
      return Batch(input, Tensor.ones([examples.count, 1]))
    }
  }

  @Test("are counted for the longest examples") func longest() {
    let source = Lengths(lengths: [3, 9, 1, 9, 4, 0])
    #expect(source.longest(3) == [1, 3, 4] && source.longest(9) == [1, 3, 4, 0, 2, 5] && source.longest(0) == [])
  }

  /// How many examples the steps had by which a size was judged, and what was asked of the cap.
  private func judged(
    _ wanted: BatchSize, budget: Int = 1 << 50, lengths: [Int] = [3, 9, 9, 9, 9, 9, 9, 9, 9, 9, 2],
    steps: (_ size: Int, _ longest: Int) -> Int = { $0 * $1 }
  ) throws -> (measured: [Int], note: String?) {
    var generator = RandomGenerator(seed: 1)
    let model = LSTM(inputSize: 8, hiddenSize: 4, using: &generator)
    var measured: [Int] = []
    let notes = Notes()
    var context = TrainingContext()
    context.warn = { notes.add($0) }
    let size = try MemoryBudget(budget).run {
      try context.batchSize(wanted, usually: 4, source: Lengths(lengths: lengths), model: model, steps: steps) {
        model, batch in
        measured.append(batch.input.shape[0])
        return model(batch.input).mean()
      }
    }
    if case .count(let count) = wanted { #expect(size == count) }
    return (measured, notes.all.first)
  }

  @Test("are judged by no more of the longest than they have, than there is room for, and than come together")
  func few() throws {
    #expect(try judged(1).measured == [1])
    #expect(try judged(2).measured == [1, 2])
    #expect(try judged(5).measured == [4, 5])
    #expect(try judged(64).measured == [4, 8] && judged(.fitting).measured == [4, 8])
    #expect(try judged(64, lengths: [7, 7, 7]).measured == [2, 3])
    // Four tell that there is no room for eight.
    let tight = try judged(64, budget: 1000)
    #expect(tight.measured == [4] && tight.note?.hasPrefix("A training step with a batch of 64 takes about ") == true)
    #expect(throws: TaskError.self) { try judged(.fitting, budget: 1000) }
    // Long ones come in small batches, and one that is longer than a batch may be comes alone.
    #expect(try judged(64) { min($0 * $1, 20) }.measured == [1, 2])
    #expect(try judged(64) { max($1, min($0 * $1, 5)) }.measured == [1])
    // Where larger sizes may have more steps, those count that the size may have.
    #expect(try judged(64) { $0 / 2 * $1 }.measured == [4, 8] && judged(.fitting) { $0 / 2 * $1 }.measured == [3, 4])
    #expect(try judged(.count(.max)) { $0 / 2 * $1 }.measured == [4, 8])
  }

  @Test("take what all examples take at most, and what a cap leaves of them") func capped() throws {
    let memory = StepMemory(fixed: 1000, perExample: 90)
    func bytes(_ size: Int, _ steps: @escaping (_ size: Int) -> Int) -> Int {
      TrainingContext().fit(memory, usual: 8, examples: 11, longest: 9, steps: steps).bytes(size)
    }
    #expect(bytes(3) { 9 * $0 } == 1270 && bytes(3) { min(9 * $0, 20) } == 1200)
    #expect(bytes(64) { 9 * $0 } == 1990 && bytes(.max) { 9 * $0 } == 1990)
    // A size that no batch reaches may have a greater cap.
    #expect(bytes(64) { $0 / 8 } == 1080 && bytes(64) { 2 * $0 } == 1990)
    // Examples that may become twice as long take so much more.
    var changing = TrainingContext()
    changing.regularization.augmentations = try Augmentations("speed=0.5")
    #expect(changing.fit(memory, usual: 8, examples: 11, longest: 9) { 9 * $0 }.bytes(3) == 1540)
  }

  @Test("of streams of a text are as many as it has") func streams() throws {
    let text = (0..<40).map { "line \($0) of a text" }.joined(separator: "\n")
    let examples = LanguageExamples(try TextLines(DataSource([.bytes(Array(text.utf8), name: "text")])))
    func plan(_ batch: BatchSize) throws -> LanguagePlan {
      var configuration = LanguageModel.Configuration()
      configuration.training.batch = batch
      return try LanguagePlan(configuration, RegularizationOptions(), unit: .characters, count: 641, vocabulary: 30)
    }
    #expect(try plan(4096).rows == 20 && plan(4096).rows(of: 21) == 20 && plan(7).rows == 7)
    #expect(try plan(.fitting).rows(of: .max) == 20)
    let notes = Notes()
    var context = TrainingContext()
    context.warn = { notes.add($0) }
    var configuration = try LanguageModel.Configuration(["unit": ["characters"], "batch": ["4096"]])
    (configuration.hidden, configuration.epochs) = (64, 1)
    _ = try MemoryBudget(1 << 17).run { try LanguageModel.train(on: examples, configuration, context) }
    let note = try #require(notes.all.first { $0.hasPrefix("A training step with a batch of ") })
    let size = try #require(note.split(separator: " ").lazy.compactMap { Int($0) }.first)
    #expect((1...text.count / 32).contains(size), "\(note)")
  }

  @Test("take what two small steps say, and leave the model as it is") func measured() async {
    await #expect(processExitsWith: .success) {
      var generator = RandomGenerator(seed: 1)
      let model = Stacked<LSTM>(inputSize: 8, hiddenSizes: [32, 16], using: &generator)
      let source = Lengths(lengths: Array(repeating: 40, count: 64))
      func loss(_ model: Stacked<LSTM>, _ batch: Batch) -> Tensor {
        Loss.meanSquaredError(model(batch.input).slice(0..<1, axis: 1), batch.target)
      }
      let before = model.tensors
      guard let memory = try? StepMemory(model, examples: 8, loss: { loss($0, source.batch(Array(0..<$1))) }) else {
        preconditionFailure("it could not be measured")
      }
      precondition(model.tensors == before)
      // What a step of 64 examples takes, and of half as long ones.
      for steps in [40, 20] {
        let source = Lengths(lengths: Array(repeating: steps, count: 64))
        func step() { _ = valueAndGradient(at: model) { loss($0, source.batch(Array(0..<64))) } }
        let peak = Double(TensorMemory.peak(of: step))
        let said = Double(memory.bytes(steps: 64 * steps, of: 40) - 4 * 4 * model.parameterCount)
        print("\(steps) steps: \(said) bytes were said, and it is \(peak)")
        precondition((0.8...1.25).contains(said / peak))
        // Which threads get to run changes what a step takes, to no more than that.
        let held = TensorMemory.bytes
        TensorMemory.resetPeak()
        step()
        precondition(Double(TensorMemory.peakBytes - held) <= peak)
      }
    }
  }

  private final class Notes: Sendable {
    private let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    func add(_ text: String) { texts.withLock { $0.append(text) } }
  }

  private func size(_ wanted: BatchSize?, _ context: TrainingContext, _ fit: BatchFit) throws(TaskError) -> Int {
    try context.batchSize(wanted, usually: 8) { () throws(TaskError) in fit }
  }

  @Test("are kept beside checkpoints, and taken again by the training that goes on") func kept() throws {
    try withTemporaryFolder { (folder) throws in
      let notes = Notes()
      var context = TrainingContext()
      context.warn = { notes.add($0) }
      context.checkpoints = CheckpointFolder(folder)
      #expect(try size(.fitting, context, fit(7400)) == 64)
      #expect(notes.all.count == 1 && notes.all[0].contains("the usual size is 8"))
      context.checkpoints?.resumes = true
      // Another machine has room for more, and does not take it.
      #expect(try size(.fitting, context, fit(.max)) == 64)
      #expect(try size(nil, context, fit(500)) == 8)
      // As an editor leaves it; and what is no size is told, and not measured anew.
      let file = folder + "/batch-size.txt"
      try Data("32\r\n".utf8).write(to: URL(fileURLWithPath: file))
      #expect(try size(.fitting, context, fit(.max)) == 32)
      for text in ["", "0", "-8", "many", "65537", "4611686018427387904"] {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        let error = #expect(throws: TaskError.self) { try size(.fitting, context, fit(.max)) }
        #expect(error?.description.contains("this is no size of batches from 1 to 65536") == true, "\(text)")
      }
      #expect(try size(90, context, fit(2000)) == 90)
      #expect(notes.all.count == 2 && notes.all[1].hasSuffix("batches of 10 would fit."))
      let error = #expect(throws: TaskError.self) {
        try size(.fitting, TrainingContext(), fit(500))
      }
      #expect(error?.description.contains("not even one example would fit; give more memory") == true)
    }
  }

  @Test("of several processes are those of the first, by what each has to learn from") func together() throws {
    @Sendable func context(_ group: LocalGroup?) -> TrainingContext {
      var context = TrainingContext()
      context.group = group
      return context
    }
    // Each has room for something else.
    let sizes = try LocalGroup.run(3) { group in
      try context(group).fitting { () throws(TaskError) in fit([7400, .max, 500][group.rank]) }
    }
    #expect(sizes == [64, 64, 64])
    let errors = try LocalGroup.run(3) { group in
      do throws(TaskError) {
        _ = try context(group).fitting { () throws(TaskError) in fit([500, .max, 7400][group.rank]) }
        return ""
      } catch {
        return error.description
      }
    }
    #expect(errors[0].contains("not even one example would fit"), "\(errors)")
    #expect(errors.dropFirst().allSatisfy { $0 == "the first process found no size of batches that fits" })
    // What is asked for is looked at by the first alone.
    let asked = try LocalGroup.run(3) { group in
      var (own, looked) = (context(group), false)
      own.warn = { _ in }
      let size = try own.batchSize(90, usually: 8) { () throws(TaskError) in
        looked = true
        return fit(2000)
      }
      return size == 90 && looked == group.isFirst
    }
    #expect(asked == [true, true, true])
    // A process learns from its share of a batch, rounded up.
    let memory = StepMemory(fixed: 1000, perExample: 100)
    let bytes = try LocalGroup.run(3) { group in
      let fit = context(group).fit(memory, usual: 8, examples: 100, longest: 5) { $0 * 5 }
      return [fit.bytes(3), fit.bytes(4)]
    }
    #expect(bytes[0] == [1100, 1140])
    #expect(context(nil).fit(memory, usual: 8, examples: 100, longest: 5) { $0 * 5 }.bytes(4) == 1400)
  }

  @Test("train a tagger as a size by hand does") func tagger() throws {
    let sentences = (0..<600).map { index in
      TaggedSentence(words: [["Ada", "Noor"][index % 2], "sings", "\(index % 9)"], tags: ["B-PER", "O", "O"])
    }
    var configuration = TagConfiguration()
    (configuration.hiddenSize, configuration.wordSize, configuration.epochs) = (4, 4, 1)
    let notes = Notes()
    var context = TrainingContext()
    context.warn = { notes.add($0) }
    func tensors() throws -> [String: [Float]] {
      // Other tests hold tensors meanwhile: there is room for whatever is measured.
      let file = try MemoryBudget(1 << 50).run {
        try Tagger.train(on: TagExamples(sentences), configuration: configuration, context).modelFile()
      }
      return Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.values) })
    }
    configuration.batchSize = .fitting
    let fitting = try tensors()
    // 540 sentences are learned from: batches of 32 leave sixteen updates.
    #expect(notes.all.contains { $0.hasPrefix("A training step with a batch of 32 takes about ") })
    configuration.batchSize = 32
    #expect(try tensors() == fitting)
    configuration.batchSize = nil
    #expect(try tensors() != fitting)
  }
}
