import CZlib

/// PNG images (W3C, Portable Network Graphics, third edition): all are written with 8 bits; read are those that are
/// not interlaced, of 16 bits the upper 8.
enum PNG {
  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Whether bytes begin as a PNG does.
  static func isPNG(_ bytes: [UInt8]) -> Bool { bytes.starts(with: signature) }

  // MARK: - Writing

  /// The bytes of a frame of a clip.
  static func bytes(_ clip: Clip, frame: Int) -> [UInt8] {
    let width = clip.columns * clip.channels
    let values = clip.frame(frame)
    var lines: [UInt8] = []
    lines.reserveCapacity(clip.rows * (width + 1))
    for row in 0..<clip.rows {
      lines.append(0)
      lines += values[values.startIndex + row * width..<values.startIndex + (row + 1) * width]
    }
    var packed = [UInt8](repeating: 0, count: Int(compressBound(uLong(lines.count))))
    var size = uLongf(packed.count)
    _ = compress2(&packed, &size, lines, uLong(lines.count), 6)
    let header =
      bigEndian(clip.columns) + bigEndian(clip.rows) + [8, clip.channels == 1 ? 0 : 2, 0, 0, 0]
    return signature + chunk("IHDR", header) + chunk("IDAT", Array(packed.prefix(Int(size)))) + chunk("IEND", [])
  }

  private static func bigEndian(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(name.utf8) + data
    return bigEndian(data.count) + body + bigEndian(Int(crc32(0, body, uInt(body.count))))
  }

  // MARK: - Reading

  /// The image of a file; nil of one that is interlaced, which is not read here.
  ///
  /// - Throws: `damagedFile`, `overMemoryBudget`.
  static func clip(_ bytes: [UInt8]) throws(DataError) -> Clip? {
    var position = signature.count
    var (header, palette, packed): ([UInt8], [UInt8], [UInt8]) = ([], [], [])
    while true {
      guard let size = number(bytes, position), size <= bytes.count - position - 12 else {
        throw damaged("it is cut off")
      }
      let name = String(decoding: bytes[position + 4..<position + 8], as: UTF8.self)
      let data = bytes[position + 8..<position + 8 + size]
      switch name {
      case "IHDR": header = Array(data)
      case "PLTE": palette = Array(data)
      case "IDAT": packed += data
      default: break
      }
      if name == "IEND" { break }
      position += size + 12
    }
    guard header.count == 13, let columns = number(header, 0), let rows = number(header, 4) else {
      throw damaged("it has no header")
    }
    guard header[12] == 0 else { return nil }
    let (bits, kind) = (Int(header[8]), Int(header[9]))
    guard let channels = [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][kind],
      bits == 8 || bits == 16 && kind != 3 || [1, 2, 4].contains(bits) && channels == 1
    else { throw damaged("its form \(kind) has no \(bits) bits") }
    guard (1...FrameFormat.mostPlaces).contains(columns), (1...FrameFormat.mostPlaces).contains(rows) else {
      throw damaged("its size is \(columns) × \(rows)")
    }
    let width = (columns * channels * bits + 7) / 8
    try MemoryBudget.current.take(shape: [rows, width + 1], elementSize: 1, for: "the image")
    var lines = [UInt8](repeating: 0, count: rows * (width + 1))
    var size = uLongf(lines.count)
    guard uncompress(&lines, &size, packed, uLong(packed.count)) == Z_OK, Int(size) == lines.count else {
      throw damaged("its packed values are wrong")
    }
    let filtered = try unfiltered(lines, rows: rows, width: width, distance: max(1, channels * bits / 8))
    // Of a palette the values are places.
    let values = unpacked(filtered, bits: bits, rows: rows, columns: columns, areShades: kind != 3)
    switch kind {
    case 3:
      guard values.allSatisfy({ 3 * Int($0) + 2 < palette.count }) else { throw damaged("a color is not there") }
      let colored = values.flatMap { palette[3 * Int($0)..<3 * Int($0) + 3] }
      return Clip(values: colored, rows: rows, columns: columns, channels: 3)
    case 4, 6:
      // What is transparent is taken as it is.
      let shown = channels - 1
      let opaque = values.indices.lazy.filter { $0 % channels < shown }.map { values[$0] }
      return Clip(values: Array(opaque), rows: rows, columns: columns, channels: shown)
    default: return Clip(values: values, rows: rows, columns: columns, channels: channels)
    }
  }

  private static func number(_ bytes: [UInt8], _ position: Int) -> Int? {
    guard position + 4 <= bytes.count else { return nil }
    return bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
  }

  /// A byte for each value of lines of so many bits a value; of less than 8 there is one value a place.
  private static func unpacked(_ lines: [UInt8], bits: Int, rows: Int, columns: Int, areShades: Bool) -> [UInt8] {
    if bits == 8 { return lines }
    if bits == 16 { return stride(from: 0, to: lines.count, by: 2).map { lines[$0] } }
    let (width, greatest) = (lines.count / rows, 1 << bits - 1)
    let factor = areShades ? 255 / greatest : 1
    var values: [UInt8] = []
    values.reserveCapacity(rows * columns)
    for row in 0..<rows {
      for column in 0..<columns {
        // The first value is in the highest bits.
        let shift = 8 - bits - column * bits % 8
        values.append(UInt8((Int(lines[row * width + column * bits / 8]) >> shift & greatest) * factor))
      }
    }
    return values
  }

  /// The values of lines of which each has a filter before it.
  private static func unfiltered(
    _ lines: [UInt8], rows: Int, width: Int, distance: Int
  ) throws(DataError) -> [UInt8] {
    var values = [UInt8](repeating: 0, count: rows * width)
    for row in 0..<rows {
      let (start, filter) = (row * width, lines[row * (width + 1)])
      guard filter <= 4 else { throw damaged("a line has no filter \(filter)") }
      for column in 0..<width {
        let left = column >= distance ? Int(values[start + column - distance]) : 0
        let above = row > 0 ? Int(values[start + column - width]) : 0
        let corner = row > 0 && column >= distance ? Int(values[start + column - width - distance]) : 0
        let guess: Int
        switch filter {
        case 0: guess = 0
        case 1: guess = left
        case 2: guess = above
        case 3: guess = (left + above) / 2
        default:
          // Paeth's: the neighbor that is nearest to left + above − corner.
          let (a, b, c) = (abs(above - corner), abs(left - corner), abs(left + above - 2 * corner))
          guess = a <= b && a <= c ? left : b <= c ? above : corner
        }
        values[start + column] = lines[row * (width + 1) + 1 + column] &+ UInt8(guess)
      }
    }
    return values
  }

  private static func damaged(_ problem: String) -> DataError {
    DataError(.damagedFile, "the image is damaged: \(problem)", remedy: "save it again")
  }
}
