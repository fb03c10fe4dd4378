/// From probabilities to stretches of speech, by the rules of Silero's own program: speech begins where the probability
/// comes to a threshold, and ends where it stays below a second, lower one for a while.
struct SpeechSegments {
  /// Speech begins at this probability, and is held to last until below the second.
  var threshold: Float = 0.5
  var lowerThreshold: Float { max(threshold - 0.15, 0.01) }
  /// In samples: the shortest speech, the shortest silence within, and what is added on either side.
  var shortestSpeech = VoiceDetector.sampleRate / 4
  var shortestSilence = VoiceDetector.sampleRate / 10
  var padding = VoiceDetector.sampleRate * 3 / 100

  /// The stretches, in samples.
  ///
  /// - Parameter probabilities: one for each window, in order.
  /// - Parameter count: the samples of all.
  func callAsFunction(_ probabilities: [Float], count: Int) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var start: Int?
    /// Where the silence that is going on began.
    var end: Int?
    for (index, probability) in probabilities.enumerated() {
      let place = index * VoiceDetector.window
      if probability >= threshold {
        end = nil
        if start == nil { start = place }
      } else if let first = start, probability < lowerThreshold {
        let silence = end ?? place
        end = silence
        guard place - silence >= shortestSilence else { continue }
        if silence - first > shortestSpeech { found.append(first..<silence) }
        (start, end) = (nil, nil)
      }
    }
    if let start, count - start > shortestSpeech { found.append(start..<count) }
    return padded(found, count: count)
  }

  /// Two stretches that would meet share what is between them.
  private func padded(_ stretches: [Range<Int>], count: Int) -> [Range<Int>] {
    stretches.indices.map { index in
      let stretch = stretches[index]
      let before = index > 0 ? stretch.lowerBound - stretches[index - 1].upperBound : nil
      let after = index + 1 < stretches.count ? stretches[index + 1].lowerBound - stretch.upperBound : nil
      let start = stretch.lowerBound - min(padding, before.map { $0 / 2 } ?? padding)
      let end = stretch.upperBound + min(padding, after.map { $0 / 2 } ?? padding)
      return max(start, 0)..<min(end, count)
    }
  }
}
