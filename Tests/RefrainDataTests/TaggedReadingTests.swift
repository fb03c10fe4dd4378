import Foundation
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("Sentences with tags") struct TaggedReadingTests {
  private func read(
    _ text: String, _ columns: TaggedColumns = TaggedColumns(), tags: TagDemand = .required
  ) throws -> [TaggedSentence] {
    try TaggedSentence.all(
      in: DataSource([.bytes(Array(text.utf8), name: "file.txt")]), columns: columns, tags: tags)
  }

  private func problem(_ text: String, _ columns: TaggedColumns = TaggedColumns()) -> String {
    do { return "\(try read(text, columns).count) sentences" } catch { return "\(error)" }
  }

  @Test("columns are divided by spaces or tabs, sentences by empty lines, however lines end")
  func columns() throws {
    let expected = [
      TaggedSentence(words: ["Ada", "lives"], tags: ["B-PER", "O"]), TaggedSentence(words: ["Here"], tags: ["O"]),
    ]
    #expect(try read("Ada NNP B-PER\nlives VBZ O\n\n\nHere RB O\n") == expected)
    #expect(try read("\u{FEFF}Ada\tNNP\tB-PER\r\nlives\tVBZ\tO\r\n  \t\r\nHere\tRB\tO") == expected)
    #expect(try read("Ada   B-PER \nlives O\n \nHere O") == expected)
    #expect(
      try read("-DOCSTART- -X- O\n\nAda NNP B-PER\nlives VBZ O\n\n-DOCSTART- -X- O\n\nHere RB O\n") == expected)
    // Words with spaces, where tabs divide.
    #expect(try read("New York\tB-LOC\n")[0].words == ["New York"])
    #expect(try read("1 Ada x\n2 lives y\n", TaggedColumns(words: "2", tags: "1"))[0].tags == ["1", "2"])
  }

  @Test("a line that begins with # between sentences is a comment, and a word where it has the columns of one")
  func comments() throws {
    let sentences = try read("# id = 1\n# text\n# NN B-NP\n3 CD I-NP\n\n# a note that is longer\nyes UH O\n")
    #expect(sentences.map(\.words) == [["#", "3"], ["yes"]])
    // Before anything else, too: alone before a tab it is a word.
    #expect(try read("#\tSYM\n3\tCD\n").map(\.words) == [["#", "3"]])
    #expect(try read("# text\nyes\tUH\n").map(\.words) == [["yes"]])
  }

  @Test("of CoNLL-U parts of speech are read, or another column by its name; what is no word is passed over")
  func universal() throws {
    let text = """
      # sent_id = 1
      # text = Zum Haus
      1-2\tZum\t_\t_\t_\t_\t_\t_\t_\t_
      1\tzu\tzu\tADP\tAPPR\t_\t3\tcase\t_\t_
      2\tdem\tder\tDET\tART\t_\t3\tdet\t_\t_
      2.1\tleer\t_\tX\t_\t_\t_\t_\t_\t_
      3\tHaus\tHaus\tNOUN\tNN\t_\t0\troot\t_\t_

      # sent_id = 2
      1\t#\t#\tSYM\t$(\t_\t0\troot\t_\t_
      """
    let sentences = try read(text)
    #expect(sentences.map(\.words) == [["zu", "dem", "Haus"], ["#"]])
    #expect(sentences.map(\.tags) == [["ADP", "DET", "NOUN"], ["SYM"]])
    #expect(try read(text, TaggedColumns(tags: "xpos"))[0].tags == ["APPR", "ART", "NN"])
    #expect(try read(text, TaggedColumns(words: "lemma"))[0].words == ["zu", "der", "Haus"])
    #expect(problem(text, TaggedColumns(tags: "pos")).contains("there is no column 'pos'"))
  }

  @Test("a line that does not fit is named")
  func faults() {
    #expect(
      problem("a N O\nb N O\nc O\n") == """
        file.txt: line 3: there are 2 columns, and 3 in line 1; give every word as many, divided by tabs or by spaces, \
        and only these
        """)
    #expect(
      problem("a O\n", TaggedColumns(tags: "3")).contains("line 1: there is no column '3'; the line has 2 columns"))
    #expect(problem("a\nb\n").contains("line 1: there is 1 column, a word without a tag"))
    #expect(problem("\n\n").contains("there is no sentence"))
    #expect(problem("a\tO\n\tO\n").contains("line 2: the word is missing"))
    #expect(problem("a\tO\nb\t\n").contains("line 2: the tag is missing"))
    #expect(problem("a O\nb O\n", TaggedColumns(words: "2")).contains("words and tags are one column"))
  }

  @Test("bytes that are no text are named with their line")
  func badBytes() {
    let bytes = Array("é O\nb O\n".utf8) + [0xFF, 0xFE, 0x20, 0x4F, 0x0A]
    let error = #expect(throws: DataError.self) {
      try TaggedSentence.all(in: DataSource([.bytes(bytes, name: "bad.txt")]))
    }
    #expect(error?.code == .notUTF8)
    #expect(error?.description.contains("line 3") == true)
  }

  @Test("sentences are the same wherever they are held, chosen and put together", arguments: [4, 100, 1 << 20])
  func held(bytes: Int) throws {
    var settings = LongArraySettings()
    settings.bytes = bytes
    try LongArraySettings.$current.withValue(settings) {
      let text = (0..<300).map { "w\($0 % 7) O\n" + String(repeating: "x\($0) B-A\n", count: $0 % 5) + "\n" }.joined()
      let source = DataSource([.bytes(Array(text.utf8), name: "file.txt")])
      let sentences = try TaggedSentences(in: source)
      let expected = (0..<300).map { number in
        TaggedSentence(
          words: ["w\(number % 7)"] + Array(repeating: "x\(number)", count: number % 5),
          tags: ["O"] + Array(repeating: "B-A", count: number % 5))
      }
      #expect(Array(sentences) == expected && sentences[299] == expected[299] && sentences[3] == expected[3])
      #expect(sentences.wordCount == expected.reduce(0) { $0 + $1.words.count })
      #expect(sentences[2].error(at: 1, "so", remedy: nil).description.contains("file.txt: line 7: so"))
      let (few, others) = (sentences.selecting([2, 5, 299]), sentences.leavingOut([2, 5, 299]))
      #expect(Array(few) == [2, 5, 299].map { expected[$0] })
      #expect(Array(others) == expected.indices.filter { ![2, 5, 299].contains($0) }.map { expected[$0] })
      var both = others + few
      #expect(both.count == 300 && both[297] == expected[2] && both[296] == expected[298])
      #expect(Array(both.selecting([0, 296, 298])) == [0, 298, 5].map { expected[$0] })
      #expect(Array(both.leavingOut(Array(2..<298))) == [0, 1, 5, 299].map { expected[$0] })
      both.append(TaggedSentence(words: ["end"], label: "last"))
      #expect(both.count == 301 && both[300].label == "last" && both[300].tags.isEmpty && sentences.count == 300)
      #expect(both.counts(of: 300) == (1, 0) && both.counts(of: 299) == (5, 5))
      try both.check()
    }
  }

  @Test("words of other bytes stay as they are, though they are equal as strings")
  func equalWords() {
    let words = ["caf\u{E9}", "cafe\u{301}"]
    let sentences = TaggedSentences(words.map { TaggedSentence(words: [$0], tags: ["O"]) })
    #expect(sentences.map { Array($0.words[0].utf8) } == words.map { Array($0.utf8) })
  }

  @Test("columns without tags are read where none are demanded")
  func bare() throws {
    #expect(try read("a\nb\n\nc\n", tags: .optional).map(\.words) == [["a", "b"], ["c"]])
    #expect(try read("a\nb\n", tags: .optional)[0].tags.isEmpty)
  }

  @Test("a folder of seq.in, seq.out and label is read, and a line that does not fit is named")
  func folder() throws {
    try withTemporaryFolder { path in try checkFolder(path) }
  }

  private func checkFolder(_ path: String) throws {
    func write(_ name: String, _ text: String) throws {
      try Data(text.utf8).write(to: URL(filePath: path).appending(path: name))
    }
    let source = DataSource(paths: [path])
    func problem() -> String {
      do { return "\(try TaggedSentence.all(in: source).count)" } catch { return "\(error)" }
    }
    #expect(problem().contains("this folder has no file seq.in"))
    try write("seq.in", "to boston\nhello \n")
    #expect(problem().contains("seq.out: there is no such file"))
    try write("seq.out", "O B-city\nO\n")
    try write("label", "flight\ngreeting\n")
    let sentences = try TaggedSentence.all(in: source)
    #expect(
      sentences == [
        TaggedSentence(words: ["to", "boston"], tags: ["O", "B-city"], label: "flight"),
        TaggedSentence(words: ["hello"], tags: ["O"], label: "greeting"),
      ])
    try write("seq.out", "O B-city\nO O\n")
    #expect(problem().contains("seq.out: line 2: there are 2 tags for the 1 words in seq.in"))
    try write("seq.out", "O B-city\n")
    #expect(problem().contains("seq.out: there are 1 lines, and 2 in seq.in"))
    try write("seq.out", "O B-city\nO\n")
    try write("seq.in", "to boston\n\n")
    #expect(problem().contains("seq.out: line 2: there are 1 tags for the 0 words in seq.in"))
    for name in ["seq.in", "seq.out", "label"] {
      try Data([0xEF, 0xBB, 0xBF]).write(to: URL(filePath: path).appending(path: name))
    }
    #expect(problem().contains("there is no sentence in it"))
    try write("seq.in", "to boston\nhello \n")
    try write("label", "flight\ngreeting\n")
    // Faults of the scheme have the line of the tags.
    try write("seq.out", "O B-city\nI-city\n")
    let error = #expect(throws: DataError.self) {
      try TagScheme.bio.check(TaggedSentence.all(in: source))
    }
    #expect(error?.description.contains("seq.out: line 2: the tag 'I-city' begins a sentence") == true)
  }
}
