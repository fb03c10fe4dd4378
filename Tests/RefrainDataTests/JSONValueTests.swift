import Testing

@testable import RefrainData

@Suite struct `Any JSON` {
  private func read(_ text: String) throws -> JSONValue { try JSONValue(Array(text.utf8)) }

  @Test func `is read and written`() throws {
    let value = try read(#" {"a": [1, -2.5e1, true, false, null, "\u00e4\n"], "b": {}, "c": []} "#)
    #expect(value == ["a": [1, -25, true, false, nil, "ä\n"], "b": [:], "c": []])
    #expect(value.text == #"{"a":[1,-25,true,false,null,"ä\n"],"b":{},"c":[]}"#)
    #expect(try read(value.text) == value)
    #expect(value["a"].array?[1].integer == -25 && value["a"].array?[2].bool == true && value["z"] == nil)
    #expect(try read("0.1").text == "0.1")
  }

  @Test(arguments: [
    "", "[", "[1,]", "{\"a\"}", "tru", "nulll", "1 2", "--1", "NaN", "Infinity", "1e999", "\"", "[1 2]", "{1:2}", "-",
    #"{"a":1,"a":2}"#, String(repeating: "[", count: 100_000), String(repeating: "{\"a\":", count: 65) + "1",
  ]) func `is refused when it is damaged`(text: String) {
    #expect(throws: DataError.self) { try read(text) }
  }

  @Test func `keeps every digit of whole numbers of 64 bits`() throws {
    for text in ["9007199254740993", "1152921504606846977", "18446744073709551615"] {
      let value = try read(text)
      #expect(value == .whole(UInt64(text)!) && value.text == text && value.number == Double(text))
    }
    #expect(try read("1152921504606846976") == .number(0x1p60) && read("1152921504606846977.0") == .number(0x1p60))
    #expect(try read("18446744073709551616") == .number(0x1p64) && read("1e17") == .number(1e17))
  }

  @Test func `holds integers of 31 bits`() throws {
    #expect(try read("2147483647").integer == 2_147_483_647)
    #expect(try read("2147483648").integer == nil)
    #expect(try read("1e300").integer == nil && read("1.5").integer == nil)
  }
}
