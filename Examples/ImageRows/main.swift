// Which digit an image shows, read row by row as a sequence: MNIST's images as 28 steps of 28 values (Le, Jaitly and
// Hinton 2015 read them pixel by pixel, which --pixels does).
//
//   ImageRows IMAGES LABELS TEST-IMAGES TEST-LABELS [--epochs N] [--hidden N] [--seed N] [--pixels]
//
// The files are IDX arrays such as MNIST's, also packed by gzip.
import Foundation
import Refrain
import RefrainData

/// Images as sequences `[B, rows, columns]`, or `[B, rows · columns, 1]` by pixels, of values from 0 to 1, and their
/// labels `[B]`.
func sequences(images: String, labels: String, byPixels: Bool) throws -> (x: Tensor, y: Tensor) {
  let (pictures, names) = (try IDXArray(contentsOf: images), try IDXArray(contentsOf: labels))
  guard pictures.shape.count == 3, names.shape == [pictures.shape[0]] else {
    throw DataError(
      .wrongInput, "\(images) has shape \(pictures.shape) and \(labels) \(names.shape)",
      remedy: "give images [N, rows, columns] and labels [N]")
  }
  let (count, rows, columns) = (pictures.shape[0], pictures.shape[1], pictures.shape[2])
  let x = Tensor(
    pictures.values.map { Float($0) / 255 }, shape: byPixels ? [count, rows * columns, 1] : [count, rows, columns])
  return (x, Tensor(names.values.map { Int($0) }))
}

/// Trains two levels of LSTMs and says how well they tell the test images apart.
func imageRows(
  _ training: (x: Tensor, y: Tensor), _ test: (x: Tensor, y: Tensor), epochs: Int, hidden: Int = 128,
  batchSize: Int = 128,
  seed: UInt64 = 1
) throws -> (history: History, test: Evaluation) {
  let classes = Int(training.y.values.max() ?? 0) + 1
  var model = Sequential(inputSize: training.x.shape[2], seed: seed) {
    LSTM(hidden, returning: .everyStep)
    Dropout(0.2)
    LSTM(hidden)
    Dropout(0.2)
    Dense(classes, activation: .softmax)
  }
  model.compile(optimizer: Adam(learningRate: 0.003), loss: .categoricalCrossEntropy, metrics: [.accuracy])
  let history = try model.fit(
    training.x, training.y, epochs: epochs, batchSize: batchSize, seed: seed, schedule: .cosine(),
    clipping: .globalNorm(1),
    observers: [ProgressReporter()])
  return (history, model.evaluate(test.x, test.y, batchSize: 500))
}

func run() throws {
  var words = Array(CommandLine.arguments.dropFirst())
  let byPixels = words.contains("--pixels")
  words.removeAll { $0 == "--pixels" }
  var numbers = ["--epochs": 10, "--hidden": 128, "--seed": 1]
  while let place = words.firstIndex(where: { numbers[$0] != nil }), place + 1 < words.count,
    let number = Int(words[place + 1]), number > 0
  {
    numbers[words[place]] = number
    words.removeSubrange(place...place + 1)
  }
  guard words.count == 4 else {
    print(
      "ImageRows IMAGES LABELS TEST-IMAGES TEST-LABELS [--epochs N] [--hidden N] [--seed N] [--pixels]")
    exit(64)
  }
  let training = try sequences(images: words[0], labels: words[1], byPixels: byPixels)
  let others = try sequences(images: words[2], labels: words[3], byPixels: byPixels)
  let start = Date()
  let test = try imageRows(
    training, others, epochs: numbers["--epochs"]!, hidden: numbers["--hidden"]!, seed: UInt64(numbers["--seed"]!)
  ).test
  let seconds = Int(Date().timeIntervalSince(start).rounded())
  print("On \(others.x.shape[0]) test images: accuracy \(test.metrics["accuracy"] ?? 0), trained in \(seconds) s")
}

do { try run() } catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(65)
}
