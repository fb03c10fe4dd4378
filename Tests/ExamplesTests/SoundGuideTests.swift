// The Swift of Guides/Sound.md, so that it compiles and does what the text says.
import Foundation
import Refrain
import RefrainData
import RefrainTasks
import RefrainTestSupport
import Testing

@Suite("The code of the guide to sound runs")
struct SoundGuideTests {
  /// One of two vowels after another, made of two tones each, at 8 kHz.
  private func vowels(_ text: String, seed: UInt64) -> Recording {
    var generator = RandomGenerator(seed: seed)
    var samples: [Float] = []
    for letter in " " + text + " " {
      for index in 0..<700 {
        let time = Float(index) / 8000 * 2 * .pi
        let (first, second): (Float, Float) = letter == "a" ? (700, 1100) : (300, 2300)
        let tones = letter == " " ? 0 : sin(first * time) + sin(second * time)
        samples.append(0.2 * tones + 0.01 * generator.normal())
      }
      samples += (0..<200).map { _ in 0.01 * generator.normal() }
    }
    return Recording(samples, sampleRate: 8000)
  }

  @Test("transcribe recordings") func transcribe() throws {
    try withTemporaryFolder { folder in
      let (table, recording) = (folder + "/train.csv", folder + "/0.wav")
      var rows = "audio,text\n"
      for (index, text) in (["ai", "ia", "a i", "i ai"] + ["ia a", "aia", "i", "a ia"]).enumerated() {
        try vowels(text, seed: UInt64(index)).write(to: folder + "/\(index).wav")
        rows += "\(index).wav,\(text)\n"
      }
      try writeAtomically(rows, to: table)
      var configuration = Transcriber.Configuration()
      configuration.hiddenSize = 32
      configuration.layers = 1
      let recordings = try Transcriber.examples(from: DataSource(paths: [table]), configuration)
      let transcriber = try Transcriber.train(on: recordings, configuration, TrainingContext())
      let heard = try transcriber.predict(transcriber.examples(from: DataSource(paths: [recording])))
      for word in heard[0].words { print(word.start, word.word, word.confidence) }
      #expect(heard[0].text == "ai")
    }
  }

  @Test("features, of a file and of a stream") func features() throws {
    try withTemporaryFolder { folder in
      let recording = folder + "/a.wav"
      let samples = vowels("aia", seed: 1)
      try samples.write(to: recording, as: .float32)
      let sound = try Recording(contentsOf: recording)  // channels, sampleRate, and notes on what was mended
      let features = SoundFeatures(.mfcc(13), sampleRate: 8000, deltas: 2)
      let rows = features(sound)  // mono, at the rate of the features: [rows.count, 39]
      #expect(rows.width == 39 && rows.count == 1 + samples.count / 80)
      let parts = stride(from: 0, to: samples.count, by: 100).map {
        samples.mono[$0..<min($0 + 100, samples.count)]
      }
      var streamed: [Float] = []
      var stream = features.stream()
      for part in parts {
        stream.add(part)
        let more = stream.takeRows()  // those that are whole
        streamed += more.values
      }
      stream.finish()
      streamed += stream.takeRows().values
      #expect(streamed == rows.values)
    }
  }

  @Test("the loss, the search and the language model") func parts() throws {
    let logits = ramp([2, 40, 4], scale: 3)
    let labels = Tensor([[2, 3, 2], [3, 2, 0]])
    let loss = Loss.ctc(blank: 0)
    let value = loss(logits, labels, lengths: [40, 31], targetLengths: [3, 2])
    #expect(value.item > 0 && value.isFinite)
    let language = try NGramModel(sentences: [["a", "ba"], ["ba", "ba", "a"]], order: 2)
    var search = CTCPrefixSearch(symbols: ["", " ", "a", "b"], blank: 0, separator: 1)
    search.weight = 0.8
    search.wordBonus = 1
    let texts = search(logits.at(0, axis: 0).logSoftmax(), scorer: language)
    let places = CTCAlignment(logits.at(0, axis: 0).logSoftmax(), labels: texts[0].symbols)
    #expect(places?.steps.count == texts[0].symbols.count)
  }
}
