import RefrainFoundation

/// How sound becomes rows of numbers: spectra on the mel scale, or their cepstra, a row every some milliseconds.
///
///     let features = SoundFeatures(.mfcc(13), sampleRate: 16_000, deltas: 2)
///     let rows = features(recording.mono)                  // [frames, 39]
///
///     var stream = features.stream()                       // the same rows, as the samples come
///     stream.add(part)
///     let first = stream.takeRows()
///
/// Frames are `windowLength` long, every `hop` samples; a centered one stands with its middle at its time, and sees
/// zeros beyond the ends. Values are natural logarithms of power.
public struct SoundFeatures: Codable, Sendable, Equatable {
  /// What a row holds.
  public enum Kind: Codable, Sendable, Equatable {
    /// ln of the power in each mel filter.
    case logMel
    /// The first coefficients of the cosine transform of these (DCT-II, orthonormal): mel-frequency cepstral
    /// coefficients.
    case mfcc(Int)
  }

  /// What a row holds.
  public var kind: Kind
  /// Samples a second.
  public var sampleRate: Int
  /// The samples of a frame.
  public var windowLength: Int
  /// The samples from one frame to the next.
  public var hop: Int
  /// The length of the Fourier transform, at least ``windowLength``, without prime factors above 64.
  public var fftSize: Int
  /// What frames are multiplied with.
  public var window = WindowFunction.hann
  /// Whether frames stand with their middle at their time.
  public var isCentered = true
  /// How much of the sample before is taken from each: 0, or about 0.97, which raises high frequencies.
  public var preemphasis: Float = 0
  /// The number of mel filters.
  public var melCount: Int
  /// The lowest frequency, in hertz.
  public var lowest = 0.0
  /// The highest; nil is half of the sample rate.
  public var highest: Double?
  /// How hertz become mels.
  public var scale = MelFilters.Scale.slaney
  /// Whether filters have the area 1, and not the peak 1.
  public var hasUnitArea = true
  /// Power below this counts as this.
  public var floor: Float = 1e-10
  /// 1 adds how rows change, 2 also how that changes.
  public var deltas = 0

  /// Features with frames of 25 ms every 10 ms.
  ///
  /// - Parameters:
  ///   - kind: What a row holds.
  ///   - sampleRate: Samples a second, at least 200.
  ///   - melCount: The number of mel filters; by default 40.
  ///   - deltas: 1 adds how rows change, 2 also how that changes.
  public init(_ kind: Kind = .logMel, sampleRate: Int = 16_000, melCount: Int = 40, deltas: Int = 0) {
    self.kind = kind
    self.sampleRate = sampleRate
    self.melCount = melCount
    self.deltas = deltas
    windowLength = max(1, sampleRate / 40)
    hop = max(1, sampleRate / 100)
    fftSize = 1
    while fftSize < windowLength { fftSize *= 2 }
  }

  /// What is wrong with the numbers, which a file may hold; nil where features can be made by them.
  public var fault: String? {
    guard (1...1 << 20).contains(sampleRate), (1...1 << 20).contains(windowLength), (1...1 << 20).contains(hop),
      fftSize >= windowLength, fftSize <= 1 << 16, (1...1024).contains(melCount), (0...2).contains(deltas)
    else { return "sizes are out of bounds" }
    // A transform takes as long as the sum of the factors of its length.
    var rest = fftSize
    for factor in 2...64 {
      while rest % factor == 0 { rest /= factor }
    }
    guard rest == 1 else { return "the length \(fftSize) of the Fourier transform has a prime factor above 64" }
    if case .mfcc(let count) = kind, !(1...melCount).contains(count) {
      return "there are \(count) coefficients of \(melCount) filters"
    }
    let highest = highest ?? Double(sampleRate) / 2
    guard lowest >= 0, highest > lowest, highest.isFinite, floor > 0, floor.isFinite, (0...1).contains(preemphasis)
    else { return "frequencies or levels make no sense" }
    return nil
  }

  /// The values of a row.
  public var width: Int { baseWidth * (deltas + 1) }

  var baseWidth: Int {
    switch kind {
    case .logMel: melCount
    case .mfcc(let count): count
    }
  }

  /// The number of rows of so many samples.
  public func frameCount(_ samples: Int) -> Int {
    guard samples > 0 else { return 0 }
    if isCentered { return 1 + (samples + fftSize / 2 * 2 - fftSize) / hop }
    return samples < fftSize ? 0 : 1 + (samples - fftSize) / hop
  }

  /// The rows of some samples.
  public func callAsFunction(_ samples: [Float]) -> FeatureFrames {
    var stream = stream()
    stream.add(samples)
    stream.finish()
    return stream.takeRows()
  }

  /// The rows of a recording, whose channels are added up and whose rate is changed to ``sampleRate``.
  public func callAsFunction(_ recording: Recording) -> FeatureFrames {
    self(recording.mono.resampled(from: recording.sampleRate, to: sampleRate))
  }

  /// Takes samples as they come.
  public func stream() -> FeatureStream { FeatureStream(self) }
}
