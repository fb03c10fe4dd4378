extension Clip {
  /// The bytes of an animated GIF that begins anew when it ends. Gray has all its 256 steps; of red, green and blue the
  /// nearest of 6, 7 and 6 are taken.
  ///
  /// - Parameter rate: Frames a second, where the clip does not say it: 10.
  public func gif(rate: Double? = nil) throws(DataError) -> [UInt8] {
    guard rows < 1 << 16, columns < 1 << 16 else {
      throw DataError(.unsupportedContent, "a GIF has at most 65535 rows and columns", remedy: "write .npy")
    }
    var bytes = Array("GIF89a".utf8)
    bytes.append(littleEndian: UInt16(columns))
    bytes.append(littleEndian: UInt16(rows))
    bytes += [0xF7, 0, 0] + palette
    // Begin anew, for ever.
    bytes += [0x21, 0xFF, 11] + Array("NETSCAPE2.0".utf8) + [3, 1, 0, 0, 0]
    let delay = max(1, min(65_535, (100 / (rate ?? self.rate ?? 10)).rounded()))
    for number in 0..<count {
      bytes += [0x21, 0xF9, 4, 4]
      bytes.append(littleEndian: UInt16(delay))
      bytes += [0, 0, 0x2C, 0, 0, 0, 0]
      bytes.append(littleEndian: UInt16(columns))
      bytes.append(littleEndian: UInt16(rows))
      bytes.append(0)
      bytes += LZW.pack(indices(number), bits: 8)
    }
    return bytes + [0x3B]
  }

  private var palette: [UInt8] {
    if channels == 1 { return (0...255).flatMap { [UInt8($0), UInt8($0), UInt8($0)] } }
    var colors: [UInt8] = []
    for red in 0..<6 {
      for green in 0..<7 {
        for blue in 0..<6 { colors += [red * 255 / 5, green * 255 / 6, blue * 255 / 5].map { UInt8($0) } }
      }
    }
    return colors + [UInt8](repeating: 0, count: 768 - colors.count)
  }

  /// The colors of a frame, by their places in the palette.
  private func indices(_ number: Int) -> [UInt8] {
    let frame = frame(number)
    if channels == 1 { return Array(frame) }
    return stride(from: frame.startIndex, to: frame.endIndex, by: 3).map { place in
      let (red, green, blue) = (Int(frame[place]), Int(frame[place + 1]), Int(frame[place + 2]))
      return UInt8(((red * 5 + 127) / 255 * 7 + (green * 6 + 127) / 255) * 6 + (blue * 5 + 127) / 255)
    }
  }
}
