import Foundation
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

/// Each reader on 100,000 damaged files, in a process of its own.
@Suite struct `Readers survive damaged files` {
  @Test func `safetensors`() async {
    await #expect(processExitsWith: .success) {
      let small = SafeTensorsFile(
        tensors: [
          .init(name: "weight", shape: [2, 3], values: [1, 2, 3, 4, 5, 6]),
          .init(name: "length", array: NumericArray([3, 4], shape: [2])), .init(name: "none", shape: [0], values: []),
        ], metadata: ["format": "refrain", "note": "\n\u{1}\"😀"])
      let result = try fuzz([fixture("arrays/types.safetensors"), small.bytes()], count: 100_000) {
        _ = try SafeTensorsFile(bytes: $0).bytes()
      }
      #expect(result.accepted > 1000 && result.refused > 1000)
    }
  }

  @Test func `zip`() async {
    await #expect(processExitsWith: .success) {
      let seeds = try ["mixed.zip", "streamed.zip", "zip64.zip", "saved.pt"].map { try fixture("arrays/\($0)") }
      let result = try fuzz(seeds, count: 100_000) {
        let archive = try ZipArchive(bytes: $0)
        for name in archive.names { _ = try archive.contents(of: name) }
      }
      #expect(result.accepted > 1000 && result.refused > 1000)
    }
  }

  @Test func `npy`() async {
    await #expect(processExitsWith: .success) {
      let archive = try ZipArchive(bytes: fixture("arrays/arrays.npz"))
      let seeds = try archive.names.map { try archive.contents(of: $0) } + [fixture("arrays/version3.npy")]
      let result = try fuzz(seeds, count: 100_000) { _ = try NumericArray(npy: $0).npy() }
      #expect(result.accepted > 1000 && result.refused > 1000)
    }
  }

  @Test func `npz`() async {
    await #expect(processExitsWith: .success) {
      let arrays: [(name: String, array: NumericArray)] = [
        ("a", NumericArray([1, 2, 3], shape: [3])),
        ("b", NumericArray([Float](repeating: 0, count: 600), shape: [20, 30])),
      ]
      let seeds = try [false, true].map { try NumPyArchive.bytes(of: arrays, compressed: $0) }
      let result = try fuzz(seeds, count: 100_000) {
        let archive = try NumPyArchive(bytes: $0)
        for name in archive.names { _ = try archive.array(name) }
      }
      #expect(result.accepted > 1000 && result.refused > 1000)
    }
  }

  @Test func `tables`() async {
    await #expect(processExitsWith: .success) {
      let seeds = [
        "month,sales\n2020-01,3.5\n2020-02,\"4\"\n2020-03,-1e3\n", "a;b;\"c\nd\"\n1,5;2;x\r\n2,5;3;\"y \"\"z\"\"\"\r\n",
        "\u{FEFF}x|y\r1|2\r3|4\r", "größe\tn\n1\t2\n",
      ].map { Array($0.utf8) }
      let result = try fuzz(seeds, count: 100_000) {
        _ = try Series(table: Table(bytes: $0))
      }
      #expect(result.accepted > 1000 && result.refused > 1000)
    }
  }
}

@Suite struct `Fuzzing` {
  @Test func `makes the same files every time, and others for other numbers`() throws {
    let mutator = try Mutator(seeds: [Array("some bytes 12".utf8), Array("others".utf8)])
    let files = (0..<1000).map { mutator.mutation($0) }
    #expect(files == (0..<1000).map { mutator.mutation($0) })
    #expect(Set(files).count > 750)
    #expect(files.allSatisfy { $0.count <= mutator.longest })
  }

  @Test func `notices a crash`() async {
    await #expect(processExitsWith: .failure) {
      try fuzz([[1, 2, 3]], count: 1000) { bytes in precondition(bytes.count < 40) }
    }
  }

  @Test func `notices a hang`() async {
    await #expect(processExitsWith: .signal(SIGVTALRM)) {
      try fuzz([[1, 2, 3]], count: 1000) { bytes in while bytes.count > 40 {} }
    }
  }

  @Test func `notices errors of another kind and of several lines`() async {
    struct Other: Error {}
    await #expect(processExitsWith: .failure) {
      try fuzz([[1, 2, 3]], count: 10) { _ in throw Other() }
    }
    await #expect(processExitsWith: .failure) {
      try fuzz([[1, 2, 3]], count: 10) { _ in throw DataError(.damagedFile, "one\ntwo") }
    }
  }

  #if os(Linux)
    @Test(.disabled(if: isAddressSanitized, "memory is not limited with AddressSanitizer"))
    func `notices memory that is asked for and not used`() async {
      await #expect(processExitsWith: .failure) {
        try fuzz([[1, 2, 3]], count: 1000) { bytes in
          var values: [UInt8] = []
          if bytes.count > 40 { values.reserveCapacity(30_000_000) }
        }
      }
      await #expect(processExitsWith: .success) {
        try fuzz([[1, 2, 3]], count: 1000) { bytes in
          var values: [UInt8] = []
          if bytes.count > 40 { values.reserveCapacity(5_000_000) }
        }
      }
    }
  #endif
}
