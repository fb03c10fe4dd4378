import RefrainData
import Testing

@Suite("JSON that is written")
struct JSONTests {
  @Test("Keys keep their order, text is escaped, and what is not finite is null")
  func layout() {
    let value: JSON = [
      "z": .number(0.1), "a": .text("\"\\\n\u{1}é"), "none": .number(.nan), "far": .number(-.infinity),
      "large": .integer(UInt64.max), "list": .array([.integer(1), .null, .bool(true)]),
    ]
    #expect(
      value.text() == """
        {
          "z": 0.1,
          "a": "\\"\\\\\\n\\u0001é",
          "none": null,
          "far": null,
          "large": 18446744073709551615,
          "list": [1, null, true]
        }
        """)
    #expect(
      value.line
        == #"{"z":0.1,"a":"\"\\\n\u0001é","none":null,"far":null,"large":18446744073709551615,"list":[1,null,true]}"#)
    #expect((["a": .number(1e300), "b": .number(-0.5)] as JSON).text() == #"{"a": 1e+300, "b": -0.5}"#)
  }

  @Test("What is sent to another process arrives with every bit, kind and order, and other bytes are nothing")
  func bytes() throws {
    let value: JSON = [
      "z": .number(-0.0), "a": .text("é\n"), "none": .number(.infinity), "small": .number(Double.leastNonzeroMagnitude),
      "whole": .number(3),
      "large": .integer(UInt64.max), "least": .integer(Int64.min), "byte": .integer(UInt8(7)),
      "below": .array([-5, -1, -256, Int64.min + 1].map { JSON.integer($0) }), "next": .integer(Int64.max),
      "list": .array([.null, .bool(true), .bool(false), .array([]), ["": .text("")]]),
    ]
    let bytes = value.bytes
    let copy = try #require(JSON(bytes: bytes))
    #expect(copy.bytes == bytes && copy.line == value.line && copy.text() == value.text())
    guard case .object(let fields) = copy, case .number(let none) = fields[2].value else {
      Issue.record("not the same kinds")
      return
    }
    #expect(none == .infinity)
    for count in 0..<bytes.count { #expect(JSON(bytes: Array(bytes.prefix(count))) == nil, "\(count) bytes") }
    #expect(JSON(bytes: bytes + [0]) == nil && JSON(bytes: [200]) == nil)
    // Of a text alone, of an array and of an object more is said than there is.
    for kind in [6, 7, 8] as [UInt8] {
      #expect(JSON(bytes: [kind, 5] + [UInt8](repeating: 0, count: 7) + Array("abc".utf8)) == nil, "\(kind)")
    }
    #expect(JSON(bytes: [7] + [UInt8](repeating: 255, count: 8)) == nil)
  }

  @Test("A value that can be encoded keeps the order in which it encodes, at any depth")
  func encoding() throws {
    struct Inner: Encodable {
      var zeta = [1, 2]
      var alpha: Float = 0.1
      var none: Int?
    }
    struct Outer: Encodable {
      var name = "x\""
      var inner = [Inner(), Inner(zeta: [], alpha: 2, none: 3)]
      var isOn = true
      var wide = UInt64.max
      var map = ["only": 1.5]
      var raw = Kind.some
      enum Kind: String, Encodable { case some }
    }
    #expect(
      try JSON(encoding: Outer()).line
        == #"{"name":"x\"","inner":[{"zeta":[1,2],"alpha":0.1},{"zeta":[],"alpha":2.0,"none":3}],"isOn":true,"#
        + #""wide":18446744073709551615,"map":{"only":1.5},"raw":"some"}"#)
    #expect(try JSON(encoding: [1.5, .nan]).line == "[1.5,null]")
    #expect(try JSON(encoding: [[1], []]).line == "[[1],[]]")
  }

  @Test("What was read is written with the names sorted, whole numbers without a point")
  func values() throws {
    let value = try JSONValue(Array(#"{"b": [1, 2.5, null], "a": {"x": true, "y": "ü"}}"#.utf8))
    #expect(value.text == #"{"a":{"x":true,"y":"ü"},"b":[1,2.5,null]}"#)
  }
}
