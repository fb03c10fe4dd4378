import Foundation
import RefrainTestSupport
import Testing

@testable import Refrain

@Suite("The search for what CTC says") struct CTCSearchTests {
  /// The probabilities of all texts, by going through all paths.
  private func texts(_ probabilities: [[Double]]) -> [[Int]: Double] {
    var result: [[Int]: Double] = [:]
    func go(_ step: Int, _ path: [Int], _ probability: Double) {
      guard step < probabilities.count else {
        var text: [Int] = []
        for (place, symbol) in path.enumerated() where symbol != 0 && (place == 0 || path[place - 1] != symbol) {
          text.append(symbol)
        }
        result[text, default: 0] += probability
        return
      }
      for (symbol, p) in probabilities[step].enumerated() { go(step + 1, path + [symbol], probability * p) }
    }
    go(0, [], 1)
    return result
  }

  private func logs(_ probabilities: [[Double]]) -> Tensor {
    Tensor(probabilities.map { $0.map { Float(log($0)) } })
  }

  @Test("adds up all paths of a text, as an enumeration of all paths does")
  func exhaustive() {
    let softmax = ramp([6, 3], 0.3, scale: 1.5).softmax()
    let probabilities = (0..<6).map { step in (0..<3).map { Double(softmax[step, $0]) } }
    let all = texts(probabilities)
    var search = CTCPrefixSearch(symbols: ["", "a", "b"])
    (search.width, search.leastProbability, search.scoreRange) = (10_000, 0, .infinity)
    let found = search(logs(probabilities))
    #expect(found.count == all.count)
    for one in found { #expect(abs(exp(one.logProbability) - all[one.symbols, default: 0]) < 1e-6) }
    #expect(found.map(\.score) == found.map(\.score).sorted(by: >))
    // The best text is not always that of the best path (Graves 2012, figure 7.5).
    let known = logs([[0.6, 0.4], [0.6, 0.4]])
    #expect(CTCPrefixSearch.greedy(known) == [])
    let best = CTCPrefixSearch(symbols: ["", "a"])(known)[0]
    #expect(best.symbols == [1] && abs(exp(best.logProbability) - 0.64) < 1e-6)
  }

  @Test("takes separators around a text, and several in a row, for silence: all paths of a text are added up")
  func separators() {
    var search = CTCPrefixSearch(symbols: ["", " ", "a", "b"], separator: 1)
    let found = search(logs([[0, 0, 1, 0], [0.3, 0.3, 0, 0.4]]))
    #expect(found.map(\.symbols) == [[2], [2, 3]])
    #expect(zip(found, [0.6, 0.4]).allSatisfy { abs(exp($0.logProbability) - $1) < 1e-6 && $0.score < 0 })
    let softmax = ramp([6, 4], 0.3, scale: 1.5).softmax()
    let probabilities = (0..<6).map { step in (0..<4).map { Double(softmax[step, $0]) } }
    var all: [[Int]: Double] = [:]
    for (text, probability) in texts(probabilities) {
      let words = text.split(separator: 1).map(Array.init)
      all[Array(words.joined(separator: [1])), default: 0] += probability
    }
    (search.width, search.leastProbability, search.scoreRange) = (10_000, 0, .infinity)
    let texts = search(logs(probabilities))
    #expect(texts.count == all.count && Set(texts.map(\.symbols)).count == texts.count)
    for one in texts { #expect(abs(exp(one.logProbability) - all[one.symbols, default: 0]) < 1e-6) }
    #expect(texts.map(\.score) == texts.map(\.score).sorted(by: >))
  }

  /// Likes some words in place of all others.
  private struct Liking: WordScorer {
    var words: [String: Double]
    var start: Int { 0 }
    func score(_ word: String, after state: Int) -> (logProbability: Double, state: Int) {
      (words[word] ?? -10, state + 1)
    }
    func scoreOfEnd(after state: Int) -> Double { state == 2 ? 0 : -1 }
  }

  private let symbols = ["", " ", "a", "b", "c"]
  /// Says "ab" or "ac", a separator, then "b".
  private let spoken: [[Double]] = [
    [0.02, 0.01, 0.95, 0.01, 0.01], [0.02, 0.01, 0.01, 0.52, 0.44], [0.02, 0.95, 0.01, 0.01, 0.01],
    [0.02, 0.01, 0.01, 0.95, 0.01],
  ]

  @Test("asks the language model for every word and the end, and can be told its weight and a bonus a word")
  func words() {
    var search = CTCPrefixSearch(symbols: symbols, separator: 1)
    func text(_ scorer: some WordScorer) -> String {
      search(logs(spoken), scorer: scorer)[0].symbols.map { symbols[$0] }.joined()
    }
    #expect(text(UniformWords()) == "ab b")
    let liking = Liking(words: ["ac": -1, "b": -1, "ab": -3])
    search.weight = 1
    #expect(text(liking) == "ac b")
    search.weight = 0.01
    #expect(text(liking) == "ab b")
    search.weight = 1
    let best = search(logs(spoken), scorer: liking)[0]
    #expect(abs(best.score - (best.logProbability - 2)) < 1e-9)
    search.wordBonus = 5
    #expect(abs(search(logs(spoken), scorer: liking)[0].score - (best.logProbability + 8)) < 1e-9)
    search.wordBonus = -20
    #expect(!text(liking).contains(" "))
  }

  @Test("finds words of a lexicon alone, and no word that is broken off where there is a whole one")
  func lexicon() {
    var search = CTCPrefixSearch(symbols: symbols, separator: 1)
    search.lexicon = CTCLexicon([[2, 4], [3], [2, 3, 4]])
    let found = search(logs(spoken)).map { $0.symbols.map { symbols[$0] }.joined() }
    #expect(found[0] == "ac b")
    #expect(found.allSatisfy { $0.split(separator: " ").allSatisfy { ["ac", "b", "abc"].contains($0) } })
  }

  @Test("aligns labels with their steps, and finds no place where there are too few")
  func alignment() throws {
    let values = logs([
      [0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8],
    ])
    let found = try #require(CTCAlignment(values, labels: [1, 1, 2]))
    #expect(found.steps == [1..<3, 4..<5, 5..<6])
    #expect(zip(found.logProbabilities, [0.8, 0.8, 0.8]).allSatisfy { abs(exp($0) - $1) < 1e-5 })
    #expect(CTCAlignment(values, labels: [])?.steps == [])
    #expect(CTCAlignment(values, labels: [1, 1, 1, 1]) == nil)
  }
}
