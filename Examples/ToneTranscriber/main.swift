// Speech recognition from its parts, on tunes in place of speech: sound becomes frames, an LSTM reads these in both
// directions, and connectionist temporal classification learns which notes were played without being told when.
// `refrain train transcribe` has all that real speech needs besides.
import Foundation
import Refrain
import RefrainData

/// The notes there are, and how high they are.
enum Scale {
  static let notes = ["c", "d", "e", "f", "g"]
  static let frequencies = [262.0, 294, 330, 349, 392]
}

/// A tune of three to six notes, each as long as it likes, with noise: 8,000 samples a second.
func makeTune(using generator: inout RandomGenerator) -> (samples: [Float], notes: [Int]) {
  var samples: [Float] = []
  let tune = (0..<3 + generator.integer(below: 4)).map { _ in generator.integer(below: Scale.notes.count) }
  for note in tune {
    let length = 700 + generator.integer(below: 800)
    let phase = Double(generator.uniform())
    for sample in 0..<length {
      let time = Double(sample) / 8000
      // Notes begin and end softly.
      let loudness = sin(.pi * Double(sample) / Double(length))
      samples.append(
        Float(loudness * sin(2 * .pi * (Scale.frequencies[note] * time + phase))) + 0.05 * generator.normal())
    }
  }
  return (samples, tune)
}

/// Frames `[B, T, I]` → logits `[B, T, 6]` of the blank and the notes.
struct ToneTranscriber: Module {
  var lstm: Bidirectional<LSTMCell>
  var head: Dense

  init(inputSize: Int, using generator: inout RandomGenerator) {
    lstm = Bidirectional(inputSize: inputSize, hiddenSize: 32, returning: .everyStep, using: &generator)
    head = Dense(inputSize: 64, outputSize: Scale.notes.count + 1, using: &generator)
  }

  func callAsFunction(_ frames: Tensor, lengths: [Int]) -> Tensor { head(lstm(frames, lengths: lengths)) }

  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try lstm.forEachTensor(under: "lstm", body)
    try head.forEachTensor(under: "head", body)
  }
}

func toneTranscriber() throws -> (history: History, right: Int) {
  var features = SoundFeatures(.logMel, sampleRate: 8000, melCount: 32)
  features.highest = 1000
  var generator = RandomGenerator(seed: 1)
  func tunes(_ count: Int) -> Batch {
    let tunes = (0..<count).map { _ in makeTune(using: &generator) }
    let frames = tunes.map { features($0.samples) }
    let (time, most) = (frames.map(\.count).max() ?? 0, tunes.map(\.notes.count).max() ?? 0)
    var x = Tensor.zeros([count, time, features.width])
    for (row, own) in frames.enumerated() {
      for step in 0..<own.count {
        // About from −1 to 1.
        for (band, level) in own[step].enumerated() { x[row, step, band] = (level + 6) / 4 }
      }
    }
    // Notes count from 1: 0 is the blank.
    let labels = tunes.flatMap { tune in (0..<most).map { $0 < tune.notes.count ? tune.notes[$0] + 1 : 0 } }
    return Batch(
      x, Tensor(labels, shape: [count, most]), lengths: frames.map(\.count), targetLengths: tunes.map(\.notes.count))
  }

  let examples = tunes(160)
  var model = ToneTranscriber(inputSize: features.width, using: &generator)
  var optimizer = Adam(learningRate: 0.01)
  let loss = Loss.ctc()
  let history = try Trainer(epochs: 30, schedule: .oneCycle(), clipping: .globalNorm(1)).fit(
    &model, optimizer: &optimizer, examples: examples, batchSize: 16
  ) { model, batch in
    let lengths = batch.lengths ?? []
    return loss(
      model(batch.input, lengths: lengths), batch.target, lengths: lengths, targetLengths: batch.targetLengths)
  }

  let others = tunes(50)
  let lengths = others.lengths ?? []
  let heard = model(others.input, lengths: lengths).logSoftmax()
  let search = CTCPrefixSearch(symbols: ["-"] + Scale.notes)
  var right = 0
  for row in 0..<others.count {
    let found = search(heard.at(row, axis: 0).slice(0..<lengths[row], axis: 0))[0].symbols
    let truth = (0..<(others.targetLengths?[row] ?? 0)).map { Int(others.target[row, $0]) }
    if found == truth { right += 1 }
    guard row < 3 else { continue }
    func written(_ tune: [Int]) -> String { tune.map { Scale.notes[$0 - 1] }.joined() }
    print("played", written(truth), "heard", written(found))
  }
  print("Of 50 new tunes \(right) were heard as they were played")
  return (history, right)
}

_ = try toneTranscriber()
