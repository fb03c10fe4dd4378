import Foundation
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("Lines of text") struct TextLinesTests {
  private func lines(_ bytes: [UInt8]) throws -> (lines: [String], notes: [String]) {
    var result: (lines: [String], notes: [String])?
    try withTemporaryFolder { folder in
      let path = folder + "/text.txt"
      try Data(bytes).write(to: URL(filePath: path))
      let lines = try TextLines(paths: [path])
      result = (Array(lines), lines.notes)
      #expect(lines.count == result?.lines.count && Array(lines) == result?.lines)
      // From memory the same.
      let bytes = try TextLines(DataSource([.bytes(bytes, name: "text.txt")]))
      #expect(Array(bytes) == result?.lines)
      var lengths: [Int] = []
      lines.forEachLength { length in
        lengths.append(length)
        return true
      }
      #expect(lengths == result?.lines.map(\.utf8.count))
      var last = lines.makeIterator()
      last.skip(max(0, lines.count - 1))
      #expect(last.next() == result?.lines.last && last.next() == nil)
    }
    return try #require(result)
  }

  @Test("Lines end with LF, CRLF or CR; empty ones count, a mark of the byte order does not")
  func ends() throws {
    #expect(try lines(Array("a\nb\r\n\r\nc\rd".utf8)).lines == ["a", "b", "", "c", "d"])
    #expect(try lines(Array("\u{FEFF}ä\n\n".utf8)).lines == ["ä", ""])
    #expect(try lines(Array("x\r".utf8)).lines == ["x"] && lines(Array("\n".utf8)).lines == [""])
    #expect(try lines([]).lines == [])
    // A mark alone is no line.
    #expect(try lines([0xEF, 0xBB, 0xBF]).lines == [] && lines([0xEF, 0xBB, 0xBF, 0x0A]).lines == [""])
  }

  @Test("A file in Latin-1 is read as such, and it is noted")
  func latin() throws {
    let (read, notes) = try lines([0x63, 0x61, 0x66, 0xE9, 0x0A, 0x80, 0x35, 0x0A])
    #expect(read == ["café", "€5"] && notes.count == 1 && notes[0].contains("Latin-1"))
  }

  @Test("UTF-16 is unpacked")
  func wide() throws {
    var bytes: [UInt8] = [0xFF, 0xFE]
    for unit in "grün\nrot".utf16 { bytes += [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
    #expect(try lines(bytes).lines == ["grün", "rot"])
  }

  @Test("An array of NumPy is none, whose numbers of two bytes look like UTF-16, nor is any file of such numbers")
  func numbersOfTwoBytes() throws {
    let values = NumericArray.Values.integers(Array(repeating: 0x61, count: 3000))
    let letters = try NumericArray(type: .int16, shape: [3000], values: values).npy()
    let bare = (0..<3000).flatMap { number -> [UInt8] in [UInt8(1 + number % 59), 0] }
    var settings = LongArraySettings()
    try withTemporaryFolder { folder in
      for (bytes, code) in [(letters, DataError.Code.wrongFormat), (bare, .notUTF8)] {
        let path = folder + "/numbers.txt"
        for stored in [bytes, gzipped(bytes)] {
          try Data(stored).write(to: URL(filePath: path))
          // In memory, and in a file of its own.
          for most in [1000, 1 << 20] {
            settings.bytes = most
            LongArraySettings.$current.withValue(settings) {
              for parts in [[DataSource.Part.file(path)], [.bytes(stored, name: path)]] {
                let lines = dataError { () throws(DataError) in try TextLines(DataSource(parts)) }
                let records = dataError { () throws(DataError) in try Records(DataSource(parts), takesLines: "line") }
                #expect(lines?.code == code && records?.code == code, "\(most)")
              }
            }
          }
          #expect(dataError { () throws(DataError) in try Table(bytes: stored) }?.code == code)
        }
      }
    }
  }

  @Test("UTF-16 that is long is read from a file of its own, characters of two units at the ends of parts too")
  func longWide() throws {
    var settings = LongArraySettings()
    settings.bytes = 1000
    // A part has 2¹⁷ units: after an odd number of characters the pair of one lies in two.
    let text = String(repeating: "🜁 größer\n", count: 20_000) + "x\n" + String(repeating: "🜁", count: 70_000)
    try withTemporaryFolder { folder in
      try LongArraySettings.$current.withValue(settings) {
        let path = folder + "/text.txt"
        for start in ["", "a"] {
          for isBigEndian in [false, true] {
            let units = [0xFEFF] + Array((start + text).utf16)
            let bytes = units.flatMap {
              isBigEndian ? [UInt8($0 >> 8), UInt8($0 & 255)] : [UInt8($0 & 255), UInt8($0 >> 8)]
            }
            try Data(bytes).write(to: URL(filePath: path))
            let lines = try TextLines(paths: [path])
            #expect(Array(lines) == (start + text).split(separator: "\n").map(String.init))
            #expect(lines.notes == ["\(path): read as UTF-16"])
            // Half of a character, half of a unit.
            for cut in [2, 1] {
              try Data(bytes.dropLast(cut)).write(to: URL(filePath: path))
              let error = dataError { () throws(DataError) in _ = try TextLines(paths: [path]) }
              #expect(error?.code == .notUTF8 && error?.description.contains("damaged") == true)
            }
          }
        }
      }
    }
  }

  @Test("Gzip and what is piped in are read from a file of their own where they are long", arguments: [3, 5000])
  func packed(count: Int) throws {
    let expected = (0..<count).map { "line \($0), größer" }
    let text = Array(expected.joined(separator: "\n").utf8)
    var settings = LongArraySettings()
    settings.bytes = 1000
    try withTemporaryFolder { folder in
      try LongArraySettings.$current.withValue(settings) {
        let path = folder + "/text.txt.gz"
        try Data(gzipped(text)).write(to: URL(filePath: path))
        let lines = try TextLines(paths: [path])
        #expect(Array(lines) == expected && Array(lines) == expected && lines.count == count)
        #expect(lines.notes == ["\(path): unpacked from gzip"])
        try lines.checkUnchanged()
        for bytes in [text, gzipped(text)] {
          try piped(bytes, folder + "/pipe") { pipe in
            let lines = try TextLines(paths: [pipe])
            #expect(Array(lines) == expected)
          }
        }
        // Latin-1, and a zero byte.
        let latin = expected.joined(separator: "\n").unicodeScalars.map { UInt8($0.value) }
        try Data(gzipped(latin)).write(to: URL(filePath: path))
        #expect(Array(try TextLines(paths: [path])) == expected)
        // Packed twice is refused, short or long.
        try Data(gzipped(gzipped(text))).write(to: URL(filePath: path))
        let twice = dataError { () throws(DataError) in try TextLines(paths: [path]) }
        #expect(twice?.problem == "this file was packed with gzip twice")
        try Data(gzipped(text + [0x0A, 0])).write(to: URL(filePath: path))
        let error = dataError { () throws(DataError) in try TextLines(paths: [path]) }
        #expect(error?.description.contains("line \(count + 1) holds a zero byte") == true)
      }
    }
  }

  @Test("Bad bytes in a file of UTF-8, a zero byte and an archive are named, with the line")
  func bad() {
    func problem(_ bytes: [UInt8]) -> String {
      dataError { () throws(DataError) in try TextLines(DataSource([.bytes(bytes, name: "a.txt")])) }?.description ?? ""
    }
    let good = Array("größer\nschöner\n".utf8)
    #expect(problem(good + [0x61, 0xFF, 0x0A]).contains("a.txt: line 3"))
    #expect(problem(good + [0xC3]).contains("line 3"))
    #expect(problem(Array("a\nb".utf8) + [0]).contains("line 2 holds a zero byte"))
    #expect(problem([0x50, 0x4B, 3, 4, 0, 0]).contains("zip archive"))
    #expect(problem([0x0A, 0x81, 0xE9]).contains("line 2"))
    #expect(dataError { () throws(DataError) in try TextLines(paths: ["/nowhere/x.txt"]) }?.code == .missingFile)
  }

  @Test("A line of ten megabytes, and line ends at the edges of what is read at a time")
  func long() throws {
    let long = String(repeating: "abcdefghij", count: 1 << 20)
    #expect(try lines(Array((long + "\nend").utf8)).lines.map(\.count) == [10 << 20, 3])
    for size in (1 << 18) - 2...(1 << 18) + 2 {
      let text = String(repeating: "x", count: size)
      #expect(try lines(Array((text + "\r\ny\r\n").utf8)).lines == [text, "y"])
    }
  }

  @Test("A file that another program shortens ends early, which is an error")
  func shortened() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/text.txt"
      try Data(String(repeating: "a line of text\n", count: 100_000).utf8).write(to: URL(filePath: path))
      let lines = try TextLines(DataSource([.file(path), .bytes(Array("more".utf8), name: "more.txt")]))
      #expect(Array(lines).count == 100_001)
      try lines.checkUnchanged()
      var read = lines.makeIterator()
      #expect(read.next() == "a line of text")
      #expect(truncate(path, 10) == 0)
      while read.next() != nil {}
      for _ in 0..<2 {
        #expect(dataError { () throws(DataError) in try lines.checkUnchanged() }?.code == .unreadableFile)
      }
      #expect(Array(lines).count < lines.count)
      // One that has as many bytes as before, too.
      let other = try TextLines(paths: [path])
      var times = [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)]
      #expect(utimes(path, &times) == 0)
      #expect(dataError { () throws(DataError) in try other.checkUnchanged() }?.file == path)
    }
  }

  @Test("The longest line takes of the memory budget only while it is read")
  func budget() throws {
    let source = DataSource([.bytes([UInt8](repeating: 0x61, count: 1000), name: "a.txt")])
    try MemoryBudget(5000).run { () throws -> Void in
      for _ in 0..<3 { #expect(try TextLines(source).count == 1) }
    }
    try MemoryBudget(3000).run { () throws -> Void in
      #expect(dataError { () throws(DataError) in try TextLines(source) }?.code == .overMemoryBudget)
    }
  }

  @Test("Lines of several files are one after another, and know their place")
  func several() throws {
    let source = DataSource([.bytes(Array("a\nb".utf8), name: "1"), .bytes(Array("c".utf8), name: "2")])
    let lines = try TextLines(source)
    #expect(Array(lines) == ["a", "b", "c"] && lines.place(of: 2).file == "2" && lines.place(of: 2).line == 1)
  }

  @Test("Vectors of GloVe and word2vec are read for the words of a vocabulary, and a bad one is named with its line")
  func vectors() throws {
    try withTemporaryFolder { folder in
      func write(_ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(filePath: folder + "/v.txt"))
        return folder + "/v.txt"
      }
      let vocabulary = Vocabulary(tokens: ["The", "cat", "dog"])
      let glove = try WordVectors(contentsOf: write("the 1 2\ncat 3 4\nThe 5 6\nthe 7 8\n"), for: vocabulary)
      #expect(glove.size == 2 && glove.found == [4, 5] && Array(glove.values[8..<14]) == [5, 6, 3, 4, 0, 0])
      let other = try WordVectors(contentsOf: write("2 2\ndog 1 2\ncat 3 4\n"), for: vocabulary)
      #expect(other.found == [5, 6])
      let path = try write("cat 1 2\ndog 1 x\n")
      let error = dataError { () throws(DataError) in try WordVectors(contentsOf: path, for: vocabulary) }
      #expect(error?.description.contains("line 2") == true && error?.description.contains("'x'") == true)
    }
  }
}
