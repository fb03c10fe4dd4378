import Foundation
import RefrainData
import Testing

@Suite("A model file that cannot be used ends with 65 or 66 and one line")
struct BadModelTests {
  let place: Workplace
  let model: Data

  init() throws {
    place = try Workplace()
    try place.write(monthlyCSV(), to: "data.csv")
    let made = try place.run(["forecast", "data.csv", "--save", "good", "--quiet"] + tiny)
    try #require(made.status == 0, "\(made.errors)")
    model = try place.read("good")
  }

  private func expectRefused(_ bytes: Data, naming parts: [String] = ["bad"], at location: SourceLocation) throws {
    try place.write(bytes, to: "bad")
    expectRefusal(try place.run(["forecast", "--model", "bad"]), 65, naming: parts, at: location)
  }

  @Test("No such file")
  func missing() throws {
    let result = try place.run(["forecast", "--model", "none"])
    expectRefusal(result, 66, naming: ["none", "no such file"], at: #_sourceLocation)
  }

  @Test("An empty file, a cut-off one, and another kind of file")
  func otherFiles() throws {
    try expectRefused(Data(), at: #_sourceLocation)
    for count in [1, 7, 8, 60, model.count / 2, model.count - 1] {
      try expectRefused(model.prefix(count), at: #_sourceLocation)
    }
    try expectRefused(Data("month,sales\n2010-01,3\n".utf8), at: #_sourceLocation)
    try expectRefused(Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 37 ^ $0 >> 5) }), at: #_sourceLocation)
  }

  @Test("A file of tensors that is no forecaster")
  func otherKind() throws {
    let tensors = SafeTensorsFile(tensors: [.init(name: "weight", shape: [2], values: [1, 2])])
    try expectRefused(Data(try tensors.bytes()), at: #_sourceLocation)
  }

  @Test("A damaged header or description")
  func corrupt() throws {
    var header = model
    header[20] ^= 0xFF
    try expectRefused(header, at: #_sourceLocation)
    let file = try SafeTensorsFile(bytes: Array(model))
    for key in file.metadata.keys {
      var damaged = file
      damaged.metadata[key] = "{"
      try expectRefused(Data(try damaged.bytes()), at: #_sourceLocation)
    }
  }

  @Test("A model from a newer version")
  func newer() throws {
    var file = try SafeTensorsFile(bytes: Array(model))
    for (key, value) in file.metadata {
      let newer = value.replacing(/("[a-z]*[vV]ersion"\s*:\s*"?)[0-9.]+/) { $0.output.1 + "999" }
      file.metadata[key] = key.lowercased().contains("version") ? "999" : newer
    }
    try #require(try Data(file.bytes()) != model)
    try expectRefused(Data(try file.bytes()), naming: ["bad", "newer"], at: #_sourceLocation)
  }

  @Test("Rows to go on from that lack the model's column or are too few")
  func unfitRows() throws {
    try place.write(monthlyCSV(header: "month,rain,revenue"), to: "renamed.csv")
    let renamed = try place.run(["forecast", "renamed.csv", "--model", "good"])
    expectRefusal(renamed, 65, naming: ["renamed.csv", "sales"], at: #_sourceLocation)
    try place.write(monthlyCSV(rows: 2), to: "short.csv")
    expectRefusal(try place.run(["forecast", "short.csv", "--model", "good"]), 65, naming: [], at: #_sourceLocation)
  }
}
