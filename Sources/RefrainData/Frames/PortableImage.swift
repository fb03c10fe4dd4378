/// Images of Netpbm: PGM and PPM, binary and of 8 bits. `ffmpeg` hands frames over as a row of them.
enum PortableImage {
  /// Whether bytes begin as such an image does.
  static func isImage(_ bytes: [UInt8]) -> Bool {
    bytes.count > 2 && bytes[0] == UInt8(ascii: "P") && (bytes[1] == 0x35 || bytes[1] == 0x36)
      && [0x20, 0x09, 0x0A, 0x0D].contains(bytes[2])
  }

  /// The images in some bytes, which have one size.
  ///
  /// - Throws: `damagedFile`, `unsupportedContent`, `wrongInput` where sizes differ.
  static func clip(_ bytes: [UInt8]) throws(DataError) -> Clip {
    var (position, values): (Int, [UInt8]) = (0, [])
    var first: Header?
    while position < bytes.count {
      let header = try Header(bytes, &position)
      if let first, first != header {
        throw DataError(.wrongInput, "its frames differ in size", remedy: "say which size to bring them to")
      }
      first = header
      guard bytes.count - position >= header.size else {
        throw damaged("frame \(values.count / header.size + 1) is cut off")
      }
      values += bytes[position..<position + header.size]
      position += header.size
    }
    guard let first else { throw DataError(.missingValue, "the clip has no frames", remedy: "leave it out") }
    return Clip(values: values, rows: first.rows, columns: first.columns, channels: first.channels)
  }

  /// The bytes of a frame of a clip.
  static func bytes(_ clip: Clip, frame: Int) -> [UInt8] {
    Array("P\(clip.channels == 1 ? 5 : 6)\n\(clip.columns) \(clip.rows)\n255\n".utf8) + clip.frame(frame)
  }

  private struct Header: Equatable {
    var rows: Int
    var columns: Int
    var channels: Int
    var size: Int { rows * columns * channels }

    init(_ bytes: [UInt8], _ position: inout Int) throws(DataError) {
      guard bytes.count - position > 2, bytes[position] == UInt8(ascii: "P"),
        [0x35, 0x36].contains(bytes[position + 1])
      else { throw PortableImage.damaged("there is no frame at byte \(position)") }
      channels = bytes[position + 1] == 0x35 ? 1 : 3
      position += 2
      var numbers: [Int] = []
      while numbers.count < 3 {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
        if position < bytes.count, bytes[position] == UInt8(ascii: "#") {
          while position < bytes.count, bytes[position] != 0x0A { position += 1 }
          continue
        }
        let digits = bytes[position...].prefix(6).prefix { 0x30...0x39 ~= $0 }
        guard let number = Int(String(decoding: digits, as: UTF8.self)), number > 0 else {
          throw PortableImage.damaged("its header is wrong")
        }
        numbers.append(number)
        position = digits.endIndex
      }
      guard position < bytes.count else { throw PortableImage.damaged("it is cut off") }
      position += 1
      (columns, rows) = (numbers[0], numbers[1])
      guard max(rows, columns) <= FrameFormat.mostPlaces else {
        throw PortableImage.damaged("its size is \(columns) × \(rows)")
      }
      guard numbers[2] == 255 else {
        throw DataError(
          .unsupportedContent, "its values go up to \(numbers[2]), and 255 is expected", remedy: "save it with 8 bits")
      }
    }
  }

  private static func damaged(_ problem: String) -> DataError {
    DataError(.damagedFile, "the image is damaged: \(problem)", remedy: "save it again")
  }
}
