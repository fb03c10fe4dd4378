import Foundation
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

@Suite struct `A file of torch.save` {
  @Test func `gives tensors of every type and layout`() throws {
    let found = try torchFixture("layouts.pt")
    let plain = try torchFixture("layouts.safetensors")
    #expect(found.entries.count == 19 && Set(found.names) == Set(plain.names))
    for entry in found.entries { #expect(entry.array == plain[entry.name], "\(entry.name)") }
    #expect(found["int64"]?.values == .integers([(1 << 62) + 1, -5, 0]))
    #expect(found["bool"]?.values == .booleans([true, false, false, false]))
    #expect(found["half"]?.values.floats[3] == .infinity && found["scalar"]?.shape == [])
    #expect(found.names.first == "plain" && found.names.last == "bool")
  }

  @Test(arguments: [2, 3, 4, 5])
  func `may be of any protocol`(_ version: Int) throws {
    #expect(try torchFixture("protocol_\(version).pt") == torchFixture("linear.pt"))
  }

  @Test func `may have the highest byte first`() throws {
    #expect(try torchFixture("big_endian.pt") == torchFixture("linear.pt"))
  }

  @Test func `holds the same as safetensors`() throws {
    let weights = try torchFixture("tagger.pt")
    let plain = try torchFixture("tagger.safetensors")
    #expect(Set(weights.names) == Set(plain.names) && weights.entries.allSatisfy { plain[$0.name] == $0.array })
  }

  @Test func `may hold more than a state dictionary`() throws {
    let tagger = try torchFixture("tagger.pt")
    #expect(try torchFixture("checkpoint.pt") == tagger)
    #expect(try torchFixture("checkpoint.pt", at: "model") == tagger)
    let moments = try torchFixture("checkpoint.pt", at: "optimizer")
    #expect(moments["state.0.exp_avg"]?.shape == [7, 4])
  }

  @Test func `may hold several, of which a key chooses one`() throws {
    let both = try torchFixture("two.pth")
    #expect(both.names.first == "a.weight" && both.names.last == "b.cell.bias_hh")
    #expect(try torchFixture("two.pth", at: "a") == torchFixture("linear.pt"))
    #expect(try torchFixture("two.pth", at: "b") == both.under("b"))
    let error = dataError { () throws(DataError) in
      try StateDictionary(bytes: (try? fixture("pytorch/two.pth")) ?? [], at: "c", file: "two.pth")
    }
    #expect(error?.description == "two.pth: the file has nothing under 'c'; choose among 'a', 'b'")
  }

  @Test(arguments: [
    ("system", "the file wants to call 'posix.system'; Refrain runs no code; save the model's state_dict() alone"),
    ("eval", "the file wants to call '__builtin__.eval'; Refrain runs no code"),
    ("exec", "the file wants to call 'builtins.exec'; Refrain runs no code"),
    ("getattr", "the file wants to call '__builtin__.getattr'; Refrain runs no code"),
  ])
  func `is refused with the reason`(_ file: String, _ reason: String) throws {
    let bytes = try fixture("pytorch/refused_\(file).pt")
    let error = dataError { () throws(DataError) in try StateDictionary(bytes: bytes, file: "model.pt") }
    #expect(error?.code == .unsupportedContent)
    #expect(
      error?.description.hasPrefix("model.pt: ") == true && error?.description.contains(reason) == true,
      "\(error as Any)")
  }

  @Test func `of small whole numbers is read`() throws {
    let state = try torchFixture("refused_int8.pt")
    #expect(state.entries.contains { $0.array.type == .int8 })
  }

  @Test(arguments: ["refused_old_format.pt", "refused_whole_module.pt"])
  func `of before version 1.6, or of a whole module, gives its tensors`(_ file: String) throws {
    let (found, expected) = (try torchFixture(file), try torchFixture("linear.pt"))
    #expect(Set(found.names) == Set(expected.names))
    // The same numbers, but saved as Floats.
    for entry in expected.entries { #expect(found[entry.name]?.values.floats == entry.array.values.floats) }
  }

  @Test func `is not any other archive or file`() throws {
    let error = dataError { () throws(DataError) in try StateDictionary(bytes: Array("PK nothing".utf8)) }
    #expect(error?.code == .wrongFormat)
    #expect(dataError { () throws(DataError) in try StateDictionary(bytes: [1, 2, 3]) }?.code == .notSafeTensors)
    #expect(dataError { () throws(DataError) in try StateDictionary(contentsOf: "/no/such.pt") }?.code == .missingFile)
  }
}
