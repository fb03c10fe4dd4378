import RefrainFoundation

/// Triangular filters that divide a spectrum as the ear does: narrow where it is low, wide where it is high.
public struct MelFilters: Sendable {
  /// How hertz become mels.
  public enum Scale: String, Codable, Sendable, CaseIterable {
    /// Linear below 1,000 Hz and logarithmic above (Slaney 1998), librosa's.
    case slaney
    /// 2595 log₁₀(1 + f / 700), of the Hidden Markov Model Toolkit; torchaudio's.
    case htk

    /// The mels of a frequency.
    public func mels(_ hertz: Double) -> Double {
      switch self {
      case .htk: 2595 * log10(1 + hertz / 700)
      case .slaney: hertz < 1000 ? hertz * 3 / 200 : 15 + log(hertz / 1000) * 27 / log(6.4)
      }
    }

    /// The frequency of some mels.
    public func hertz(_ mels: Double) -> Double {
      switch self {
      case .htk: 700 * (pow(10, mels / 2595) - 1)
      case .slaney: mels < 15 ? mels * 200 / 3 : 1000 * exp((mels - 15) * log(6.4) / 27)
      }
    }
  }

  /// One filter: the bins where it is not zero.
  struct Filter: Sendable {
    let first: Int
    let weights: [Float]
  }

  let filters: [Filter]
  /// The number of bins of a spectrum.
  let binCount: Int

  /// Filters whose peaks are equally far apart in mels.
  ///
  /// - Parameters:
  ///   - count: How many there are.
  ///   - fftSize: The length of the Fourier transform whose bins are weighed.
  ///   - sampleRate: Samples a second.
  ///   - range: From the foot of the first filter to that of the last, in hertz.
  ///   - scale: How hertz become mels.
  ///   - hasUnitArea: Whether every filter has the area 1, over hertz, and not the peak 1.
  public init(
    _ count: Int, fftSize: Int, sampleRate: Int, range: ClosedRange<Double>, scale: Scale = .slaney,
    hasUnitArea: Bool = true
  ) {
    precondition(count > 0 && fftSize > 0 && sampleRate > 0, "mel filters of \(count), \(fftSize), \(sampleRate)")
    binCount = fftSize / 2 + 1
    let edges = Self.edges(count, range: range, scale: scale)
    let bins = binCount
    filters = (0..<count).map { index in
      let (left, peak, right) = (edges[index], edges[index + 1], edges[index + 2])
      let weights = (0..<bins).map { bin -> Float in
        let hertz = Double(bin) * Double(sampleRate) / Double(fftSize)
        let weight = max(0, min((hertz - left) / (peak - left), (right - hertz) / (right - peak)))
        return Float(hasUnitArea ? weight * 2 / (right - left) : weight)
      }
      let first = weights.firstIndex { $0 != 0 } ?? 0
      let last = weights.lastIndex { $0 != 0 } ?? -1
      return Filter(first: first, weights: last < first ? [] : Array(weights[first...last]))
    }
  }

  /// Where filters have their feet and peaks, in hertz: each peak is the foot of its neighbors.
  static func edges(_ count: Int, range: ClosedRange<Double>, scale: Scale) -> [Double] {
    let (low, high) = (scale.mels(range.lowerBound), scale.mels(range.upperBound))
    return (0...count + 1).map { scale.hertz(low + (high - low) * Double($0) / Double(count + 1)) }
  }

  /// The number of filters.
  public var count: Int { filters.count }

  /// The weights of all bins, `[count][bins]`.
  public var matrix: [[Float]] {
    filters.map { filter in
      var row = [Float](repeating: 0, count: binCount)
      for (index, weight) in filter.weights.enumerated() { row[filter.first + index] = weight }
      return row
    }
  }

  /// The number of filters that no bin falls into: too many are asked of too short a transform.
  public var emptyCount: Int { filters.count { $0.weights.isEmpty } }
}
