import RefrainData

/// What the text of a TorchScript program says of its classes: their constants, such as the slope of a `LeakyReLU`. The
/// text is looked through line by line, and nothing of it is run.
enum TorchScriptText {
  /// More bytes of text than layers ever need.
  private static let longest = 4 << 20

  /// The constants of each class, by the class's whole name.
  ///
  /// - Parameter folder: where the archive's files are, such as `model/`.
  static func constants(in archive: ZipArchive, folder: String) -> [String: [String: String]] {
    var result: [String: [String: String]] = [:]
    var left = longest
    for name in archive.names where name.hasPrefix(folder + "code/") && name.hasSuffix(".py") {
      left -= archive.size(of: name) ?? 0
      guard left >= 0, let bytes = try? archive.slice(of: name) else { break }
      let package = name.dropFirst(folder.count + 5).dropLast(3).replacing("/", with: ".")
      var className = ""
      for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
        if line.hasPrefix("class "), let end = line.firstIndex(where: { $0 == "(" || $0 == ":" }) {
          className = package + "." + line[line.index(line.startIndex, offsetBy: 6)..<end]
        } else if let (key, value) = constant(line) {
          result[className, default: [:]][key] = value
        }
      }
    }
    return result
  }

  /// The name and value of a line such as `  eps : Final[float] = 1.0000000000000001e-05`.
  private static func constant(_ line: Substring) -> (key: String, value: String)? {
    guard line.hasPrefix("  "), let colon = line.firstRange(of: " : Final["), let equals = line.firstRange(of: "] = ")
    else {
      return nil
    }
    let key = line[..<colon.lowerBound].filter { $0 != " " }
    let value = line[equals.upperBound...].filter { $0 != "\"" && $0 != "'" }
    switch value {
    case "True": return (key, "true")
    case "False": return (key, "false")
    default: return (key, String(value.prefix(80)))
    }
  }
}
