import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@Suite struct `Types in a safetensors file` {
  @Test func `are read as the safetensors package wrote them`() throws {
    let file = try SafeTensorsFile(bytes: fixture("arrays/types.safetensors"))
    #expect(file.metadata == ["by": "safetensors"])
    #expect(file.tensors.count == 10)
    let expected = try JSONDecoder().decode([String: [Int]].self, from: Data(fixture("arrays/arrays.json")))
    func check(_ type: ElementType, _ kind: String) throws {
      let array = try #require(file[type.rawValue]?.array)
      #expect(array.type == type)
      #expect(array.shape == [2, expected[kind]!.count / 2])
      switch array.values {
      case .floats(let values): #expect(values.map { Int($0.bitPattern) } == expected[kind], "\(type)")
      case .integers(let values): #expect(values == expected[kind], "\(type)")
      case .booleans(let values): #expect(values.map { $0 ? 1 : 0 } == expected[kind], "\(type)")
      }
    }
    for (type, kind) in [
      (ElementType.bool, "b1"), (.uint8, "u1"), (.int32, "i4"), (.int64, "i8"), (.float16, "f2"), (.float32, "f4"),
      (.float64, "f8"),
    ] { try check(type, kind) }
    // 65,504 and 2⁻²⁴ as a bfloat16.
    #expect(file["BF16"]?.values == [0, -0.0, 1.5, -2.25, 65536, 0x1p-24, .infinity, -.infinity])
    #expect(file["single"]?.array == NumericArray([7 as Float], shape: []))
    #expect(file["empty"]?.array == NumericArray([] as [Float], shape: [3, 0]))
  }

  @Test func `stay what they are through reading and writing`() throws {
    var file = try SafeTensorsFile(bytes: fixture("arrays/types.safetensors"))
    // A Float holds no 0.1 and no 1e300 of 64 bits.
    file.tensors.removeAll { $0.name == "F64" }
    file.tensors.append(
      .init(name: "F64", array: NumericArray(type: .float64, shape: [2], values: .floats([0x1p-140, -.infinity]))))
    #expect(try SafeTensorsFile(bytes: file.bytes()) == file)
  }

  @Test func `are rounded as PyTorch rounds them`() throws {
    let file = try SafeTensorsFile(bytes: fixture("arrays/rounding.safetensors"))
    let values = try #require(file["value"]).values
    #expect(values.count > 1000)
    for (name, type) in [("half", ElementType.float16), ("bfloat16", .bfloat16)] {
      let ours = SafeTensorsFile(tensors: [
        .init(name: name, array: NumericArray(type: type, shape: [values.count], values: .floats(values)))
      ])
      let theirs = SafeTensorsFile(tensors: [try #require(file[name])])
      #expect(try ours.bytes() == theirs.bytes(), "\(name)")
      #expect(try SafeTensorsFile(bytes: ours.bytes())[name]?.values == file[name]?.values)
    }
    let halves = try SafeTensorsFile(bytes: fixture("arrays/halves.safetensors"))
    #expect(halves["half"]?.values == halves["value"]?.values)
  }

  @Test func `keep what is no number`() throws {
    for (type, quiet) in [(ElementType.float16, UInt16(0x7E00)), (.bfloat16, 0x7FC0)] {
      for bits in [quiet, quiet | 0x8001, 0x7FFF, 0xFFFF, 0x7FC1] {
        let header = #"{"a":{"dtype":"\#(type.rawValue)","shape":[1],"data_offsets":[0,2]}}"#
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(header.utf8.count))
        bytes += Array(header.utf8)
        bytes.append(littleEndian: bits)
        let file = try SafeTensorsFile(bytes: bytes)
        let value = try #require(file["a"]?.values.first)
        #expect(value.isNaN && value.sign == (bits >> 15 == 0 ? .plus : .minus))
        #expect(try Array(file.bytes().suffix(2)) == Array(bytes.suffix(2)), "\(type) \(bits)")
      }
    }
    // The payload lies where neither type has bits.
    let hidden = Float(bitPattern: 0x7F80_0001)
    for (type, expected) in [(ElementType.float16, [0x01, 0x7C] as [UInt8]), (.bfloat16, [0xC0, 0x7F])] {
      let file = SafeTensorsFile(tensors: [
        .init(name: "a", array: NumericArray(type: type, shape: [1], values: .floats([hidden])))
      ])
      #expect(try Array(file.bytes().suffix(2)) == expected)
    }
  }

  @Test func `that do not fit their values are not written`() throws {
    func code(_ array: NumericArray) -> DataError.Code? {
      dataError { () throws(DataError) in
        try SafeTensorsFile(tensors: [.init(name: "a", array: array)]).bytes()
      }?.code
    }
    #expect(code(NumericArray(type: .uint8, shape: [1], values: .integers([256]))) == .inexactConversion)
    #expect(code(NumericArray(type: .uint8, shape: [1], values: .integers([-1]))) == .inexactConversion)
    #expect(code(NumericArray(type: .int32, shape: [1], values: .integers([1 << 31]))) == .inexactConversion)
    #expect(code(NumericArray(type: .int32, shape: [1], values: .floats([1]))) == .invalidTensor)
    #expect(code(NumericArray(type: .float32, shape: [1], values: .booleans([true]))) == .invalidTensor)
    var short = NumericArray([1 as Float], shape: [1])
    short.shape = [2]
    #expect(code(short) == .invalidTensor)
  }

  #if os(Linux)
    @Test func `in a large file are held once`() async {
      await #expect(processExitsWith: .success) {
        let path = temporaryPath()
        defer { unlink(path) }
        let header = #"{"a":{"dtype":"F32","shape":[16777216],"data_offsets":[0,67108864]}}"#
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(header.utf8.count))
        try writeAtomically(bytes + Array(header.utf8), to: path)
        // Zeros, which take no place on the disk.
        try #require(truncate(path, off_t(8 + header.utf8.count + 67_108_864)) == 0)
        limitMemory(to: 67_108_864 + 16 << 20)
        let values = try SafeTensorsFile(contentsOf: path).tensors[0].values
        #expect(values.count == 16_777_216 && values.allSatisfy { $0 == 0 })
      }
    }
  #endif
}
