import RefrainData

/// A body of the type `multipart/form-data` (RFC 7578), as forms of pages and `curl -F` send it: one file, and fields.
struct FormBody {
  /// The file: its name, its type as it was said, and its bytes.
  var file: (name: String, type: String, bytes: [UInt8])?
  /// The fields without a file.
  var fields: [String: String] = [:]

  private static let mostParts = 64
  private static let lineEnd = Array("\r\n".utf8)

  /// Reads a body.
  ///
  /// - Parameter type: The field `Content-Type` as it was sent, which says what stands between the parts.
  /// - Throws: 400 for what is not understood, and for more than one file.
  init(_ body: [UInt8], type: String) throws(Failure) {
    guard let boundary = Self.parameter("boundary", of: type), (1...70).contains(boundary.utf8.count) else {
      throw Failure(400, "the form does not say what stands between its parts: boundary=… in Content-Type")
    }
    let mark = Self.lineEnd + Array("--\(boundary)".utf8)
    // The first has no line before it.
    var rest = (Self.lineEnd + body)[...]
    guard let start = rest.firstRange(of: mark) else { throw Self.broken }
    rest = rest[start.upperBound...]
    for _ in 0..<Self.mostParts {
      if rest.starts(with: "--".utf8) { return }
      guard rest.starts(with: Self.lineEnd), let end = rest.firstRange(of: mark) else { throw Self.broken }
      try take(rest[rest.startIndex..<end.lowerBound])
      rest = rest[end.upperBound...]
    }
    throw Failure(400, "the form has more than \(Self.mostParts) parts")
  }

  private static var broken: Failure {
    Failure(400, "the form ends before its end, or its parts are not between the boundaries that it names")
  }

  private mutating func take(_ part: ArraySlice<UInt8>) throws(Failure) {
    guard let end = part.firstRange(of: Self.lineEnd + Self.lineEnd) else { throw Self.broken }
    var (disposition, type) = ("", "")
    for line in String(decoding: part[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n") {
      let pair = line.split(separator: ":", maxSplits: 1)
      guard pair.count == 2 else { continue }
      switch pair[0].lowercased() {
      case "content-disposition": disposition = String(pair[1])
      case "content-type": type = String(pair[1].drop { $0 == " " })
      default: break
      }
    }
    let bytes = Array(part[end.upperBound...])
    guard let name = Self.parameter("name", of: disposition) else {
      throw Failure(400, "a part of the form has no name")
    }
    if let file = Self.parameter("filename", of: disposition) {
      guard self.file == nil else { throw Failure(400, "the form has more than one file; send one") }
      self.file = (file, type, bytes)
    } else {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw Failure(400, "the field \(name.quoted) of the form is no UTF-8")
      }
      guard fields.updateValue(text, forKey: name) == nil else {
        throw Failure(400, "the form has \(name.quoted) twice; several values stand between commas")
      }
    }
  }

  /// The value of a parameter such as `name="file"`.
  private static func parameter(_ name: String, of field: String) -> String? {
    var rest = field[...]
    while let semicolon = rest.firstIndex(of: ";") {
      rest = rest[rest.index(after: semicolon)...].drop { $0 == " " || $0 == "\t" }
      guard let equals = rest.firstIndex(of: "=") else { return nil }
      let isWanted = rest[..<equals].lowercased() == name
      rest = rest[rest.index(after: equals)...]
      var value = ""
      if rest.first == "\"" {
        rest = rest.dropFirst()
        while let character = rest.popFirst(), character != "\"" {
          value.append(character == "\\" ? rest.popFirst() ?? character : character)
        }
      } else {
        value = String(rest.prefix { $0 != ";" && $0 != " " })
      }
      if isWanted { return value }
    }
    return nil
  }
}
