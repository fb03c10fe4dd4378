import Foundation
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("Records") struct RecordsTests {
  private func records(_ text: String, name: String = "t.csv", columns: [String] = []) throws(DataError) -> Records {
    try Records(DataSource([.bytes(Array(text.utf8), name: name)]), columns: columns)
  }

  private func texts(_ records: Records, _ column: Int) -> [String?] {
    (0..<records.count).map { records.text(row: $0, column: column) }
  }

  @Test("CSV with quotes, doubled quotes and line breaks in them; text is never taken for a comment or a total")
  func csv() throws {
    let read = try records("label,text\n1,\"a, \"\"b\"\"\nc\"\n0,# no comment\n0,Total\n")
    #expect(read.columns == ["label", "text"] && texts(read, 1) == ["a, \"b\"\nc", "# no comment", "Total"])
    #expect(read.place(of: 1).row == 3)
  }

  @Test("TSV without a header, with quotes that nobody closed and a text that goes on in the next line")
  func tsv() throws {
    let lines = ["ham\tok \"fine", "spam\t\"win now", "ham\tthe first", "part of two", "ham\t\"quoted\" word"]
    let read = try records(lines.joined(separator: "\n"), name: "t.tsv")
    #expect(read.lacksHeader && read.columns == ["column 1", "column 2"])
    #expect(texts(read, 1) == ["ok \"fine", "\"win now", "the first\npart of two", "\"quoted\" word"])
    #expect(read.notes.contains { $0.contains("without a tab") })
  }

  @Test("Quotes of TSV that are none are seen far behind the beginning, below titles too")
  func lateQuotes() throws {
    let lines = (0..<300).map { "\($0 % 2 == 0 ? "ham" : "spam")\ttext \($0)" }
    let late = ["ham\t\"win now", "spam\tand here\"", "ham\tend"]
    for titles in [[], ["Survey", "of 2024"], (0..<8).map { "title \($0)" }] {
      let text = (titles + ["label\ttext"] + lines + late).joined(separator: "\n")
      let read = try records(text, name: "t.tsv", columns: ["label"])
      #expect(read.count == 303 && texts(read, 1).suffix(3) == ["\"win now", "and here\"", "end"])
    }
  }

  @Test("A header is known by a column that was named, by numbers below words, and by values that come again")
  func header() throws {
    #expect(try records("a\tb\nx y\tz\n", columns: ["b"]).columns == ["a", "b"])
    #expect(try records("age,words\n3,q w\n4,e r\n").columns == ["age", "words"])
    #expect(try records("kind,words\nx,q w\ny,e r\nx,t z\ny,u i\n").columns == ["kind", "words"])
    #expect(try records("x,q w\ny,e r\nx,t z\ny,u i\n").lacksHeader)
    #expect(try records("0,q w\n1,e r\n").lacksHeader)
    #expect(try records("no,no\nyes,no\nyes,yes\nno,yes\n").lacksHeader)
    let error = #expect(throws: DataError.self) { try records("a,a,label\n1,2,x\n3,4,y\n") }
    #expect(error?.description.contains("two columns are named 'a'") == true)
  }

  @Test("JSON lines: numbers, lists and missing fields")
  func json() throws {
    let read = try records(
      #"{"text": "a", "n": 1.5, "tags": ["x", "y"]}"# + "\n\n" + #"{"text": "b", "n": null, "more": true}"#,
      name: "t.jsonl")
    #expect(read.columns == ["text", "n", "tags", "more"] && read.count == 2)
    #expect(
      texts(read, 1) == ["1.5", nil] && texts(read, 2) == [#"["x","y"]"#, nil] && texts(read, 3) == [nil, "true"])
    #expect(try records(#"[{"a": "x"}, {"a": "y"}]"#, name: "t.json").count == 2)
    let error = dataError { () throws(DataError) in try records("{\"a\": 1}\n{\"a\": }", name: "t.jsonl") }
    #expect(error?.row == 2 && error?.problem == "this is no object of JSON, from its byte 7 on")
  }

  @Test("JSON is known before plain text: lines with one member, a list over many lines; but not in a .txt")
  func jsonOrText() throws {
    func columns(_ text: String, _ name: String) throws -> [String] {
      let read = try Records(DataSource([.bytes(Array(text.utf8), name: name)]), takesLines: "line")
      #expect(read.count == 2)
      return read.columns
    }
    let lines = #"{"text": "a"}"# + "\n" + #"{"text": "b"}"# + "\n"
    for name in ["t.jsonl", "t", "standard input"] { #expect(try columns(lines, name) == ["text"], "\(name)") }
    #expect(try columns("[\n  {\n    \"text\": \"a\"\n  },\n  {\n    \"text\": \"b\"\n  }\n]\n", "t.json") == ["text"])
    #expect(try columns(lines, "t.txt") == ["line"] && columns("{a}\nb\n", "t") == ["line"])
  }

  @Test("A table of one column whose header is the wanted name in other letters is a table, not lines")
  func headerInOtherLetters() throws {
    for name in ["Text", "TEXT", "text"] {
      let source = DataSource([.bytes(Array("\(name)\na\nb\n".utf8), name: "t.csv")])
      let read = try Records(source, columns: ["text"], takesLines: "text")
      #expect(read.count == 2 && read.columns == [name])
      #expect(try read.column(named: "text") == 0)
    }
  }

  @Test("Fields that each row has of its own are held against the memory budget")
  func budget() throws {
    let lines = (0..<2000).map { "{\"key \($0)\": 1}" }.joined(separator: "\n")
    let table = "a,b\n" + String(repeating: "1,2\n", count: 2000)
    for (text, limit) in [(lines, 4 << 20), (table, 50_000)] {
      try MemoryBudget(limit).run { () throws -> Void in
        let error = dataError { () throws(DataError) in try records(text, name: "t") }
        #expect(error?.code == .overMemoryBudget && error?.file == "t")
      }
    }
    try MemoryBudget(100_000).run { () throws -> Void in #expect(try records(table, columns: ["a"]).count == 2000) }
  }

  @Test("Files of a folder of folders are rows with the folder's name as label")
  func folder() throws {
    try withTemporaryFolder { folder in
      for (name, text) in [("neg/1.txt", "bad"), ("pos/2.txt", "good"), ("pos/1.txt", "fine")] {
        let url = URL(filePath: folder + "/" + name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
      }
      let read = try Records(DataSource(paths: [folder]))
      #expect(read.areFiles && texts(read, 0) == ["neg", "pos", "pos"])
      #expect(texts(read, 1).map { $0?.suffix(9) } == ["neg/1.txt", "pos/1.txt", "pos/2.txt"])
    }
  }

  @Test("What cannot be read is named with its place")
  func faults() {
    func problem(_ text: String, columns: [String] = []) -> DataError? {
      dataError { () throws(DataError) in try records(text, columns: columns) }
    }
    #expect(problem("a,b\n1,2\n1,2,3\n")?.row == 3)
    #expect(problem("a,b\n1,2\n1\n")?.code == .wrongFieldCount)
    #expect(problem("a,a\nx,1\ny,2\n", columns: ["a"])?.code == .badHeader)
    #expect(problem("")?.code == .emptyFile && problem("text,label\n", columns: ["label"])?.code == .noRows)
    // The line where a row begins, not where it ends.
    let torn = problem("a,b\n1,\"x\ny\"\n\n1,2,\"x\ny\nz\"\n", columns: ["b"])
    #expect(torn?.row == 4 && torn?.line == 5)
    let read = try? records("text,label\na,1\n", columns: ["label"])
    let error = dataError { () throws(DataError) in try read?.column(named: "lable") }
    #expect(error?.description.contains("'label'") == true)
  }

  @Test("Several files are one after another, their columns matched by name")
  func several() throws {
    let parts: [DataSource.Part] = [
      .bytes(Array("text,label\na,1\n".utf8), name: "1"), .bytes(Array("label,text\n0,b\n".utf8), name: "2"),
    ]
    let read = try Records(DataSource(parts), columns: ["label"])
    #expect(texts(read, 0) == ["a", "b"] && texts(read, 1) == ["1", "0"] && read.place(of: 1).file == "2")
  }

  @Test("A later file without a header has its columns in the order of the first one, or is refused")
  func severalWithoutHeader() throws {
    func read(_ texts: [String], columns: [String] = ["label"]) throws(DataError) -> Records {
      let parts = texts.enumerated().map { DataSource.Part.bytes(Array($1.utf8), name: "\($0 + 1).csv") }
      return try Records(DataSource(parts), columns: columns)
    }
    let both = try read(["text,label\na,1\n", "b,0\nc,1\n"])
    #expect(texts(both, 0) == ["a", "b", "c"] && texts(both, 1) == ["1", "0", "1"] && !both.lacksHeader)
    #expect(both.notes == ["2.csv: there is no header: its columns are taken in the order of the file before"])
    for other in ["b,0,x\nc,1,y\n", #"{"words": "b", "kind": 0}"#] {
      let error = dataError { () throws(DataError) in try read(["text,label\na,1\n", other]) }
      #expect(error?.code == .noSuchColumn && error?.file == "2.csv", "\(other)")
    }
    // The header of the first file is known again in a short one.
    let known = try read(["kind,words\nx,q w\ny,e r\nx,t z\ny,u i\n", "words,kind\na b,y\n"], columns: [])
    #expect(texts(known, 1) == ["q w", "e r", "t z", "u i", "a b"])
  }

  /// Contents of files with what they are called.
  private static let contents: [(name: String, text: String)] = [
    ("t.csv", "label,text\n1,\"a, \"\"b\"\"\nc\"\n0,# no comment\n0,Total\n"),
    ("t.csv", "label,text\r\n1,\"a, \"\"b\"\"\r\n\r\nc\"\r\n0,  \" d \"  \r\n\r\n0,Total"),
    ("t.csv", "label,text\r1,a\r\r0,\"b\rc\"\r"), ("t.csv", "a;b\n1,5;x\n1.234,5;y\n;z\n2,0;\"w;\"\"\"\n"),
    ("t.csv", "\u{FEFF}label,text\n1,größe\n0,日本語 🙂\n"), ("t.csv", "x,q w\ny,e r\nx,t z\ny,u i\n"),
    ("t.csv", "a,b\n1,2\n1,2,3\n"), ("t.csv", "a,b\n1,\"x\ny\"\n\n1,2,\"x\ny\nz\"\n"), ("t.csv", "text,label\n"),
    ("t.csv", "a,b\n1,\"x\ny\"\n2,\"never closed\n3,x\n"), ("t.csv", "a,b\n1,x\n2,\"text\" behind\n3,x\n"),
    ("t.csv", "a,a,label\n1,2,x\n3,4,y\n"), ("t.csv", "\n\n \n\na,label\n\n1,x\n\t\n2,y\n \n"),
    ("t.tsv", "ham\tok \"fine\nspam\t\"win now\nham\tthe first\npart of two\nand three\nham\t\"quoted\" word"),
    ("t.tsv", "text\tlabel\n\"a\tb\"\tx\n\"c\nd\"\ty\n\"\"\"e\"\"\"\tx\n"), ("t.tsv", "a\tb\n1\t2\n3\t4\t5\n"),
    (
      "t.jsonl",
      "{\"text\": \"a\\u00e9\\n\", \"n\": 1.5, \"tags\": [\"x\", \"y\"]}\n\n{\"more\": true, \"n\": null}\n{}"
    ),
    ("t.jsonl", "{\"a\": 1}\r\n{\"a\": }"), ("t.json", "[{\"a\": \"x\"},\n {\"a\": \"y\", \"b\": {\"c\": [1]}}]"),
    ("t", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n"), ("t", "{a}\nb\n"), ("t.txt", "one\n\ntwo\r\nthree"),
    ("t", "\n \n"),
    ("a.ts", "# no\n@problemName x\n@classLabel true p q\n@data\n1,2,3:4,5,6:p\n\n7,8,9:1,2,3:q\n"),
    ("a.ts", "@problemName x\n@classLabel true p q\n@data\n1,2:z\n"),
  ]

  /// All that can be known of records, or why there are none.
  private func everything(
    _ part: DataSource.Part, columns: [String] = ["label", "b"], takesLines: String? = nil, decimal: DecimalMark? = nil,
    block: Int?
  ) -> [String] {
    do throws(DataError) {
      let read = try Records(
        DataSource([part]), columns: columns, takesLines: takesLines, decimal: decimal, block: block)
      try read.check()
      let some = read.selecting(Set(0..<read.count).subtracting([0]))
      let rows = [read, some].flatMap { records in
        (0..<records.count).map { row in
          "\(records.place(of: row).row): "
            + records.columns.indices.map { records.text(row: row, column: $0)?.debugDescription ?? "nil" }.joined(
              separator: " | ")
        }
      }
      return [read.columns.joined(separator: ","), "\(read.lacksHeader)"] + read.notes + rows
    } catch {
      return ["\(error.code) \(error.row ?? 0) \(error.line ?? 0) \(error)"]
    }
  }

  @Test("Files that are read in blocks are the same, field by field and fault by fault", arguments: contents)
  func blocks(name: String, text: String) {
    let part = DataSource.Part.bytes(Array(text.utf8), name: name)
    for columns in [["label", "b"], []] {
      for takesLines in [nil, "line"] {
        for decimal in [nil, DecimalMark.comma] {
          let whole = everything(part, columns: columns, takesLines: takesLines, decimal: decimal, block: nil)
          for block in [1, 2, 3, 5, 8, 13, 40, 1000] {
            let read = everything(part, columns: columns, takesLines: takesLines, decimal: decimal, block: block)
            #expect(read == whole, "in blocks of \(block)")
          }
        }
      }
    }
  }

  @Test("A line that names the delimiter, titles before the header and delimiters behind rows are passed over")
  func around() throws {
    let rows = (0..<9).map { "\($0).5,\($0 % 2 == 0 ? "a" : "b")\n" }.joined()
    let texts = [
      "sep=;\nsize;label\n" + rows.replacing(",", with: ";"), "Station: 1\nmade today\n\nsize,label\n" + rows,
      "size,label\n" + rows.replacing("\n", with: ",\n"), "# 2024\nsize,label\n" + rows,
    ]
    for (place, text) in texts.enumerated() {
      for block in [nil, 7] {
        let records = try Records(
          DataSource([.bytes(Array(text.utf8), name: "a.csv")]), columns: ["label"], block: block)
        #expect(records.columns == ["size", "label"] && records.count == 9, "\(place)")
        #expect(records.text(row: 8, column: 0) == "8.5" && records.text(row: 8, column: 1) == "a")
        #expect(records.place(of: 0).row == [3, 5, 2, 3][place])
        #expect(records.notes.contains { $0.contains("before the header passed over") } == (place % 2 == 1))
      }
    }
    // The name of a column is none.
    let error = dataError { () throws(DataError) in
      try Records(DataSource([.bytes(Array("text\na, b\nc, d\n".utf8), name: "a.csv")]))
    }
    #expect(error?.code == .wrongFieldCount)
  }

  @Test("A long file is read from the disk in blocks: with a mark, in Latin-1, in UTF-16")
  func longFiles() throws {
    let words = ["größe", "naïve", "éclair", "straße"]
    let lines = (0..<3000).map { "\"\($0),5\";\"\(words[$0 % 4]) \"\"\($0)\"\"\n\(words[$0 % 3])\";\($0 % 2)" }
    let text = "number;text;label\r\n" + lines.joined(separator: "\r\n")
    var wide: [UInt8] = [0xFF, 0xFE]
    for unit in text.utf16 { wide += [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
    let latin = text.unicodeScalars.map { UInt8($0.value) }
    var settings = LongArraySettings()
    settings.bytes = 1000
    try withTemporaryFolder { folder in
      for bytes in [Array(text.utf8), [0xEF, 0xBB, 0xBF] + Array(text.utf8), latin, wide] {
        let path = folder + "/t.csv"
        try Data(bytes).write(to: URL(filePath: path))
        let whole = everything(.bytes(bytes, name: path), decimal: .comma, block: nil)
        #expect(
          whole.count > 5990 && whole.contains("7: \"5.5\" | \"naïve \\\"5\\\"\\néclair\" | \"1\""),
          "\(whole.prefix(9))")
        for block in [64, 1000, nil] {
          let read = LongArraySettings.$current.withValue(settings) {
            everything(.file(path), decimal: .comma, block: block)
          }
          #expect(read == whole, "in blocks of \(block ?? 0)")
        }
      }
    }
  }

  @Test("What is packed or piped in is read in blocks, from a file of its own where it is long", arguments: [1, 700])
  func packed(count: Int) throws {
    let rows = (0..<count).map { "\"a text, \($0)\",\($0 % 3)\r\n" }
    let text = Array("text,label\n".utf8) + Array(rows.joined().utf8)
    var settings = LongArraySettings()
    settings.bytes = 1000
    try withTemporaryFolder { folder in
      let path = folder + "/t.csv"
      // Of two parts, as gzip's own files may be.
      let packed = gzipped(Array(text.prefix(text.count / 3))) + gzipped(Array(text.dropFirst(text.count / 3)))
      let plain = everything(.bytes(text, name: path), block: nil)
      #expect(plain.count == 2 + 2 * count - 1)
      for block in [nil, 7, 1000] {
        try LongArraySettings.$current.withValue(settings) {
          try Data(packed).write(to: URL(filePath: path))
          let note = "\(path): unpacked from gzip"
          let read = everything(.file(path), block: block)
          #expect(
            read.filter { !$0.contains("gzip") } == plain && read.contains { $0.contains("unpacked from gzip") },
            "\(note)")
          for bytes in [text, packed] {
            try piped(bytes, folder + "/pipe") { pipe in
              let read = everything(.file(pipe), block: block)
              #expect(read.filter { !$0.contains("gzip") } == plain)
            }
          }
          // Cut off, and a byte changed.
          try Data(packed.dropLast(9)).write(to: URL(filePath: path))
          #expect(everything(.file(path), block: block)[0].contains("damaged or cut off"))
          var changed = packed
          changed[packed.count - 7] ^= 1
          try Data(changed).write(to: URL(filePath: path))
          #expect(everything(.file(path), block: block)[0].contains("damaged or cut off"))
          // Packed twice is refused, short or long.
          try Data(gzipped(packed)).write(to: URL(filePath: path))
          #expect(everything(.file(path), block: block)[0].contains("was packed with gzip twice"))
          settings.folder = "/nowhere"
        }
        if count > 1, block == nil {
          try Data(packed).write(to: URL(filePath: path))
          LongArraySettings.$current.withValue(settings) {
            #expect(everything(.file(path), block: nil)[0].contains("TMPDIR"))
          }
        }
        settings.folder = nil
      }
    }
  }
}

/// Bytes as a file of gzip, which are not made less.
func gzipped(_ bytes: [UInt8]) -> [UInt8] {
  func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
  var packed: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
  for start in stride(from: 0, to: max(1, bytes.count), by: 65_535) {
    let part = bytes[start..<min(start + 65_535, bytes.count)]
    let isLast = start + 65_535 >= bytes.count
    packed += [isLast ? 1 : 0] + little(part.count, 2) + little(~part.count, 2) + part
  }
  var check: UInt32 = ~0
  for byte in bytes {
    check ^= UInt32(byte)
    for _ in 0..<8 { check = check >> 1 ^ (check & 1 == 1 ? 0xEDB8_8320 : 0) }
  }
  return packed + little(Int(~check), 4) + little(bytes.count, 4)
}

/// Calls `body` with a pipe at a path, into which a thread writes bytes.
func piped(_ bytes: [UInt8], _ path: String, _ body: (String) throws -> Void) throws {
  #expect(mkfifo(path, 0o600) == 0)
  defer { unlink(path) }
  let thread = Thread {
    guard let file = FileHandle(forWritingAtPath: path) else { return }
    try? file.write(contentsOf: Data(bytes))
    try? file.close()
  }
  thread.start()
  try body(path)
}
