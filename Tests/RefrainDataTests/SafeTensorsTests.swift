import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@Suite struct `A safetensors file` {
  private let sample = SafeTensorsFile(
    tensors: [
      .init(name: "lstm.weight_ih_l0", shape: [2, 3], values: [1, -2, 3.5, .infinity, 0x1p-140, -0.0]),
      .init(name: "leer", shape: [0, 4], values: []),
      .init(name: "a \"name\" with \\ and \u{1} and 😀", shape: [], values: [7]),
    ], metadata: ["z": "last", "format": "refrain\n\t\"1\"", "a": ""])

  private func file(_ header: String, _ data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
    withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian, Array.init) + Array(header.utf8) + data
  }

  @Test func `reads what it wrote`() throws {
    let bytes = try sample.bytes()
    #expect(try SafeTensorsFile(bytes: bytes) == sample)
    #expect(try SafeTensorsFile(bytes: bytes).bytes() == bytes)
    try withTemporaryFolder { folder in
      try sample.write(to: folder + "/m.safetensors")
      #expect(try SafeTensorsFile(contentsOf: folder + "/m.safetensors") == sample)
    }
  }

  @Test func `is written byte for byte as the format says`() throws {
    let small = SafeTensorsFile(tensors: [.init(name: "b", shape: [1], values: [1])], metadata: ["y": "2", "x": "1"])
    let header = #"{"__metadata__":{"x":"1","y":"2"},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
    let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    #expect(padded.utf8.count.isMultiple(of: 8))
    #expect(try small.bytes() == file(padded, [0, 0, 0x80, 0x3F]))
  }

  @Test(
    arguments: [
      ("F64", [0, 0, 0, 0, 0, 0, 0xF8, 0x3F], Float(1.5)), ("F16", [0, 0x3E], 1.5), ("F16", [1, 0x80], -0x1p-24),
      ("F16", [0, 0x7C], .infinity), ("F16", [0, 0xFC], -.infinity), ("F16", [0xFF, 0x7B], 65504),
      ("F16", [0, 4], 0x1p-14),
      ("BF16", [0xC0, 0xBF], -1.5), ("I64", [0xFE, 255, 255, 255, 255, 255, 255, 255], -2), ("I32", [0, 1, 0, 0], 256),
      ("U8", [200], 200), ("BOOL", [1], 1), ("F32", [0, 0, 0xC0, 0x3F], 1.5),
    ] as [(String, [UInt8], Float)])
  func `reads every element type as Float`(type: String, data: [UInt8], value: Float) throws {
    let header = #"{"a":{"shape":[1],"dtype":"\#(type)","data_offsets":[0,\#(data.count)]}}"#
    #expect(try SafeTensorsFile(bytes: file(header, data)).tensors.first?.values == [value])
  }

  @Test func `gives tensors in the order of their bytes and resolves escapes`() throws {
    let header =
      #"{ "b" : {"dtype":"U8","shape":[1],"data_offsets":[1,2]}, "\u00e9\ud83d\ude00\/":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#
    let read = try SafeTensorsFile(bytes: file(header, [5, 6]))
    #expect(read.tensors.map(\.name) == ["é😀/", "b"])
    #expect(read["b"]?.values == [6])
  }

  @Test(arguments: [
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#,
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[25000000000],"data_offsets":[0,100000000000]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
    #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"shape":[2]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":[2]}}"#,
    #"{"a":{"dtype":"F32","shape":[2]}}"#,
    #"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#,
    #"{"__metadata__":{"a":"1","a":"2"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
    #"{"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} x"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#,
    #"{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
    #"{"a":\#(String(repeating: "[", count: 100_000))"#,
    #"{"a":\#(String(repeating: "{\"a\":", count: 100_000))"#,
    "{}", "{",
  ])
  func `that contradicts itself is refused`(header: String) {
    let error = dataError { () throws(DataError) in
      try SafeTensorsFile(bytes: file(header, [UInt8](repeating: 0, count: 8)), file: "m")
    }
    #expect(error?.code == .corruptSafeTensors)
    #expect(error?.description.hasPrefix("m: the file is damaged: ") == true)
  }

  @Test func `of another kind, truncated or of unknown types is refused`() throws {
    func code(_ bytes: [UInt8]) -> DataError.Code? {
      dataError { () throws(DataError) in try SafeTensorsFile(bytes: bytes) }?.code
    }
    #expect(code([]) == .notSafeTensors)
    #expect(code(Array("PK\u{3}\u{4}, a zip file".utf8)) == .notSafeTensors)
    #expect(code(file("{}", length: .max)) == .notSafeTensors)
    #expect(code(file("{}", length: 100_000_001)) == .notSafeTensors)
    #expect(code(file("{}", length: 99_999_999)) == .corruptSafeTensors)
    #expect(code(file("{\u{22}", [0xFF, 0xFF], length: 4)) == .corruptSafeTensors)
    #expect(code(file(#"{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#, [0])) == .unsupportedTensorType)
    let whole = try sample.bytes()
    for length in 0..<whole.count {
      #expect(code(Array(whole[..<length])) != nil, "cut after \(length) bytes")
    }
    #expect(code(whole + [0]) == .corruptSafeTensors)
  }

  @Test func `of too many tensors, or of one with an endless name, is refused by the number`() {
    let entry = #":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#
    let many = (0...100_000).map { "\"\($0)\"\(entry)" }.joined(separator: ",")
    for (header, number) in [("{\(many)}", "100000"), ("{\"\(String(repeating: "n", count: 4097))\"\(entry)}", "4096")]
    {
      let error = dataError { () throws(DataError) in try SafeTensorsFile(bytes: file(header)) }
      #expect(error?.code == .corruptSafeTensors && error?.description.contains(number) == true)
    }
  }

  @Test func `lists tensors of types that it cannot read where it is asked to`() throws {
    let header = """
      {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[4,8]}}
      """
    let bytes = file(header, [UInt8](repeating: 0, count: 8))
    #expect(dataError { () throws(DataError) in try SafeTensorsFile(bytes: bytes) }?.code == .unsupportedTensorType)
    let listed = try SafeTensorsFile(bytes: bytes, file: nil, listingOthers: true)
    #expect(listed.tensors.map(\.name) == ["a"])
    #expect(listed.others.map(\.name) == ["b"] && listed.others.map(\.type) == ["F8_E4M3"])
    #expect(listed.others.map(\.shape) == [[2, 2]])
  }

  @Test func `is not written when a name is used twice or values do not fill their shape`() {
    let twice = SafeTensorsFile(tensors: [
      .init(name: "a", shape: [], values: [1]), .init(name: "a", shape: [], values: [1]),
    ])
    var short = SafeTensorsFile(tensors: [.init(name: "a", shape: [1], values: [1])])
    short.tensors[0].array.shape = [2]
    for file in [twice, short] {
      #expect(dataError { () throws(DataError) in try file.bytes() }?.code == .invalidTensor)
    }
  }

  @Test func `that cannot be mapped, such as a pipe or an empty one, is read`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/pipe"
      try #require(mkfifo(path, 0o600) == 0)
      let bytes = try sample.bytes()
      let writer = Thread { FileHandle(forWritingAtPath: path)?.write(Data(bytes)) }
      writer.start()
      #expect(try SafeTensorsFile(contentsOf: path) == sample)
      try Data().write(to: URL(fileURLWithPath: folder + "/empty"))
      func code(_ name: String) -> DataError.Code? {
        dataError { () throws(DataError) in try SafeTensorsFile(contentsOf: folder + name) }?.code
      }
      #expect(code("/empty") == .notSafeTensors)
      #expect(code("/missing") == .missingFile)
      #expect(code("") == .isDirectory)
    }
  }

  @Test func `survives any single wrong byte`() throws {
    let whole = try sample.bytes()
    for position in whole.indices {
      for byte in [0, 0x22, 0x2C, 0x39, 0x5B, 0x7B, 0x7D, 0xFF] as [UInt8] {
        var bytes = whole
        bytes[position] = byte
        _ = try? SafeTensorsFile(bytes: bytes)
      }
    }
  }
}
