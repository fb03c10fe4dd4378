import RefrainFoundation

/// How the files of recordings become the rows that a network reads: features of sound, or ready ones from files, then
/// their changes.
public struct SoundEncoding: Codable, Sendable, Equatable {
  /// Where rows come from.
  public enum Source: Codable, Sendable, Equatable {
    /// Recordings, of which features are made.
    case sound(SoundFeatures)
    /// Files of ready features of CMU Sphinx, with so many values a row, a row every 10 ms; and how many orders of
    /// changes are added.
    case sphinx(width: Int, deltas: Int)
  }

  /// Where rows come from.
  public var source: Source

  /// Rows from recordings.
  public init(_ features: SoundFeatures) { source = .sound(features) }
  /// Rows from a source.
  public init(_ source: Source) { self.source = source }

  /// The encoding for recordings like one: 40 filters of the mel scale at its rate, or at 16 kHz where that is higher;
  /// of ready features 13 with their changes.
  ///
  /// - Throws: What ``Recording/init(contentsOf:ffmpeg:)`` throws.
  public init(choosingFor path: String, cepstra: Bool = false) throws(DataError) {
    guard !Self.isReady(path) else {
      self.init(.sphinx(width: 13, deltas: 2))
      return
    }
    let rate = min(16_000, try Recording(contentsOf: path).sampleRate)
    self.init(
      cepstra ? SoundFeatures(.mfcc(13), sampleRate: rate, deltas: 2) : SoundFeatures(.logMel, sampleRate: rate))
  }

  /// The endings of the names of sound files and of ready features, in small letters.
  public static let endings = [
    "wav", "wave", "mp3", "flac", "ogg", "oga", "opus", "m4a", "aac", "wma", "aif", "aiff", "amr", "au", "caf", "mfc",
    "mfcc",
  ]

  /// Whether a path's ending is that of a sound file, or of ready features.
  public static func isSound(_ path: String) -> Bool { endings.contains(ending(of: path)) }

  /// Whether a path's ending is that of ready features.
  public static func isReady(_ path: String) -> Bool { ["mfc", "mfcc"].contains(ending(of: path)) }

  /// The values of a row.
  public var width: Int {
    switch source {
    case .sound(let features): features.width
    case .sphinx(let width, let deltas): width * (deltas + 1)
    }
  }

  /// The values of a row without their changes.
  public var baseWidth: Int {
    switch source {
    case .sound(let features): features.width / (features.deltas + 1)
    case .sphinx(let width, _): width
    }
  }

  /// What each value of a row is, such as `filter 5 (333 Hz)`, of which that is the peak, or `Δ coefficient 3`.
  package var names: [String] {
    let base: [String]
    let orders: Int
    switch source {
    case .sound(let features):
      orders = features.deltas
      switch features.kind {
      case .logMel:
        let range = features.lowest...(features.highest ?? Double(features.sampleRate) / 2)
        let edges = MelFilters.edges(features.melCount, range: range, scale: features.scale)
        base = (1...features.melCount).map { "filter \($0) (\(Int(edges[$0].rounded())) Hz)" }
      case .mfcc(let count): base = (1...count).map { "coefficient \($0)" }
      }
    case .sphinx(let width, let deltas): (base, orders) = ((1...width).map { "feature \($0)" }, deltas)
    }
    return ["", "Δ ", "ΔΔ "].prefix(orders + 1).flatMap { order in base.map { order + $0 } }
  }

  /// The seconds from one row to the next.
  public var period: Double {
    switch source {
    case .sound(let features): Double(features.hop) / Double(features.sampleRate)
    case .sphinx: 0.01
    }
  }

  /// What a report says, such as `40 mel filters at 8000 Hz`.
  public var summary: String {
    switch source {
    case .sound(let features):
      switch features.kind {
      case .logMel: "\(features.melCount) mel filters at \(features.sampleRate) Hz"
      case .mfcc(let count): "\(count) cepstral coefficients at \(features.sampleRate) Hz"
      }
    case .sphinx(let width, _): "\(width) ready features"
    }
  }

  /// What is wrong with the numbers, which a file may hold; nil where rows can be made by them.
  public var fault: String? {
    switch source {
    case .sound(let features): features.fault
    case .sphinx(let width, let deltas):
      (1...4096).contains(width) && (0...2).contains(deltas) ? nil : "sizes are out of bounds"
    }
  }

  /// The rows of a file, and what was mended in reading it.
  ///
  /// - Parameter longest: How long it may be, in seconds.
  /// - Throws: What ``Recording/init(contentsOf:ffmpeg:)`` and ``SphinxFeatures/frames(contentsOf:width:)`` throw;
  ///   `wrongFormat` where the other of the two is expected; `unsupportedContent` where it is too long; `tooFewRows`
  ///   where it is shorter than a frame; `infiniteValue` where its samples are beyond all bounds.
  public func frames(
    _ path: String, longest: Double = .infinity
  ) throws(DataError) -> (frames: FeatureFrames, notes: [String]) {
    var notes: [String] = []
    let frames: FeatureFrames
    switch source {
    case .sound(let features):
      guard !Self.isReady(path) else {
        throw DataError(.wrongFormat, file: path, "these are ready features, and recordings are expected")
      }
      // What reading takes is given back: only the features stay.
      let budget = MemoryBudget(MemoryBudget.current.left)
      let recording = try budget.run {
        Result { () throws(DataError) in
          try Recording(contentsOf: path) { seconds throws(DataError) in
            try Self.check(seconds, atMost: longest, path)
          }
        }
      }.get()
      notes = recording.notes
      try Self.check(recording.seconds, atMost: longest, path)
      do throws(DataError) {
        let count = recording.count.multipliedFullWidth(by: features.sampleRate)
        let samples = recording.sampleRate.dividingFullWidth(count).quotient + 1
        try budget.take(4 * samples, for: "the recording at \(features.sampleRate) Hz")
        try MemoryBudget.current.take(
          shape: [features.frameCount(samples), features.width], for: "the features")
      } catch {
        throw error.inFile(path)
      }
      frames = features(recording)
    case .sphinx(let width, let deltas):
      guard Self.isReady(path) else {
        throw DataError(.wrongFormat, file: path, "files of ready features (.mfc) are expected, as in training")
      }
      frames = try SphinxFeatures.frames(contentsOf: path, width: width).withDeltas(deltas)
      try Self.check(Double(frames.count) * period, atMost: longest, path)
      try MemoryBudget.current.take(frames.values.count * 4, for: "the features")
    }
    guard frames.count > 0 else {
      throw DataError(.tooFewRows, file: path, "the recording is shorter than a frame", remedy: "leave it out")
    }
    guard frames.values.allSatisfy(\.isFinite) else {
      throw DataError(
        .infiniteValue, file: path, "its samples are so great that their power is no number",
        remedy: "export the recording again, with samples from −1 to 1")
    }
    return (frames, notes)
  }

  private static func check(_ seconds: Double, atMost longest: Double, _ path: String) throws(DataError) {
    guard seconds > longest else { return }
    throw DataError(
      .unsupportedContent, file: path,
      "the recording lasts \(Int(seconds)) seconds, and at most \(Int(longest)) are taken at once",
      remedy: "cut it into parts")
  }
}
