import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("Files of what happens in training") struct TrainingObserverFileTests {
  private let x = Tensor((0..<60).map { Float($0 % 7) / 7 }, shape: [10, 3, 2])
  private let y = Tensor((0..<10).map { Float($0 % 3) }, shape: [10, 1])

  private func fit(_ observers: [any TrainingObserver & GradientExchange], epochs: Int = 3) throws -> History {
    var model = Stacked<LSTM>(inputSize: 2, hiddenSizes: [4, 1])
    var optimizer = Adam(learningRate: 0.01)
    return try Trainer(epochs: epochs, exchanges: observers, observers: observers).fit(
      &model, optimizer: &optimizer, examples: Batch(x, y), batchSize: 5, validation: .tail(0.2)
    ) { model, batch in Loss.meanSquaredError(model(batch.input), batch.target) }
  }

  /// Trains a model that can be saved, which goes on from a file where there is one.
  private func train(
    _ observers: [any TrainingObserver], metrics: [Metric] = [.meanAbsoluteError], epochs: Int, from path: String? = nil
  ) throws {
    var model = Sequential(inputSize: 2, seed: 7) {
      LSTM(3)
      Dense(1)
    }
    model.compile(optimizer: Adam(learningRate: 0.02), loss: .meanSquaredError, metrics: metrics)
    let state = try path.map { try TrainingState(contentsOf: $0, model: model) }
    _ = try model.fit(x, y, epochs: epochs, batchSize: 5, observers: observers, resuming: state)
  }

  @Test("checksums are Castagnoli's") func checksums() {
    // RFC 3720, B.4.
    #expect(CRC32C.checksum("123456789".utf8) == 0xE306_9283)
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum((0..<32).map { UInt8($0) }) == 0x46DD_794E)
  }

  @Test("for TensorBoard are records whose checksums and lengths hold") func records() throws {
    try withTemporaryFolder { folder in
      _ = try fit([TensorBoard(folder + "/run", notes: [("settings", "some *text*")], every: 1)])
      let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/run")
      let name = try #require(names.first)
      #expect(names.count == 1 && name.hasPrefix("events.out.tfevents."))
      let bytes = try readFile("\(folder)/run/\(name)")
      func number(_ place: Int, _ count: Int) -> Int {
        (0..<count).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
      }
      var (place, messages) = (0, [[UInt8]]())
      while place < bytes.count {
        let length = number(place, 8)
        #expect(UInt32(number(place + 8, 4)) == CRC32C.masked(bytes[place..<place + 8]))
        let message = Array(bytes[place + 12..<place + 12 + length])
        #expect(UInt32(number(place + 12 + length, 4)) == CRC32C.masked(message))
        messages.append(message)
        place += 16 + length
      }
      // The version, the start, the text, 6 steps and 3 epochs.
      #expect(place == bytes.count && messages.count == 12)
      func holds(_ text: String) -> Bool { messages.contains { $0.firstRange(of: Array(text.utf8)) != nil } }
      for tag in [
        "brain.Event:2", "loss/validation", "gradient norm of/weight_hh_l0", "weights/weight_ih_l1", "*text*",
        "gates/l0/input", "gates/l1/output",
      ] {
        #expect(holds(tag), "\(tag)")
      }
    }
  }

  @Test("as CSV have a row an epoch, also when training goes on") func csv() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/log.csv"
      let history = try fit([TrainingLog(path, format: .csv, stage: "first")])
      func lines() throws -> [Substring] {
        String(decoding: try readFile(path), as: UTF8.self).split(separator: "\n")
      }
      let rows = try lines()
      #expect(rows.count == 4)
      #expect(rows[0] == "stage,epoch,step,loss,validation loss,learning rate,gradient norm,seconds")
      #expect(rows[1].hasPrefix("first,1,2,\(history.epochs[0].loss),\(history.epochs[0].validationLoss!),0.01,"))
      #expect(rows[3].hasPrefix("first,3,6,"))
      // Another stage adds to it; the same one begins anew, and its rows are not there twice.
      _ = try fit([TrainingLog(path, format: .csv, stage: "second")], epochs: 2)
      _ = try fit([TrainingLog(path, format: .csv, stage: "first")])
      let starts = try lines().dropFirst().map { $0.split(separator: ",").prefix(2).joined(separator: " ") }
      #expect(starts == ["second 1", "second 2", "first 1", "first 2", "first 3"])
    }
  }

  @Test("as CSV go on where a killed run was saved, without what it wrote after that") func resumed() throws {
    try withTemporaryFolder { folder in
      let (path, saved) = (folder + "/log.csv", folder + "/training.safetensors")
      func text() throws -> String { String(decoding: try readFile(path), as: UTF8.self) }
      try train([TrainingLog(path, format: .csv), Checkpoints(saved, everyEpochs: 2)], epochs: 2)
      let before = try text()
      // The killed run had written an epoch more, and half of another.
      try writeAtomically(Array((before + "training,3,9,0.5,,0.02,1,0.1,0.5,\ntraining,4,").utf8), to: path)
      try train([TrainingLog(path, format: .csv)], epochs: 4, from: saved)
      #expect(try text().hasPrefix(before))
      func rows() throws -> [[Substring]] {
        try text().split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
      }
      #expect(try rows().dropFirst().map { $0[1] } == ["1", "2", "3", "4"])
      // Another training has the columns of the header, whatever its metrics are.
      try train([TrainingLog(path, format: .csv, stage: "other")], metrics: [], epochs: 1)
      #expect(try Set(rows().map(\.count)).count == 1 && rows().count == 6)
    }
  }

  @Test("for TensorBoard that a training that goes on cannot write are said so, once") func unwritableResumed() throws {
    try withTemporaryFolder { folder in
      let saved = folder + "/training.safetensors"
      try train([Checkpoints(saved, everyEpochs: 1)], epochs: 1)
      var warnings: [String] = []
      try train([TensorBoard("/proc/nothing/here", warn: { warnings.append($0) })], epochs: 3, from: saved)
      #expect(warnings.count == 1)
    }
  }

  @Test("as JSON lines are an object each, from beginning to end") func jsonLines() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/log.jsonl"
      _ = try fit([TrainingLog(path, format: .jsonLines)])
      let lines = String(decoding: try readFile(path), as: UTF8.self).split(separator: "\n")
      let objects = try lines.map { try JSONValue(Array($0.utf8)) }
      #expect(objects.first?["event"].string == "began" && objects.last?["event"].string == "ended")
      let epochs = objects.filter { $0["event"].string == "epoch" }
      #expect(epochs.map { $0["step"].integer } == [2, 4, 6])
      #expect(epochs.allSatisfy { ($0["gradientNorms"]["weight_hh_l1"].number ?? 0) > 0 })
      #expect(objects.last?["reason"].string == "completed")
    }
  }

  @Test("that cannot be written are said so once, and training goes on") func unwritable() throws {
    var warnings: [String] = []
    let log = TrainingLog("/nowhere/log.csv", format: .csv, warn: { warnings.append($0) })
    let board = TensorBoard("/proc/nothing/here", warn: { warnings.append($0) })
    let history = try fit([log, board])
    #expect(history.epochs.count == 3 && warnings.count == 2)
  }
}
