// A word-level language model of the Penn Treebank, with the settings of the small model without dropout of Zaremba,
// Sutskever and Vinyals 2014, whose test perplexity is 114.5:
//
//     swift run -c release WordLanguageModel FOLDER [--epochs N] [--hidden N]
//
// FOLDER holds ptb.train.txt, ptb.valid.txt and ptb.test.txt: a sentence a line, spaces between the words.
import Foundation
import Refrain

/// What the command line asks for.
struct Settings {
  var folder: String
  var epochs = 13
  var hiddenSize = 200

  init(_ arguments: some Sequence<String>) throws(Failure) {
    var folders: [String] = []
    var options = ["--epochs": epochs, "--hidden": hiddenSize]
    var arguments = arguments.makeIterator()
    while let argument = arguments.next() {
      guard argument.hasPrefix("--") else {
        folders.append(argument)
        continue
      }
      guard options[argument] != nil else { throw .usage("there is no option \(argument)") }
      guard let text = arguments.next(), let value = Int(text), value > 0 else {
        throw .usage("\(argument) needs a whole number above 0")
      }
      options[argument] = value
    }
    guard folders.count == 1 else { throw .usage("name one folder, not \(folders.count)") }
    (folder, epochs, hiddenSize) = (folders[0], options["--epochs"]!, options["--hidden"]!)
  }
}

/// Why the program ends early: the status it ends with, and one line.
struct Failure: Error {
  var status: Int32
  var message: String

  static func usage(_ problem: String) -> Failure {
    Failure(status: 64, message: "\(problem); usage: WordLanguageModel FOLDER [--epochs N] [--hidden N]")
  }
  static func data(_ problem: String) -> Failure { Failure(status: 65, message: problem) }
}

/// Trains a model and prints how well it does after each epoch. Returns its perplexity on the test text.
func wordLanguageModel(_ settings: Settings) throws(Failure) -> Double {
  func words(_ part: String) throws(Failure) -> [Substring] {
    let path = "\(settings.folder)/ptb.\(part).txt"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw .data("cannot read the text \(path); the folder must hold ptb.train.txt, ptb.valid.txt and ptb.test.txt")
    }
    return sentences(text)
  }
  let learned = try words("train")
  let vocabulary = Vocabulary(learned)
  let training = pieces(of: try vocabulary.numbers(of: learned), rows: 20, steps: 20)
  // One stream in each: what came before is known at every word but the first.
  let validation = pieces(of: try vocabulary.numbers(of: words("valid")), rows: 1, steps: 100)
  let test = pieces(of: try vocabulary.numbers(of: words("test")), rows: 1, steps: 100)
  guard vocabulary.count > 1, ![training, validation, test].contains(where: \.isEmpty) else {
    throw .data("a text in \(settings.folder) is too short; 40 words are the least to learn from, and 2 to test on")
  }

  var generator = RandomGenerator(seed: 1)
  var model = LanguageModel(vocabulary: vocabulary.count, hiddenSize: settings.hiddenSize, using: &generator)
  print("\(learned.count) words to learn from, \(vocabulary.count) different; \(model.parameterCount) parameters")
  fflush(nil)
  // Models are values: the best one so far is a copy, which shares all memory until the other goes on.
  var best = (model: model, epoch: 0, perplexity: Double.infinity)
  for epoch in 1...settings.epochs {
    let rate = learningRate(epoch: epoch)
    let start = ContinuousClock.now
    let perplexity = model.train(on: training, learningRate: rate)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let measured = model.perplexity(of: validation)
    if measured < best.perplexity { best = (model, epoch, measured) }
    print(
      String(
        format: "epoch %2d  rate %.5f  perplexity: training %7.2f, validation %7.2f  %6.0f words a second, %.1f s",
        epoch, rate, perplexity, measured, Double(learned.count) / seconds, seconds))
    fflush(nil)
  }
  let perplexity = best.model.perplexity(of: test)
  print(
    String(
      format: "test perplexity %.2f with epoch %d, the best on the validation text; %.2f at the end",
      perplexity, best.epoch, model.perplexity(of: test)))
  return perplexity
}

do {
  _ = try wordLanguageModel(Settings(CommandLine.arguments.dropFirst()))
} catch {
  FileHandle.standardError.write(Data("WordLanguageModel: \(error.message)\n".utf8))
  exit(error.status)
}
