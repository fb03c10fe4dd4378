/// Reads GIF, 87a and 89a, also animated (CompuServe, Graphics Interchange Format, Version 89a).
struct GIFReader {
  /// Whether bytes begin as a GIF does.
  static func isGIF(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: Array("GIF87a".utf8)) || bytes.starts(with: Array("GIF89a".utf8))
  }

  private let bytes: [UInt8]
  private var position = 6
  private var width = 0
  private var height = 0
  /// Red, green and blue of each place.
  private var canvas: [UInt8] = []
  private var frames: [UInt8] = []
  private var delays: [Int] = []
  private var palette: [UInt8] = []
  // Of the next image.
  private var delay = 0
  private var transparent: UInt8?
  private var disposal = 0

  /// The frames as they are shown, one after another, with red, green and blue; their rate is one over the mean time
  /// that they are shown for.
  ///
  /// - Throws: `damagedFile`, `missingValue` where there is no frame, `overMemoryBudget`.
  static func clip(_ bytes: [UInt8]) throws(DataError) -> Clip {
    var reader = GIFReader(bytes: bytes)
    return try reader.read()
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func byte() throws(DataError) -> Int {
    guard position < bytes.count else { throw Self.damaged("it is cut off") }
    defer { position += 1 }
    return Int(bytes[position])
  }

  private mutating func word() throws(DataError) -> Int { try byte() + 256 * byte() }

  private mutating func colors(_ flags: Int) throws(DataError) -> [UInt8] {
    let size = 3 << (flags & 7 + 1)
    guard position + size <= bytes.count else { throw Self.damaged("it is cut off") }
    defer { position += size }
    return Array(bytes[position..<position + size])
  }

  private mutating func read() throws(DataError) -> Clip {
    (width, height) = (try word(), try word())
    guard (1...FrameFormat.mostPlaces).contains(width), (1...FrameFormat.mostPlaces).contains(height) else {
      throw Self.damaged("its size is \(width) × \(height)")
    }
    let flags = try byte()
    position += 2
    if flags & 0x80 != 0 { palette = try colors(flags) }
    try MemoryBudget.current.take(shape: [height, width, 3], elementSize: 1, for: "a frame")
    canvas = [UInt8](repeating: 0, count: width * height * 3)
    var notes: [String] = []
    loop: while true {
      do throws(DataError) {
        switch try byte() {
        case 0x21: try readExtension()
        case 0x2C: try readImage()
        case 0x3B: break loop
        default: throw Self.damaged("there is no block at byte \(position - 1)")
        }
      } catch {
        // What was whole before stays.
        guard error.code == .damagedFile, !delays.isEmpty else { throw error }
        notes.append("the file breaks off after \(delays.count) frames")
        break
      }
    }
    guard !delays.isEmpty else { throw DataError(.missingValue, "the clip has no frames", remedy: "leave it out") }
    let mean = Double(delays.reduce(0, +)) / Double(delays.count)
    return Clip(
      values: frames, rows: height, columns: width, channels: 3, rate: mean > 0 && delays.count > 1 ? 100 / mean : nil,
      notes: notes)
  }

  private mutating func readExtension() throws(DataError) {
    if try byte() == 0xF9, position + 5 < bytes.count, bytes[position] == 4 {
      let flags = Int(bytes[position + 1])
      disposal = flags >> 2 & 7
      delay = Int(bytes[position + 2]) + 256 * Int(bytes[position + 3])
      transparent = flags & 1 != 0 ? bytes[position + 4] : nil
    }
    while case let size = try byte(), size > 0 { position += size }
  }

  private mutating func readImage() throws(DataError) {
    let (left, top, columns, rows) = (try word(), try word(), try word(), try word())
    let flags = try byte()
    let colors = flags & 0x80 != 0 ? try self.colors(flags) : palette
    guard !colors.isEmpty else { throw Self.damaged("an image has no colors") }
    guard left + columns <= width, top + rows <= height else {
      throw Self.damaged("an image lies outside of the frame")
    }
    let indices = try LZW.unpack(bytes, &position, count: columns * rows)
    try MemoryBudget.current.take(canvas.count, for: "the frames")
    let before = disposal == 3 ? canvas : []
    let order = flags & 0x40 != 0 ? Self.interlaced(rows) : Array(0..<rows)
    for (line, row) in order.enumerated() {
      for column in 0..<columns {
        let index = indices[line * columns + column]
        guard index != transparent else { continue }
        guard 3 * Int(index) < colors.count else { throw Self.damaged("a place has a color that is not there") }
        let place = ((top + row) * width + left + column) * 3
        for channel in 0..<3 { canvas[place + channel] = colors[3 * Int(index) + channel] }
      }
    }
    frames += canvas
    delays.append(delay)
    if disposal == 2 {
      for row in top..<top + rows {
        for place in (row * width + left) * 3..<(row * width + left + columns) * 3 { canvas[place] = 0 }
      }
    } else if disposal == 3 {
      canvas = before
    }
    (delay, transparent, disposal) = (0, nil, 0)
  }

  /// The rows in the order in which an interlaced image has them.
  private static func interlaced(_ rows: Int) -> [Int] {
    [(0, 8), (4, 8), (2, 4), (1, 2)].flatMap { start, step in Array(stride(from: start, to: rows, by: step)) }
  }

  fileprivate static func damaged(_ problem: String) -> DataError {
    DataError(.damagedFile, "the GIF is damaged: \(problem)", remedy: "save it again")
  }
}

/// The packing of GIF: codes of 3 to 12 bits that stand for sequences seen before (Welch 1984).
enum LZW {
  /// Unpacks `count` values from blocks, each with its size before it, and goes to their end.
  static func unpack(_ bytes: [UInt8], _ position: inout Int, count: Int) throws(DataError) -> [UInt8] {
    func damaged() -> DataError { GIFReader.damaged("its packed values are wrong") }
    guard position < bytes.count, case let bits = Int(bytes[position]), (1...8).contains(bits) else { throw damaged() }
    position += 1
    try MemoryBudget.current.take(count, for: "a frame")
    var result: [UInt8] = []
    result.reserveCapacity(count)
    let (clear, end) = (1 << bits, 1 << bits + 1)
    var prefixes = [Int](repeating: 0, count: 4096)
    var suffixes = [UInt8](repeating: 0, count: 4096)
    for code in 0..<clear { suffixes[code] = UInt8(code) }
    var (next, width, previous, first) = (clear + 2, bits + 1, -1, UInt8(0))
    var (buffer, available, left) = (0, 0, 0)
    var stack: [UInt8] = []
    while true {
      while available < width {
        if left == 0 {
          guard position < bytes.count else { throw damaged() }
          left = Int(bytes[position])
          position += 1
          if left == 0 {
            // It ends without the code that says so.
            guard result.count == count else { throw damaged() }
            return result
          }
        }
        guard position < bytes.count else { throw damaged() }
        buffer |= Int(bytes[position]) << available
        available += 8
        position += 1
        left -= 1
      }
      let code = buffer & (1 << width - 1)
      buffer >>= width
      available -= width
      if code == clear {
        (next, width, previous) = (clear + 2, bits + 1, -1)
        continue
      }
      if code == end { break }
      guard code < next || code == next && previous >= 0 else { throw damaged() }
      stack.removeAll(keepingCapacity: true)
      var current = code
      if code == next {
        stack.append(first)
        current = previous
      }
      while current >= clear + 2 {
        stack.append(suffixes[current])
        current = prefixes[current]
      }
      guard current < clear else { throw damaged() }
      first = suffixes[current]
      stack.append(first)
      guard result.count + stack.count <= count else { throw damaged() }
      result.append(contentsOf: stack.reversed())
      if previous >= 0, next < 4096 {
        prefixes[next] = previous
        suffixes[next] = first
        next += 1
        if next == 1 << width, width < 12 { width += 1 }
      }
      previous = code
    }
    guard result.count == count else { throw damaged() }
    position += left
    while position < bytes.count, case let size = Int(bytes[position]) {
      position += 1
      if size == 0 { break }
      position += size
    }
    return result
  }

  /// Packs values of up to `bits` bits, with all that stands around them.
  static func pack(_ values: some Collection<UInt8>, bits: Int) -> [UInt8] {
    var packed: [UInt8] = []
    let (clear, end) = (1 << bits, 1 << bits + 1)
    var codes: [Int: Int] = [:]
    var (next, width, buffer, available) = (clear + 2, bits + 1, 0, 0)
    func put(_ code: Int) {
      buffer |= code << available
      available += width
      while available >= 8 {
        packed.append(UInt8(truncatingIfNeeded: buffer))
        buffer >>= 8
        available -= 8
      }
    }
    put(clear)
    var current = -1
    for value in values {
      guard current >= 0 else {
        current = Int(value)
        continue
      }
      let key = current << 8 | Int(value)
      if let code = codes[key] {
        current = code
        continue
      }
      put(current)
      if next < 4096 {
        codes[key] = next
        if next == 1 << width { width += 1 }
        next += 1
      } else {
        put(clear)
        codes.removeAll(keepingCapacity: true)
        (next, width) = (clear + 2, bits + 1)
      }
      current = Int(value)
    }
    if current >= 0 { put(current) }
    put(end)
    if available > 0 { packed.append(UInt8(truncatingIfNeeded: buffer)) }
    var result = [UInt8(bits)]
    for start in stride(from: 0, to: packed.count, by: 255) {
      let block = packed[start..<min(start + 255, packed.count)]
      result.append(UInt8(block.count))
      result += block
    }
    return result + [0]
  }
}
