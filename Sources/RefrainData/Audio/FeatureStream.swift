import RefrainFoundation

/// Rows of features as samples come: the same bits as of all samples at once, however they are cut.
public struct FeatureStream {
  private let features: SoundFeatures
  private let engine: FeatureEngine
  /// What another stream goes on from.
  private(set) var rest: Rest
  private var rows: [Float] = []
  private var isFinished = false

  /// What a stream keeps between two parts, but for rows that were not taken.
  struct Rest: Equatable, Sendable {
    /// Samples from the beginning of the next frame on.
    var samples: [Float]
    var deltas: DeltaStream?
    var last: Float?
    /// Samples still to come that stand between two frames.
    var gap = 0

    init(_ features: SoundFeatures) {
      samples = features.isCentered ? Array(repeating: 0, count: features.fftSize / 2) : []
      if features.deltas > 0 { deltas = DeltaStream(orders: features.deltas, width: features.baseWidth) }
    }
  }

  /// - Parameter rest: What another stream of the same features kept; nil begins.
  init(_ features: SoundFeatures, from rest: Rest? = nil) {
    precondition(features.fault == nil, "features of sound: \(features.fault ?? "")")
    self.features = features
    engine = FeatureEngine(features)
    self.rest = rest ?? Rest(features)
  }

  /// Takes the next samples.
  public mutating func add(_ part: some Collection<Float>) {
    precondition(!isFinished, "samples after the end of a stream")
    guard !part.isEmpty else { return }
    if features.preemphasis > 0 {
      rest.samples.reserveCapacity(rest.samples.count + part.count)
      for sample in part {
        rest.samples.append(sample - features.preemphasis * (rest.last ?? 0))
        rest.last = sample
      }
    } else {
      rest.samples += part
      rest.last = rest.samples.last
    }
    makeRows()
  }

  /// Says that no more samples come: the last frames see zeros behind them.
  public mutating func finish() {
    guard !isFinished else { return }
    isFinished = true
    if features.isCentered, rest.last != nil {
      rest.samples += Array(repeating: 0, count: features.fftSize / 2)
      makeRows()
    }
    rest.deltas?.finish(to: &rows)
  }

  /// The rows that are done and were not taken before.
  public mutating func takeRows() -> FeatureFrames {
    defer { rows.removeAll(keepingCapacity: true) }
    return FeatureFrames(rows, width: features.width)
  }

  private mutating func makeRows() {
    let passed = min(rest.gap, rest.samples.count)
    rest.samples.removeFirst(passed)
    rest.gap -= passed
    guard rest.samples.count >= features.fftSize else { return }
    let count = 1 + (rest.samples.count - features.fftSize) / features.hop
    if rest.deltas == nil {
      engine.append(rest.samples, frames: count, to: &rows)
    } else {
      var base: [Float] = []
      engine.append(rest.samples, frames: count, to: &base)
      for row in 0..<count {
        rest.deltas?.add(base[row * features.baseWidth..<(row + 1) * features.baseWidth], to: &rows)
      }
    }
    let used = min(count * features.hop, rest.samples.count)
    rest.samples.removeFirst(used)
    rest.gap = count * features.hop - used
  }
}

/// What rows are computed by: the tables, and room for eight frames side by side, one in each lane of a vector.
private final class FeatureEngine {
  private typealias Lanes = FourierTransform.Lanes

  private let features: SoundFeatures
  private let transform: FourierTransform
  private let workspace: FourierTransform.Workspace
  private let window: [Float]
  /// Where the window begins within the transform.
  private let offset: Int
  private let filters: [MelFilters.Filter]
  /// The cosine transform, `[coefficients][filters]`.
  private let cosines: [[Float]]
  private var power: [Lanes]
  private var levels: [Lanes]

  init(_ features: SoundFeatures) {
    self.features = features
    transform = FourierTransform(count: features.fftSize)
    workspace = transform.makeWorkspace()
    window = features.window(features.windowLength)
    offset = (features.fftSize - features.windowLength) / 2
    filters =
      MelFilters(
        features.melCount, fftSize: features.fftSize, sampleRate: features.sampleRate,
        range: features.lowest...(features.highest ?? Double(features.sampleRate) / 2), scale: features.scale,
        hasUnitArea: features.hasUnitArea
      ).filters
    let count = features.melCount
    cosines =
      switch features.kind {
      case .logMel: []
      case .mfcc(let coefficients):
        (0..<coefficients).map { k in
          (0..<count).map { n in
            let scale = (k == 0 ? 1 : 2) / Double(count)
            return Float(cos(Double.pi * Double(k) * (Double(n) + 0.5) / Double(count)) * scale.squareRoot())
          }
        }
      }
    power = Array(repeating: .zero, count: transform.binCount)
    levels = Array(repeating: .zero, count: count)
  }

  /// Appends the rows of frames, of which the first begins with the first sample.
  func append(_ samples: [Float], frames count: Int, to rows: inout [Float]) {
    let width = features.baseWidth
    let first = rows.count
    rows += repeatElement(0, count: count * width)
    samples.withUnsafeBufferPointer { samples in
      rows.withUnsafeMutableBufferPointer { rows in
        for frame in stride(from: 0, to: count, by: Lanes.scalarCount) {
          // Lanes without a frame repeat the last.
          let last = count - 1
          let starts = (0..<Lanes.scalarCount).map { min(frame + $0, last) * features.hop + offset }
          measure(samples.baseAddress!, starts)
          for lane in 0..<min(Lanes.scalarCount, count - frame) {
            write(lane, rows.baseAddress! + first + (frame + lane) * width)
          }
        }
      }
    }
  }

  /// The levels of eight frames.
  private func measure(_ samples: UnsafePointer<Float>, _ starts: [Int]) {
    let (s0, s1, s2, s3) = (samples + starts[0], samples + starts[1], samples + starts[2], samples + starts[3])
    let (s4, s5, s6, s7) = (samples + starts[4], samples + starts[5], samples + starts[6], samples + starts[7])
    let (offset, length) = (offset, window.count)
    window.withUnsafeBufferPointer { window in
      power.withUnsafeMutableBufferPointer { power in
        transform(in: workspace) { n in
          let place = n - offset
          guard place >= 0, place < length else { return .zero }
          let values = Lanes(
            s0[place], s1[place], s2[place], s3[place], s4[place], s5[place], s6[place], s7[place])
          return values * window[place]
        } output: { k, real, imaginary in
          power[k] = real * real + imaginary * imaginary
        }
      }
    }
    power.withUnsafeBufferPointer { power in
      for (index, filter) in filters.enumerated() {
        var sum = Lanes.zero
        filter.weights.withUnsafeBufferPointer { weights in
          for place in weights.indices { sum += power[filter.first + place] * weights[place] }
        }
        for lane in 0..<Lanes.scalarCount { sum[lane] = log(max(sum[lane], features.floor)) }
        levels[index] = sum
      }
    }
  }

  /// Writes the row of one of the eight frames.
  private func write(_ lane: Int, _ target: UnsafeMutablePointer<Float>) {
    guard !cosines.isEmpty else {
      for index in levels.indices { target[index] = levels[index][lane] }
      return
    }
    for (k, row) in cosines.enumerated() {
      var sum: Float = 0
      for index in row.indices { sum += row[index] * levels[index][lane] }
      target[k] = sum
    }
  }
}
