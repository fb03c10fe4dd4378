import Foundation
import Refrain
import Testing
@Suite("ZZTiming") struct ZZTimingCTC {
  @Test("CTC time") func time() {
    let logits = Tensor((0..<32 * 300 * 30).map { sin(Float($0) * 1.7 + Float($0 % 977)) }, shape: [32, 300, 30])
    let labels = Tensor((0..<32 * 50).map { Float(1 + ($0 * 7 + $0 / 3) % 29) }, shape: [32, 50])
    let lengths = Array(repeating: 300, count: 32), targets = Array(repeating: 50, count: 32)
    var best = 1e9
    var value: Float = 0
    for _ in 0..<30 {
      let start = DispatchTime.now().uptimeNanoseconds
      value = valueAndGradient(at: logits) { Loss.ctc()($0, labels, lengths: lengths, targetLengths: targets) }.value
      best = min(best, Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6)
    }
    print("ZZ ctc loss and gradient T300 B32 V30 U50: \(best) ms, \(Parallelism.threads) threads, \(value)")
  }
}
