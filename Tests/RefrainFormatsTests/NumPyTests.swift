import Foundation
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

@Suite struct `NumPy's arrays` {
  /// Whole numbers, and the bits of floating-point ones, by the kind of their type.
  private let expected: [String: [Int]]

  init() throws { expected = try JSONDecoder().decode([String: [Int]].self, from: Data(fixture("arrays/arrays.json"))) }

  private func bits(_ values: NumericArray.Values) -> [Int] {
    switch values {
    case .floats(let values): values.map { Int($0.bitPattern) }
    case .integers(let values): values
    case .booleans(let values): values.map { $0 ? 1 : 0 }
    }
  }

  @Test(arguments: ["arrays", "arrays_deflated"])
  func `of every type, order of bytes and order of axes are read`(name: String) throws {
    let archive = try NumPyArchive(bytes: fixture("arrays/\(name).npz"))
    #expect(archive.names.count == 12 * 4 + 6)
    let types: [String: ElementType] = [
      "b1": .bool, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64, "u1": .uint8, "u2": .uint16, "u4": .uint32,
      "u8": .int64, "f2": .float16, "f4": .float32, "f8": .float64,
    ]
    #expect(Set(types.keys) == Set(expected.keys))
    for (kind, type) in types {
      for place in ["little_C", "little_F", "big_C", "big_F"] {
        let array = try archive.array("\(kind)_\(place)")
        #expect(array.type == type, "\(kind)_\(place)")
        #expect(array.shape == [2, expected[kind]!.count / 2])
        #expect(bits(array.values) == expected[kind], "\(kind)_\(place)")
      }
    }
    let ramp = NumericArray((0..<24).map(Float.init), shape: [2, 3, 4])
    #expect(try archive.array("cube_C") == ramp)
    #expect(try archive.array("cube_F") == ramp)
    #expect(try archive.array("single") == NumericArray([7 as Float], shape: []))
    #expect(try archive.array("empty") == NumericArray(type: .float64, shape: [3, 0], values: .floats([])))
    #expect(try archive.array("line") == NumericArray([0, 1, 2, 3, 4] as [Int], shape: [5]))
    #expect(
      try archive.array("column_F")
        == NumericArray(type: .int16, shape: [3, 1, 2], values: .integers([0, 1, 2, 3, 4, 5])))
  }

  @Test func `are written byte for byte as NumPy writes them`() throws {
    let archive = try ZipArchive(bytes: fixture("arrays/arrays.npz"))
    let same = ["b1", "i4", "i8", "u1", "f2", "f4"].map { "\($0)_little_C" } + ["cube_C", "single", "empty", "line"]
    for name in same {
      let bytes = try archive.contents(of: name + ".npy")
      #expect(try NumericArray(npy: bytes).npy() == bytes, "\(name)")
    }
    #expect(try NumericArray(npy: fixture("arrays/version1.npy")).npy() == fixture("arrays/version1.npy"))
  }

  @Test func `in an archive are read back as they were written`() throws {
    let arrays: [(name: String, array: NumericArray)] = [
      ("größe/1", NumericArray([1.5, -2], shape: [2, 1])),
      ("lengths", NumericArray([3, 1 << 40] as [Int], shape: [2])),
      ("mask", NumericArray(type: .bool, shape: [1, 2], values: .booleans([true, false]))),
      ("half", NumericArray(type: .float16, shape: [2], values: .floats([1.5, 65504]))),
      ("zeros", NumericArray([Float](repeating: 0, count: 5000), shape: [5, 1000])),
    ]
    for compressed in [false, true] {
      let bytes = try NumPyArchive.bytes(of: arrays, compressed: compressed)
      #expect(compressed == (bytes.count < 5000))
      let archive = try NumPyArchive(bytes: bytes)
      #expect(archive.names == arrays.map(\.name))
      for (name, array) in arrays { #expect(try archive.array(name) == array, "\(name)") }
    }
    let upper = NumericArray(type: .bfloat16, shape: [1], values: .floats([1.5]))
    #expect(try NumericArray(npy: upper.npy()) == NumericArray([1.5], shape: [1]))
    let twice = dataError { () throws(DataError) in
      try NumPyArchive.bytes(of: [("a", arrays[0].array), ("a", arrays[0].array)])
    }
    #expect(twice?.code == .wrongInput)
  }

  @Test(arguments: 1...3) func `of every version of the format are read`(version: Int) throws {
    let array = try NumericArray(npy: fixture("arrays/version\(version).npy"))
    #expect(array == NumericArray((0..<24).map(Float.init), shape: [2, 3, 4]))
  }

  @Test(arguments: [
    ("objects", DataError.Code.unsupportedContent, "Python objects"), ("records", .unsupportedContent, "fields"),
    ("complex", .unsupportedContent, "'<c16'"), ("huge", .inexactConversion, "9223372036854775808"),
  ])
  func `of other types are refused`(name: String, code: DataError.Code, words: String) throws {
    let bytes = try fixture("arrays/\(name).npy")
    let error = dataError { () throws(DataError) in try NumericArray(npy: bytes, file: "a.npy") }
    #expect(error?.code == code)
    #expect(error?.description.hasPrefix("a.npy: the array") == true)
    #expect(error?.problem.contains(words) == true)
  }

  /// A file of version 1 with this header and eight bytes.
  private func file(_ header: String) -> [UInt8] {
    var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    bytes.append(littleEndian: UInt16(header.utf8.count))
    return bytes + Array(header.utf8) + [UInt8](repeating: 1, count: 8)
  }

  @Test func `may have a header spelled in another way`() throws {
    for header in [
      #"{"shape":(2,),"descr":"<f4","fortran_order":False}"#, "{'descr':'=i4','fortran_order':True,'shape':(1L,2L),}\n",
      "{ 'descr' : '|u1' , 'fortran_order' : False , 'shape' : ( 8 , ) , } ",
    ] { #expect(dataError { () throws(DataError) in try NumericArray(npy: file(header)) } == nil, "\(header)") }
  }

  @Test(arguments: [
    "", "{", "{}", "[]", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2), } x",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, }", "{'descr': '<f4', 'fortran_order': False, 'shape': 2, }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (25000000000,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': (2,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (\(String(repeating: "1, ", count: 65))2), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': \(String(repeating: "(", count: 10_000))",
    "{'descr': '<f4' 'fortran_order': False, 'shape': (2,), }", "{'descr': __import__('os'), 'shape': (2,), }",
    #"{'descr': '\x3cf4', 'fortran_order': False, 'shape': (2,), }"#,
  ])
  func `that contradict themselves are refused`(header: String) {
    let error = dataError { () throws(DataError) in try NumericArray(npy: file(header)) }
    #expect(error?.code == .damagedFile)
  }

  @Test func `cut off or of another kind are refused`() throws {
    let whole = try fixture("arrays/version2.npy")
    for length in 0..<whole.count {
      let error = dataError { () throws(DataError) in try NumericArray(npy: Array(whole[..<length])) }
      #expect(error?.code == (length < 6 ? .wrongFormat : .damagedFile), "\(length)")
    }
    #expect(dataError { () throws(DataError) in try NumericArray(npy: whole + [0]) }?.code == .damagedFile)
    let later = patched(whole, at: 6, width: 1, with: 4)
    #expect(dataError { () throws(DataError) in try NumericArray(npy: later) }?.code == .unsupportedContent)
    let archive = try NumPyArchive(
      bytes: NumPyArchive.bytes(of: [("a", NumericArray([1 as Float], shape: [1]))]), file: "a.npz")
    #expect(
      dataError { () throws(DataError) in try archive.array("b") }?.description
        == "a.npz: the archive has no entry 'b.npy'; copy or save it again")
  }
}
