import Foundation
import RefrainTestSupport
import Testing

@testable import RefrainData

/// What the library does by itself, since it needs no more than Foundation's essentials, held against all of
/// Foundation.
@Suite("Without all of Foundation") struct WithoutFoundationTests {
  @Test("numbers are written as Foundation formats them") func numbers() {
    var noise = SystemRandomNumberGenerator()
    let special = [0, -0.0, 1, -1, 0.5, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .infinity, -.infinity, .nan]
    let random = (0..<200).map { _ in Double(bitPattern: noise.next()) }
    for value in special + random {
      for digits in [0, 2, 4, 15] {
        for style in [NumberStyle.fixed, .scientific, .general] {
          let expected = String(format: "%.\(digits)\(style.rawValue)", value)
          #expect(written(value, style, digits: digits) == expected)
        }
      }
    }
    #expect(fixed(-0.001, decimals: 2) == "0.00" && fixed(-12.5, decimals: 2) == "-12.50")
  }

  @Test("texts are composed as by Foundation") func composition() {
    let texts = [
      "plain", "e\u{301}te\u{301}", "\u{1100}\u{1161}\u{11A8}", "a\u{323}\u{307}", "a\u{307}\u{323}", "\u{212B}",
      "\u{1E9B}\u{323}",
      "\u{0958}", "\u{FB1D}", "q\u{307}\u{323}", "\u{2ADC}", "한국어", "Ω", "🇩🇪e\u{308}",
    ]
    for text in texts {
      #expect(Array(text.composed.unicodeScalars) == Array(text.precomposedStringWithCanonicalMapping.unicodeScalars))
    }
  }

  @Test("names with numbers stand in their order, as by Foundation") func names() {
    let names = [
      "frame10.png", "frame9.png", "frame008.png", "frame", "frame1", "a", "10", "9", "2a10", "2a9", "2b", "Zebra",
      "über", "",
    ]
    let expected = names.sorted { $0.compare($1, options: .numeric) == .orderedAscending }
    #expect(names.sorted(by: ClipFolder.comesBefore) == expected)
    // What is the same number is told apart all the same.
    #expect(ClipFolder.comesBefore("a009", "a9") && !ClipFolder.comesBefore("a9", "a009"))
    #expect(ClipFolder.comesBefore("7", "123456789012345678901234567890"))
  }

  @Test("a folder is told from a file, through links too") func folders() throws {
    try withTemporaryFolder { folder in
      try writeAtomically("x", to: folder + "/file.CSV")
      try FileManager.default.createDirectory(atPath: folder + "/inner.d", withIntermediateDirectories: false)
      try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: folder + "/inner.d")
      try writeAtomically("x", to: folder + "/inner.d/b")
      #expect(isFolder(folder + "/inner.d") && isFolder(folder + "/link") && isFolder(folder + "/link/"))
      #expect(!isFolder(folder + "/file.CSV") && !isFolder(folder + "/nothing"))
      #expect(ending(of: folder + "/file.CSV") == "csv" && ending(of: folder + "/inner.d/b") == "")
      #expect(try RefrainData.names(within: folder) == ["file.CSV", "inner.d", "inner.d/b", "link"])
      let missing = dataError { () throws(DataError) in try RefrainData.names(within: folder + "/nothing") }
      #expect(missing?.code == .unreadableFile && missing?.description.contains("/nothing") == true)
    }
  }

  @Test("a program's output and complaints come whole, and one that goes on is ended") func programs() throws {
    let program = try ChildProcess("/bin/sh", ["-c", "echo out; echo err >&2; cat; exit 3"])
    #expect(try OpenFile.readOn(program.output, of: "") == Array("out\n".utf8))
    #expect(try OpenFile.readOn(program.errors, of: "") == Array("err\n".utf8))
    // Its input is empty: `cat` ends.
    #expect(try OpenFile.readOn(program.output, of: "").isEmpty && !program.endsWell())
    let endless = try ChildProcess("/bin/sh", ["-c", "trap '' TERM; while :; do echo x; done"])
    endless.stop()
    for end in [program.output, program.errors, endless.output, endless.errors] { close(end) }
    #expect(throws: ChildProcess.Failure.self) { try ChildProcess("/nowhere/program", []) }
    try withTemporaryFolder { folder in
      // As long as somebody writes to a program it cannot be started, which is waited for.
      let path = folder + "/program"
      try writeAtomically("#!/bin/sh\necho out\n", to: path)
      chmod(path, 0o755)
      let descriptor = open(path, O_WRONLY)
      DispatchQueue.global().asyncAfter(deadline: .now() + 0.05) { close(descriptor) }
      let late = try ChildProcess(path, [])
      #expect(try OpenFile.readOn(late.output, of: "") == Array("out\n".utf8) && late.endsWell())
      for end in [late.output, late.errors] { close(end) }
    }
  }
}
