import Foundation
import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData

@Suite("Language models of n-grams") struct NGramTests {
  private func sentences(_ name: String) throws -> [[String]] {
    let text = String(decoding: try fixture("ngrams/\(name).txt"), as: UTF8.self)
    return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map {
      $0.split(separator: " ").map(String.init)
    }
  }

  /// The lines of the n-grams, by their words: the logarithm and the weight.
  private func entries(_ arpa: String) -> [String: (Double, Double)] {
    var result: [String: (Double, Double)] = [:]
    for line in arpa.split(separator: "\n") {
      let fields = line.split(separator: "\t")
      guard fields.count > 1, let value = Double(fields[0]) else { continue }
      result[String(fields[1])] = (value, fields.count > 2 ? Double(fields[2]) ?? .nan : 0)
    }
    return result
  }

  @Test("made of texts are KenLM's, with its discounts or those it falls back to", arguments: ["corpus", "few"])
  func parity(_ name: String) throws {
    let model = try NGramModel(sentences: try sentences(name), order: 3)
    let wanted = entries(String(decoding: try fixture("ngrams/\(name).arpa"), as: UTF8.self))
    let found = entries(model.arpa())
    #expect(Set(found.keys) == Set(wanted.keys))
    for (words, value) in wanted {
      let own = found[words] ?? (.nan, .nan)
      // lmplz computes and writes with about six digits.
      #expect(abs(own.0 - value.0) < 3e-5 && abs(own.1 - value.1) < 3e-5, "\(words): \(own), not \(value)")
    }
  }

  @Test("score sentences by the definition of backing off")
  func scores() throws {
    struct Case: Decodable {
      var text: String
      var logProbability: Double
    }
    let cases = try JSONDecoder().decode([Case].self, from: Data(try fixture("ngrams/scores.json")))
    let model = try NGramModel(contentsOf: fixturePath("ngrams/corpus.arpa"))
    #expect(model.order == 3 && model.contains("dog") && !model.contains("unicorn") && model.counts.count == 3)
    var (sum, count) = (0.0, 0)
    for one in cases {
      let words = one.text.split(separator: " ").map(String.init)
      let score = model.logProbability(of: words)
      #expect(abs(score.value - one.logProbability) < 1e-4, "\(one.text)")
      #expect(score.unknown == (words.contains("unicorn") ? 1 : 0))
      (sum, count) = (sum + one.logProbability, count + words.count + 1)
    }
    let perplexity = model.perplexity(of: cases.map { $0.text.split(separator: " ").map(String.init) })
    #expect(abs(perplexity - pow(10, -sum / Double(count))) < 1e-3)
    #expect(model.perplexity(of: []).isNaN)
    // The same as the search asks, in natural logarithms.
    var (state, total) = (model.start, 0.0)
    for word in ["rain", "falls"] {
      let next = model.score(word, after: state)
      (total, state) = (total + next.logProbability, next.state)
    }
    total += model.scoreOfEnd(after: state)
    #expect(abs(total / log(10) - cases[1].logProbability) < 1e-4)
  }

  @Test("have probabilities that add up to 1 after any words")
  func sums() throws {
    let model = try NGramModel(sentences: try sentences("corpus"), order: 3)
    for context in [["the"], ["the", "dog"], ["nobody", "sees"], ["rain", "stones"], []] {
      var state = model.start
      for word in context { state = model.score(word, after: state).state }
      let words = model.words.filter { $0 != NGramModel.begin }
      let sum = words.reduce(0.0) { $0 + exp(model.score($1, after: state).logProbability) }
      #expect(abs(sum - 1) < 1e-5, "\(context)")
    }
  }

  @Test("are written and read as the same, and read as other programs write them")
  func files() throws {
    let model = try NGramModel(sentences: try sentences("corpus"), order: 3)
    try withTemporaryFolder { folder in
      try model.write(to: folder + "/a.arpa")
      #expect(try NGramModel(contentsOf: folder + "/a.arpa") == model)
    }
    let other = """
      made by hand

      \\data\\
      ngram 1 = 4
      ngram 2=1

      \\1-grams:
      -0.5 </s>
      -99 <s> -0.25
      -0.5 a 0
      -1 b

      \\2-grams:
      -0.125 <s> a

      \\end\\

      """
    let read = try NGramModel(arpa: Array(other.utf8))
    #expect(abs(read.logProbability(of: ["a"]).value - (-0.125 - 0.5)) < 1e-6)
    #expect(abs(read.logProbability(of: ["b"]).value - (-0.25 - 1 - 0.5)) < 1e-6)
    // Lines end otherwise too, text may be UTF-16, and what Unicode calls line breaks stands within words.
    #expect(try NGramModel(arpa: Array(other.replacing("\n", with: "\r\n").utf8)) == read)
    let wide: [UInt8] = [0xFF, 0xFE] + other.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    #expect(try NGramModel(arpa: wide) == read)
    let odd = try NGramModel(arpa: Array(other.replacing(" b\n", with: " b\u{2028}c\n").utf8))
    #expect(odd.words.contains("b\u{2028}c"))
    // Without a word for what is unknown it is next to impossible.
    #expect(read.logProbability(of: ["c"]).value < -90)
  }

  @Test("that cannot be understood are refused with the line")
  func refused() throws {
    func fault(_ text: String) -> DataError? {
      dataError { () throws(DataError) in try NGramModel(arpa: Array(text.utf8), file: "x.arpa") }
    }
    #expect(fault("a\nb\n")?.code == .wrongFormat)
    #expect(fault("\\data\\\nngram 2=1\n")?.description.hasPrefix("x.arpa: line 2: 'ngram 2=1' should be") == true)
    let head = "\\data\\\nngram 1=2\n\n\\1-grams:\n"
    #expect(
      fault(head + "-1 a\n\\end\\\n")?.problem
        == "line 6: '\\end\\' is no 1-gram: a number, 1 words, and perhaps a number")
    #expect(fault(head + "-1 a\n-1 a\n\\end\\\n")?.problem == "line 6: the n-gram 'a' stands twice")
    #expect(fault(head + "-1 a\nx b\n\\end\\\n")?.problem == "line 6: 'x' is no logarithm of a probability")
    #expect(fault(head + "-1 a\n-1 b\n")?.problem.contains("ends before \\end\\") == true)
    #expect(fault(head + "-1 a\n-1 b\n-1 c\n\\end\\\n")?.problem.contains("more n-grams") == true)
    #expect(fault("\\data\\\nngram 1=99999999\n")?.problem.contains("99999999 lines") == true)
    #expect(
      dataError { () throws(DataError) in try NGramModel(sentences: [[], []]) }?.code == .tooFewRows)
  }
}
