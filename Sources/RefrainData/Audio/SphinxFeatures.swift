import RefrainFoundation

/// Files of ready features as CMU Sphinx writes them (`.mfc`): the number of values as a 32-bit whole number, then the
/// values as 32-bit floats, row after row, big-endian or little-endian.
public enum SphinxFeatures {
  /// Reads a file.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - width: The values of a row.
  /// - Throws: What reading a file throws; `damagedFile` where the number does not fit the file or the rows, or a value
  ///   is no finite number; `missingValue` where there are no rows.
  public static func frames(contentsOf path: String, width: Int = 13) throws(DataError) -> FeatureFrames {
    let bytes = try readFile(path)
    func fault(_ problem: String) -> DataError {
      DataError(.damagedFile, file: path, problem, remedy: "make the features again")
    }
    guard let little = bytes.littleEndian(at: 0, as: UInt32.self) else {
      throw fault("features of Sphinx begin with their number, and the file has \(bytes.count) bytes")
    }
    let there = (bytes.count - 4) / 4
    let isBigEndian = Int(little.byteSwapped) == there
    guard isBigEndian || Int(little) == there, bytes.count % 4 == 0 else {
      throw fault("it says that it has \(little.byteSwapped) values, and there are \(there)")
    }
    guard there % width == 0 else { throw fault("its \(there) values are no rows of \(width)") }
    guard there > 0 else {
      throw DataError(.missingValue, file: path, "there are no features in it", remedy: "leave it out")
    }
    let values = (0..<there).map { index -> Float in
      let bits = bytes.littleEndian(at: 4 + 4 * index, as: UInt32.self) ?? 0
      return Float(bitPattern: isBigEndian ? bits.byteSwapped : bits)
    }
    if let place = values.firstIndex(where: { !$0.isFinite }) {
      throw fault("value \(place % width) of row \(place / width) is \(values[place])")
    }
    return FeatureFrames(values, width: width)
  }
}
