// From text to numbers: words, a vocabulary, and the pieces that are learned from one after another.
import Refrain

/// The words of a text, with `<eos>` at the end of each line.
func sentences(_ text: String) -> [Substring] {
  text.split(separator: "\n").flatMap { $0.split(separator: " ") + ["<eos>"] }
}

/// A number for each different word, in the order in which they first appear.
struct Vocabulary {
  private var numbers: [Substring: Int] = [:]

  init(_ words: [Substring]) {
    for word in words where numbers[word] == nil { numbers[word] = numbers.count }
  }

  var count: Int { numbers.count }

  /// The numbers of words; a word that is not in the vocabulary counts as `<unk>`.
  func numbers(of words: [Substring]) throws(Failure) -> [Int] {
    try words.map { (word) throws(Failure) in
      guard let number = numbers[word] ?? numbers["<unk>"] else {
        throw .data("the word '\(word)' is not in the training text, which has no <unk> to put in its place")
      }
      return number
    }
  }
}

/// A text cut into `rows` streams of equal length, which are read side by side, `steps` words at a time: the words `[B,
/// T]` and the word after each, `[B, T]`. The last piece may have fewer steps; words left over by the cut into rows are
/// dropped.
func pieces(of text: [Int], rows: Int, steps: Int) -> [Batch] {
  let length = text.count / rows
  return stride(from: 0, to: length - 1, by: steps).map { start in
    let count = min(steps, length - 1 - start)
    func words(from start: Int) -> Tensor {
      Tensor((0..<rows).flatMap { text[$0 * length + start..<$0 * length + start + count] }, shape: [rows, count])
    }
    return Batch(words(from: start), words(from: start + 1))
  }
}
