import RefrainFoundation

extension Clip {
  /// Reads a clip: a file, or a folder of images that are its frames in the order of their names (`2.png` before
  /// `10.png`). Of a file that holds several, `name#17` is the one of that number, from 0: an image of an IDX file, a
  /// clip of an array `[N, T, rows, columns]`.
  ///
  /// - Parameters:
  ///   - path: The file or the folder.
  ///   - format: What the frames are brought into.
  ///   - ffmpeg: The program that reads what is not read in Swift; nil looks for it where programs are found (`PATH`).
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`; `emptyFile`; `wrongFormat` for what is no clip;
  ///   `unsupportedContent` where `ffmpeg` is needed and not there; `damagedFile`; `missingValue` where it has no
  ///   frames; `wrongInput` where frames differ in size; `overMemoryBudget`.
  public init(
    contentsOf path: String, as format: FrameFormat = FrameFormat(), ffmpeg: String? = nil
  ) throws(DataError) {
    // Whether there is a folder is not said either.
    try FileAccess.check(path)
    if isFolder(path) {
      self = try ClipFolder.clip(path, as: format, ffmpeg: ffmpeg)
      return
    }
    let (name, number) = ClipArray.parts(of: path)
    let bytes: [UInt8]
    do throws(DataError) {
      bytes = try Self.contents(of: name)
      if let array = try ClipArray(bytes) {
        self = try array.clip(number).checkedAndFormatted(as: format)
        return
      }
      guard number == nil else {
        throw DataError(.wrongFormat, "this file does not hold several clips", remedy: "leave out '#' and the number")
      }
      if GIFReader.isGIF(bytes) {
        self = try GIFReader.clip(bytes).checkedAndFormatted(as: format)
        return
      }
      if PortableImage.isImage(bytes) {
        self = try PortableImage.clip(bytes).checkedAndFormatted(as: format)
        return
      }
      if PNG.isPNG(bytes), let clip = try PNG.clip(bytes) {
        self = try clip.checkedAndFormatted(as: format)
        return
      }
    } catch {
      throw error.inFile(name)
    }
    self = try FFmpeg(path: ffmpeg).clip(name, as: format, missing: PNG.isPNG(bytes) ? "this PNG is interlaced" : nil)
  }

  /// The bytes of a file that may be read in Swift, unpacked; of others the first alone.
  private static func contents(of path: String) throws(DataError) -> [UInt8] {
    let file = try OpenFile(path)
    if file.isRegular, file.size > 0 {
      let head = try file.read(0..<min(file.size, 64))
      if Gzip.isGzip(head) { return try Gzip.unpack(file.readAll()) }
      let isRead =
        ClipArray.isArray(head) || GIFReader.isGIF(head) || PortableImage.isImage(head) || PNG.isPNG(head)
      guard isRead else { return head }
    }
    let bytes = try file.readAll()
    guard !bytes.isEmpty else {
      throw DataError(.emptyFile, file: path, "the file is empty", remedy: "leave it out")
    }
    return bytes
  }

  /// The endings of the names of files that hold frames, in small letters.
  public static let endings =
    imageEndings + [
      "gif", "npy", "mp4", "m4v", "avi", "mov", "mkv", "webm", "mpg", "mpeg", "wmv", "ogv", "3gp", "apng",
    ]
  /// The endings of the names of images.
  static let imageEndings = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp", "pgm", "ppm", "pnm"]

  /// Whether a path is a folder in which there are images, which are the frames of a clip.
  public static func isFolderOfImages(_ path: String) -> Bool {
    isFolder(path) && ((try? ClipFolder.images(in: path)) ?? []).isEmpty == false
  }

  /// Whether a path's ending is that of a file that holds frames; that of a part of a file is not looked at.
  public static func isClip(_ path: String) -> Bool {
    let (name, number) = ClipArray.parts(of: path)
    let ending = ending(of: name)
    // Of a text such as "room #12" nothing of the kind is said.
    return number == nil ? endings.contains(ending) : ending == "npy" || name.lowercased().contains("ubyte")
  }
}

/// Folders whose files are the frames of a clip.
enum ClipFolder {
  /// What is in a folder, in the order of the names, numbers by their values; what is hidden is left out.
  static func names(in folder: String) throws(DataError) -> [String] {
    try RefrainData.names(in: folder).filter { !$0.hasPrefix(".") }.sorted(by: comesBefore)
  }

  /// Whether a name comes before another: by its digits as numbers, then by what it is made of.
  static func comesBefore(_ name: String, _ other: String) -> Bool {
    let (parts, others) = (parts(of: name), parts(of: other))
    for (part, other) in zip(parts, others) where part != other {
      guard part.first!.isASCIIDigit, other.first!.isASCIIDigit else { return part < other }
      let (number, another) = (part.drop { $0 == "0" }, other.drop { $0 == "0" })
      if number.count != another.count { return number.count < another.count }
      if number != another { return number < another }
    }
    return parts.count == others.count ? name < other : parts.count < others.count
  }

  /// A name cut where digits begin or end.
  private static func parts(of name: String) -> [Substring] {
    var parts: [Substring] = []
    var rest = name[...]
    while let first = rest.first {
      let part = rest.prefix { $0.isASCIIDigit == first.isASCIIDigit }
      parts.append(part)
      rest = rest.dropFirst(part.count)
    }
    return parts
  }

  /// The paths of the images in a folder.
  static func images(in folder: String) throws(DataError) -> [String] {
    try names(in: folder).filter { Clip.imageEndings.contains(ending(of: $0)) }
      .map { folder + (folder.hasSuffix("/") ? "" : "/") + $0 }
  }

  static func clip(_ folder: String, as format: FrameFormat, ffmpeg: String?) throws(DataError) -> Clip {
    let images = try images(in: folder)
    var (values, first): ([UInt8], Clip?) = ([], nil)
    for path in images {
      let image = try Clip(contentsOf: path, as: format, ffmpeg: ffmpeg)
      guard first.map({ $0.rows == image.rows && $0.columns == image.columns && $0.channels == image.channels }) ?? true
      else {
        throw DataError(
          .wrongInput, file: path, "its frame is \(image.frameText), and the first of the folder \(first!.frameText)",
          remedy: "say which size to bring them to")
      }
      if first == nil { first = image }
      values += image.values
    }
    guard let first else {
      throw DataError(
        .missingValue, file: folder, "the folder has no images, so the clip has no frames", remedy: "leave it out")
    }
    return Clip(values: values, rows: first.rows, columns: first.columns, channels: first.channels)
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}
