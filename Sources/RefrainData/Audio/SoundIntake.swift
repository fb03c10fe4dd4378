import RefrainFoundation

/// Rows of features as samples come, or as ready features do, for who keeps many such streams: a value that holds no
/// tables, and that a file can hold. The rows are those of all at once, however what comes is cut.
package struct SoundIntake: Equatable, Sendable {
  private enum Rest: Equatable, Sendable {
    case sound(FeatureStream.Rest)
    case ready(DeltaStream?)
  }

  package let encoding: SoundEncoding
  private var rest: Rest

  /// Before the first sample.
  package init(_ encoding: SoundEncoding) {
    self.encoding = encoding
    rest =
      switch encoding.source {
      case .sound(let features): .sound(FeatureStream.Rest(features))
      case .sphinx(let width, let deltas): .ready(deltas > 0 ? DeltaStream(orders: deltas, width: width) : nil)
      }
  }

  /// Takes samples, or the values of whole rows of ready features.
  ///
  /// - Returns: The rows that are done, one after the other, each of ``SoundEncoding/width`` values.
  package mutating func add(_ values: [Float]) -> [Float] {
    switch (rest, encoding.source) {
    case (.sound(let before), .sound(let features)):
      var stream = FeatureStream(features, from: before)
      stream.add(values)
      rest = .sound(stream.rest)
      return stream.takeRows().values
    case (.ready(var deltas?), .sphinx(let width, _)):
      var rows: [Float] = []
      for start in stride(from: 0, to: values.count, by: width) { deltas.add(values[start..<start + width], to: &rows) }
      rest = .ready(deltas)
      return rows
    default: return values
    }
  }

  /// The rows that are left when nothing more comes.
  package func finished() -> [Float] {
    switch (rest, encoding.source) {
    case (.sound(let before), .sound(let features)):
      var stream = FeatureStream(features, from: before)
      stream.finish()
      return stream.takeRows().values
    case (.ready(var deltas?), _):
      var rows: [Float] = []
      deltas.finish(to: &rows)
      return rows
    default: return []
    }
  }
}

extension SoundEncoding {
  /// How many numbers come at once: a sample, or a row of ready features without their changes.
  package var unit: Int {
    switch source {
    case .sound: 1
    case .sphinx(let width, _): width
    }
  }

  /// The seconds of one of them.
  package var unitPeriod: Double {
    switch source {
    case .sound(let features): 1 / Double(features.sampleRate)
    case .sphinx: period
    }
  }

  /// What comes, for people.
  package var unitText: String {
    switch source {
    case .sound(let features): "a sample from −1 to 1, of \(features.sampleRate) a second"
    case .sphinx(let width, _): "a row of \(width) ready features, every 10 ms"
    }
  }
}

extension SoundIntake: Codable {
  /// Numbers by their bits: what is read is what was written.
  private struct Bits: Codable {
    var rows: [[UInt32]]

    init(_ rows: [[Float]]) { self.rows = rows.map { $0.map(\.bitPattern) } }

    /// The rows, each of so many numbers; nil where they are not.
    func values(width: Int?) -> [[Float]]? {
      let values = rows.map { $0.map { Float(bitPattern: $0) } }
      return values.allSatisfy { $0.count == width ?? $0.count && $0.allSatisfy(\.isFinite) } ? values : nil
    }
  }

  private enum Key: String, CodingKey { case encoding, samples, last, gap, stages, waiting }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(encoding, forKey: .encoding)
    var stream: DeltaStream?
    switch rest {
    case .sound(let rest):
      try container.encode(Bits([rest.samples]), forKey: .samples)
      try container.encode(rest.last?.bitPattern, forKey: .last)
      try container.encode(rest.gap, forKey: .gap)
      stream = rest.deltas
    case .ready(let deltas): stream = deltas
    }
    guard let stream else { return }
    try container.encode(stream.stages.map { Bits($0.window) }, forKey: .stages)
    try container.encode(stream.waiting.map { Bits($0) }, forKey: .waiting)
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let fault = DecodingError.dataCorruptedError(
      forKey: .encoding, in: container, debugDescription: "what was heard cannot be")
    let encoding = try container.decode(SoundEncoding.self, forKey: .encoding)
    guard encoding.fault == nil else { throw fault }
    self.init(encoding)
    func deltas(_ fresh: DeltaStream?) throws -> DeltaStream? {
      guard var stream = fresh else { return nil }
      let stages = try container.decode([Bits].self, forKey: .stages)
        .compactMap { $0.values(width: encoding.baseWidth) }
      let waiting = try container.decode([Bits].self, forKey: .waiting)
        .compactMap { $0.values(width: encoding.baseWidth) }
      guard stages.count == stream.stages.count, stages.allSatisfy({ [0, 3, 4].contains($0.count) }),
        waiting.count == stream.waiting.count, waiting.allSatisfy({ $0.count <= 8 })
      else { throw fault }
      stream.stages = stages.map { window in
        var stage = DeltaStage()
        stage.window = window
        return stage
      }
      stream.waiting = waiting
      return stream
    }
    switch (rest, encoding.source) {
    case (.sound(var own), .sound(let features)):
      let samples = try container.decode(Bits.self, forKey: .samples).values(width: nil)
      own.last = try container.decodeIfPresent(UInt32.self, forKey: .last).map { Float(bitPattern: $0) }
      own.gap = try container.decode(Int.self, forKey: .gap)
      own.deltas = try deltas(own.deltas)
      guard let samples, samples.count == 1, samples[0].count < features.fftSize, own.last?.isFinite ?? true,
        (0...features.hop).contains(own.gap)
      else { throw fault }
      own.samples = samples[0]
      rest = .sound(own)
    case (.ready(let own), _): rest = .ready(try deltas(own))
    default: throw fault
    }
  }
}
