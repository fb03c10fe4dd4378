import RefrainFoundation

/// Clips in an array: NumPy's or IDX.
///
/// `[rows, columns]` is one frame, `[T, rows, columns]` a clip (of an IDX file: so many images), `[T, rows, columns, 1
/// or 3]` a clip too, `[N, T, rows, columns]` and `[N, T, rows, columns, 1 or 3]` are N clips. Whole numbers are from 0
/// to 255; others from 0 to 1, or if one of them is above 1 from 0 to 255.
struct ClipArray {
  /// N
  let count: Int
  private let values: [UInt8]
  private let frames: Int
  private let rows: Int
  private let columns: Int
  private let channels: Int
  /// Whether it is one clip, and not the first of several.
  private let isSingle: Bool

  /// Whether bytes begin as such an array does.
  static func isArray(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: [0x93] + Array("NUMPY".utf8)) || IDXArray.isIDX(bytes)
  }

  /// A path and the number after its last `#`, unless a file is called so.
  static func parts(of path: String) -> (name: String, number: Int?) {
    guard let mark = path.lastIndex(of: "#"), let number = Int(path[path.index(after: mark)...]), number >= 0,
      access(path, F_OK) != 0
    else { return (path, nil) }
    return (String(path[..<mark]), number)
  }

  /// The array of a file's bytes; nil where they are none.
  ///
  /// - Throws: What reading arrays throws; `invalidTensor` for a shape that is no clip; `infiniteValue`.
  init?(_ bytes: [UInt8]) throws(DataError) {
    guard Self.isArray(bytes) else { return nil }
    if IDXArray.isIDX(bytes) {
      let array = try IDXArray(bytes)
      try self.init(array.values, shape: array.shape, areImages: array.shape.count == 3)
      return
    }
    let array = try NumericArray(npy: bytes)
    try self.init(Self.pixels(array), shape: array.shape, areImages: false)
  }

  private init(_ values: [UInt8], shape: [Int], areImages: Bool) throws(DataError) {
    self.values = values
    let hasColors = shape.count >= 4 && [1, 3].contains(shape[shape.count - 1])
    var sizes = hasColors ? Array(shape.dropLast()) : shape
    channels = hasColors ? shape[shape.count - 1] : 1
    if sizes.count == 2 { sizes = [1] + sizes }
    if areImages { sizes.insert(1, at: 1) }
    isSingle = sizes.count == 3
    if isSingle { sizes = [1] + sizes }
    guard sizes.count == 4, sizes.allSatisfy({ $0 < 1 << 40 }) else {
      throw DataError(
        .invalidTensor, "an array of shape \(shape) is no clip",
        remedy: "save one of shape [frames, rows, columns], or [clips, frames, rows, columns]")
    }
    (count, frames, rows, columns) = (sizes[0], sizes[1], sizes[2], sizes[3])
    guard !values.isEmpty, max(rows, columns) <= FrameFormat.mostPlaces else {
      throw DataError(.missingValue, "an array of shape \(shape) has no frames", remedy: "leave it out")
    }
  }

  /// Values from 0 to 255.
  private static func pixels(_ array: NumericArray) throws(DataError) -> [UInt8] {
    switch array.values {
    case .booleans(let values): return values.map { $0 ? 255 : 0 }
    case .integers(let values):
      guard let odd = values.first(where: { !(0...255).contains($0) }) else { return values.map { UInt8($0) } }
      throw DataError(
        .wrongInput, "a place has the value \(odd), and 0 to 255 are expected", remedy: "scale the values")
    case .floats(let values):
      var greatest: Float = 0
      for value in values {
        guard value.isFinite else {
          throw DataError(.infiniteValue, "a place has the value \(value)", remedy: "save finite numbers")
        }
        guard (-0.001...255.5).contains(value) else {
          throw DataError(
            .wrongInput, "a place has the value \(value), and 0 to 1 or 0 to 255 are expected",
            remedy: "scale the values")
        }
        greatest = max(greatest, value)
      }
      let scale: Float = greatest > 1.001 ? 1 : 255
      return values.map { UInt8(max(0, min(255, ($0 * scale).rounded()))) }
    }
  }

  /// One of the clips; nil is the only one.
  func clip(_ number: Int?) throws(DataError) -> Clip {
    guard number == nil || !isSingle else {
      throw DataError(
        .wrongInput, "this file does not hold several clips", remedy: "leave out '#' and the number")
    }
    guard number.map({ $0 < count }) ?? (count == 1) else {
      throw DataError(
        .wrongInput,
        number.map { "there is no clip \($0): the file holds \(count)" }
          ?? "the file holds \(count) clips, and one is expected",
        remedy: "write '#' and a number from 0 to \(count - 1) after the name")
    }
    let size = frames * rows * columns * channels
    let start = (number ?? 0) * size
    return Clip(values: Array(values[start..<start + size]), rows: rows, columns: columns, channels: channels)
  }
}

extension FFmpeg {
  /// The frames of a file.
  ///
  /// - Parameter missing: Why the program is needed; nil: the file is of none of the kinds that are read in Swift.
  /// - Throws: `unsupportedContent` where the program is not installed; `wrongFormat` with its words where it finds no
  ///   frames; `damagedFile` where it ends half way.
  func clip(_ file: String, as format: FrameFormat, missing: String? = nil) throws(DataError) -> Clip {
    var filters: [String] = []
    if let rate = format.rate { filters.append("fps=\(rate)") }
    if format.rows != nil || format.columns != nil {
      filters.append(
        "scale=\(format.columns.map(String.init) ?? "iw"):\(format.rows.map(String.init) ?? "ih"):flags=area")
    }
    let isGray = format.isGray == true
    let output = try run(
      ["-an"] + (filters.isEmpty ? [] : ["-vf", filters.joined(separator: ",")]) + [
        "-pix_fmt", isGray ? "gray" : "rgb24", "-f", "image2pipe", "-c:v", isGray ? "pgm" : "ppm", "-",
      ], on: file,
      Subject(
        whole: "the clip", missing: missing ?? "this is no GIF, PNG, PGM, PPM, NumPy or IDX file",
        instead: "save the clip as one of these"))
    let words = output.complaint.map { " (\($0))" } ?? ""
    guard PortableImage.isImage(output.bytes) else {
      throw DataError(
        .wrongFormat, file: file, "ffmpeg finds no frames in it" + words, remedy: "name a clip or an image")
    }
    guard output.isWhole else {
      throw DataError(.damagedFile, file: file, "ffmpeg ended half way" + words, remedy: "record or save it again")
    }
    do throws(DataError) {
      var clip = try PortableImage.clip(output.bytes)
      clip.rate = format.rate
      clip.notes = output.notes
      return clip
    } catch {
      throw error.inFile(file)
    }
  }
}
