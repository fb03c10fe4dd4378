import RefrainFoundation

/// Changes the rate of samples by a windowed sinc: each new sample is a sum of its neighbors that lets through what
/// both rates can hold, as torchaudio's `resample` does.
public struct Resampler: Sendable {
  private let from: Int
  private let to: Int
  /// For each of the `to` places between two blocks of `from` samples: where its neighbors begin, and their weights.
  private let phases: [(first: Int, weights: [Float])]

  /// - Parameters:
  ///   - from: Samples a second that there are.
  ///   - to: Samples a second that there shall be.
  ///   - zeroCrossings: How wide the sum is, in periods of the highest frequency: more is sharper and slower.
  ///   - rolloff: The highest frequency that is let through, as a part of what the lower rate can hold.
  public init(from: Int, to: Int, zeroCrossings: Int = 16, rolloff: Double = 0.99) {
    precondition(from > 0 && to > 0, "a sample rate of 0")
    var (a, b) = (from, to)
    while b > 0 { (a, b) = (b, a % b) }
    let (from, to) = (from / a, to / a)
    (self.from, self.to) = (from, to)
    let highest = Double(min(from, to)) * rolloff
    let reach = Int((Double(zeroCrossings) * Double(from) / highest).rounded(.up))
    phases = (0..<to).map { phase in
      let middle = Double(phase) * Double(from) / Double(to)
      let (first, last) = (max(-reach, Int(middle) - reach - 1), min(reach + from, Int(middle) + reach + 2))
      let weights = (first..<last).map { place -> Float in
        let time = (Double(place) - middle) / Double(from) * highest
        guard abs(time) < Double(zeroCrossings) else { return 0 }
        let angle = time * .pi
        let window = cos(angle / Double(zeroCrossings) / 2)
        return Float((time == 0 ? 1 : sin(angle) / angle) * window * window * highest / Double(from))
      }
      let start = weights.firstIndex { $0 != 0 } ?? 0
      let end = (weights.lastIndex { $0 != 0 } ?? -1) + 1
      return (first + start, Array(weights[start..<max(start, end)]))
    }
  }

  /// The samples at the new rate, as many as last as long, rounded up.
  public func callAsFunction(_ samples: [Float]) -> [Float] {
    guard from != to else { return samples }
    let count = (samples.count * to + from - 1) / from
    return samples.withUnsafeBufferPointer { samples in
      (0..<count).map { index in
        let (block, phase) = index.quotientAndRemainder(dividingBy: to)
        let (offset, weights) = phases[phase]
        let first = block * from + offset
        return weights.withUnsafeBufferPointer { weights in
          let (low, high) = (max(0, -first), min(weights.count, samples.count - first))
          guard low < high else { return 0 }
          var sums = SIMD8<Float>.zero
          var place = low
          while place + 8 <= high {
            let x = UnsafeRawPointer(samples.baseAddress! + first + place).loadUnaligned(as: SIMD8<Float>.self)
            let w = UnsafeRawPointer(weights.baseAddress! + place).loadUnaligned(as: SIMD8<Float>.self)
            sums += x * w
            place += 8
          }
          var sum = sums.sum()
          while place < high {
            sum += samples[first + place] * weights[place]
            place += 1
          }
          return sum
        }
      }
    }
  }
}

extension [Float] {
  /// Samples at another rate (``Resampler``).
  public func resampled(from: Int, to: Int) -> [Float] { from == to ? self : Resampler(from: from, to: to)(self) }
}
