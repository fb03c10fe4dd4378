import RefrainTestSupport
import Testing

@Suite("Batches that fit memory, on the command line") struct BatchSizeFlagTests {
  @Test("are found by the memory that is given, and a size that does not fit is told with one that would")
  func flags() throws {
    let place = try Workplace()
    let words = ["bad grey rain", "good fine day"].map { Array(repeating: $0, count: 13).joined(separator: " ") }
    let rows = (0..<600).map { "\(words[$0 % 2]) \($0 % 5),\($0 % 2 == 0 ? "b" : "a")" }
    try place.write((["text,label"] + rows).joined(separator: "\n") + "\n", to: "rows.csv")
    let training = [
      "train", "classify", "rows.csv", "--target", "label", "--epochs", "1", "--hidden", "64", "--members", "1",
      "--save",
      "c.model",
    ]
    let fitting = try place.run(training + ["--batch", "auto"])
    #expect(fitting.status == 0, "\(fitting.errors)")
    #expect(fitting.errors.contains("A training step with a batch of 32 takes about "), "\(fitting.errors)")
    let large = try place.run(training + ["--batch", "60000", "--memory", "20MB"])
    #expect(large.status == 0 && large.errors.contains("more than the memory budget of 20.0 MB: batches of "))
    #expect(large.errors.contains(" would fit."))
    for wrong in ["0", "some"] {
      let refused = try place.run(training + ["--batch", wrong])
      #expect(refused.status == 64 && refused.errors.contains("--batch"), "\(refused.errors)")
    }
  }
}
