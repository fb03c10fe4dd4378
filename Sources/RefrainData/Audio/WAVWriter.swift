extension Recording {
  /// How samples are written.
  public enum WAVEncoding: Sendable, CaseIterable {
    /// Whole numbers of 8, 16, 24 or 32 bits; samples beyond −1 … 1 are cut off.
    case pcm8, pcm16, pcm24, pcm32
    /// Floats of 32 or 64 bits.
    case float32, float64
    /// The telephone's eight bits.
    case aLaw, muLaw

    fileprivate var bits: Int {
      switch self {
      case .pcm8, .aLaw, .muLaw: 8
      case .pcm16: 16
      case .pcm24: 24
      case .pcm32, .float32: 32
      case .float64: 64
      }
    }

    fileprivate var tag: UInt16 {
      switch self {
      case .pcm8, .pcm16, .pcm24, .pcm32: 1
      case .float32, .float64: 3
      case .aLaw: 6
      case .muLaw: 7
      }
    }
  }

  /// Writes a WAV file, whole or not at all.
  ///
  /// - Throws: What ``writeAtomically(_:to:)`` throws; `unwritableFile` beyond 4 GB, which a WAV file cannot have.
  public func write(to path: String, as encoding: WAVEncoding = .pcm16) throws(DataError) {
    do throws(DataError) {
      try writeAtomically(wav(encoding), to: path)
    } catch {
      throw error.inFile(path)
    }
  }

  /// The bytes of a WAV file.
  ///
  /// - Throws: `unwritableFile` beyond 4 GB.
  public func wav(_ encoding: WAVEncoding = .pcm16) throws(DataError) -> [UInt8] {
    let frame = channels.count * encoding.bits / 8
    let size = count * frame
    guard size < 1 << 32 - 64, channels.count < 1 << 16 else {
      throw DataError(.unwritableFile, "a WAV file cannot hold \(memoryText(size))", remedy: "cut the recording")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size + 44)
    bytes += Array("RIFF".utf8)
    bytes.append(littleEndian: UInt32(36 + size + size % 2))
    bytes += Array("WAVEfmt ".utf8)
    bytes.append(littleEndian: UInt32(16))
    bytes.append(littleEndian: encoding.tag)
    bytes.append(littleEndian: UInt16(channels.count))
    bytes.append(littleEndian: UInt32(sampleRate))
    bytes.append(littleEndian: UInt32(truncatingIfNeeded: sampleRate * frame))
    bytes.append(littleEndian: UInt16(truncatingIfNeeded: frame))
    bytes.append(littleEndian: UInt16(encoding.bits))
    bytes += Array("data".utf8)
    bytes.append(littleEndian: UInt32(size))
    for index in 0..<count {
      for channel in channels { Self.append(channel[index], as: encoding, to: &bytes) }
    }
    if size % 2 == 1 { bytes.append(0) }
    return bytes
  }

  private static func append(_ sample: Float, as encoding: WAVEncoding, to bytes: inout [UInt8]) {
    /// The whole number of so many bits.
    func whole(_ bits: Int) -> Int {
      let scale = Double(1 << (bits - 1))
      let value = sample.isNaN ? 0 : Double(sample) * scale
      return Int(min(max(value.rounded(), -scale), scale - 1))
    }
    switch encoding {
    case .pcm8: bytes.append(UInt8(whole(8) + 128))
    case .pcm16: bytes.append(littleEndian: Int16(whole(16)))
    case .pcm24:
      let value = UInt32(truncatingIfNeeded: whole(24))
      for shift in [UInt32(0), 8, 16] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    case .pcm32: bytes.append(littleEndian: Int32(whole(32)))
    case .float32: bytes.append(littleEndian: sample.bitPattern)
    case .float64: bytes.append(littleEndian: Double(sample).bitPattern)
    case .aLaw: bytes.append(Companding.byte(sample, Companding.aLaw))
    case .muLaw: bytes.append(Companding.byte(sample, Companding.muLaw))
    }
  }
}
