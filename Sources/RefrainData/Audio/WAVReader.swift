/// The contents of a WAV file: RIFF, RF64 or big-endian RIFX, with samples of PCM in 8, 16, 24 or 32 bits, floats in 32
/// or 64, A-law or µ-law, in the plain or the extensible format.
///
/// Files that were cut off while they were written are read as far as they go, and ``notes`` say so; what contradicts
/// itself so that the samples cannot be told is refused.
struct WAVReader {
  /// How samples are written.
  enum Encoding: Equatable {
    case unsigned8
    /// Whole numbers in so many bytes.
    case integer(bytes: Int)
    case float32
    case float64
    case aLaw
    case muLaw

    var size: Int {
      switch self {
      case .unsigned8, .aLaw, .muLaw: 1
      case .integer(let bytes): bytes
      case .float32: 4
      case .float64: 8
      }
    }
  }

  let sampleRate: Int
  private(set) var notes: [String] = []
  private let bytes: [UInt8]
  private let isBigEndian: Bool
  private let encoding: Encoding
  private let channelCount: Int
  private let data: Range<Int>
  /// The bytes of sound that the header tells of; the greatest number where it does not say it.
  private var toldSize = 0

  /// Whether bytes begin as a WAV file does.
  static func isWAV(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 12 && ["RIFF", "RIFX", "RF64"].contains(text(bytes, 0)) && text(bytes, 8) == "WAVE"
  }

  private static func text(_ bytes: [UInt8], _ position: Int) -> String {
    String(decoding: bytes[position..<position + 4], as: UTF8.self)
  }

  /// Reads the chunks.
  init(_ bytes: [UInt8]) throws(DataError) {
    guard Self.isWAV(bytes) else {
      throw DataError(.wrongFormat, "this is no WAV file", remedy: "name a sound file")
    }
    self.bytes = bytes
    isBigEndian = Self.text(bytes, 0) == "RIFX"
    let (isBigEndian, isLong) = (isBigEndian, Self.text(bytes, 0) == "RF64")
    func number(_ position: Int, bytes count: Int) -> Int {
      let part = bytes[position..<position + count]
      return (isBigEndian ? Array(part) : part.reversed()).reduce(0) { $0 << 8 | Int($1) }
    }
    var format: (position: Int, size: Int)?
    var longSize: Int?
    var data: Range<Int>?
    var position = 12
    while position + 8 <= bytes.count {
      let (name, start) = (Self.text(bytes, position), position + 8)
      var size = number(position + 4, bytes: 4)
      switch name {
      case "fmt ":
        guard format == nil else { break }
        guard size >= 14, start + size <= bytes.count else {
          throw DataError(
            .damagedFile, "the header says of the format that it has \(size) bytes, of \(bytes.count - start)",
            remedy: "export the recording again")
        }
        format = (start, size)
      case "ds64" where isLong && size >= 24 && start + 24 <= bytes.count:
        longSize = Int(clamping: UInt64(bytes.littleEndian(at: start + 8, as: UInt64.self) ?? 0))
      case "data" where data == nil:
        if isLong, size == 0xFFFF_FFFF, let longSize { size = longSize }
        let left = bytes.count - start
        toldSize = size
        // Programs that write to a pipe do not know how much there will be, and say 0 or the greatest number there is.
        let isOpen = size == 0 && left > 0 && format != nil || size >= 0x7FFF_F000 && size > left
        if isOpen {
          if left > 0 { notes.append("the header does not say how long the recording is; all of the file is read") }
          (toldSize, size) = (.max, left)
        } else if size > left {
          notes.append("the file breaks off: \(left) bytes of sound are there, of \(size)")
          size = left
        }
        data = start..<start + size
      default: break
      }
      // Chunks begin at even places.
      let (end, overflows) = start.addingReportingOverflow(size + size % 2)
      guard !overflows else { break }
      position = end
    }
    guard let format else {
      throw DataError(
        .damagedFile, "the header does not say how the sound is written: there is no part 'fmt '",
        remedy: "export the recording again")
    }
    guard let data else {
      throw DataError(
        .damagedFile, "there is no part 'data', and so no sound", remedy: "export the recording again")
    }
    var tag = number(format.position, bytes: 2)
    let bits = format.size >= 16 ? number(format.position + 14, bytes: 2) : 8
    if tag == 0xFFFE, format.size >= 26 { tag = number(format.position + 24, bytes: 2) }
    encoding = try Self.encoding(tag: tag, bits: bits)
    channelCount = number(format.position + 2, bytes: 2)
    sampleRate = number(format.position + 4, bytes: 4)
    guard channelCount > 0 else {
      throw DataError(.damagedFile, "the header says that there are 0 channels", remedy: "export the recording again")
    }
    guard sampleRate > 0, sampleRate <= 1 << 20 else {
      throw DataError(
        .damagedFile, "the header says that there are \(sampleRate) samples a second",
        remedy: "export the recording with the right sample rate")
    }
    let frame = channelCount * encoding.size
    let rest = data.count % frame
    if rest > 0 { notes.append("\(rest) bytes at the end are no whole sample, and are left out") }
    self.data = data.lowerBound..<data.upperBound - rest
    let size = number(format.position + 12, bytes: 2)
    // Two numbers that agree are no mistake in one of them: the samples lie otherwise than their bits say.
    if size != frame, size > 0, number(format.position + 8, bytes: 4) == size * sampleRate {
      throw DataError(
        .damagedFile,
        "the header says that a sample of all channels has \(size) bytes, and by its \(bits) bits it has "
          + "\(frame)", remedy: "export the recording again")
    }
    if size != frame {
      notes.append("the header is wrong about the size of a sample, which is \(frame) bytes")
    }
  }

  /// How many seconds a file lasts by its first bytes; nil where they do not tell it.
  static func seconds(head: [UInt8], fileSize: Int) -> Double? {
    guard let reader = try? WAVReader(head) else { return nil }
    let size = min(reader.toldSize, fileSize - reader.data.lowerBound)
    return Double(size) / Double(reader.channelCount * reader.encoding.size) / Double(reader.sampleRate)
  }

  private static func encoding(tag: Int, bits: Int) throws(DataError) -> Encoding {
    switch (tag, bits) {
    case (1, 8): return .unsigned8
    // Twelve bits stand in the upper part of sixteen, and so on.
    case (1, 9...32): return .integer(bytes: (bits + 7) / 8)
    case (3, 32): return .float32
    case (3, 64): return .float64
    case (6, 8): return .aLaw
    case (7, 8): return .muLaw
    case (1, _), (3, _), (6, _), (7, _):
      throw DataError(
        .damagedFile, "the header says that a sample has \(bits) bits, which its format \(tag) has not",
        remedy: "export the recording again")
    default:
      throw DataError(
        .unsupportedContent, "the sound is compressed by the method \(tag), which is not read",
        remedy: "save it as PCM, such as by 'ffmpeg -i in.wav out.wav'")
    }
  }

  /// The samples of each channel.
  func samples() throws(DataError) -> [[Float]] {
    let count = data.count / (channelCount * encoding.size)
    guard count > 0 else {
      throw DataError(.missingValue, "the recording has no samples", remedy: "record it again or leave it out")
    }
    try MemoryBudget.current.take(shape: [channelCount, count], for: "the recording")
    let (size, frame) = (encoding.size, channelCount * encoding.size)
    var channels: [[Float]] = []
    for channel in 0..<channelCount {
      let samples = [Float](unsafeUninitializedCapacity: count) { target, filled in
        bytes.withUnsafeBufferPointer { bytes in
          read(bytes.baseAddress! + data.lowerBound + channel * size, frame, count, into: target.baseAddress!)
        }
        filled = count
      }
      guard encoding != .float32 && encoding != .float64 || samples.allSatisfy(\.isFinite) else {
        let place = samples.firstIndex { !$0.isFinite } ?? 0
        throw DataError(
          .infiniteValue, "sample \(place) is \(samples[place]), and no finite number",
          remedy: "export the recording again")
      }
      channels.append(samples)
    }
    return channels
  }

  private func read(
    _ source: UnsafePointer<UInt8>, _ step: Int, _ count: Int, into target: UnsafeMutablePointer<Float>
  ) {
    switch encoding {
    case .unsigned8: for index in 0..<count { target[index] = (Float(source[index * step]) - 128) / 128 }
    case .aLaw: for index in 0..<count { target[index] = Companding.aLaw[Int(source[index * step])] }
    case .muLaw: for index in 0..<count { target[index] = Companding.muLaw[Int(source[index * step])] }
    case .integer(let size):
      // The bytes go to the top of 32 bits, so that the sign is right.
      for index in 0..<count {
        let place = source + index * step
        var value: UInt32 = 0
        for byte in 0..<size {
          let shift = UInt32(8 * (isBigEndian ? 3 - byte : 4 - size + byte))
          value |= UInt32(place[byte]) << shift
        }
        target[index] = Float(Int32(bitPattern: value)) * 0x1p-31
      }
    case .float32:
      for index in 0..<count {
        let value = UnsafeRawPointer(source + index * step).loadUnaligned(as: UInt32.self)
        target[index] = Float(bitPattern: isBigEndian ? value.bigEndian : value.littleEndian)
      }
    case .float64:
      for index in 0..<count {
        let value = UnsafeRawPointer(source + index * step).loadUnaligned(as: UInt64.self)
        target[index] = Float(Double(bitPattern: isBigEndian ? value.bigEndian : value.littleEndian))
      }
    }
  }
}
