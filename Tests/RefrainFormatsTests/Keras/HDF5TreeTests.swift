import Foundation
import RefrainData
import Testing

@testable import RefrainFormats

@Suite struct `An HDF5 tree` {
  /// Arrays of all ranks, and a group of more members than a usual node has room for.
  static let tree: HDF5Tree = {
    var tree = HDF5Tree()
    tree.arrays["layers/a/vars/0"] = NumericArray([1, -2.5, .infinity, 0, 0x1p-140, 3], shape: [2, 3])
    tree.arrays["layers/a/vars/1"] = NumericArray([Float(7)], shape: [1])
    tree.arrays["layers/a longer name/vars/0"] = NumericArray([Float(7)], shape: [1, 1, 1, 1])
    tree.arrays["layers/ä/scalar"] = NumericArray([Float(8)], shape: [])
    for index in 0..<300 { tree.arrays["layers/many/\(index)"] = NumericArray([Float(index)], shape: [1]) }
    return tree
  }()

  @Test func `comes back as it was written`() throws {
    let bytes = try Self.tree.bytes()
    let back = try HDF5Tree(bytes: bytes, below: "layers")
    #expect(back.arrays.keys.sorted() == Self.tree.arrays.keys.sorted())
    for (path, array) in Self.tree.arrays { #expect(back.arrays[path] == array, "\(path)") }
    #expect(try Self.tree.bytes() == bytes)
    #expect(try HDF5Tree(bytes: bytes, below: "other") == HDF5Tree())
    #expect(try HDF5Tree(bytes: HDF5Tree().bytes(), below: "layers") == HDF5Tree())
  }

  @Test func `of halves and doubles is read`() throws {
    let arrays = try HDF5Tree(bytes: KerasFixtures.bytes("types.h5"), below: "arrays").arrays
    let expected: [Float] = [1, -2, 0.5, 65504, 6.103515625e-05, 0]
    for type in ["float16", "float32", "float64"] {
      #expect(arrays["arrays/\(type)"] == NumericArray(expected, shape: [2, 3]), "\(type)")
    }
  }

  @Test(arguments: [
    "compressed.h5", "latest.h5", "big_endian.h5", "compact.h5", "fletcher.h5", "new_groups.h5", "many_members.h5",
    "latest_compressed.h5", "single_chunk.h5", "user_attributes.h5", "lzf.h5",
  ]) func `of another form is read`(file: String) throws {
    let tree = try HDF5Tree(bytes: KerasFixtures.bytes(file), below: "arrays")
    let ramp = try #require(tree.arrays["arrays/ramp"])
    #expect(ramp == NumericArray((0..<ramp.values.count).map(Float.init), shape: ramp.shape))
    #expect(ramp.values.count >= 10)
    if file == "many_members.h5" { #expect(tree.arrays.count == 301) }
  }

  @Test func `has the attributes of groups, of every kind that describes weights`() throws {
    let tree = try HDF5Tree(bytes: KerasFixtures.bytes("user_attributes.h5"), below: "arrays")
    let attributes = tree.attributes["arrays"] ?? [:]
    #expect(attributes["text"] == .texts(["a text of variable length"]))
    #expect(attributes["fixed"] == .texts(["one", "three"]))
    #expect(attributes["variable"] == .texts(["ä", "", "three"]))
    #expect(attributes["number"] == .numbers(NumericArray([Float(1.5)], shape: [])))
    #expect(attributes["whole"] == .numbers(NumericArray([1, -2], shape: [2])))
    #expect(attributes["none"] == nil)
    #expect(attributes.count == 25)
    #expect(tree.attributes[""]?["long"]?.texts.first?.count == 100_000)
  }

  #if HDF5
    @Test func `is read by libhdf5 as it is here`() throws {
      #expect(try HDF5Library.tree(Self.tree.bytes(), below: "layers") == Self.tree)
      for file in ["cases.h5", "types.h5"] {
        let (bytes, root) = (try KerasFixtures.bytes(file), file == "cases.h5" ? "cases" : "arrays")
        #expect(try HDF5Library.tree(bytes, below: root) == HDF5Tree(bytes: bytes, below: root))
      }
    }

    @Test(arguments: ["scale_offset.h5", "growing.h5", "lzf.h5"])
    func `of a whole file that libhdf5 reads has its arrays and attributes`(file: String) throws {
      let tree = try HDF5Tree(bytes: KerasFixtures.bytes(file), below: "")
      let ramp = NumericArray((0..<1000).map(Float.init), shape: [10, 100])
      #expect(tree.arrays == ["arrays/ramp": ramp])
      if file == "scale_offset.h5" { #expect(tree.attributes["arrays"]?["names"] == .texts(["ramp"])) }
      #expect(try HDF5Library.tree(KerasFixtures.bytes("growing.h5"), below: "", skipping: ["arrays"]) == HDF5Tree())
      #expect(try HDF5Library.tree(KerasFixtures.bytes("growing.h5"), below: "/") == HDF5Tree())
    }
  #else
    @Test func `compressed by what is for libhdf5 names it`() throws {
      let error = try #require(throws: DataError.self) {
        try HDF5Tree(bytes: KerasFixtures.bytes("scale_offset.h5"), below: "")
      }
      #expect(error.code == .unsupportedContent)
      #expect(error.description.contains("'arrays/ramp' is compressed by scale-offset (6), which is for libhdf5"))
    }

    @Test func `in chunks of a list that grows tells how to build with libhdf5`() throws {
      let error = try #require(throws: DataError.self) {
        try HDF5Tree(bytes: KerasFixtures.bytes("growing.h5"), below: "arrays")
      }
      #expect(error.code == .unsupportedContent)
      #expect(
        error.description.contains("build with: swift build -c release --traits HDF5, after installing libhdf5-dev"))
    }
  #endif

  @Test func `compressed by a filter that there is not names it`() throws {
    var bytes = try KerasFixtures.bytes("lzf.h5")
    // The filter's number stands before its name: 32000 becomes 32001.
    let name = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("lzf\0".utf8)) })
    #expect(Array(bytes[name - 8..<name - 6]) == [0x00, 0x7D])
    bytes[name - 8] = 1
    for root in ["", "arrays"] {
      let error = try #require(throws: DataError.self) { try HDF5Tree(bytes: bytes, below: root) }
      #expect(error.code == .unsupportedContent)
      #expect(error.description.contains("'arrays/ramp' is compressed by Blosc (32001), which is not read; save the"))
    }
  }

  @Test func `compressed by LZF is refused where it is damaged`() {
    func expanded(_ bytes: [UInt8], _ limit: Int = 100) -> [UInt8]? { LZF.expand(bytes[...], atMost: limit) }
    #expect(expanded([]) == [])
    #expect(expanded([1, 7, 8]) == [7, 8])
    // Three bytes from two before, and twelve from one before.
    #expect(expanded([1, 7, 8, 0x20, 1]) == [7, 8, 7, 8, 7])
    #expect(expanded([0, 7, 0xE0, 3, 0]) == Array(repeating: 7, count: 13))
    // Cut off, from before the beginning, and too long.
    for bytes: [UInt8] in [[1, 7], [31], [0, 7, 0x20], [0, 7, 0xE0, 3], [0, 7, 0x20, 1], [0x20, 0]] {
      #expect(expanded(bytes) == nil, "\(bytes)")
    }
    #expect(expanded([0, 7, 0xE0, 3, 0], 12) == nil && expanded([1, 7, 8], 1) == nil)
  }

  @Test func `whose groups lie in each other is refused at once`() throws {
    // Nine groups, each in the one before, with seven arrays beside.
    var tree = HDF5Tree()
    for depth in 0..<9 {
      let path = "layers" + String(repeating: "/0", count: depth)
      for index in 1..<8 { tree.arrays["\(path)/\(index)"] = NumericArray([Float(index)], shape: [1]) }
    }
    tree.arrays["layers" + String(repeating: "/0", count: 9)] = NumericArray([Float(0)], shape: [1])
    let bytes = try tree.bytes()
    func nodes(of count: UInt8) -> [Int] {
      let start = Array("SNOD".utf8) + [1, 0, count, 0]
      return bytes.indices.filter { bytes[$0...].starts(with: start) }
    }
    func refusal(_ header: (_ node: Int) -> Int) throws -> String {
      var bytes = bytes
      for node in nodes(of: 8) {
        // All eight members are made the same one.
        let place = header(node)
        let same = Array(bytes[place..<place + 8])
        for entry in 0..<8 { bytes.replaceSubrange(node + 16 + 40 * entry..<node + 24 + 40 * entry, with: same) }
      }
      return try #require(throws: DataError.self) { try HDF5Tree(bytes: bytes, below: "layers") }.problem
    }
    #expect(nodes(of: 8).count == 9)
    // Each group has the next one eight times: 8⁹ ways to its arrays.
    #expect(try refusal { $0 + 16 }.hasSuffix("its parts go in a circle"))
    // Each has the outermost one.
    let root = try #require(nodes(of: 1).first)
    #expect(try refusal { _ in root + 16 }.hasSuffix("its groups lie too deep"))
  }

  @Test func `of whole numbers keeps them whole`() throws {
    let tree = try HDF5Tree(bytes: KerasFixtures.bytes("integers.h5"), below: "arrays")
    #expect(tree.arrays["arrays/whole"] == NumericArray([0, 1, 2], shape: [3]))
  }

  @Test(arguments: ["soft_link.h5", "external_link.h5", "external_values.h5"])
  func `looks at nothing outside of itself`(
    file: String
  ) throws {
    #expect(throws: DataError.self) { try HDF5Tree(bytes: KerasFixtures.bytes(file), below: "arrays") }
  }
}
