import RefrainTasks
import Testing

@Suite("A file that is not there ends with 66 and one line, whichever verb or option names it")
struct MissingFileTests {
  static let commands =
    Tasks.all.map { "train \($0.name) none --save m" }
    + Tasks.all.filter { $0.measuresTraining }.map { "tune \($0.name) none --trials 1 --save m" } + [
      "train translate lines none --save m", "train translate lines lines --validation none --save m",
      "train translate lines lines --validation lines none --save m",
      "train classify rows.csv --validation none --save m", "train classify rows.csv --vectors none --save m",
      "train tag tags --validation none --save m", "train tag tags --vectors none --save m",
      "train language lines --validation none --save m",
      "train classify sounds.csv --save m", "train transcribe sounds.csv --save m",
      "train --resume none", "train classify rows.csv --resume none --save m",
      "tune classify rows.csv --space none --save m",
      "predict none", "predict none rows.csv", "evaluate none rows.csv", "explain none rows.csv",
      "forecast none", "forecast --model none", "serve none", "info none", "run none --input none --output out",
      "convert none m.onnx", "convert none m --weights int8",
    ]

  @Test("of all commands", arguments: commands)
  func missing(command: String) throws {
    let place = try Workplace()
    let rows = (0..<16).map { "the \($0)th of many days,\($0 % 2)\n" }.joined()
    try place.write("text,label\n" + rows, to: "rows.csv")
    try place.write(String(repeating: "a DT\nday NN\n\n", count: 8), to: "tags")
    try place.write(String(repeating: "a day and a night\n", count: 8), to: "lines")
    try place.write("path,text\nnone.wav,hello\nnone.wav,you\n", to: "sounds.csv")
    let before = try place.files
    let result = try place.run(command.split(separator: " ").map(String.init))
    expectRefusal(result, 66, naming: ["none"], at: #_sourceLocation)
    #expect(try place.files == before)
  }

  @Test("and one that cannot be written ends with 73")
  func unwritable() throws {
    let place = try Workplace()
    try place.write("text,label\na good day,a\na bad day,b\n", to: "rows.csv")
    for command in ["--save none/m", "--save .", "--save m --output none/x", "--save m --log none/x.csv"] {
      let result = try place.run(["train", "classify", "rows.csv"] + command.split(separator: " ").map(String.init))
      expectRefusal(result, 73, naming: ["folder"], at: #_sourceLocation)
      #expect(try place.files == ["rows.csv"])
    }
  }
}
