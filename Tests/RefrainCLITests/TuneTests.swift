import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@Suite("A search by the command", .timeLimit(.minutes(20))) struct TuneTests {
  private let place: Workplace

  init() throws {
    place = try Workplace()
    try place.write(monthlyCSV(rows: 144), to: "shop.csv")
  }

  private func search(_ trials: Int, epochs: Int) -> [String] {
    [
      "tune", "forecast", "shop.csv", "--target", "sales", "--trials", "\(trials)", "--epochs", "\(epochs)", "--hidden",
      "8", "--no-pruning", "--format", "json",
    ]
  }

  private func wait(for text: String, of running: Running) {
    while !running.errors.contains(text) && running.process.isRunning { usleep(5000) }
  }

  @Test("goes on after kill -9: every trial is finished, and the one that was killed was run again")
  func killed() throws {
    let arguments = search(3, epochs: 200)
    let running = try place.start(arguments)
    wait(for: "Trial 2:", of: running)
    kill(running.process.processIdentifier, SIGKILL)
    #expect(try running.finish().status == -SIGKILL)
    let result = try place.run(arguments)
    #expect(result.status == 0, "\(result.errors)")
    let report = try JSONSerialization.jsonObject(with: result.output) as? [String: Any]
    let trials = try #require(report?["trials"] as? [[String: Any]])
    #expect(trials.count == 3 && trials.allSatisfy { $0["state"] as? String == "finished" })
    #expect(trials.compactMap { $0["attempts"] as? Int }.reduce(0, +) == 4)
    #expect(!result.errors.contains("Trial 1:"))
  }

  @Test("ends with 130 where Ctrl-C cuts the last training short")
  func interrupted() throws {
    // A shell may have made the tests deaf to it, and the command would inherit that.
    signal(SIGINT, SIG_DFL)
    let running = try place.start(search(1, epochs: 1000) + ["--save", "m"])
    wait(for: "trained once more", of: running)
    usleep(300_000)
    kill(running.process.processIdentifier, SIGINT)
    let result = try running.finish()
    #expect(result.status == 130, "\(result.errors)")
    #expect(result.errorLines.last?.contains("interrupted") == true, "\(result.errors)")
  }

  @Test(
    "refuses what it cannot do, with one line",
    arguments: [
      ("detect shop.csv", "A training of detect measures nothing that a search could go by"),
      ("forecast shop.csv --measure coverage", "--measure coverage cannot decide"),
      ("forecast shop.csv --measure mese", "--measure mese is none of the task 'forecast'; did you mean 'mase'?"),
      ("forecast shop.csv --repeats 0", "--repeats"),
      ("forecast shop.csv --study shop.csv", "FILE and --study name the same file"),
      ("forecast shop.csv --save x --study x", "--save and --study name the same file"),
      ("forecast shop.csv --study=", "Missing value for '--study <file>'"),
      ("forecast shop.csv --augment masks", "--augment masks does not fit the task forecast"),
      ("forecast shop.csv --weight-decay x", "--weight-decay takes a number"),
    ])
  func refused(arguments: String, names: String) throws {
    let result = try place.run(["tune"] + arguments.split(separator: " ").map(String.init))
    expectRefusal(result, 64, naming: [names], at: #_sourceLocation)
    #expect(try place.files == ["shop.csv"])
  }

  @Test("leaves no study where the training does not measure what was asked for") func unmeasured() throws {
    let rows = "text,label\n" + (0..<60).map { "word\($0 % 3),\(["a", "b", "c"][$0 % 3])\n" }.joined()
    try place.write(rows, to: "rows.csv")
    let result = try place.run([
      "tune", "classify", "rows.csv", "--target", "label", "--measure", "auc", "--epochs", "1", "--hidden", "4",
      "--members", "1", "--quiet",
    ])
    expectRefusal(result, 64, naming: ["--measure auc is not measured by this training"], at: #_sourceLocation)
    #expect(try place.files.sorted() == ["rows.csv", "shop.csv"])
  }

  @Test("trains the best again with other seeds, and the winner on all rows") func repeats() throws {
    let rows = "text,label\n" + (0..<60).map { "word\($0 % 3),\(["a", "b"][$0 % 2])\n" }.joined()
    try place.write(rows, to: "rows.csv")
    try place.write(#"{"forward": [true, false]}"#, to: "space.json")
    let arguments = [
      "tune", "classify", "rows.csv", "--target", "label", "--epochs", "1", "--hidden", "4", "--members", "1",
      "--trials", "2", "--repeats", "2", "--space", "space.json", "--save", "m", "--format", "json",
    ]
    let result = try place.run(arguments)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("by the mean of 2 seeds") && result.errors.contains("and then on all examples"))
    let value = try JSONValue(Array(result.text.utf8))
    let trials = try #require(value["trials"].array)
    #expect(trials.count == 2 && trials.allSatisfy { $0["repeats"].array?.count == 1 && $0["mean"].number != nil })
    // All is there: nothing is trained again but the winner.
    let again = try place.run(arguments)
    #expect(again.status == 0 && !again.errors.contains("seed 2 of 2"))
  }

  @Test("refuses a space with a value that makes no sense") func space() throws {
    try place.write(#"{"hidden": {"from": 16, "to": 5000}}"#, to: "space.json")
    let result = try place.run(["tune", "forecast", "shop.csv", "--space", "space.json"])
    expectRefusal(
      result, 65, naming: ["space.json", "hidden must be a whole number from 1 to 4096, not '5000'"],
      at: #_sourceLocation)
  }
}
