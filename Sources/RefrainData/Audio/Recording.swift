import RefrainFoundation

/// A recording: samples of one or more channels, from −1 to 1, at a rate.
///
///     let recording = try Recording(contentsOf: "speech.wav")
///     let samples = recording.mono.resampled(from: recording.sampleRate, to: 16_000)
///
/// WAV files are read in Swift; all others (mp3, flac, ogg, m4a, …) by the program `ffmpeg` where it is installed.
public struct Recording: Sendable, Equatable {
  /// The samples of each channel, all of one length.
  public var channels: [[Float]]
  /// Samples a second, at least 1.
  public var sampleRate: Int
  /// What was mended or assumed in reading it, a line each; empty for a file without faults.
  public var notes: [String]

  /// A recording of channels of one length.
  public init(channels: [[Float]], sampleRate: Int, notes: [String] = []) {
    precondition(sampleRate > 0, "a recording has at least one sample a second")
    precondition(Set(channels.map(\.count)).count <= 1, "the channels of a recording differ in length")
    self.channels = channels
    self.sampleRate = sampleRate
    self.notes = notes
  }

  /// A recording of one channel.
  public init(_ samples: [Float], sampleRate: Int) { self.init(channels: [samples], sampleRate: sampleRate) }

  /// The number of samples of a channel.
  public var count: Int { channels.first?.count ?? 0 }
  /// How long it is, in seconds.
  public var seconds: Double { Double(count) / Double(sampleRate) }

  /// The mean of all channels.
  public var mono: [Float] {
    guard channels.count > 1, let first = channels.first else { return channels.first ?? [] }
    var sum = first
    for channel in channels.dropFirst() {
      for index in sum.indices { sum[index] += channel[index] }
    }
    let factor = 1 / Float(channels.count)
    for index in sum.indices { sum[index] *= factor }
    return sum
  }

  /// Reads a sound file.
  ///
  /// - Parameter ffmpeg: The program that reads what is no WAV file; nil looks for it where programs are found
  ///   (`PATH`).
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`; `emptyFile`; `wrongFormat` for what is no sound;
  ///   `unsupportedContent` where `ffmpeg` is needed and not there; `damagedFile`; `missingValue` where it has no
  ///   samples at all; `infiniteValue` for a sample that is no finite number; `overMemoryBudget`.
  public init(contentsOf path: String, ffmpeg: String? = nil) throws(DataError) {
    try self.init(contentsOf: path, ffmpeg: ffmpeg) { _ throws(DataError) in }
  }

  /// Reads a sound file.
  ///
  /// - Parameter check: Is asked whether it may last so many seconds before all of it is read, where its first bytes
  ///   tell how long it is.
  init(
    contentsOf path: String, ffmpeg: String? = nil, check: (_ seconds: Double) throws(DataError) -> Void
  ) throws(DataError) {
    let file = try OpenFile(path)
    if file.isRegular, file.size >= 12 {
      let head = try file.read(0..<min(file.size, 4096))
      guard WAVReader.isWAV(head) else {
        self = try FFmpeg(path: ffmpeg).recording(path)
        return
      }
      if let seconds = WAVReader.seconds(head: head, fileSize: file.size) { try check(seconds) }
    }
    let bytes = try file.readAll()
    guard !bytes.isEmpty else {
      throw DataError(.emptyFile, file: path, "the file is empty", remedy: "record it again or leave it out")
    }
    guard WAVReader.isWAV(bytes) else {
      self = try FFmpeg(path: ffmpeg).recording(path)
      return
    }
    try self.init(wav: bytes, file: path)
  }

  /// Reads the bytes of a WAV file.
  ///
  /// - Throws: `wrongFormat`, `damagedFile`, `unsupportedContent`, `missingValue`, `infiniteValue`, `overMemoryBudget`.
  public init(wav bytes: [UInt8], file: String? = nil) throws(DataError) {
    do throws(DataError) {
      let reader = try WAVReader(bytes)
      self.init(channels: try reader.samples(), sampleRate: reader.sampleRate, notes: reader.notes)
    } catch {
      throw error.inFile(file)
    }
  }

  /// Makes sure that there is sound, and nothing that is no number.
  func checked() throws(DataError) -> Recording {
    guard count > 0 else {
      throw DataError(.missingValue, "the recording has no samples", remedy: "record it again or leave it out")
    }
    for channel in channels {
      guard let place = channel.firstIndex(where: { !$0.isFinite }) else { continue }
      throw DataError(
        .infiniteValue, "sample \(place) is \(channel[place]), and no finite number",
        remedy: "export the recording again")
    }
    return self
  }
}
