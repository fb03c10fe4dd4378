import Refrain
import RefrainData
import RefrainTestSupport
import Testing

@testable import VoiceActivity

@Suite("The example VoiceActivity") struct VoiceActivityTests {
  /// Says how loud a window is; its state counts the windows.
  struct Loudness: RunnableModel {
    let inputs = [
      ModelPort(name: "input", type: .float32, shape: [nil, nil]),
      ModelPort(name: "state", type: .float32, shape: [2, nil, 4]), ModelPort(name: "sr", type: .int64, shape: []),
    ]
    let outputs = [
      ModelPort(name: "output", type: .float32, shape: [nil, 1]),
      ModelPort(name: "stateN", type: .float32, shape: [2, nil, 4]),
    ]

    func run(_ inputs: [String: NumericArray]) throws(DataError) -> [String: NumericArray] {
      try checkNames(inputs)
      let (samples, state) = (inputs["input"]!.values.floats, inputs["state"]!.values.floats)
      #expect(inputs["input"]!.shape == [1, 576] && inputs["state"]!.shape == [2, 1, 4])
      let loudness = samples.dropFirst(64).map(abs).max()!
      // The context is the end of the window before, whose loudness the state has.
      #expect(samples.prefix(64).map(abs).max()! == state[1])
      return [
        "output": NumericArray([loudness], shape: [1, 1]),
        "stateN": NumericArray([state[0] + 1, loudness] + Array(repeating: 0, count: 6), shape: [2, 1, 4]),
      ]
    }
  }

  @Test("judges windows of 32 ms, whatever the pieces that sound comes in, and the rest with silence behind it")
  func windows() throws {
    let levels: [Float] = [0.1, 0.9, 0.4, 0.2]
    let samples = levels.flatMap { Array(repeating: $0, count: 512) } + Array(repeating: 0.7, count: 100)
    for size in [1, 100, 512, 1600, samples.count] {
      var detector = try VoiceDetector(Loudness(), name: "loudness")
      var found: [Float] = []
      for start in stride(from: 0, to: samples.count, by: size) {
        found += try detector.push(Array(samples[start..<min(start + size, samples.count)]))
      }
      #expect(found == levels)
      #expect(try detector.finish() == 0.7)
      #expect(try detector.finish() == nil)
    }
    #expect(throws: DataError.self) { try VoiceDetector(contentsOf: "no-such-file.onnx") }
  }

  @Test("finds stretches: short silences are part of them, short sounds are none, and what is between two is shared")
  func stretches() {
    // A window is 512 samples, 32 ms; 100 ms of silence end a stretch, and more than 250 ms make one; 480 are added.
    func find(_ probabilities: [Float]) -> [Range<Int>] {
      SpeechSegments()(probabilities, count: probabilities.count * 512)
    }
    let speech = [Float](repeating: 0.9, count: 10)
    let silence = [Float](repeating: 0.1, count: 10)
    #expect(find(silence) == [])
    #expect(find(silence + speech + silence) == [5120 - 480..<10240 + 480])
    // 3 windows of silence are too few; between the thresholds nothing ends.
    #expect(find(speech + silence.prefix(3) + speech) == [0..<23 * 512])
    #expect(find(speech + Array(repeating: 0.4, count: 10) + speech) == [0..<30 * 512])
    #expect(find(silence + speech.prefix(7) + silence) == [])
    // Four windows of silence are long enough: 2,048 samples, and so both get 480 of them.
    #expect(find(speech + silence.prefix(5) + speech) == [0..<5120 + 480, 7680 - 480..<12800])
    var close = SpeechSegments()
    close.padding = 2000
    #expect(close(speech + silence.prefix(5) + speech, count: 25 * 512) == [0..<5120 + 1280, 7680 - 1280..<12800])
  }
}
