import Foundation
import RefrainData
import Testing

@testable import RefrainFormats

/// Writes what `Tests/Fixtures/arrays/check_written.py` reads, into the folder that `REFRAIN_WRITE` names.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["REFRAIN_WRITE"] != nil)) struct `Written for Python` {
  private let folder = ProcessInfo.processInfo.environment["REFRAIN_WRITE"] ?? ""

  private let samples: [(name: String, array: NumericArray)] = [
    ("cube", NumericArray((0..<24).map { Float($0) }, shape: [2, 3, 4])),
    ("single", NumericArray([7 as Float], shape: [])), ("empty", NumericArray([] as [Float], shape: [3, 0])),
    ("bool", NumericArray(type: .bool, shape: [1, 3], values: .booleans([true, false, true]))),
    ("uint8", NumericArray(type: .uint8, shape: [3], values: .integers([0, 128, 255]))),
    ("int32", NumericArray(type: .int32, shape: [3], values: .integers([-1 << 31, 0, (1 << 31) - 1]))),
    ("int64", NumericArray([.min, 0, .max], shape: [3])),
    ("float16", NumericArray(type: .float16, shape: [3], values: .floats([1.5, 65504, 0x1p-24]))),
    ("float64", NumericArray(type: .float64, shape: [2], values: .floats([1.5, -.infinity]))),
    ("größe", NumericArray([Float](repeating: 0, count: 5000), shape: [5000])),
  ]

  @Test func `arrays`() throws {
    try NumPyArchive.write(samples, to: folder + "/stored.npz")
    try NumPyArchive.write(samples, to: folder + "/deflated.npz", compressed: true)
    try writeAtomically(samples[0].array.npy(), to: folder + "/cube.npy")
    try SafeTensorsFile(tensors: samples.map { .init(name: $0.name, array: $0.array) })
      .write(to: folder + "/types.safetensors")
    let upper = NumericArray(type: .bfloat16, shape: [3], values: .floats([1.5, -2, .infinity]))
    try SafeTensorsFile(tensors: [.init(name: "bfloat16", array: upper)], metadata: ["note": "größe\n\"1\""])
      .write(to: folder + "/bfloat16.safetensors")
  }

  @Test func `archives`() throws {
    for (name, var writer) in [
      ("plain", ZipWriter()), ("zip64", ZipWriter(greatestShort: 0, greatest: 0)),
    ] {
      writer.add("ramp", (0..<1024).map { UInt8($0 % 256) })
      writer.add("folder/größe 😀", Array(String(repeating: "text", count: 100).utf8), compressed: true)
      writer.add("empty", [])
      try writeAtomically(writer.bytes(), to: folder + "/\(name).zip")
    }
  }
}
