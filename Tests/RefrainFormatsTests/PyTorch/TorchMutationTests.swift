import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

/// What may be done with a file of somebody else's: it is read, and a model is made of it, if it can be.
private func use(_ bytes: [UInt8]) throws {
  let weights = try StateDictionary(bytes: bytes)
  _ = try weights.inferredModel()
}

/// The files to change: every way to write a pickle, to lay out a tensor, to stack a layer.
private let names = [
  "layouts", "checkpoint", "lstm_half", "gru_no_bias", "protocol_2", "protocol_5", "tagger", "listener",
]

@Suite struct `Changed files of PyTorch` {
  @Test func `are read or refused when the archive is changed`() async {
    await #expect(processExitsWith: .success) {
      try fuzz(names.map { try fixture("pytorch/\($0).pt") }, count: 50_000) { try use($0) }
    }
  }

  @Test func `are read or refused when the pickle in the archive is changed`() async {
    await #expect(processExitsWith: .success) {
      let archives = try names.map { try ZipArchive(bytes: fixture("pytorch/\($0).pt")) }
      var programs: [[UInt8]] = []
      // The largest storage of each number, so that every tensor finds one.
      var storages: [String: [UInt8]] = [:]
      for archive in archives {
        for name in archive.names {
          let contents = try archive.contents(of: name)
          let key = name.split(separator: "/").last.map(String.init) ?? ""
          if key == "data.pkl" { programs.append(contents) }
          if name.contains("/data/"), storages[key, default: []].count < contents.count { storages[key] = contents }
        }
      }
      var prepared = ZipWriter()
      for (key, contents) in storages.sorted(by: { $0.key < $1.key }) { prepared.add("archive/data/" + key, contents) }
      let result = try fuzz(programs, count: 100_000) { program in
        var writer = prepared
        writer.add("archive/data.pkl", program)
        try use(writer.bytes())
      }
      // Other names and numbers are no damage that a reader could see.
      if result.accepted == 0 || result.refused == 0 { throw DataError(.wrongInput, "nothing was changed") }
    }
  }
}
