import RefrainFoundation

/// What a frame of samples is multiplied with before its spectrum is taken, so that its ends do not sound.
public enum WindowFunction: String, Codable, Sendable, CaseIterable {
  /// ½ − ½ cos
  case hann
  /// 0.54 − 0.46 cos
  case hamming
  /// 0.42 − 0.5 cos + 0.08 cos of the double angle
  case blackman
  /// 1 everywhere.
  case rectangular

  /// The window of `count` samples, one period of its cosine, as spectra want it: the sample after the last would be
  /// the first again.
  public func callAsFunction(_ count: Int) -> [Float] {
    (0..<count).map { index in
      let angle = 2 * Double.pi * Double(index) / Double(count)
      let value: Double =
        switch self {
        case .hann: 0.5 - 0.5 * cos(angle)
        case .hamming: 0.54 - 0.46 * cos(angle)
        case .blackman: 0.42 - 0.5 * cos(angle) + 0.08 * cos(2 * angle)
        case .rectangular: 1
        }
      return Float(value)
    }
  }
}
