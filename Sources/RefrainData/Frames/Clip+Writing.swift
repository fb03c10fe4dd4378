import RefrainFoundation

extension Clip {
  /// The bytes of an array of NumPy's, of values from 0 to 255: `[T, rows, columns]`, of colors `[T, rows, columns,
  /// 3]`; of several clips with their number before it.
  ///
  /// - Throws: `wrongInput` where clips differ in size.
  public static func npy(_ clips: [Clip]) throws(DataError) -> [UInt8] {
    guard let first = clips.first else { throw DataError(.wrongInput, "there is no clip to be written") }
    guard clips.allSatisfy({ $0.values.count == first.values.count && $0.rows == first.rows }) else {
      throw DataError(.wrongInput, "clips of several sizes make no array", remedy: "write a folder")
    }
    let shape =
      (clips.count == 1 ? [] : [clips.count]) + [first.count, first.rows, first.columns]
      + (first.channels == 1 ? [] : [3])
    return try NumericArray(
      type: .uint8, shape: shape, values: .integers(clips.flatMap { $0.values.map { Int($0) } })
    ).npy()
  }

  /// A frame as the bytes of a PNG image.
  package func png(frame: Int) -> [UInt8] { PNG.bytes(self, frame: frame) }

  /// Writes the frames as PNG images into a folder, `0001.png` and so on; the folder is made where it is not there.
  ///
  /// - Throws: `unwritableFile`, and what writing files throws.
  public func writeImages(to folder: String) throws(DataError) {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw DataError(.unwritableFile, file: folder, "the folder cannot be made", remedy: "choose another place")
    }
    for number in 0..<count {
      let digits = String(number + 1)
      let name = String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ".png"
      try writeAtomically(png(frame: number), to: folder + (folder.hasSuffix("/") ? "" : "/") + name)
    }
  }
}
