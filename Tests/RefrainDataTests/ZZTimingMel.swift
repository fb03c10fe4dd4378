import Foundation
import RefrainData
import Testing
@Suite("ZZTiming") struct ZZTimingMel {
  @Test("log-mel time") func time() {
    let samples = (0..<16000 * 600).map { sin(Float($0) * 0.01) * 0.3 }
    for features in [SoundFeatures(.logMel, sampleRate: 16000, melCount: 80), SoundFeatures(.mfcc(13), sampleRate: 16000, deltas: 2)] {
      var best = 1e9
      for _ in 0..<3 {
        let start = clock()
        _ = features(samples)
        best = min(best, Double(clock() - start) / Double(CLOCKS_PER_SEC))
      }
      print("ZZ \(features.kind) of an hour at 16 kHz: \(best * 6) CPU seconds")
    }
  }
}
