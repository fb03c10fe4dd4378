import Foundation
import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainCLI

@Suite("What info says of a training in a checkpoint") struct TrainingFactsTests {
  private static let epochs = """
    "epochs":[{"number":1,"loss":0.75,"metrics":{},"validationMetrics":{},"learningRate":0.1,"seconds":1},\
    {"number":2,"loss":0.5,"validationLoss":0.625,"metrics":{},"validationMetrics":{},"learningRate":0.1,"seconds":1}]
    """

  private func training(epochs: String = epochs, best: String = "2", epoch: Int = 2, batch: Int = 3) throws -> String {
    let history = #"{\#(epochs),"bestEpoch":\#(best),"seconds":2,"stopReason":"completed"}"#
    let position = """
      {"batch":\(batch),"drawn":23,"drawnInEpoch":3,"epoch":\(epoch),"history":\(history),"learningRate":0.1,\
      "losses":{"sum":"nan","weight":24},"metrics":[],"seconds":0,"seed":0,"step":23}
      """
    return JSON.object([("position", .text(position)), ("version", .integer(1))]).line
  }

  private func history(_ reason: String) -> String {
    #"{\#(Self.epochs),"bestEpoch":2,"seconds":2,"stopReason":"\#(reason)"}"#
  }

  private func words(_ facts: [(name: String, value: String)]) -> [String] {
    TrainingFacts.inWords(facts).map { "\($0.name): \($0.value)" }
  }

  @Test("is what is done, what was best and what is left") func words() throws {
    let running = words([("Format", "a"), ("stage", "member1"), ("training", try training()), ("Numbers", "9")])
    #expect(
      running == [
        "Format: a", "stage: member1", "Done: 2 epochs, 23 updates", "Best: epoch 2, validation loss 0.6250",
        "Left: epoch 3 from batch 4 on, and what is to follow it", "Numbers: 9",
      ])
    let between = words([("training", try training(best: "1", batch: 0))])
    #expect(between[1...] == ["Best: epoch 1, loss 0.7500", "Left: epoch 3, and what is to follow it"])
    let first = words([("training", try training(epochs: "\"epochs\":[]", best: "null", epoch: 0))])
    #expect(first == ["Done: 0 epochs, 23 updates", "Left: epoch 1 from batch 4 on, and what is to follow it"])
    for (reason, left) in [
      ("completed", "all epochs are done"), ("earlyStopping", "the loss no longer improved"),
      ("requested", "it was stopped"),
    ] {
      let ended = words([("history", history(reason)), ("training", try training())])
      #expect(
        ended == ["Done: 2 epochs", "Best: epoch 2, validation loss 0.6250", "Left: nothing, as \(left)"])
    }
  }

  @Test("stays as it is where it is no training, or a damaged one") func others() throws {
    for facts: [(name: String, value: String)] in [
      [("training", "{}"), ("stage", "a")], [("training", "on a sunny day")], [("history", "{}")],
    ] {
      #expect(words(facts) == facts.map { "\($0.name): \($0.value)" })
    }
    let damaged: [(name: String, value: String)] = [("history", "{"), ("training", try training())]
    #expect(words(damaged) == damaged.map { "\($0.name): \($0.value)" })
  }

  @Test("is written by the command, whose JSON has all that lies in the file") func command() throws {
    let place = try Workplace()
    let file = SafeTensorsFile(
      tensors: [NamedArray(name: "weight", array: NumericArray([1, 2], shape: [2]))],
      metadata: ["training": try training(), "stage": "past", "history": history("completed")])
    try file.write(to: place.folder.path + "/a.model")
    let text = try place.run(["info", "a.model"])
    #expect(text.status == 0 && text.text.contains("Done        2 epochs\n"), "\(text.text)")
    #expect(
      !text.text.contains("{") && text.text.contains("Left        nothing, as all epochs are done"), "\(text.text)")
    let json = try place.run(["info", "a.model", "--format", "json"]).text
    #expect(json.contains("stopReason") && json.contains("drawnInEpoch") && !json.contains("all epochs are done"))
  }
}
