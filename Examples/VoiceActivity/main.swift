// Where somebody speaks in a recording: a network of other people's, read from ONNX, that hears 32 ms at a time and
// remembers. Its file comes with the Python package silero-vad (MIT license), as data/silero_vad_16k_op15.onnx.
//
//   swift run -c release VoiceActivity silero_vad.onnx recording.wav
//   swift run -c release VoiceActivity silero_vad.onnx recording.wav --probabilities
import Foundation
import Refrain
import RefrainData

/// The stretches of speech in a recording, in samples of the detector's, and the probability of each of its windows.
func speech(in recording: Recording, by detector: VoiceDetector) throws(DataError) -> (
  stretches: [Range<Int>], probabilities: [Float]
) {
  var detector = detector
  let samples = recording.mono.resampled(from: recording.sampleRate, to: VoiceDetector.sampleRate)
  var probabilities: [Float] = []
  // A tenth of a second at a time, as a microphone gives it.
  for start in stride(from: 0, to: samples.count, by: 1600) {
    probabilities += try detector.push(Array(samples[start..<min(start + 1600, samples.count)]))
  }
  if let last = try detector.finish() { probabilities.append(last) }
  return (SpeechSegments()(probabilities, count: samples.count), probabilities)
}

private func run() throws(DataError) {
  let words = CommandLine.arguments.dropFirst().filter { $0 != "--probabilities" }
  guard words.count == 2, let model = words.first, let sound = words.last, !model.hasPrefix("-") else {
    print("VoiceActivity MODEL SOUND [--probabilities]")
    exit(64)
  }
  let detector = try VoiceDetector(contentsOf: model)
  let recording = try Recording(contentsOf: sound)
  let began = ContinuousClock.now
  let (stretches, probabilities) = try speech(in: recording, by: detector)
  let seconds = (ContinuousClock.now - began) / .seconds(1)
  if CommandLine.arguments.contains("--probabilities") {
    for probability in probabilities { print(probability) }
  } else if stretches.isEmpty {
    print("nobody speaks")
  } else {
    for stretch in stretches {
      let times = [stretch.lowerBound, stretch.upperBound].map { Double($0) / Double(VoiceDetector.sampleRate) }
      print(String(format: "%.3f s to %.3f s", times[0], times[1]))
    }
  }
  let window = 1e6 * seconds / Double(max(probabilities.count, 1))
  FileHandle.standardError.write(Data(String(format: "%.0f microseconds for each 32 ms of sound\n", window).utf8))
}

do { try run() } catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(65)
}
