import Foundation
import RefrainData
import RefrainTestSupport
import Testing

@testable import RefrainFormats

@Suite struct `A zip archive` {
  private let text = (0..<300).flatMap { Array("line \($0)\n".utf8) }
  private let ramp = (0..<256).map { UInt8($0) }

  @Test(arguments: ["mixed", "streamed", "zip64"])
  func `by Python's zipfile is read`(name: String) throws {
    let archive = try ZipArchive(bytes: fixture("arrays/\(name).zip"))
    #expect(archive.names == ["folder/", "folder/ramp.bin", "text.txt", "empty", "größe 😀", "wide"])
    #expect(try archive.contents(of: "folder/") == [])
    #expect(try archive.contents(of: "folder/ramp.bin") == ramp)
    #expect(try archive.contents(of: "text.txt") == text)
    #expect(try archive.contents(of: "empty") == [])
    #expect(try archive.contents(of: "größe 😀") == Array("1".utf8))
    #expect(try archive.contents(of: "wide") == ramp + ramp)
  }

  @Test func `by torch_save is read`() throws {
    let archive = try ZipArchive(bytes: fixture("arrays/saved.pt"))
    #expect(archive.contains("saved/data.pkl") || archive.contains("archive/data.pkl"))
    let name = try #require(archive.names.first { $0.hasSuffix("/data/0") })
    let values = try archive.slice(of: name)
    #expect(values.startIndex.isMultiple(of: 64))
    #expect(values.count == 48)
    #expect(values.littleEndian(at: values.startIndex + 8) == Float(2).bitPattern)
  }

  @Test func `is read back as it was written`() throws {
    for (greatestShort, greatest) in [(65_534, 1 << 31), (1, 300), (0, 0)] {
      var writer = ZipWriter(greatestShort: greatestShort, greatest: greatest)
      writer.add("größe 😀", ramp)
      writer.add("text", text, compressed: true)
      writer.add("empty", [])
      writer.add("empty too", [], compressed: true)
      let bytes = writer.bytes()
      #expect(bytes == writer.bytes())
      let archive = try ZipArchive(bytes: bytes)
      #expect(archive.names == ["größe 😀", "text", "empty", "empty too"])
      #expect(try archive.contents(of: "größe 😀") == ramp)
      #expect(try archive.contents(of: "text") == text)
      #expect(try archive.contents(of: "empty") == [])
      #expect(try archive.contents(of: "empty too") == [])
      #expect(try archive.slice(of: "größe 😀").startIndex.isMultiple(of: 64))
    }
    #expect(try ZipArchive(bytes: ZipWriter().bytes()).names == [])
  }

  @Test func `holds more entries than 16 bits count`() throws {
    var writer = ZipWriter()
    for number in 0..<66_000 { writer.add("\(number)", []) }
    let archive = try ZipArchive(bytes: writer.bytes())
    #expect(archive.names == (0..<66_000).map { "\($0)" })
  }

  @Test func `may have an end of an archive in its comment`() throws {
    let bytes = try fixture("arrays/saved.pt")
    let comment = Array("PK\u{5}\u{6}".utf8) + [UInt8](repeating: 0, count: 40)
    let commented = patched(bytes, at: bytes.count - 2, width: 2, with: UInt64(comment.count)) + comment
    #expect(try ZipArchive(bytes: commented).names == ZipArchive(bytes: bytes).names)
  }

  @Test func `with no such entry says so`() throws {
    let archive = try ZipArchive(bytes: fixture("arrays/mixed.zip"), file: "m.zip")
    let error = dataError { () throws(DataError) in try archive.contents(of: "text") }
    #expect(error?.description == "m.zip: the archive has no entry 'text'; copy or save it again")
  }

  @Test func `of another kind or cut off is refused`() throws {
    func code(_ bytes: [UInt8]) -> DataError.Code? {
      dataError { () throws(DataError) in try ZipArchive(bytes: bytes) }?.code
    }
    #expect(code([]) == .wrongFormat)
    #expect(code(Array("no zip archive, and long enough for one".utf8)) == .wrongFormat)
    #expect(try code(fixture("arrays/lzma.zip")) == .unsupportedContent)
    for name in ["mixed", "streamed", "zip64"] {
      let whole = try fixture("arrays/\(name).zip")
      for length in 0..<whole.count {
        #expect(code(Array(whole[..<length])) == (length < 4 ? .wrongFormat : .damagedFile), "\(name) cut at \(length)")
      }
      #expect(code(whole + [0]) == .damagedFile)
      #expect(code([0] + whole) != nil)
    }
  }

  /// Two stored entries, and where their headers and those in the directory begin.
  private func pair() -> (bytes: [UInt8], headers: [Int], directory: [Int], end: Int) {
    var writer = ZipWriter()
    writer.add("a", ramp)
    writer.add("b", ramp)
    let bytes = writer.bytes()
    return (
      bytes, positions(of: Array("PK\u{3}\u{4}".utf8), in: bytes), positions(of: Array("PK\u{1}\u{2}".utf8), in: bytes),
      bytes.count - 22
    )
  }

  @Test func `that contradicts itself is refused`() throws {
    let (bytes, headers, directory, end) = pair()
    #expect(headers.count == 2 && directory.count == 2)
    func refuse(
      _ position: Int, _ width: Int, _ value: UInt64, _ words: String, _ code: DataError.Code = .damagedFile,
      location: SourceLocation = #_sourceLocation
    ) {
      let error = dataError { () throws(DataError) in
        let archive = try ZipArchive(bytes: patched(bytes, at: position, width: width, with: value))
        for name in archive.names { _ = try archive.contents(of: name) }
      }
      #expect(error?.code == code, sourceLocation: location)
      #expect(error?.problem.contains(words) == true, "\(error?.problem ?? "")", sourceLocation: location)
    }
    refuse(directory[1] + 46, 1, 0x61, "contradict")  // the directory's name is not the entry's
    refuse(directory[1] + 42, 4, UInt64(headers[0]), "contradict")  // both entries at one place, by name
    refuse(directory[0] + 42, 4, 0xFFFF_FFF0, "begins behind")
    refuse(directory[0] + 42, 4, UInt64(directory[0]), "contradict")
    refuse(directory[0] + 24, 4, 255, "cannot hold 255")
    refuse(directory[0] + 20, 4, 0xFFFF_FFF0, "beyond its end")
    refuse(directory[0] + 16, 4, 1, "checksum")
    refuse(directory[0] + 8, 2, 1, "encrypted", .unsupportedContent)
    refuse(directory[0] + 10, 2, 9, "method 9", .unsupportedContent)
    refuse(directory[0] + 46, 1, 0xFF, "UTF-8", .unsupportedContent)
    refuse(directory[0] + 28, 2, 0xFFFF, "cut off")
    refuse(end + 8, 4, 0xFFFF_FFFF, "no room")
    refuse(directory[1], 4, 0, "no entry")
    refuse(end + 8, 4, 0x0001_0001, "odd size")
    refuse(end + 8, 4, 0x0002_0001, "several parts", .unsupportedContent)
    refuse(end + 12, 4, 0xFFFF_FFFF, "not where")
    refuse(end + 16, 4, 0xFFFF_FFFF, "not where")
    // The second entry's name, header and all inside of the first.
    var overlapping = patched(bytes, at: directory[0] + 20, width: 4, with: UInt64(headers[1] + 40 - headers[0]))
    overlapping = patched(overlapping, at: directory[0] + 24, width: 4, with: UInt64(headers[1] + 40 - headers[0]))
    let error = dataError { () throws(DataError) in try ZipArchive(bytes: overlapping) }
    #expect(error?.problem.contains("overlap") == true)
    var twice = ZipWriter()
    twice.add("a", [])
    twice.add("b", [])
    let names = twice.bytes().map { $0 == UInt8(ascii: "b") ? UInt8(ascii: "a") : $0 }
    #expect(
      dataError { () throws(DataError) in try ZipArchive(bytes: names) }?.problem.contains("have the name") == true)
  }

  @Test func `promises no more than it holds`() throws {
    var writer = ZipWriter()
    writer.add("zeros", [UInt8](repeating: 0, count: 1_000_000), compressed: true)
    let bytes = writer.bytes()
    let directory = try #require(positions(of: Array("PK\u{1}\u{2}".utf8), in: bytes).first)
    #expect(try ZipArchive(bytes: bytes).contents(of: "zeros").count == 1_000_000)
    func problem(size: UInt64) -> String? {
      dataError { () throws(DataError) in
        try ZipArchive(bytes: patched(bytes, at: directory + 24, width: 4, with: size)).contents(of: "zeros")
      }?.problem
    }
    #expect(problem(size: 0xFFFF_FFF0)?.contains("cannot hold") == true)
    for size: UInt64 in [0, 1, 65_535, 65_536, 999_999, 1_000_001] {
      #expect(problem(size: size)?.contains("cannot be decompressed") == true, "\(size)")
    }
  }
}
